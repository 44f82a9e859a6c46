# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks have in common: the host's names, its certificate, and the sites that users add.

Only the models of the playbooks know both the servers and the web server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import certbot, jupyterlab, kernels, nginx
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import complete, options_of

HTTPS = 443
# The pages that a server of Jupyter sends at once, below its own path: JupyterLab and the Notebook.
JUPYTER_PAGES = ("lab", "tree", "notebooks")
# What an administrator does after the first run.
NEXT = (
    "next: nbops.jupyter.verify uses it as a person does; nbops.jupyter.firewall closes all other ports of the host "
    "but for SSH."
)


def of_hub(given: Given) -> Given:
    """What the model of a site is given for that of a hub, whose name differs where labs have `jupyter_domain`.

    There it is the name of `jupyterhub_public_url`.
    """
    public = urlsplit(given.others["jupyterhub"]["public_url"]).hostname
    has_labs = given.settings["web_server"] and any(not lab["certificate"] for lab in labs(given))
    if not public or not has_labs:
        return given
    return replace(given, settings={**given.settings, "domain": public})


def domain(given: Given) -> str:
    """The name under which the host is found, the inventory's where no domain is given."""
    return given.settings["domain"] or given.host["inventory_hostname"]


def domain_problems(given: Given) -> Iterator[str]:
    """Says of a name for the host that no browser could ask for in which variable it is written."""
    name = domain(given)
    # No authority gives a certificate to a name with an underscore, and nobody is found under a wildcard.
    if nginx.HOST.fullmatch(name) and not {"_", "*"} & {*name}:
        return
    if given.settings["domain"]:
        yield (
            f"jupyter_domain: '{name}' is no domain; write the host's name in lower case, of letters, digits, hyphens "
            "and dots, such as lab.example.org."
        )
    else:
        yield (
            f"jupyter_domain is empty, and the inventory's name of the host, '{name}', is no domain; write "
            "jupyter_domain: and the name that browsers ask for, such as lab.example.org."
        )


def shared_domains(domains: Mapping[str, str]) -> list[str]:
    """Says which hosts claim a domain that another one has; `domains` has one, or none, for each host."""
    hosts = defaultdict(list)
    for host, name in domains.items():
        hosts[name].append(host)
    return [
        f"jupyter_domain: {' and '.join(sorted(found))} are both called {name}, and browsers find one of them only. "
        "Write jupyter_domain in host_vars/HOST.yml of each, or once for all hosts whose names in the inventory are "
        "their domains: jupyter_domain: '{{ inventory_hostname }}'. Where several hosts are meant to share a domain, "
        "say jupyter_domain_shared: true."
        for name, found in hosts.items()
        if name and len(found) > 1
    ]


def site(given: Given, name: str, state: str, names: list[str], **more: Any) -> dict[str, Any]:
    """An entry of `nginx_sites` with what `jupyter_site` says beside it."""
    return {
        "name": name,
        "state": state,
        "server_names": names,
        # Without a domain the site answers under every name, as a host does that is known by its address.
        "default": not given.settings["domain"],
        **more,
        **given.settings["site"],
    }


def hubs(given: Given) -> list[dict[str, Any]]:
    """The hub of a host, where it is in the group and is not to go."""
    hub = given.others["jupyterhub"]
    return [hub] if "jupyterhub" in given.host["group_names"] and hub["state"] == "present" else []


def labs(given: Given) -> list[dict[str, Any]]:
    """The labs of a host that are present, where it is in the group."""
    return jupyterlab.present(given.of("jupyterlab")) if "jupyterlab" in given.host["group_names"] else []


def behind_nginx(given: Given, labs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these labs and the hub those that nginx serves: one with a certificate speaks TLS itself."""
    served = [*(labs if given.settings["web_server"] else []), *hubs(given)]
    return [one for one in served if not one["certificate"]]


def shut(given: Given) -> list[str]:
    """What the inventory says that keeps people out for a while, each with its variable, without a full stop."""
    is_shut = given.others["nginx"]["maintenance"] or given.settings["site"].get("maintenance")
    everybody = is_shut and behind_nginx(given, labs(given))
    return [
        *(["nginx_maintenance: visitors get the page of maintenance"] if everybody else []),
        *(f"jupyterhub_closed: nobody starts a server of {hub['name']}" for hub in hubs(given) if hub["closed"]),
    ]


def certificate(given: Given) -> dict[str, Any]:
    """The certificate of the domain, an entry of `certbot_certificates`."""
    return {"name": given.settings["domain"], **given.settings["certificate"]}


def is_certified(given: Given) -> bool:
    """Whether an authority, or whoever `jupyter_certificate` names, is asked; else the site has a placeholder."""
    settings = given.settings
    return bool(settings["domain"] and (settings["admin_email"] or settings["certificate"]))


def address(given: Given, served: dict[str, Any], path: str) -> str:
    """Where a browser finds a path of a site; a host without a domain by the address that Ansible uses."""
    host = given.settings["domain"] or given.host.get("ansible_host") or given.host["inventory_hostname"]
    return url(host, int(served.get("https_port", HTTPS)), path)


def url(host: str, port: int, path: str) -> str:
    """An address for a browser."""
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"https://{name}{'' if port == HTTPS else f':{port}'}{path}"


# In place of certificate_report, where the role certbot has failed.
NO_CERTIFICATE = "certificate: not renewed or ordered, as said above. What was served before is served still."


def certificate_report(given: Given) -> str:
    """What kind of certificate browsers find, and how to get one that they trust."""
    if not is_certified(given):
        missing = [f"jupyter_{name}" for name in ("domain", "admin_email") if not given.settings[name]]
        return (
            "certificate: self-signed, so browsers ask before they go on. Write "
            f"{' and '.join(missing) or 'jupyter_certificate'} and run again for one of Let's Encrypt."
        )
    method = given.settings["certificate"].get("method", "webroot")
    if method == "self_signed":
        return "certificate: self-signed and renewed, so browsers ask before they go on."
    if method == "provided":
        return "certificate: the one that jupyter_certificate names."
    server = given.others["certbot"]["server"]
    authority = {
        "production": "of Let's Encrypt, renewed by itself",
        "staging": "of Let's Encrypt's staging, which browsers distrust; then write certbot_server: production",
    }
    return f"certificate: {authority.get(server, f'of {server}, renewed by itself')}."


def has_kernels(given: Given) -> bool:
    """Whether the host's variables say anything of kernels, also that some go."""
    return bool(given.others["kernels"]["specs"] or given.others["kernels"]["installers"])


def kernel_problems(given: Given) -> list[str]:
    """What the role kernels would refuse."""
    return kernels.problems(given.of("kernels")) if has_kernels(given) else []


def front_problems(given: Given, sites: list[dict[str, Any]], *certificates: list[dict[str, Any]]) -> list[str]:
    """What the roles nginx and certbot would refuse, so that it is refused before another role changes anything.

    Each list of certificates is one run of the role certbot.
    """
    found = _problems_of(nginx, "nginx", given, sites=sites) if sites else []
    email = given.settings["admin_email"]
    for entries in filter(None, certificates):
        found += _problems_of(certbot, "certbot", given, certificates=entries, email=email)
    return found


def _problems_of(model: Any, role: str, given: Given, **settings: Any) -> list[str]:
    values = {f"{role}_{name}": value for name, value in settings.items()}
    options = {name: options_of(role)[name] for name in values}
    values, found = complete(options, values)
    settings = {name.removeprefix(f"{role}_"): value for name, value in values.items()}
    return found or model.problems(Given({**given.others[role], **settings}, given.others, given.host))

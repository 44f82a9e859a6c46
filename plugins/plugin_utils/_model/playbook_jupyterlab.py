# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of the labs of a host: a site, a certificate, or tunnels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterlab, playbook
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterlab", "python_venv", "systemd", "nginx", "certbot", "kernels")
SET_BY_PLAYBOOK = ("nginx_sites", "certbot_certificates", "certbot_email")

Instance = dict[str, Any]


def problems(given: Given) -> list[str]:
    """What is wrong with the labs, and with what stands in front of them."""
    found = nothing_listed(given) or [*jupyterlab.problems(given.of("jupyterlab")), *playbook.kernel_problems(given)]
    if not found and given.settings["web_server"]:
        found = [*playbook.domain_problems(given), *_nested(labs(given))]
    if found:
        return found
    front = plan(given)
    sites = front["sites"] if front["web_server"] else []
    return playbook.front_problems(given, sites, front["direct_certificates"], front["certificates"])


def plan(given: Given) -> dict[str, Any]:
    """Sites, certificates, and what is told at the end. The first two may hold secrets of the variables `jupyter_*`."""
    direct = [instance for instance in labs(given) if instance["certificate"]]
    served = [instance for instance in labs(given) if not instance["certificate"]]
    web = given.settings["web_server"]
    return {
        "web_server": web,
        "sites": [_site(given, served), *given.settings["sites"]],
        "certificates": [playbook.certificate(given)] if web and playbook.is_certified(given) else [],
        "direct_certificates": _direct_certificates(given, direct),
        "kernels": playbook.has_kernels(given),
        "report": _report(given, served, direct, playbook.certificate_report(given)),
        "report_of_failure": _report(given, served, direct, playbook.NO_CERTIFICATE),
    }


def nothing_listed(given: Given) -> list[str]:
    """Of a host without any entry: what was written is not read, and what runs there would lose its site and ports."""
    if given.others["jupyterlab"]["instances"]:
        return []
    return [
        "jupyterlab_instances is empty, though the host is in the group jupyterlab. Write its servers there; one that "
        "is to go needs an entry with state: absent. Ansible ignores group_vars/jupyterlab.yml where there is a "
        "directory group_vars/jupyterlab: move the file into it."
    ]


def labs(given: Given) -> list[Instance]:
    """The instances that are present."""
    return jupyterlab.present(given.of("jupyterlab"))


def _nested(instances: list[Instance]) -> Iterator[str]:
    """A browser sends the cookies of a path to all below it, and with them a session."""
    served = [instance for instance in instances if not instance["certificate"]]
    for upper in served:
        for lower in served:
            if lower["base_url"] != upper["base_url"] and lower["base_url"].startswith(upper["base_url"]):
                yield (
                    f"jupyterlab_instances: {lower['name']}: base_url {lower['base_url']} is below that of "
                    f"{upper['name']}, {upper['base_url']}, so browsers would send it the sessions of {upper['name']}; "
                    f"write paths beside each other, such as /{upper['name']}/ and /{lower['name']}/."
                )


def _direct_certificates(given: Given, direct: list[Instance]) -> list[dict[str, Any]]:
    """The domain's certificate for servers that speak TLS themselves. They cannot begin on a placeholder."""
    certificate = playbook.certificate(given)
    if not playbook.is_certified(given) or certificate["name"] not in [one["certificate"] for one in direct]:
        return []
    reload = [jupyterlab.unit_name(instance["name"]) for instance in direct]
    return [{"method": "standalone", "reload": reload, **certificate}]


def _site(given: Given, served: list[Instance]) -> dict[str, Any]:
    if not served:
        return playbook.site(given, "jupyterlab", "absent", [playbook.domain(given)])
    return playbook.site(
        given,
        "jupyterlab",
        "present",
        [playbook.domain(given)],
        client_max_body_size=f"{max(instance['upload_limit_mb'] for instance in served)}m",
        login_paths=[f"{instance['base_url']}login" for instance in served],
        locations=[location for instance in served for location in _locations(given, instance)],
    )


def _locations(given: Given, instance: Instance) -> list[dict[str, Any]]:
    """What nginx sends to a server, and what it sends itself.

    While a server is stopped, connections to it wait. Those for Jupyter's own pages wait for a minute, then nginx shows
    its error page. Other paths may be an application's, whose answer may take an hour.

    It sends the files of JupyterLab and its extensions, as Jupyter does without a login. What the release lacks, such
    as an extension that a person installed, comes from the server. Answers below lab/api/ hold no secret that
    compression could reveal.
    """
    path, upstream = instance["base_url"], jupyterlab.endpoint(instance).upstream
    environment = jupyterlab.environment_path(given.others["jupyterlab"]["path"], instance)
    share = f"{environment}/current/share/jupyter"
    return [
        {"path": path, "upstream": upstream, "websocket": True, "pages": list(playbook.JUPYTER_PAGES)},
        {"path": f"{path}lab/api/", "upstream": upstream, "compress": True},
        {"path": f"{path}static/lab/", "upstream": upstream, "directory": f"{share}/lab/static"},
        {"path": f"{path}lab/extensions/", "upstream": upstream, "directory": f"{share}/labextensions"},
    ]


def _report(given: Given, served: list[Instance], direct: list[Instance], certificate: str) -> list[str]:
    """What is told at the end: how to reach each server, its certificate, and what comes next."""
    if not labs(given):
        return []
    if not given.settings["web_server"]:
        return [*map(_direct_line, direct), *(_tunnel(given, number, one) for number, one in enumerate(served))]
    site = given.settings["site"]
    lines = [f"{one['name']}: {playbook.address(given, site, one['base_url'])}{_login(one)}" for one in served]
    told = [certificate] if served else []
    return [*lines, *map(_direct_line, direct), *told, playbook.NEXT]


def _direct_line(instance: Instance) -> str:
    """Where a server that speaks TLS itself answers, by the name of its certificate."""
    port = jupyterlab.endpoint(instance).port
    return f"{instance['name']}: {playbook.url(instance['certificate'], port, instance['base_url'])}{_login(instance)}"


def _login(instance: Instance) -> str:
    return f" (for {instance['user']}, by {'token' if 'token' in instance else 'password'})"


def _tunnel(given: Given, number: int, instance: Instance) -> str:
    """The command that makes a server answer on a port of one's own machine. A socket is for its person alone."""
    address, host = jupyterlab.endpoint(instance), given.host
    local = given.settings["tunnel_port"] + number
    port = "" if int(host.get("ansible_port") or 22) == 22 else f" -p {host['ansible_port']}"
    account = instance["user"] if address.socket else host.get("ansible_user")
    target = f"{account}@" if account else ""
    target += host.get("ansible_host") or host["inventory_hostname"]
    url = f"http://localhost:{local}{instance['base_url']}"
    return f"ssh -N -L {local}:{address.connect}{port} {target}   # {instance['name']}: {url}"

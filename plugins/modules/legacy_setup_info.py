#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_setup_info
short_description: Find Jupyter servers and hubs that were set up by hand
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Looks at units in C(/etc/systemd/system), at C(~/.jupyter) of every account, at processes that run outside of
    units, and at nginx sites, and describes what it finds by the variables of the roles
    P(nbops.jupyter.jupyterlab#role) and P(nbops.jupyter.jupyterhub#role).
  - Configuration in Python is read and never run. The notes list lines that are not plain assignments.
  - A file in a home is read only if it belongs to that person or to root, and no link leads to it. A file that a person
    named on the command line has to be theirs, and a key one that their account can read. The notes list what was left
    out, so that nobody gets a token or a key of others by naming it.
  - Units of this collection are left out.
notes:
  - RV(variables) holds hashes of passwords and other secrets. Use it with C(no_log).
"""

EXAMPLES = r"""
- name: Look for what was set up by hand
  nbops.jupyter.legacy_setup_info:
  register: legacy_setup
  no_log: true
"""

RETURN = r"""
found:
  description: What was found, for people; without secrets.
  type: list
  elements: dict
  returned: always
  contains:
    kind: {description: V(lab) or V(hub)., type: str}
    what: {description: What it is and where it is., type: str}
    notes: {description: What to think about before it is taken over., type: list, elements: str}
variables:
  description: Variables of the playbooks that describe it and back it up.
  type: dict
  returned: always
shown:
  description: The same without secrets.
  type: dict
  returned: always
"""

import glob
import json
import os
import pwd
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError, facts
from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import describe
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import discover as files
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.describe import Found
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.processes import outside_units
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import as_account, run, run_by_module
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import HEADER

UNITS = "/etc/systemd/system"
SITES = "/etc/nginx/sites-enabled"
# In the order in which Jupyter reads them: what comes later counts.
NAMES = [f"jupyter_{name}_config.{kind}" for name in ("notebook", "server", "lab") for kind in ("py", "json")]
# Files of a key, the likelier first.
KEYS = ("ServerApp.keyfile", "JupyterHub.ssl_key", "ServerApp.certfile", "JupyterHub.ssl_cert")


class Search:
    """One look at the host."""

    def __init__(self) -> None:
        self.site_texts = {path: beneath.text(path) for path in glob.glob(f"{SITES}/*") if os.path.isfile(path)}
        self.found = [*self.units()]
        # People of whom something is there that cannot be taken over: they are told of, and get no variables.
        self.refused: list[Found] = []
        seen = {found.user for found in self.found if found.kind == "lab"}
        self.found += self.homes(seen)

    def units(self) -> list[Found]:
        found = []
        for path in sorted(glob.glob(f"{UNITS}/*.service")):
            if os.path.islink(path):
                # A name for another unit, or /dev/null for none.
                continue
            text = beneath.text(path) or ""
            directives = files.read_unit(text)
            command = files.read_command(directives.get("ExecStart", ""))
            if text.startswith(HEADER) or command is None:
                continue
            kind, config, options = command
            user = directives.get("User", "root")
            place = directives.get("WorkingDirectory", "").lstrip("-~").rstrip("/") or _home(user)
            one = Found(kind, user, place, os.path.basename(path))
            self.configure(one, config, options)
            found.append(one)
        return found

    def homes(self, seen: set[str]) -> list[Found]:
        """People who have a configuration, and perhaps a server that they started themselves."""
        found = []
        for account in sorted(pwd.getpwall(), key=lambda account: account.pw_uid):
            if account.pw_name in seen or not (account.pw_uid == 0 or is_person(account.pw_uid)):
                continue
            one = Found("lab", account.pw_name, account.pw_dir)
            self.configure(one, "", {})
            running = outside_units(account.pw_uid)
            if running:
                _kind, config, options = files.read_command(running[0].command)
                one.directory = running[0].directory
                one.options, one.notes = {}, []
                self.configure(one, config, options)
                one.notes.append(f"It was started by hand (process {running[0].pid}).")
            if one.options:
                found.append(one)
            elif one.notes:
                self.refused.append(one)
        return found

    def configure(self, one: Found, config: str, options: dict[str, Any]) -> None:
        """Reads what it reads: a file that the command names, and no other then. The command line counts most."""
        named = [os.path.normpath(os.path.join(one.directory, config))] if config else []
        personal = [os.path.join(_home(one.user), ".jupyter", name) for name in NAMES] if one.kind == "lab" else []
        # Without a unit, the command line is a person's, who may name files of others.
        owners = {_uid(one.user)} if not one.unit else {0, _uid(one.user)}
        one.files = []
        for path in dict.fromkeys((*personal, *named)):
            text = self.text(one, path, owners if path in named else {0, _uid(one.user)})
            if text is None:
                continue
            one.files.append(path)
            if path in (named or personal):
                one.options.update(files.with_current_names(self.read(one, path, text)))
        one.options, wrong = files.sound({**one.options, **files.with_current_names(options)})
        one.notes += [f"The value of {name} is none that Jupyter takes." for name in wrong]

    def text(self, one: Found, path: str, owners: set[int]) -> str | None:
        try:
            return beneath.text(path, owners)
        except (OSError, ValueError) as error:
            one.notes.append(f"{path} was not read: {error}")
            return None

    def read(self, one: Found, path: str, text: str) -> dict[str, Any]:
        if path.endswith(".json"):
            try:
                return files.flatten(json.loads(text))
            except (AttributeError, RecursionError, ValueError):
                one.notes.append(f"{path} is not JSON.")
                return {}
        options, unread = files.read_python(text)
        one.notes += [f"{path}: {line} is not understood." for line in unread]
        return options

    def variables(self) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        labs = [one for one in self.found if one.kind == "lab"]
        names = _names(labs)
        if labs:
            variables["jupyterlab_instances"] = [describe.instance(one, name) for one, name in zip(labs, names)]
            variables["jupyterlab_legacy_setup"] = self.to_back_up(labs)
        hubs = [one for one in self.found if one.kind == "hub"]
        for one in hubs[:1]:
            variables.update(describe.hub(one))
            variables["jupyterhub_legacy_setup"] = self.to_back_up([one])
        certificates = [
            self.certificate(one, name) for one, name in [*zip(labs, names), *((one, "hub") for one in hubs[:1])]
        ]
        if any(certificates):
            variables["certbot_certificates"] = [entry for entry in certificates if entry]
        domains = [name for one in self.found for names in self.sites(one).values() for name in names if name != "_"]
        if domains:
            variables["jupyter_domain"] = domains[0]
        return variables

    def certificate(self, one: Found, name: str) -> dict[str, Any]:
        """The entry of certbot_certificates; empty for what speaks no TLS itself."""
        if not (one.options.get("ServerApp.certfile") or one.options.get("JupyterHub.ssl_cert")):
            return {}
        entry = describe.certificate(one, name)
        key = next(filter(None, map(one.options.get, KEYS)))
        if not self.may_read(one.user, str(key)):
            one.notes.append(
                "Its account cannot read the key of its certificate: write an entry in certbot_certificates."
            )
            return {}
        if entry["method"] == "provided":
            try:
                entry["domains"] = list(facts(beneath.read(entry["certificate_path"]) or b"").names)
            except (OSError, ValueError, CertificateError) as error:
                one.notes.append(f"Its certificate cannot be read: {error}")
        return entry

    @staticmethod
    def may_read(user: str, path: str) -> bool:
        """Whether an account can read a file, which it would not get by naming it otherwise."""
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            return False
        return run(*as_account(account), "test", "-r", path)[0] == 0

    def to_back_up(self, ones: list[Found]) -> dict[str, list[str]]:
        return {
            "units": [one.unit for one in ones if one.unit],
            "files": sorted({path for one in ones for path in (*self.sites(one), *one.files)}),
            "processes_of": [one.user for one in ones if not one.unit],
        }

    def sites(self, one: Found) -> dict[str, list[str]]:
        """The nginx sites that show it, with their names."""
        port = describe.listens(one)[1]
        names = {path: files.site_names(text, port) for path, text in self.site_texts.items()}
        return {path: found for path, found in names.items() if found}

    def report(self) -> list[dict[str, Any]]:
        return [{"kind": one.kind, "what": self.what(one), "notes": one.notes} for one in (*self.found, *self.refused)]

    def what(self, one: Found) -> str:
        where = one.unit or "no unit"
        sites = [f"nginx site {path}" for path in self.sites(one)]
        return ", ".join([f"{'JupyterHub' if one.kind == 'hub' else 'Jupyter server'} of {one.user}", where, *sites])


def _names(labs: list[Found]) -> list[str]:
    """A name for each instance: that of its account, with a number where that has several."""
    users = ["lab" if one.user == "root" else one.user.replace("_", "-").replace(".", "-") for one in labs]
    return [
        user if users[:index].count(user) == 0 else f"{user}-{users[:index].count(user) + 1}"
        for index, user in enumerate(users)
    ]


def _home(user: str) -> str:
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return "/"


def _uid(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return 0


def main() -> None:
    module = AnsibleModule({}, supports_check_mode=True)
    surroundings.disregard()
    run_by_module(module)
    try:
        search = Search()
        variables = search.variables()
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"cannot read the legacy setup: {error}")
    module.exit_json(
        changed=False, found=search.report(), variables=variables, shown=describe.without_secrets(variables)
    )


if __name__ == "__main__":
    main()

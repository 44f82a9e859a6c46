#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Judge whether what is deployed on a host is well
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Reads units, environments, certificates, disks, notebook servers, the hub's database, the last backup, and the
    release of the system, and judges each.
  - What cannot be read is a row of the answer, and no failure of the module.
options:
  expected:
    description: What the inventory says that the host has.
    type: dict
    required: true
    suboptions:
      units:
        description: Names of the units that are to run.
        type: list
        elements: str
        default: []
      locks:
        description: By the path of each environment its lock, a list of name, version and marker of each package.
        type: dict
        default: {}
      servers:
        description: The notebook servers, by the environments in which they run.
        type: list
        elements: dict
        default: []
        suboptions:
          units:
            description: Pattern of the names of their units, such as V(jupyterhub-user-*.service).
            type: str
            required: true
          path:
            description: Path of their environment.
            type: str
            required: true
      hubs:
        description: The hubs.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the hub.
            type: str
            required: true
          database:
            description: Path of the file of its database, empty where it is no file of the hub.
            type: str
            required: true
          kind:
            description: V(sqlite), V(postgresql) on this host, or V(elsewhere).
            type: str
            required: true
          api_url:
            description: Address of its API, where its database is V(elsewhere), of which it is asked.
            type: str
            default: ""
          token_file:
            description: Path of the token for that.
            type: path
            default: ""
          people:
            description: Who is listed, where accounts of the host say who may log in.
            type: list
            elements: str
          partitions:
            description: Partitions of Slurm in which its servers run.
            type: list
            elements: str
            default: []
          environment:
            description: Path of the environment in which its servers run.
            type: str
            default: ""
      shut:
        description: What keeps people out for a while, each as a sentence without a full stop.
        type: list
        elements: str
        default: []
      users:
        description: The accounts in which labs run. Those of a hub's people are the members of its group.
        type: list
        elements: str
        default: []
      directories:
        description: Directories on whose file systems there must be room, beside V(/), V(/home) and V(/var).
        type: list
        elements: str
        default: []
  nodes:
    description:
      - By the name of each other machine on which a hub's servers run, the text of the marker of their current release,
        empty where there is none.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Judge the host
  nbops.jupyter.status_info:
    expected:
      units: [jupyterlab-lab.service, nginx.service]
      servers:
        - {units: jupyterlab-lab.service, path: /opt/jupyterlab}
  register: status
"""

RETURN = r"""
rows:
  description:
    - What was found, one or more rows for each check. C(state) is V(ok), V(warn) or V(red), and C(text) a sentence,
      which says what to do where something is wrong.
  returned: success
  type: list
  elements: dict
  sample: [{check: units, state: ok, text: "9 run, and none failed within 24 hours."}]
red:
  description: The checks that found something red.
  returned: success
  type: list
  elements: str
  sample: []
"""

import functools
import json
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run_by_module
from ansible_collections.nbops.jupyter.plugins.module_utils._state import manifest
from ansible_collections.nbops.jupyter.plugins.module_utils._status import host, rows
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError

ARGUMENT_SPEC = {
    "expected": {
        "type": "dict",
        "required": True,
        "options": {
            "units": {"type": "list", "elements": "str", "default": []},
            "locks": {"type": "dict", "default": {}},
            "servers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"units": {"type": "str", "required": True}, "path": {"type": "str", "required": True}},
            },
            "hubs": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "database": {"type": "str", "required": True},
                    "kind": {"type": "str", "required": True},
                    "api_url": {"type": "str", "default": ""},
                    "token_file": {"type": "path", "default": "", "no_log": False},
                    "people": {"type": "list", "elements": "str"},
                    "partitions": {"type": "list", "elements": "str", "default": []},
                    "environment": {"type": "str", "default": ""},
                },
            },
            "shut": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "list", "elements": "str", "default": []},
            "directories": {"type": "list", "elements": "str", "default": []},
        },
    },
    "nodes": {"type": "dict", "default": {}},
}
# What reading meets on a host: nothing there, no right, a program that fails, and files that hold something else.
TROUBLE = (AttributeError, CertificateError, ImportError, LookupError, OSError, SystemdError, TypeError, ValueError)


def checked(check, judge):
    """The rows of a check, or one that says why it could not be made."""
    try:
        return judge()
    except TROUBLE as error:
        return [rows.unreadable(check, error)]


def markers(nodes):
    """What the markers of releases say, None for one that is not there."""
    return {name: json.loads(text) if text else None for name, text in sorted(nodes.items())}


def status(expected, run_command, nodes=None):
    """The rows of all checks, in the order in which they are shown."""
    systemd = Host(run_command)
    names = [*expected["units"], *(one["units"] for one in expected["servers"])]

    @functools.cache
    def events():
        return host.events(run_command)

    @functools.cache
    def releases():
        return host.releases(run_command, expected["locks"])

    def marker(path):
        return next((release.marker for release in releases() if release.path == path), None)

    def units():
        return rows.units(systemd.show(expected["units"]), host.of_ours(events()[host.RESTARTED], names))

    found = [
        *rows.visitors(expected["shut"]),
        *checked("units", units),
        *checked("memory", lambda: rows.memory(events()[host.OUT_OF_MEMORY])),
        *checked("versions", lambda: rows.versions(releases())),
        *checked("python", lambda: rows.interpreters(releases())),
        *checked("certificates", lambda: rows.certificates(*host.certificates())),
        *checked("disk", lambda: rows.disk(host.file_systems(expected["directories"]))),
        *checked("servers", lambda: rows.servers(host.servers(systemd, expected["servers"]))),
    ]
    for hub in expected["hubs"]:
        found += checked("database", lambda hub=hub: rows.database(host.database(run_command, hub)))
        if hub["kind"] == manifest.POSTGRESQL:
            found += checked("database", lambda: rows.clusters(host.clusters(run_command)))
        if hub["people"] is not None:
            found += checked("people", lambda hub=hub: rows.people(host.people(hub)))
        if hub["partitions"]:
            found += checked("nodes", lambda hub=hub: rows.nodes(host.nodes(run_command, hub["partitions"])))
        if nodes and hub["environment"]:
            found += checked("nodes", lambda hub=hub: rows.environments(markers(nodes), marker(hub["environment"])))
        name = hub["name"]
        found += checked("logins", lambda name=name: rows.logins(name, host.failed_logins(run_command, name)))
    hubs = [hub["name"] for hub in expected["hubs"]]
    found += checked("packages", lambda: rows.packages(host.unread_packages(expected["users"], hubs)))
    found += checked("backup", lambda: rows.backup(*host.backup()))
    found += checked("system", lambda: rows.system(*host.system(run_command)))
    return [*found, *checked("reboot", lambda: rows.reboot(*host.reboot()))]


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    run_by_module(module)
    # A program that is missing is trouble of its check alone. By default, the module would end there.
    run_command = functools.partial(module.run_command, handle_exceptions=False)
    found = status(module.params["expected"], run_command, module.params["nodes"])
    red = dict.fromkeys(row.check for row in found if row.state == rows.RED)
    module.exit_json(rows=[asdict(row) for row in found], red=list(red))


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_units
short_description: Verified, sandboxed, enabled and running systemd units from data
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Takes a whole list of units and makes C(/etc/systemd/system) and the running system agree with it, in one call.
  - New texts are checked as a set by C(systemd-analyze verify), together with the host's other units.
    A set with an unknown directive, an unreadable value or a missing program is refused; every old file stays in place.
  - The daemon is reloaded exactly when it has to be, also when an earlier run was interrupted before its reload.
  - A unit with O(units[].restart_on) is restarted when it has started before its unit file, a drop-in or a listed file
    was changed. This compares times on the host, so a run after an interrupted one restarts it as well.
options:
  units:
    description: The units, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Full name of a service, socket, timer, path, target, slice or mount.
          - C(foo@.service) is a template. C(foo@bar.service) is an instance of it, and needs no O(units[].sections).
        type: str
        required: true
      state:
        description:
          - V(absent) stops and disables the unit, removes its file and forgets its failures. With a template go all its
            instances.
          - With O(units[].drop_in), V(absent) removes that file only.
          - A unit whose file does not stand in C(/etc/systemd/system) is not ours, and is left alone.
        type: str
        choices: [present, absent]
        default: present
      drop_in:
        description:
          - Makes this entry a drop-in of a unit that somebody else owns. V(50-limits) writes
            C(<name>.d/50-limits.conf).
        type: str
        default: ""
      sections:
        description:
          - Sections and their directives, in the order in which they are written.
          - A value is a text in systemd's own syntax, a number, a boolean, a list that repeats the directive, an empty
            text that resets it, or null, which leaves it out and also removes the sandbox profile's directive.
          - Without sections and without O(units[].drop_in), the unit is only enabled and started.
        type: dict
        default: {}
      sandbox:
        description:
          - Name of a profile in O(profiles), or V(none). Directives in O(units[].sections) win over the profile's.
          - The default is V(standard) for a service with sections, and V(none) for everything else.
        type: str
      credentials:
        description:
          - Credential names and the files they are read from, as root, at each start. The service finds them in
            C($CREDENTIALS_DIRECTORY).
        type: dict
        default: {}
      limits:
        description: Resource limits of a service.
        type: dict
        default: {}
        suboptions:
          memory_high:
            description: From here on the service is slowed down, as in C(MemoryHigh=).
            type: str
          memory_max:
            description: At this size it is killed, as in C(MemoryMax=).
            type: str
          cpu_quota:
            description: Share of one processor, such as V(200%) for two, as in C(CPUQuota=).
            type: str
          tasks_max:
            description: Number of processes and threads, as in C(TasksMax=).
            type: str
          open_files:
            description: Number of open files, as in C(LimitNOFILE=).
            type: str
      ready:
        description:
          - Makes the start of the service wait until it answers, and fail when it does not. This holds at boot too,
            and for units that are ordered after this one.
          - The question is asked inside the service's sandbox, by C(/usr/local/lib/nbops-wait-ready.py), which is there
            as long as a unit uses it.
        type: dict
        suboptions:
          url:
            description:
              - C(http://) or C(https://) to ask for a page; any status below 500 is an answer.
              - C(tcp://host:port) to connect only.
            type: str
          socket:
            description: UNIX socket to ask instead of the URL's host and port. Without a URL it is connected to only.
            type: str
          timeout:
            description: Seconds to wait. C(TimeoutStartSec=) is set 30 seconds above, unless the unit sets it.
            type: int
            default: 60
      restart_on:
        description:
          - Files and links that a service reads only when it starts. Of a link, its own time counts.
          - The unit's own files and those of O(units[].credentials) count by themselves, so the list may be empty.
          - Without this option the unit is never restarted.
        type: list
        elements: str
      enabled:
        description:
          - Whether it starts at boot.
          - The default is V(true) for a unit with a section C(Install) and for one without file,
            V(false) for others. A drop-in leaves it alone.
        type: bool
      started:
        description:
          - V(true) starts it when it does not run. V(false) leaves it alone.
          - The default is V(true), except for templates and drop-ins.
        type: bool
  profiles:
    description:
      - Sandbox profiles by name, each a mapping of directives of the section C(Service), as in O(units[].sections).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    details: A restart for a file in O(units[].restart_on) that another task would change is not predicted.
  diff_mode:
    support: full
    details: Shows the files and the actions.
requirements:
  - systemd 249 or newer on the target
"""

EXAMPLES = r"""
- name: A web server in a sandbox, ready when it answers
  nbops.jupyter.systemd_units:
    units:
      - name: files.service
        sections:
          Unit: {Description: Shared files}
          Service:
            Type: exec
            DynamicUser: true
            ExecStart: /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv/files 8001
          Install: {WantedBy: multi-user.target}
        sandbox: strict
        limits: {memory_max: 200M}
        ready: {url: http://127.0.0.1:8001/}
        restart_on: []
    profiles:
      strict: {ProtectSystem: strict, ProtectHome: true, PrivateTmp: true, NoNewPrivileges: true}

- name: More open files for a server that the distribution owns
  nbops.jupyter.systemd_units:
    units:
      - {name: nginx.service, drop_in: 50-limits, limits: {open_files: 65536}}
"""

RETURN = r"""
changed_units:
  description: Names of the units whose files were written or removed.
  type: list
  elements: str
  returned: success
  sample: [files.service]
stale:
  description: Names of the units that were restarted because they had started before one of their files was changed.
  type: list
  elements: str
  returned: success
  sample: [files.service]
actions:
  description: Everything that was or would be done, in order.
  type: list
  elements: str
  returned: always
  sample: ["write /etc/systemd/system/files.service", daemon-reload, enable files.service, start files.service]
"""

import glob
import inspect
import os
import re
import tempfile
import time
from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import readiness
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import (
    is_plain,
    is_protected,
    modification_time,
    read,
    remove,
    write,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import (
    PROPERTIES,
    ROOT,
    RUNNING,
    STARTED,
    Host,
    SystemdError,
    existing_links,
    loaded_files,
    mentions,
    started_at,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import (
    WAIT_READY,
    has_file,
    install_links,
    is_template,
    is_whole,
    kind,
    path_of,
    render,
    template_of,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.validation import problems

NOT_FOUND = re.compile(r"^Unit \S+ not found\.")
# Complaints about what earlier tasks would have installed, had they not run in check mode.
NOT_YET = re.compile(rf"is not executable: No such file|{NOT_FOUND.pattern}|: service \S+ not loaded")
# A template has no state of its own; its instances may have any.
TEMPLATE = dict.fromkeys(PROPERTIES, "unknown")
# States in which there is nothing left for `systemctl enable` to do.
ENABLED = ("enabled", "static", "alias", "indirect", "generated")
# Where a persistent timer keeps the time of its last run.
TIMER_STAMP = "/var/lib/systemd/timers/stamp-{}"


LIMITS_SPEC = {
    "memory_high": {"type": "str"},
    "memory_max": {"type": "str"},
    "cpu_quota": {"type": "str"},
    "tasks_max": {"type": "str"},
    "open_files": {"type": "str"},
}
READY_SPEC = {
    "url": {"type": "str"},
    "socket": {"type": "str"},
    "timeout": {"type": "int", "default": 60},
}
UNITS_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "drop_in": {"type": "str", "default": ""},
    "sections": {"type": "dict", "default": {}},
    "sandbox": {"type": "str"},
    "credentials": {"type": "dict", "default": {}},
    "limits": {"type": "dict", "default": {}, "options": LIMITS_SPEC},
    "ready": {"type": "dict", "options": READY_SPEC},
    "restart_on": {"type": "list", "elements": "str"},
    "enabled": {"type": "bool"},
    "started": {"type": "bool"},
}
ARGUMENT_SPEC = {
    "units": {"type": "list", "elements": "dict", "required": True, "options": UNITS_SPEC},
    "profiles": {"type": "dict", "default": {}},
}


class Job:
    """One run over the list. Check mode takes the same path, but carries out no action."""

    def __init__(self, module: AnsibleModule):
        self.module = module
        self.host = Host(module.run_command)
        self.profiles = module.params["profiles"]
        self.units = module.params["units"]
        self.present = [unit for unit in self.units if unit["state"] == "present"]
        self.written = [unit for unit in self.present if has_file(unit)]
        self.absent = [unit for unit in self.units if unit["state"] == "absent"]
        self.names = [unit["name"] for unit in self.units]
        self.actions = []

    def run(self) -> dict:
        broken = problems(self.units, self.profiles)
        if broken:
            raise SystemdError("\n".join(broken))
        state = self.host.show(self.names)
        changes = self.file_changes()
        if any(changes.get(file_of(unit)) for unit in self.written):
            self.verify()
        self.stop_absent(changes, state)
        self.write(changes)
        if self.needs_reload(changes, state):
            self.act("daemon-reload", self.host.systemctl, "daemon-reload")
        state = self.refreshed(state)
        self.enable(state)
        stale = self.restart(changes, state)
        self.start(self.refreshed(state))
        changed_units = dict.fromkeys(unit["name"] for unit in self.units if file_of(unit) in changes)
        return {"changed_units": list(changed_units), "stale": stale, "diff": self.diff(changes)}

    def act(self, text: str, function: Callable, *arguments: object) -> None:
        """Record an action and, except in check mode, carry it out."""
        self.actions.append(text)
        if not self.module.check_mode:
            function(*arguments)

    def refreshed(self, state: dict) -> dict:
        """The state after the actions so far; in check mode, the one before them."""
        return self.host.show(self.names) if self.actions and not self.module.check_mode else state

    def diff(self, changes: dict) -> list[dict]:
        files = [file_diff(path, old, new) for path, (old, new) in changes.items()]
        return [*files, {"prepared": "".join(f"{action}\n" for action in self.actions)}] if self.actions else []

    def file_changes(self) -> dict[str, tuple[str | None, str | None]]:
        """Old and new text by path, for every file that is not as it should be; None stands for no file."""
        wanted = {file_of(unit): render(unit, self.profiles) for unit in self.written}
        wanted.update({file_of(unit): None for unit in self.absent})
        on_disk = glob.glob(f"{ROOT}/*.service") + glob.glob(f"{ROOT}/*.service.d/*.conf")
        texts = {**{path: read(path) for path in on_disk}, **wanted}
        if any(WAIT_READY in text for text in texts.values() if text):
            wanted = {WAIT_READY: inspect.getsource(readiness), **wanted}
        else:
            wanted[WAIT_READY] = None
        for path in wanted:
            if not is_plain(path):
                raise SystemdError(
                    f"{path} is no file of ours (a masked unit is a link to /dev/null); remove it first."
                )
        files = {path: (read(path), new) for path, new in wanted.items()}
        return {
            path: (old, new)
            for path, (old, new) in files.items()
            if old != new or (new is not None and not is_protected(path))
        }

    def write(self, changes: dict) -> None:
        for path, (_old, new) in changes.items():
            if new is None:
                self.act(f"remove {path}", remove, path)
            else:
                self.act(f"write {path}", write, path, new)

    def verify(self) -> None:
        """Refuse files that systemd-analyze complains about, together with the other units of the list and the host."""
        names = list(dict.fromkeys(name for unit in self.written for name in self.examples(unit["name"])))
        with tempfile.TemporaryDirectory(dir=self.module.tmpdir) as stage:
            for unit in self.written:
                write(f"{stage}/{path_of(unit)}", render(unit, self.profiles))
                if unit["name"].endswith("-.service"):
                    # A drop-in for all units with this prefix has no unit of its own that could be verified.
                    write(f"{stage}/{unit['name']}", "[Service]\nExecStart=/bin/true\n")
            lines = self.host.verify(names, stage)
        complaints = [line for line in lines if stage in line or any(mentions(line, name) for name in names)]
        owners = [unit["name"] for unit in self.written if unit["drop_in"]]
        if complaints and owners:
            # Complaints about somebody else's unit that existed before are no reason to refuse.
            known = self.host.verify(owners)
            complaints = [line for line in complaints if line not in known or NOT_FOUND.search(line)]
        if self.module.check_mode:
            complaints = [line for line in complaints if not NOT_YET.search(line)]
        if complaints:
            text = "\n".join(complaints).replace(stage, ROOT)
            raise SystemdError(f"systemd refuses the units, nothing was changed:\n{text}")

    def examples(self, name: str) -> list[str]:
        """The units to verify: for a template its instances in the list, because paths may contain their names."""
        if not is_template(name):
            return [name]
        return [unit["name"] for unit in self.present if template_of(unit["name"]) == name] or [name]

    def stop_absent(self, changes: dict, state: dict) -> None:
        """Stop and disable the absent units while their files still exist."""
        stop, disable, stamps = [], [], []
        # Sockets, timers and paths first, so that they do not start their services again.
        for unit in sorted(self.absent, key=lambda unit: kind(unit["name"]) == "service"):
            if unit["drop_in"]:
                continue
            name, has_changed = unit["name"], file_of(unit) in changes
            now = state.get(name, TEMPLATE)
            known = now["FragmentPath"] == file_of(unit) or now["LoadState"] == "not-found"
            ours = has_changed or known or template_of(name)
            if ours and now["ActiveState"] != "inactive":
                stop.append(name.replace("@.", "@*."))
            if has_changed or (ours and now["UnitFileState"].startswith("enabled")):
                disable.append(name)
            if has_changed and os.path.exists(TIMER_STAMP.format(name)):
                stamps.append(TIMER_STAMP.format(name))
        if stop:
            self.act(f"stop {' '.join(stop)}", self.host.stop, stop)
        if disable:
            self.act(f"disable {' '.join(disable)}", self.host.systemctl, "disable", "--quiet", "--", *disable)
        for stamp in stamps:
            self.act(f"remove {stamp}", remove, stamp)

    def needs_reload(self, changes: dict, state: dict) -> bool:
        """Whether systemd has loaded other files than those on disk, after this run or an interrupted one."""
        if set(changes) - {WAIT_READY} or any(now["NeedDaemonReload"] == "yes" for now in state.values()):
            return True
        # systemd 252 does not notice a new drop-in in a new folder.
        known = [(file_of(unit), state[unit["name"]]) for unit in self.written if unit["name"] in state]
        return any(now["LoadState"] == "loaded" and path not in loaded_files(now) for path, now in known)

    def enable(self, state: dict) -> None:
        verbs = {}
        for unit in self.present:
            verb = None if is_template(unit["name"]) else enablement(unit, state[unit["name"]]["UnitFileState"])
            if verb:
                verbs.setdefault(verb, []).append(unit["name"])
        for verb, names in verbs.items():
            text = f"{verb.removeprefix('re')} {' '.join(names)}"
            self.act(text, self.host.systemctl, verb, "--quiet", "--", *names)

    def restart(self, changes: dict, state: dict) -> list[str]:
        """Restart the units that started before one of their files was changed."""
        stale = list(dict.fromkeys(unit["name"] for unit in self.present if self.is_stale(unit, changes, state)))
        sockets = [name for name in stale if kind(name) == "socket"]
        if sockets:
            # systemd does not reopen a socket that its service holds. The next connection, or the last step of this
            # run, starts the service again.
            services = [service for name in sockets for service in state[name]["Triggers"].split()]
            self.act(f"stop {' '.join(sockets + services)}", self.host.systemctl, "stop", "--", *sockets, *services)
            self.act(f"start {' '.join(sockets)}", self.host.bring_up, "start", sockets)
        services = [name for name in stale if name not in sockets]
        if services:
            self.act(f"restart {' '.join(services)}", self.host.bring_up, "restart", services)
        return stale

    def is_stale(self, unit: dict, changes: dict, state: dict) -> bool:
        name = unit["name"]
        if unit["restart_on"] is None or state[name]["ActiveState"] not in RUNNING:
            return False
        if any(file_of(other) in changes for other in self.units if other["name"] in (name, template_of(name))):
            return True
        start, now = started_at(state[name]), time.time()
        for path in loaded_files(state[name]) + unit["restart_on"] + list(unit["credentials"].values()):
            changed = modification_time(path)
            if changed > now:
                self.module.warn(f"{path} has a time in the future, so {name} is not restarted for it; touch the file.")
            elif changed > start:
                return True
        return False

    def start(self, state: dict) -> None:
        names = dict.fromkeys(unit["name"] for unit in self.present if wants_start(unit))
        down = [name for name in names if state[name]["ActiveState"] not in STARTED]
        failed = [name for name in down if state[name]["ActiveState"] == "failed"]
        if failed:
            # systemd does not start a unit that failed too often until its failures are reset.
            self.act(f"reset-failed {' '.join(failed)}", self.host.systemctl, "reset-failed", "--", *failed)
        if down:
            self.act(f"start {' '.join(down)}", self.host.bring_up, "start", down)


def file_of(unit: dict) -> str:
    """The path of the unit's file."""
    return f"{ROOT}/{path_of(unit)}"


def wants_start(unit: dict) -> bool:
    """Whether the unit should run."""
    if unit["started"] is None:
        return not unit["drop_in"] and not is_template(unit["name"])
    return unit["started"]


def wants_enable(unit: dict) -> bool | None:
    """Whether the unit starts at boot; None leaves it as it is."""
    if unit["enabled"] is None and not unit["drop_in"]:
        return "Install" in unit["sections"] or not is_whole(unit)
    return unit["enabled"]


def enablement(unit: dict, file_state: str) -> str | None:
    """The verb of systemctl that enables or disables the unit; None if nothing is to do."""
    wanted = wants_enable(unit)
    if wanted is None:
        return None
    links = install_links(unit)
    if links is None:
        if wanted:
            return None if file_state in ENABLED else "enable"
        return "disable" if file_state.startswith("enabled") else None
    # The links themselves are compared, because systemd calls a unit enabled as long as one of them is left.
    if existing_links(unit["name"]) == (links if wanted else set()):
        return None
    return "reenable" if wanted else "disable"


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    os.umask(0o022)
    job = Job(module)
    try:
        result = job.run()
    except (SystemdError, OSError) as error:
        module.fail_json(msg=str(error), changed=bool(job.actions), actions=job.actions)
    module.exit_json(changed=bool(job.actions), actions=job.actions, **result)


if __name__ == "__main__":
    main()

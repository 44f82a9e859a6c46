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
description:
  - Takes a whole list of units and makes C(/etc/systemd/system) and the running system agree with it, in one call.
  - New texts are checked as a set by C(systemd-analyze verify), together with the host's other units.
    A set with an unknown directive, an unreadable value or a missing program is refused, and every old file stays in place.
  - The daemon is reloaded exactly when it has to be, also when an earlier run was interrupted before its reload.
  - A unit with O(units[].restart_on) is restarted when it runs and started earlier than its unit file, its drop-ins or a listed file
    was changed. This compares facts of the host, so a run that was interrupted between a change and its restart is made good by the next one.
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
          - C(foo@.service) is a template. C(foo@bar.service) is an instance; without O(units[].sections) it takes its text from the template.
        type: str
        required: true
      state:
        description:
          - V(absent) stops and disables the unit, removes its file and forgets its failures. Of a template, all instances go.
          - With O(units[].drop_in), V(absent) removes that file only.
          - A unit whose file does not stand in C(/etc/systemd/system) is not ours; it is left alone.
        type: str
        choices: [present, absent]
        default: present
      drop_in:
        description:
          - Makes this entry a drop-in of a unit that somebody else owns. V(50-limits) writes C(<name>.d/50-limits.conf).
        type: str
        default: ""
      sections:
        description:
          - Sections and their directives, in the order in which they are written.
          - A value is a text in systemd's own syntax, a number, a boolean, a list that repeats the directive, an empty text that resets it,
            or null, which leaves it out and also removes the sandbox profile's directive.
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
          - Credential names and the files they are read from, as root, at each start. The service finds them in C($CREDENTIALS_DIRECTORY).
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
          - The question is asked inside the service's sandbox by C(/usr/local/lib/nbops-wait-ready.py), which stands there as long as a unit uses it.
        type: dict
        suboptions:
          url:
            description: C(http://) or C(https://) to ask for a page (any status below 500 is an answer), C(tcp://host:port) to connect only.
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
          - Files and links that a service reads only when it starts. May be empty, then only the unit's own files count.
          - The files of O(units[].credentials) count by themselves. What counts is the time of the link, not of the file behind it.
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
    description: Sandbox profiles by name, each a mapping of C([Service]) directives to values as in O(units[].sections).
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Predicts from the files as they are. A file in O(units[].restart_on) that another task would change is not foreseen.
  diff_mode:
    support: full
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
  description: Everything that was done, in order; in check mode, what would be done.
  type: list
  elements: str
  returned: always
  sample: ["write /etc/systemd/system/files.service", daemon-reload, enable files.service, start files.service]
"""

import glob
import inspect
import os
import re
import stat
import tempfile
import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils import _systemd_wait_ready
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd_rules import problems
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd_unit import (
    WAIT_READY,
    has_file,
    is_template,
    kind,
    path_of,
    render,
    template_of,
)

ROOT = "/etc/systemd/system"
PROPERTIES = (
    "LoadState,ActiveState,Result,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths,Triggers,"
    "ExecMainStartTimestamp,InactiveExitTimestamp"
)
RUNNING = ("active", "reloading", "refreshing", "activating")
STARTED = ("active", "reloading", "refreshing")
JOURNAL_LINES = 30
INSTALL = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}
NOT_FOUND = re.compile(r"^Unit \S+ not found\.")
# Lines of systemd-analyze about things that other tasks install, and have not installed in check mode.
NOT_YET = re.compile(rf"is not executable: No such file|{NOT_FOUND.pattern}|: service \S+ not loaded")


class Failure(Exception):
    """The message for the user; everything done so far is in the list of actions."""


class Host:
    """Questions and orders to the host's systemd."""

    def __init__(self, module: AnsibleModule):
        self.module = module

    def run(self, *command: str, check: bool = True, **environment: str) -> tuple[int, str]:
        code, out, err = self.module.run_command(
            list(command), environ_update={"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", **environment}
        )
        if check and code != 0:
            raise Failure(f"{' '.join(command)} failed: {(err or out).strip()}")
        return code, (out + err)

    def show(self, names: list[str]) -> dict[str, dict[str, str]]:
        """The properties of every unit by its name. A template has none, and a unit that nobody knows is C(not-found)."""
        names = [name for name in dict.fromkeys(names) if not is_template(name)]
        if not names:
            return {}
        out = self.run("systemctl", "show", "--timestamp=us+utc", f"--property={PROPERTIES}", "--", *names)[1]
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in out.strip().split("\n\n")]
        return dict(zip(names, blocks))

    def verify(self, names: list[str], stage: str = "") -> list[str]:
        """What C(systemd-analyze verify) has to say about units, with the files of a folder standing before the host's."""
        code, out = self.run(
            "systemd-analyze",
            "verify",
            "--man=no",
            "--",
            *names,
            check=False,
            SYSTEMD_LOG_LEVEL="info",
            SYSTEMD_LOG_TARGET="console",
            **({"SYSTEMD_UNIT_PATH": f"{stage}:"} if stage else {}),
        )
        lines = list(dict.fromkeys(line.strip() for line in out.splitlines() if line.strip()))
        if code != 0 and not lines:
            raise Failure(f"systemd-analyze verify ended with status {code} and no word.")
        return lines

    def journal(self, name: str) -> str:
        self.run("journalctl", "--sync", check=False)
        return self.run("journalctl", f"--unit={name}", f"--lines={JOURNAL_LINES}", "--no-pager", check=False)[1].strip()


class Job:
    """One run over the list: what is, what should be, and the actions between them."""

    def __init__(self, module: AnsibleModule):
        self.module = module
        self.host = Host(module)
        self.actions: list[str] = []
        self.profiles: dict = module.params["profiles"]
        self.units: list[dict] = module.params["units"]
        self.present = [unit for unit in self.units if unit["state"] == "present"]
        self.absent = [unit for unit in self.units if unit["state"] == "absent"]
        self.names = [unit["name"] for unit in self.units]

    def run(self) -> dict:
        broken = problems(self.units, self.profiles)
        if broken:
            raise Failure("\n".join(broken))
        state = self.host.show(self.names)
        changes = self.file_changes()
        self.verify(changes)
        self.retire(changes, state)
        self.write(changes)
        if self.needs_reload(changes, state):
            self.act("daemon-reload", self.systemctl, "daemon-reload")
        state = self.refresh(state)
        self.enable(state)
        stale = self.restart(changes, state)
        self.start(self.refresh(state))
        return {
            "changed_units": list(dict.fromkeys(unit["name"] for unit in self.units if f"{ROOT}/{path_of(unit)}" in changes)),
            "stale": stale,
            "diff": [
                {"before": old or "", "after": new or "", "before_header": path, "after_header": path}
                for path, (old, new) in changes.items()
            ]
            + ([{"prepared": "".join(f"{action}\n" for action in self.actions)}] if self.actions else []),
        }

    def act(self, text: str, function, *arguments) -> None:
        """Note an action and, except in check mode, carry it out."""
        self.actions.append(text)
        if not self.module.check_mode:
            function(*arguments)

    def systemctl(self, *arguments: str) -> None:
        self.host.run("systemctl", *arguments)

    def refresh(self, state: dict) -> dict:
        """The state after the actions so far; in check mode, the one before them."""
        return self.host.show(self.names) if self.actions and not self.module.check_mode else state

    # Files

    def file_changes(self) -> dict[str, tuple[str | None, str | None]]:
        """Old and new text by path, for every file that is not as it should be; None stands for no file."""
        wanted = {f"{ROOT}/{path_of(unit)}": render(unit, self.profiles) for unit in self.present if has_file(unit)}
        wanted.update({f"{ROOT}/{path_of(unit)}": None for unit in self.absent})
        texts = {path: read(path) for path in glob.glob(f"{ROOT}/*.service") + glob.glob(f"{ROOT}/*.service.d/*.conf") if path not in wanted}
        asks = any(WAIT_READY in (text or "") for text in {**texts, **wanted}.values())
        wanted = {WAIT_READY: inspect.getsource(_systemd_wait_ready) if asks else None, **wanted}
        changes = {}
        for path, new in wanted.items():
            if os.path.islink(path):
                raise Failure(f"{path} is a link (a masked unit is one to /dev/null), not a file of ours; remove it first.")
            old = read(path)
            if old != new or (new is not None and not is_ours(path)):
                changes[path] = (old, new)
        return changes

    def write(self, changes: dict) -> None:
        for path, (_old, new) in changes.items():
            if new is None:
                self.act(f"remove {path}", remove, path)
            else:
                self.act(f"write {path}", write, path, new)

    # Verification

    def verify(self, changes: dict) -> None:
        """Refuse new texts that systemd would not take as they are, together with the rest of the list and of the host."""
        written = [unit for unit in self.present if has_file(unit)]
        if not any(changes.get(f"{ROOT}/{path_of(unit)}") for unit in written):
            return
        with tempfile.TemporaryDirectory(dir=self.module.tmpdir) as stage:
            for unit in written:
                stage_file(stage, path_of(unit), render(unit, self.profiles))
                if unit["name"].endswith("-.service"):
                    # A drop-in for every unit with this prefix has no unit of its own that could be asked.
                    stage_file(stage, unit["name"], "[Service]\nExecStart=/bin/true\n")
            names = list(dict.fromkeys(name for unit in written for name in self.examples(unit["name"])))
            lines = self.host.verify(names, stage)
            complaints = [line.replace(stage, ROOT) for line in lines if stage in line or any(mentions(line, name) for name in names)]
        owners = [unit["name"] for unit in written if unit["drop_in"]]
        if complaints and owners:
            # What was wrong before with a unit that somebody else owns is not for us to refuse.
            known = self.host.verify(owners)
            complaints = [line for line in complaints if line not in known or NOT_FOUND.search(line)]
        if self.module.check_mode:
            complaints = [line for line in complaints if not NOT_YET.search(line)]
        if complaints:
            raise Failure("systemd refuses the units, nothing was changed:\n" + "\n".join(complaints))

    def examples(self, name: str) -> list[str]:
        """What to verify for a unit: of a template its instances in the list, because paths often hold the instance's name."""
        if not is_template(name):
            return [name]
        return [unit["name"] for unit in self.present if template_of(unit["name"]) == name] or [name]

    # The running system

    def retire(self, changes: dict, state: dict) -> None:
        """Stop and disable what is to go, while its file still stands."""
        for unit in self.absent:
            name, path = unit["name"], f"{ROOT}/{unit['name']}"
            if unit["drop_in"]:
                continue
            if is_template(name):
                if path in changes:
                    every = name.replace("@.", "@*.")
                    self.act(f"stop {every}", self.stop, every)
                    self.act(f"disable {name}", self.systemctl, "disable", "--quiet", name)
                continue
            now = state[name]
            ours = path in changes or template_of(name) or now["FragmentPath"] == path or now["LoadState"] == "not-found"
            if ours and now["ActiveState"] != "inactive":
                self.act(f"stop {name}", self.stop, name)
            if path in changes or (template_of(name) and now["UnitFileState"].startswith("enabled")):
                self.act(f"disable {name}", self.systemctl, "disable", "--quiet", name)

    def stop(self, name: str) -> None:
        self.systemctl("stop", "--", name)
        # Fails for a unit that left nothing behind to forget.
        self.host.run("systemctl", "reset-failed", "--", name, check=False)

    def needs_reload(self, changes: dict, state: dict) -> bool:
        if any(path != WAIT_READY for path in changes) or any(now["NeedDaemonReload"] == "yes" for now in state.values()):
            return True
        # systemd 252 does not notice a drop-in in a folder that is new: one that an interrupted run left behind.
        return any(
            state[unit["name"]]["LoadState"] == "loaded" and f"{ROOT}/{path_of(unit)}" not in own_files(state[unit["name"]])
            for unit in self.present
            if has_file(unit) and unit["name"] in state
        )

    def enable(self, state: dict) -> None:
        verbs: dict[str, list[str]] = {}
        for unit in self.present:
            if not is_template(unit["name"]):
                verb = enablement(unit, state[unit["name"]])
                if verb:
                    verbs.setdefault(verb, []).append(unit["name"])
        for verb, names in verbs.items():
            self.act(f"{verb} {' '.join(names)}", self.systemctl, verb, "--quiet", "--", *names)

    def restart(self, changes: dict, state: dict) -> list[str]:
        """Restart what runs with files older than those on disk."""
        stale = list(dict.fromkeys(unit["name"] for unit in self.present if self.is_stale(unit, changes, state)))
        sockets = [name for name in stale if kind(name) == "socket"]
        if sockets:
            # systemd refuses to open a socket whose service holds it; the next connection, or our start, brings the service back.
            services = [service for name in sockets for service in state[name]["Triggers"].split()]
            self.act(f"stop {' '.join(sockets + services)}", self.systemctl, "stop", "--", *sockets, *services)
            self.act(f"start {' '.join(sockets)}", self.bring_up, "start", sockets)
        services = [name for name in stale if name not in sockets]
        if services:
            self.act(f"restart {' '.join(services)}", self.bring_up, "restart", services)
        return stale

    def is_stale(self, unit: dict, changes: dict, state: dict) -> bool:
        if unit["restart_on"] is None or state[unit["name"]]["ActiveState"] not in RUNNING:
            return False
        now = state[unit["name"]]
        files = own_files(now)
        about_to_change = [f"{ROOT}/{path_of(other)}" for other in self.units if other["name"] in (unit["name"], template_of(unit["name"]))]
        if self.module.check_mode and any(path in changes for path in files + about_to_change):
            return True
        started = timestamp(now.get("ExecMainStartTimestamp") or now["InactiveExitTimestamp"])
        for path in files + unit["restart_on"] + list(unit["credentials"].values()):
            modified = modification_time(path)
            if modified > time.time():
                self.module.warn(f"{path} was modified in the future, so it cannot be told whether {unit['name']} has read it; touch it.")
            elif modified > started:
                return True
        return False

    def start(self, state: dict) -> None:
        names = [unit["name"] for unit in self.present if wants_start(unit) and state[unit["name"]]["ActiveState"] not in STARTED]
        names = list(dict.fromkeys(names))
        failed = [name for name in names if state[name]["ActiveState"] == "failed"]
        if failed:
            # A unit that failed too often is not started again before its failures are forgotten.
            self.act(f"reset-failed {' '.join(failed)}", self.systemctl, "reset-failed", "--", *failed)
        if names:
            self.act(f"start {' '.join(names)}", self.bring_up, "start", names)

    def bring_up(self, verb: str, names: list[str]) -> None:
        _code, out = self.host.run("systemctl", verb, "--", *names, check=False)
        state = self.host.show(names)
        down = [name for name in names if state[name]["ActiveState"] not in STARTED]
        if down:
            reports = [
                f"{name} is {state[name]['ActiveState']} after systemctl {verb} (result: {state[name].get('Result', 'none')}):\n"
                f"{self.host.journal(name)}"
                for name in down
            ]
            raise Failure("\n".join([*reports, out.strip()]))


def mentions(line: str, name: str) -> bool:
    """Whether a line speaks of a unit; of a template, whether it speaks of any instance."""
    return bool(re.search(r"(?<![\w:.\\@-])" + re.escape(name.split("@.")[0]), line))


def read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def is_ours(path: str) -> bool:
    """Whether root alone can change the file, and everybody can read it."""
    status = os.lstat(path)
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o644)


def write(path: str, text: str) -> None:
    """Put a file in its place in one step, so that systemd never reads half of it."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=folder, prefix=".ansible-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def remove(path: str) -> None:
    os.unlink(path)
    if path.endswith(".conf"):
        try:
            os.rmdir(os.path.dirname(path))
        except OSError:
            pass  # somebody else's drop-ins stand there
    elif path.endswith(".timer"):
        # Where a persistent timer keeps its last run.
        stamp = f"/var/lib/systemd/timers/stamp-{os.path.basename(path)}"
        if os.path.exists(stamp):
            os.unlink(stamp)


def stage_file(stage: str, path: str, text: str) -> None:
    target = os.path.join(stage, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def own_files(now: dict) -> list[str]:
    """The unit file and the drop-ins from which systemd loaded a unit."""
    return [path for path in [now["FragmentPath"], *now["DropInPaths"].split()] if path]


def timestamp(text: str) -> float:
    """Seconds since the epoch for systemd's C(Fri 2026-11-20 13:23:05.703364 UTC); infinity for none, so that nothing is older."""
    if not text:
        return float("inf")
    return datetime.strptime(text.split(" ", 1)[1], "%Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=timezone.utc).timestamp()


def modification_time(path: str) -> float:
    """When a file, or the link itself, was last changed; minus infinity when there is none."""
    try:
        return os.lstat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return float("-inf")


def wants_start(unit: dict) -> bool:
    if unit["started"] is None:
        return not unit["drop_in"] and not is_template(unit["name"])
    return unit["started"]


def wants_enable(unit: dict) -> bool | None:
    """None leaves it as it is."""
    if unit["enabled"] is None and not unit["drop_in"]:
        return "Install" in unit["sections"] if has_file(unit) else True
    return unit["enabled"]


def enablement(unit: dict, now: dict) -> str | None:
    """The verb of systemctl that is missing, if any."""
    wanted = wants_enable(unit)
    if wanted is None:
        return None
    links = install_links(unit)
    if links is not None:
        # The links themselves are compared, because systemd calls a unit enabled as long as one of its links is left.
        if existing_links(unit["name"]) == (links if wanted else set()):
            return None
        return "reenable" if wanted else "disable"
    if wanted:
        return None if now["UnitFileState"] in ("enabled", "static", "alias", "indirect", "generated") else "enable"
    return "disable" if now["UnitFileState"].startswith("enabled") else None


def install_links(unit: dict) -> set[str] | None:
    """The links that the section Install of our own unit asks for; None where only systemd can tell."""
    install = unit["sections"].get("Install") or {}
    if not has_file(unit) or unit["drop_in"] or set(install) - set(INSTALL):
        return None
    links = set()
    for directive, suffix in INSTALL.items():
        value = install.get(directive) or []
        targets = " ".join(value if isinstance(value, list) else [value]).split()
        links.update(f"{target}.{suffix}/{unit['name']}" for target in targets)
    return None if any("%" in link for link in links) else links


def existing_links(name: str) -> set[str]:
    paths = [path for suffix in INSTALL.values() for path in glob.glob(f"{ROOT}/*.{suffix}/{glob.escape(name)}")]
    return {os.path.relpath(path, ROOT) for path in paths}


SPECIFICATION = {
    "units": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "drop_in": {"type": "str", "default": ""},
            "sections": {"type": "dict", "default": {}},
            "sandbox": {"type": "str"},
            "credentials": {"type": "dict", "default": {}},
            "limits": {
                "type": "dict",
                "default": {},
                "options": {
                    "memory_high": {"type": "str"},
                    "memory_max": {"type": "str"},
                    "cpu_quota": {"type": "str"},
                    "tasks_max": {"type": "str"},
                    "open_files": {"type": "str"},
                },
            },
            "ready": {
                "type": "dict",
                "options": {"url": {"type": "str"}, "socket": {"type": "str"}, "timeout": {"type": "int", "default": 60}},
            },
            "restart_on": {"type": "list", "elements": "str"},
            "enabled": {"type": "bool"},
            "started": {"type": "bool"},
        },
    },
    "profiles": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPECIFICATION, supports_check_mode=True)
    job = Job(module)
    try:
        result = job.run()
    except Failure as error:
        module.fail_json(msg=str(error), changed=bool(job.actions), actions=job.actions)
    module.exit_json(changed=bool(job.actions), actions=job.actions, **result)


if __name__ == "__main__":
    main()

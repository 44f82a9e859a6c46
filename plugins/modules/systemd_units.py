#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_units
short_description: Write systemd units that systemd accepts, enable and start them
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Writes and removes any number of units in C(/etc/systemd/system) in one run, and enables, restarts and starts them.
  - Before anything on disk changes, C(systemd-analyze verify) tests the new files together with the host's other units.
    An unknown directive, a wrong value or a missing program in one file refuses all of them, and so does a path that
    the sandbox of a service to be started names and the host lacks.
  - Reloads systemd only if it has loaded other files than those on disk, also after an interrupted run.
  - Restarts a unit with O(units[].restart_on) if it started before its unit file, a drop-in or a listed file was
    changed. This compares times on the host, so it completes an interrupted run as well.
options:
  units:
    description: The units, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Full name of a service, socket, timer, path, target, slice, mount or automount.
          - C(foo@.service) is a template. C(foo@bar.service) is an instance of it, and needs no O(units[].sections).
        type: str
        required: true
      state:
        description:
          - V(absent) stops and disables the unit, removes its file and resets its failures. For a template, this stops
            all instances.
          - With O(units[].drop_in), V(absent) removes only that file.
          - A unit whose file is not in C(/etc/systemd/system) belongs to somebody else, and is left alone.
        type: str
        choices: [present, absent]
        default: present
      drop_in:
        description:
          - Makes this entry a drop-in for a unit of somebody else. V(50-limits) writes C(<name>.d/50-limits.conf).
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
            description: Memory above which the service is slowed down, as in C(MemoryHigh=).
            type: str
          memory_max:
            description:
              - Memory above which the service is killed, as in C(MemoryMax=). More than the host has is a warning.
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
          - The start of the service waits until the service answers, and fails if it does not. This also applies at
            boot, and to units that are ordered after this one.
          - C(/usr/local/lib/nbops-wait-ready.py) asks inside the service's sandbox. The file exists as long as a unit
            uses it.
        type: dict
        suboptions:
          url:
            description:
              - C(http://) or C(https://) to ask for a page; any status below 500 is an answer.
              - C(tcp://host:port) to connect only.
            type: str
          socket:
            description: Unix socket to ask in place of the URL's host and port. Without a URL, to connect only.
            type: str
          timeout:
            description: Seconds to wait. C(TimeoutStartSec=) is set 30 seconds above, unless the unit sets it.
            type: int
            default: 60
      restart_on:
        description:
          - Files and links that the service reads only when it starts. For a link, the time of the link itself counts.
          - The unit's own files and those of O(units[].credentials) always count, so the list may be empty.
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
  predicted:
    description: In check mode, files that earlier tasks would change, so that restarts for them are predicted.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    details: Of files in O(units[].restart_on), those that another task would change are known by O(predicted) alone.
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

from collections.abc import Collection
from dataclasses import dataclass, replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import memory
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.actions import (
    Action,
    UnitStates,
    enable_actions,
    file_actions,
    reload_actions,
    removal_actions,
    restart_actions,
    start_actions,
    wants_start,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import (
    FileChanges,
    file_changes,
    file_of,
    written_units,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.listeners import strangers
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.stale import StaleUnits, stale_units
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import kind
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.validation import problems
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.verification import (
    require_paths,
    verify,
)

# Where units are tried: of root alone, and empty after a boot, however a run ends. Ansible's own directory of temporary
# files may be missing, of which it warns.
STAGES = "/run"
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
    "predicted": {"type": "list", "elements": "path", "default": []},
}


@dataclass(frozen=True)
class Plan:
    """The files that differ, the units to restart, and the actions of the three steps of a run.

    First come the files; then units are enabled and restarted; last come those that do not run.
    """

    changes: FileChanges
    files: list[Action]
    stale: StaleUnits
    states: list[Action]
    start: list[Action]

    def actions(self) -> list[str]:
        """The texts of all actions in order."""
        return [action.text for action in (*self.files, *self.states, *self.start)]


def require_valid(units: list[dict], profiles: dict) -> None:
    """Raises SystemdError with everything that is wrong with the parameters."""
    found = problems(units, profiles)
    if found:
        raise SystemdError("\n".join(found))


def accepted_changes(module: AnsibleModule, host: Host) -> FileChanges:
    """The files that differ. Raises SystemdError where systemd does not accept the new ones."""
    units, profiles = module.params["units"], module.params["profiles"]
    changes = file_changes(units, profiles)
    changed = [unit for unit in written_units(units) if file_of(unit) in changes]
    # In check mode, earlier tasks have made nothing.
    if not module.check_mode:
        require_paths([unit for unit in changed if kind(unit["name"]) == "service" and wants_start(unit)], profiles)
    if changed:
        verify(units, profiles, host, STAGES, module.check_mode)
    return changes


def require_free(units: list[dict], changes: FileChanges, state: UnitStates, module: AnsibleModule) -> None:
    """Raises SystemdError where somebody else has an address that a socket is to hold."""
    found = strangers(units, changes, state)
    if found and module.check_mode:
        # What earlier tasks would have stopped still runs.
        module.warn("\n".join(found))
    elif found:
        raise SystemdError("\n".join([*found, "Nothing was changed."]))


def make_plan(units: list[dict], changes: FileChanges, state: UnitStates, host: Host, predicted: list[str]) -> Plan:
    """The actions from the state before the run; files that are `predicted` change besides."""
    files = [
        *removal_actions(units, changes, state, host),
        *file_actions(changes),
        *reload_actions(units, changes, state, host),
    ]
    return with_states(Plan(changes, files, StaleUnits(), [], []), units, state, host, predicted)


def with_states(plan: Plan, units: list[dict], state: UnitStates, host: Host, predicted: Collection[str] = ()) -> Plan:
    """The plan with the actions that follow those of the files, from this state."""
    stale = stale_units(units, plan.changes, state, predicted)
    return replace(
        plan,
        stale=stale,
        states=[*enable_actions(units, state, host), *restart_actions(stale.names, state, host)],
        start=start_actions(units, state, host),
    )


def apply(plan: Plan, units: list[dict], host: Host, done: list[str], module: AnsibleModule) -> Plan:
    """Carries out the plan, adds each action to `done` when it begins, and returns the plan as it was carried out.

    Later steps are planned again after earlier ones, because those start and stop other units, too.
    """
    names = [unit["name"] for unit in units]
    carry_out(plan.files, done)
    if done:
        plan = with_states(plan, units, host.show(names), host)
    warn_of(plan, module)
    carry_out(plan.states, done)
    if done:
        plan = replace(plan, start=start_actions(units, host.show(names), host))
    carry_out(plan.start, done)
    return plan


def warn_of(plan: Plan, module: AnsibleModule) -> None:
    """Warns of files whose times cannot be compared."""
    for warning in plan.stale.warnings:
        module.warn(warning)


def carry_out(actions: list[Action], done: list[str]) -> None:
    for action in actions:
        done.append(action.text)
        action.carry_out()


def report(plan: Plan, units: list[dict]) -> dict:
    """The module's result."""
    actions = plan.actions()
    diff = [file_diff(path, old, new) for path, (old, new) in plan.changes.items()]
    if actions:
        diff.append({"prepared": "".join(f"{action}\n" for action in actions)})
    return {
        "changed": bool(actions),
        "actions": actions,
        "changed_units": list(dict.fromkeys(unit["name"] for unit in units if file_of(unit) in plan.changes)),
        "stale": plan.stale.names,
        "diff": diff,
    }


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    units, host, done = module.params["units"], Host(module.run_command), []
    try:
        require_valid(units, module.params["profiles"])
        state = host.show([unit["name"] for unit in units])
        changes = accepted_changes(module, host)
        require_free(units, changes, state, module)
        for warning in memory.beyond(units, memory.of_host()):
            module.warn(warning)
        predicted = module.params["predicted"] if module.check_mode else []
        plan = make_plan(units, changes, state, host, predicted)
        if module.check_mode:
            warn_of(plan, module)
        else:
            plan = apply(plan, units, host, done, module)
    except (OSError, SystemdError) as error:
        module.fail_json(msg=str(error), changed=bool(done), actions=done)

    module.exit_json(**report(plan, units))


if __name__ == "__main__":
    main()

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a hub goes back to another state: which units stop and start, and what is put back in between."""

from __future__ import annotations

import os

from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import RunCommand
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import (
    HealthyState,
    HubPaths,
    RollbackError,
    RollbackPlan,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager

# Units that hold an address of the hub, by the ends of their names.
SOCKETS = ("-hub.socket", "-hub-pages.socket", "-proxy.socket", "-proxy-unix.socket", "-proxy-api.socket")


def units_to_start(name: str, systemd: manager.Host) -> list[str]:
    """The proxy, the hub and the unit that stops together with it, without those that are disabled."""
    names = [f"{name}{part}.service" for part in ("-proxy", "", "-culler")]
    state = systemd.show(names)
    return [unit for unit in names if state[unit]["UnitFileState"] == "enabled"]


def units_to_stop(name: str, healthy: HealthyState, plan: RollbackPlan) -> list[str]:
    """The hub; addresses that differ; and the proxy only if it changes, because it carries the connections of users."""
    proxy = f"{name}-proxy.service"
    there = [f"{name}{end}" for end in SOCKETS if os.path.exists(os.path.join(rollback.UNITS, f"{name}{end}"))]
    # A hub of before the addresses were systemd's takes them itself.
    sockets = [unit for unit in there if unit in plan.units or unit not in healthy.note["units"]]
    has_other_proxy = bool(sockets) or proxy in plan.units or "proxy" in plan.releases
    # systemd opens no socket while what a connection started runs.
    holders = [f"{name}-address@{unit.removesuffix('.socket')}.service" for unit in sockets]
    return [*sockets, *holders, f"{name}.service", *([proxy] if has_other_proxy else [])]


def go_back(
    paths: HubPaths, healthy: HealthyState, plan: RollbackPlan, start: list[str], run_command: RunCommand
) -> None:
    """Stops the hub, puts its healthy state back and starts the units in `start`.

    Raises RollbackError if the hub has become healthy otherwise meanwhile.
    """
    systemd = manager.Host(run_command)
    systemd.stop(units_to_stop(paths.name, healthy, plan))
    if rollback.read_healthy_state(paths) != healthy:
        systemd.bring_up("start", start)
        raise RollbackError(f"{paths.name} has become healthy in the meantime, and was only restarted.")
    rollback.put_back(paths, plan, run_command)
    systemd.systemctl("daemon-reload")
    systemd.bring_up("start", start)
    rollback.finish(paths)

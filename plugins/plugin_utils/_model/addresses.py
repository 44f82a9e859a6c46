# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that systemd holds from boot on, and hands over to the program that serves there.

While the program is away, in a restart, an upgrade or at boot, connections wait for it: no account of the host can take
the address and serve in its place.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import Endpoint

Unit = dict[str, Any]


def held(
    name: str,
    endpoints: list[Endpoint],
    holder: str,
    *,
    description: str,
    descriptor: str = "",
    access: dict[str, str] | None = None,
) -> Unit:
    """The unit that holds the addresses of a program.

    A connection starts an instance of the template `holder`, `descriptor` is what the program calls the address, and
    `access` says who may open a UNIX socket: everybody by default. Its directory is root's, so that nobody can put
    another in its place.
    """
    return {
        "name": name,
        "restart_on": [],
        "sections": {
            "Unit": {"Description": description},
            "Socket": {
                "ListenStream": endpoints[0].bind if len(endpoints) == 1 else [endpoint.bind for endpoint in endpoints],
                "Service": holder.replace("@.", f"@{name.rpartition('.')[0]}."),
                **({"FileDescriptorName": descriptor} if descriptor else {}),
                **(access if access and endpoints[0].socket else {}),
                # A program that fails again and again must not cost the address.
                "TriggerLimitIntervalSec": 0,
            },
            "Install": {"WantedBy": "sockets.target"},
        },
    }


def holder(name: str, description: str) -> Unit:
    """What a connection starts: nothing, so that a program that somebody stopped stays away.

    A template, because systemd does not open a socket whose service runs: each has an instance of its own.
    """
    return {
        "name": name,
        "sandbox": "daemon",
        "sections": {
            "Unit": {"Description": description},
            "Service": {"Type": "oneshot", "RemainAfterExit": True, "DynamicUser": True, "ExecStart": "/bin/true"},
        },
    }


def requires(sockets: list[str]) -> dict[str, Any]:
    """The directives of the section Unit of a program: without its addresses it does not start, and it may always."""
    return {"Requires": sockets, "StartLimitIntervalSec": 0}

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles from which people of a hub choose: what their entries must be, and what the hub learns of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import DENIED, NAMES, values_of
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import sandbox, variables
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.amounts import amounts
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import HUB_GROUP, ONE_LINE, PAGE

Settings = Mapping[str, Any]

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
# What a sandbox of the systemd role says of the network. Addresses that are allowed count before those that are denied.
DENY, ALLOW = "IPAddressDeny", "IPAddressAllow"
NETWORK = (DENY, ALLOW, "PrivateNetwork")
# systemd-run takes the word `localhost` only where it stands alone.
LOOPBACK = "127.0.0.0/8 ::1/128"
# Closes the network as a whole, whatever the hub's own sandbox says of addresses.
NO_NETWORK = "air_gapped"


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the profiles themselves, each with its name, the rule and what to write instead."""
    profiles = settings["profiles"]
    names = [profile["name"] for profile in profiles]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name):
            yield f"jupyterhub_profiles: '{name}' must be small letters, digits and dashes, such as large-memory."
        if names.count(name) > 1:
            yield f"jupyterhub_profiles: {name} is there twice; leave one."
    for profile in profiles:
        yield from (f"jupyterhub_profiles: {profile['name']}: {text}" for text in _profile(profile, settings))
    if profiles and all(profile["groups"] for profile in profiles):
        yield (
            "jupyterhub_profiles: each one is for members of groups alone, and nobody else could start a server; leave "
            "groups out of one."
        )
    # Of several that somebody may have, one is taken without a choice.
    defaults = [profile["name"] for profile in profiles if profile["default"]]
    if len(defaults) > 1:
        yield f"jupyterhub_profiles: {', '.join(defaults)} are each the default; say so of one."


def sandbox_problems(settings: Settings, sandboxes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with the sandboxes of profiles beside that of the hub, which is one of `sandboxes`.

    systemd adds up the addresses of both, and what one allows the other cannot deny. So a profile may choose among
    addresses only where the hub's sandbox does not.
    """
    chosen = [profile for profile in settings["profiles"] if profile["sandbox"]]
    if settings["spawner"] != "systemd":
        for profile in chosen:
            yield (
                f"jupyterhub_profiles: {profile['name']}: sandbox is for jupyterhub_spawner: systemd; "
                f"{settings['spawner']} starts servers without a sandbox of ours."
            )
        return
    own = sandboxes[settings["sandbox"]]
    if values_of(own.get(ALLOW)) or values_of(own.get(DENY)) != [DENIED]:
        for profile in chosen:
            if profile["sandbox"] != NO_NETWORK:
                yield (
                    f"jupyterhub_profiles: {profile['name']}: sandbox: {profile['sandbox']} cannot be added to "
                    f"jupyterhub_sandbox: {settings['sandbox']}, which says itself which addresses are open; write "
                    f"sandbox: {NO_NETWORK}, or leave it out."
                )


def _profile(profile: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    for key in ("title", "description"):
        if not ONE_LINE.fullmatch(profile[key]):
            yield f"{key} must be one line."
    for group in profile["groups"]:
        if not HUB_GROUP.fullmatch(group):
            yield f"groups: '{group}' must be the name of a group of the hub, such as staff."
    yield from (f"limits: {text}" for text in amounts(profile["limits"]))
    if profile["limits"] and settings["spawner"] == "local":
        yield "limits are for jupyterhub_spawner: systemd or slurm; nothing limits the processes of local."
    if profile["default_url"] and not PAGE.fullmatch(profile["default_url"]):
        yield f"default_url: '{profile['default_url']}' must begin with a slash, such as /lab or /tree."
    yield from variables.problems("environment", profile["environment"])


def options(settings: Settings) -> list[dict[str, Any]]:
    """The profiles as the spawner has them."""
    profiles = [
        {**profile, "environment": variables.texts(profile["environment"]), "closing": _closing(profile["sandbox"])}
        for profile in settings["profiles"]
    ]
    return [{key: value for key, value in profile.items() if value} for profile in profiles]


def _closing(name: str) -> dict[str, str]:
    """Properties of a server's unit by which its network is as closed as in a sandbox; they add to the hub's own."""
    if not name:
        return {}
    shipped = sandbox.SHIPPED[name]
    words = {key: " ".join(values_of(shipped[key])).split() for key in NETWORK if key in shipped}
    closing = {key: " ".join(LOOPBACK if word == "localhost" else word for word in words[key]) for key in words}
    if name == NO_NETWORK:
        # A daemon that resolves names would be a way out.
        closing["InaccessiblePaths"] = " ".join(NAMES)
    return closing

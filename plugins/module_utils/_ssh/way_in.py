# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody comes in by a key and has sudo, where passwords are given up."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import keys, sshd, sudoers
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.administrators import has_password
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import Values
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.stage import Stage

_NO_SHELLS = ("nologin", "false", "sync")


def takes_passwords(effective: Values) -> bool:
    """Whether sshd lets people in by a password, from what holds in general."""
    asked = effective["passwordauthentication"] + effective.get("kbdinteractiveauthentication", ())
    return "yes" in asked


def require_way_in(stage: Stage, effective: Values, people: Iterable[dict[str, Any]], host: Host) -> None:
    """Requires that one of the people as declared, or an account that is not listed, comes in and has sudo.

    `effective` is what holds in general. Raises ValueError where nobody does, and SshdError.
    """
    absent = {person["name"] for person in people if person["state"] == "absent"}
    if any(_may_come(stage, effective, person, host) for person in people):
        return
    for entry in pwd.getpwall():
        usable = entry.pw_uid == 0 or is_person(entry.pw_uid)
        if usable and entry.pw_name not in absent and _comes_already(stage, entry, host):
            return
    raise ValueError(
        "Without passwords nobody could come in any more: there is no account with a key and with sudo for "
        "everything. Write an entry in ssh_access_administrators with authorized_keys and sudo: nopasswd, or leave "
        "`ssh_access_password_login: true`."
    )


def _may_come(stage: Stage, effective: Values, person: dict[str, Any], host: Host) -> bool:
    """Whether somebody of the list comes in by a key and has sudo, after the change."""
    name = person["name"]
    if person["state"] == "absent" or person["sudo"] == "none" or not person["authorized_keys"]:
        return False
    if sudoers.EVERYTHING not in person["sudo_commands"]:
        return False
    if name in host.accounts:
        effective = stage.effective(name)
    if "/.ssh/authorized_keys" not in "".join(sshd.key_files(effective, name, "/")):
        return False
    return sshd.admits(effective, name, {name, *person["unix_groups"], *_groups(host, name)})


def _comes_already(stage: Stage, entry: pwd.struct_passwd, host: Host) -> bool:
    """Whether an account that is not listed comes in by a key and has sudo."""
    name = entry.pw_name
    if os.path.basename(entry.pw_shell) in _NO_SHELLS:
        return False
    effective = stage.effective(name)
    if not sshd.admits(effective, name, _groups(host, name)):
        return False
    if not any(_holds_key(path) for path in sshd.key_files(effective, name, entry.pw_dir)):
        return False
    if entry.pw_uid == 0:
        return True
    sudo, account = stage.sudo_of(name), host.accounts.get(name)
    # The host knows no password of an account from elsewhere, such as LDAP, which was not asked for by its name.
    return sudo == "nopasswd" or (sudo == "password" and (account is None or has_password(account)))


def _groups(host: Host, name: str) -> set[str]:
    account = host.accounts.get(name)
    own = {group.name for group in host.groups.values() if account and group.gid == account.gid}
    return own | host.groups_of().get(name, set())


def _holds_key(path: str) -> bool:
    """Whether a file of keys lets anybody in. It may be anything, because it belongs to somebody."""
    try:
        text = beneath.text(path)
    except (OSError, ValueError):
        return False
    return text is not None and bool(keys.keys(text))

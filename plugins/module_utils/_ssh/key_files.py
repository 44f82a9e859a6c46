# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of keys in the homes of administrators: what has to change, and the change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, AccountPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.home import KEYS, MORE_KEYS, Home
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.keys import merged


@dataclass(frozen=True)
class KeyPlan:
    """Names of accounts to the texts of their files of keys, and files that go, as pairs of account and file."""

    write: dict[str, str]
    remove: list[tuple[str, str]]

    def changed(self) -> list[str]:
        """The names of all whose files change."""
        return sorted({*self.write, *(name for name, _file in self.remove)})


def plan_keys(people: Iterable[dict[str, Any]], accounts: Mapping[str, Account], account_plan: AccountPlan) -> KeyPlan:
    """From the people as declared, the accounts of the host, and what changes of them.

    Raises ValueError, which begins with the name, where something in a home stands in the way.
    """
    write: dict[str, str] = {}
    remove: list[tuple[str, str]] = []
    for person in people:
        name = person["name"]
        with _named(name):
            if person["state"] == "absent":
                remove += [(name, file) for file in _left(name, accounts.get(name), account_plan)]
                continue
            # An account whose home is made has no keys yet.
            home = None if name in account_plan.homes else _home(accounts[name])
            text = _changed(home, person)
            if text is not None:
                write[name] = text
            if home and home.has(MORE_KEYS) and person["exclusive_keys"]:
                remove.append((name, MORE_KEYS))
    return KeyPlan(write, remove)


def apply_keys(plan: KeyPlan, accounts: Mapping[str, Account]) -> None:
    """Writes and removes files of keys; `accounts` are those that are there now. Raises ValueError as `plan_keys`."""
    for name, text in plan.write.items():
        with _named(name):
            _home(accounts[name]).write(text)
    for name, file in plan.remove:
        with _named(name):
            _home(accounts[name]).remove(file)


def _left(name: str, account: Account | None, account_plan: AccountPlan) -> list[str]:
    """The files of keys of somebody who leaves, and whose home stays."""
    if account is None or name in account_plan.remove or not os.path.isdir(account.home):
        return []
    home = _home(account)
    return [file for file in (KEYS, MORE_KEYS) if home.has(file)]


def _changed(home: Home | None, person: dict[str, Any]) -> str | None:
    """The text of a file of keys that has to be written; None where the file is right."""
    before, is_right = "", False
    if home:
        before = home.read() or ""
        is_right = home.is_right() if home.has(KEYS) else not person["authorized_keys"]
    after = merged(before, person["authorized_keys"], person["exclusive_keys"])
    return after if after != before or (after and not is_right) else None


def _home(account: Account) -> Home:
    return Home(account.home, account.uid, account.gid)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Puts the name of a person before the errors of their files."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None

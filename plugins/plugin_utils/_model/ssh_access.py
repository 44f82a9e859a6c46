# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Administrators of a host: what their entries must be, and what sshd is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import GROUP, HASH, NAME
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import keys as authorized_keys
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given, InputError

COMMAND = re.compile(r"ALL|/[^\n,]+")
KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]+")
DIRECTORY = re.compile(r"[/~][^\n]*")
# Groups that the distributions give sudo to.
SUDO_GROUPS = {"admin", "root", "sudo", "wheel"}
# Options of sshd that have a variable of their own, or would begin something that our file does not end.
RESERVED = {
    "passwordauthentication": "ssh_access_password_login",
    "kbdinteractiveauthentication": "ssh_access_password_login",
    "challengeresponseauthentication": "ssh_access_password_login",
    "permitrootlogin": "ssh_access_root_login",
    "maxauthtries": "ssh_access_max_auth_tries",
    "allowtcpforwarding": "ssh_access_forwarding",
    "allowstreamlocalforwarding": "ssh_access_forwarding",
    "include": "a file of your own below /etc/ssh/sshd_config.d",
    "match": "a file of your own below /etc/ssh/sshd_config.d",
}


FORWARDING = {"local": "local", "all": "yes", "none": "no"}
ROOT_LOGIN = {"keys": "prohibit-password", "never": "no"}
# What a host of administrators does without, unless ssh_access_options says otherwise.
OPTIONS = {
    "X11Forwarding": "no",
    "AllowAgentForwarding": "no",
    "LoginGraceTime": 30,
    "ClientAliveInterval": 60,
    "ClientAliveCountMax": 10,
}
# In check mode a key that is to be made cannot be read yet; this one is nobody's.
FUTURE_KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43} to be generated"


def problems(given: Given) -> list[str]:
    """What is wrong with the entries: each with the person's name, the rule and what to write instead."""
    settings, people = given.settings, given.settings["administrators"]
    found = [*_names(people), *_settings(settings)]
    for person in people:
        if person["state"] == "present":
            found += [f"ssh_access_administrators: {person['name']}: {text}" for text in _person(person, settings)]
    return found


def plan(given: Given) -> dict[str, Any]:
    """The keys to make on the controller, and the values of the drop-in for sshd."""
    settings = given.settings
    passwords, forwarding = "yes" if settings["password_login"] else "no", FORWARDING[settings["forwarding"]]
    return {
        "state": settings["state"],
        "key_directory": str(_key_directory(given)),
        "generated": [person["name"] for person in settings["administrators"] if _is_generated(person)],
        "sshd": {
            "PasswordAuthentication": passwords,
            "KbdInteractiveAuthentication": passwords,
            "PermitRootLogin": ROOT_LOGIN[settings["root_login"]],
            "PubkeyAuthentication": "yes",
            "PermitEmptyPasswords": "no",
            "StrictModes": "yes",
            "MaxAuthTries": settings["max_auth_tries"],
            "AllowTcpForwarding": forwarding,
            "AllowStreamLocalForwarding": forwarding,
            **OPTIONS,
            **settings["options"],
        },
    }


def secrets(given: Given) -> dict[str, Any]:
    """The administrators with hashes of passwords and with the keys that were made for them. Raises InputError."""
    return {"administrators": [_administrator(person, given) for person in given.settings["administrators"]]}


def _administrator(person: dict[str, Any], given: Given) -> dict[str, Any]:
    keys = list(person["authorized_keys"])
    if _is_generated(person):
        path = _key_directory(given) / f"{person['name']}.pub"
        if not path.is_file() and not given.host.get("check_mode"):
            raise InputError(f"ssh_access_administrators: {person['name']}: there is no key in {path}.")
        keys.append(path.read_text(encoding="utf-8").strip() if path.is_file() else FUTURE_KEY)
    return {**{key: value for key, value in person.items() if key != "generate_key"}, "authorized_keys": keys}


def _is_generated(person: dict[str, Any]) -> bool:
    return person["state"] == "present" and person["generate_key"]


def _key_directory(given: Given) -> Path:
    return Path(given.settings["key_directory"]).expanduser()


def _names(people: list[dict]) -> Iterator[str]:
    names = [person["name"] for person in people]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or name == "root" or names.count(name) > 1:
            yield (
                f"ssh_access_administrators: '{name}' must be the name of one account only and never root, of small "
                "letters, digits, '_', '-' and '.', 32 at most, a letter first; write for example ada."
            )


def _settings(settings: dict) -> Iterator[str]:
    if not 2 <= settings["max_auth_tries"] <= 20:
        yield (
            "ssh_access_max_auth_tries must be from 2 to 20, since each key that somebody has counts as a try "
            f"(got {settings['max_auth_tries']}); write for example 4."
        )
    for keyword, value in settings["options"].items():
        name = keyword.lower()
        if name in RESERVED:
            yield f"ssh_access_options: {keyword} is said elsewhere; use {RESERVED[name]}."
        elif not KEYWORD.fullmatch(keyword):
            yield f"ssh_access_options: '{keyword}' is no keyword of sshd_config(5), such as LoginGraceTime."
        elif isinstance(value, (bool, dict, list)) or not str(value).strip() or len(str(value).splitlines()) != 1:
            yield (
                f"ssh_access_options: {keyword} must be one line of text or a number; for a yes or no, write "
                '"yes" or "no" in quotes.'
            )
        elif name == "permitemptypasswords" and str(value).lower() != "no":
            yield "ssh_access_options: PermitEmptyPasswords lets everybody in; leave it out."
        elif name == "pubkeyauthentication" and str(value).lower() != "yes":
            yield "ssh_access_options: PubkeyAuthentication is how administrators come in; leave it out."


def _person(person: dict, settings: dict) -> Iterator[str]:
    keys = bool(person["authorized_keys"] or person["generate_key"])
    if not keys and person["exclusive_keys"]:
        if not person["password_hash"]:
            yield (
                "could not come in; write authorized_keys, or generate_key: true. To leave the keys as they are on the "
                "host, write exclusive_keys: false."
            )
        elif not settings["password_login"]:
            yield (
                "has a password alone, which is not asked for; write authorized_keys, or "
                "ssh_access_password_login: true."
            )
    for number, line in enumerate(person["authorized_keys"], 1):
        problem = authorized_keys.problem(line)
        if problem:
            yield f"authorized_keys: entry {number} {problem}."
    found = [authorized_keys.Key.read(line) for line in person["authorized_keys"]]
    if any(key and found.count(key) > 1 for key in found):
        yield "authorized_keys lists a key twice; leave one of the two out."
    if person["generate_key"] and not DIRECTORY.fullmatch(settings["key_directory"]):
        yield (
            "generate_key needs ssh_access_key_directory, an absolute path on the controller or one that begins with "
            "~; write for example ~/.ssh/hosts."
        )
    if person["password_hash"] and not HASH.fullmatch(person["password_hash"]):
        yield "password_hash is no hash in the form of crypt(5); write what `openssl passwd -6` prints."
    wrong = [command for command in person["sudo_commands"] if not COMMAND.fullmatch(command)]
    if wrong or not person["sudo_commands"]:
        yield (
            "sudo_commands must list ALL, or absolute paths of programs with their arguments, such as "
            f"/usr/bin/systemctl restart nginx; for no sudo, write sudo: none. Got: {', '.join(wrong) or 'nothing'}."
        )
    wrong = [group for group in person["unix_groups"] if not GROUP.fullmatch(group) or group in SUDO_GROUPS]
    if wrong:
        yield (
            "unix_groups must list names of groups that do not stand for sudo; for that, write sudo: password or sudo: "
            f"nopasswd. Got: {', '.join(wrong)}."
        )

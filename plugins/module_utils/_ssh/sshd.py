# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the host's sshd what it makes of a configuration, and has it load one. `run` is that of a module."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces

MAIN = "/etc/ssh/sshd_config"
DIRECTORY = "/etc/ssh/sshd_config.d"
# The first value that sshd reads is the one that holds, so that this file has to come before others.
NAME = "00-nbops.conf"
PATH = f"{DIRECTORY}/{NAME}"
SERVICE = "ssh.service"
# Where systemd listens for sshd, as Ubuntu has it.
SOCKET = "ssh.socket"

RELOAD_SECONDS = 20
# sshd refuses to test anything without it; it is there as long as the service runs.
_RUNTIME_DIRECTORY = "/run/sshd"

Values = dict[str, tuple[str, ...]]


class SshdError(Exception):
    """sshd does not take a configuration; the text says why."""


class Sshd:
    """The host's sshd. `run` is an AnsibleModule's run_command, `executable` the path of sshd.

    Methods that ask for a configuration change nothing on the host. Methods raise SshdError.
    """

    def __init__(self, run: Callable[..., tuple[int, str, str]], executable: str) -> None:
        self._run = run
        self._executable = executable

    def effective(self, replacements: Mapping[str, str], user: str = "", address: str = "") -> Values:
        """What holds with other directories in the place of the host's; for one person, with what matches only them."""
        condition = ["-C", f"user={user},host={address or 'localhost'},addr={address or '127.0.0.1'}"] if user else []
        return self._ask(replacements, *condition)

    def alone(self, path: str) -> Values:
        """What one file says by itself, in sshd's own words."""
        return self._ask({}, "-f", path)

    def _ask(self, replacements: Mapping[str, str], *arguments: str) -> Values:
        argv = [self._executable, "-T", *arguments]
        with _runtime_directory() as runtime:
            mounts = {**replacements, **runtime}
            rc, out, err = self._run(namespaces.command(mounts, argv) if mounts else argv)
        if rc != 0:
            raise SshdError(err.strip() or out.strip())
        found: dict[str, tuple[str, ...]] = {}
        for line in out.splitlines():
            keyword, _space, value = line.partition(" ")
            found[keyword] = (*found.get(keyword, ()), value)
        return found

    def reload(self) -> bool:
        """Has the service read its configuration; returns whether it runs."""
        main = self._property("MainPID")
        if self._property("ActiveState") != "active" or main == "0":
            return False  # what systemd starts for each connection reads it each time
        # A reload makes sshd forget the socket that it got, and try to open one in the same place. Nobody notices a
        # restart: systemd goes on to listen, and the service leaves open connections alone.
        is_behind_socket = self._run(["systemctl", "is-active", "--quiet", SOCKET])[0] == 0
        before = _listening(main)
        rc, out, err = self._run(["systemctl", "restart" if is_behind_socket else "reload", SERVICE])
        if rc != 0:
            raise SshdError((err or out).strip())
        if is_behind_socket:
            return True
        # It closes its sockets, starts itself anew and opens others.
        deadline = time.monotonic() + RELOAD_SECONDS
        while not _listening(main) - before:
            if self._property("ActiveState") != "active" or time.monotonic() > deadline:
                raise SshdError(self._run(["journalctl", f"--unit={SERVICE}", "--lines=10", "--output=cat"])[1].strip())
            time.sleep(0.02)
        return True

    def restart(self) -> None:
        """Has the service run again after it did not survive a reload."""
        if self._property("ActiveState") != "active":
            self._run(["systemctl", "restart", SERVICE])

    def _property(self, name: str) -> str:
        return self._run(["systemctl", "show", f"--property={name}", "--value", SERVICE])[1].strip()


def keywords(text: str) -> list[str]:
    """The keywords that a file sets, in small letters as sshd tells them."""
    return [match[1].lower() for match in re.finditer(r"^\s*([A-Za-z0-9]+)[\s=]", text, re.MULTILINE)]


def differences(ours: Values, text: str, effective: Values) -> list[str]:
    """Keywords of our text whose effective values are others."""
    return [keyword for keyword in keywords(text) if effective.get(keyword) != ours.get(keyword)]


def origins(keyword: str) -> list[str]:
    """The places of the host's configuration, apart from our file, that set a keyword."""
    found = []
    for path in [MAIN, *sorted(glob.glob(f"{DIRECTORY}/*.conf"))]:
        if path == PATH:
            continue
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
            found += [f"{path}:{n}" for n, line in enumerate(lines, 1) if keyword in keywords(f"{line}\n")]
    return found


def is_included() -> bool:
    """Whether the main configuration reads our directory."""
    with contextlib.suppress(OSError), open(MAIN, encoding="utf-8", errors="replace") as file:
        return bool(re.search(r"^\s*Include\s.*sshd_config\.d/\*", file.read(), re.MULTILINE | re.IGNORECASE))
    return False


def admits(effective: Values, user: str, groups: set[str]) -> bool:
    """Whether sshd lets an account in at all, by the lists of users and groups, and takes keys from it."""
    if effective.get("pubkeyauthentication", ("yes",))[-1] == "no":
        return False
    if user == "root" and effective.get("permitrootlogin", ("yes",))[-1] in ("no", "forced-commands-only"):
        return False

    def names(keyword: str, candidates: set[str]) -> bool:
        patterns = [pattern.partition("@")[0] for line in effective.get(keyword, ()) for pattern in line.split()]
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in candidates)

    if names("denyusers", {user}) or names("denygroups", groups):
        return False
    allowed = "allowusers" not in effective or names("allowusers", {user})
    return allowed and ("allowgroups" not in effective or names("allowgroups", groups))


def key_files(effective: Values, user: str, home: str) -> list[str]:
    """Paths where sshd looks for a person's keys."""
    paths = [path for line in effective.get("authorizedkeysfile", ()) for path in line.split() if path != "none"]
    found = [path.replace("%u", user).replace("%h", home).replace("%%", "%") for path in paths]
    return [os.path.join(home, path) for path in found]


@contextlib.contextmanager
def _runtime_directory() -> Iterator[dict[str, str]]:
    """The mounts with which sshd finds its directory; none where the host has it.

    It would be in /run, which is the same in every mount namespace. So sshd gets a directory in the place of /run, from
    which links lead to everything else in /run: accounts may come from services that listen there.
    """
    if os.path.isdir(_RUNTIME_DIRECTORY):
        yield {}
        return
    parent, name = os.path.split(_RUNTIME_DIRECTORY)
    with tempfile.TemporaryDirectory() as directory:
        others, place = os.path.join(directory, "others"), os.path.join(directory, "run")
        for path in (others, place, os.path.join(place, name)):
            os.mkdir(path, 0o755)
        for path in glob.glob(os.path.join(parent, "*")):
            os.symlink(os.path.join(others, os.path.basename(path)), os.path.join(place, os.path.basename(path)))
        # In this order: afterwards the parent is the new directory.
        yield {others: parent, parent: place}


def _listening(pid: str) -> set[str]:
    """The sockets on which a process listens, by their numbers."""
    listening = set()
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with contextlib.suppress(OSError), open(table, encoding="ascii") as file:
            listening |= {f"socket:[{line.split()[9]}]" for line in file.readlines()[1:] if line.split()[3] == "0A"}
    found = set()
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(path))
    return found & listening

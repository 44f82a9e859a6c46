# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of restic: whether it can be opened, and what is done with it.

Secrets reach restic by files and by the environment of this process, never on a command line. restic reads its other
settings from there, too, so that all that it runs is said once.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner

DIRECTORY = "/etc/nbops-backup"
SETTINGS = f"{DIRECTORY}/settings.json"
SECRETS = f"{DIRECTORY}/secrets"
KNOWN_HOSTS = f"{DIRECTORY}/known_hosts"
CACHE = "/var/cache/nbops-backup"
# Names of the secrets; each is a file in a directory of root's.
PASSWORD, ENVIRONMENT, KEY = "password", "environment.json", "ssh_key"
SECRET_NAMES = (PASSWORD, ENVIRONMENT, KEY)
TAG = "nbops"
# How a module is told of a repository; plugins/doc_fragments/_repository.py documents it.
ARGUMENTS = {
    "repository": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "environment": {"type": "dict", "default": {}, "no_log": True},
    "ssh_key": {"type": "str", "default": "", "no_log": True},
    "known_hosts": {"type": "str", "default": ""},
}

RESTIC = "restic"
# restic's exit status: some files could not be read; and from 0.17, no repository, locked, wrong password.
_INCOMPLETE, _NONE, _LOCKED, _PASSWORD = 3, 10, 11, 12
_SFTP = re.compile(
    r"sftp:(?://)?(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:/\[\]]+)(?::(?P<port>[0-9]+)?)?/?.*"
)


class RepositoryError(Exception):
    """The repository refuses something; the text says what, and what to do about it."""


class NoRepositoryError(RepositoryError):
    """There is no repository at the place yet."""


def secret_texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The files of the secrets by their names, of those that are given, from a module's parameters."""
    texts = {
        PASSWORD: parameters["password"],
        ENVIRONMENT: json.dumps(parameters["environment"], sort_keys=True) if parameters["environment"] else "",
        KEY: parameters["ssh_key"] and parameters["ssh_key"].strip() + "\n",
    }
    return {name: text for name, text in texts.items() if text}


def ssh_command(repository: str, key: str, known_hosts: str) -> str:
    """How restic reaches a repository by sftp, empty for another kind; `key` may be empty.

    A host whose key is not in the file `known_hosts` is not spoken to.
    """
    if not repository.startswith("sftp:"):
        return ""
    found = _SFTP.fullmatch(repository)
    if found is None:
        raise RepositoryError(f"{repository} names no host")
    options = [
        *("-o", "BatchMode=yes", "-o", "ConnectTimeout=20"),
        *("-o", "ServerAliveInterval=60", "-o", "ServerAliveCountMax=4"),
        *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known_hosts}"),
        *("-o", "GlobalKnownHostsFile=none"),
        *(["-i", key, "-o", "IdentitiesOnly=yes"] if key else []),
        *(["-p", found["port"]] if repository.startswith("sftp://") and found["port"] else []),
        *(["-l", found["user"]] if found["user"] else []),
    ]
    return shlex.join(["ssh", *options, "-s", "--", found["host"].strip("[]"), "sftp"])


class Repository:
    """A repository, with its secrets in files of a directory.

    Methods raise RepositoryError where restic fails, and OSError where it cannot be started.
    """

    def __init__(self, address: str, secrets: str, known_hosts: str = KNOWN_HOSTS, cache: str = CACHE) -> None:
        """Sets what restic reads from the environment of this process. Raises OSError, ValueError for damaged secrets.

        `secrets` is the path of the directory.
        """
        self.address = address
        key = os.path.join(secrets, KEY)
        command = ssh_command(address, key if os.path.exists(key) else "", known_hosts)
        self._options = ["--option", f"sftp.command={command}"] if command else []
        environment_file = os.path.join(secrets, ENVIRONMENT)
        if os.path.exists(environment_file):
            with open(environment_file, encoding="utf-8") as file:
                os.environ.update(json.load(file))
        os.environ.update(
            RESTIC_REPOSITORY=_with_login(address),
            RESTIC_PASSWORD_FILE=os.path.join(secrets, PASSWORD),
            RESTIC_CACHE_DIR=cache,
        )

    def require(self) -> None:
        """Raises NoRepositoryError where there is none yet, RepositoryError where it does not open."""
        self._run("cat", "config")

    def create(self) -> None:
        """Makes the repository."""
        self._run("init")

    def unlock(self) -> None:
        """Takes away the locks that killed runs left. Those of live processes stay."""
        self._run("unlock")

    def backup(self, host: str, paths: str, excludes: str) -> bool:
        """Makes a snapshot of the paths in one file, without what the patterns in another one match.

        Returns whether every file could be read.
        """
        # By itself restic compares with the last snapshot of the same paths, and so with none after a new person came.
        last = [word for snapshot in self.snapshots(host)[-1:] for word in ("--parent", snapshot["id"])]
        status, _out, _err = self._run(
            *("backup", "--quiet", "--host", host, "--tag", TAG, *last),
            *("--files-from-verbatim", paths, "--exclude-file", excludes),
            accepted=(0, _INCOMPLETE),
        )
        return status == 0

    def forget(self, host: str, keep: Mapping[str, int]) -> None:
        """Removes the snapshots of a host beyond those to keep, and what no other snapshot needs.

        `keep` has numbers by the words of restic, such as `daily`.
        """
        counts = [word for unit, number in keep.items() if number for word in (f"--keep-{unit}", str(number))]
        self._run("forget", "--quiet", "--prune", "--host", host, "--tag", TAG, "--group-by", "host,tags", *counts)

    def check(self, share: str) -> None:
        """Checks the repository, and by reading it a share of its data, such as 5%."""
        self._run("check", "--quiet", f"--read-data-subset={share}")

    def snapshots(self, host: str) -> list[dict[str, Any]]:
        """The snapshots of a host, the oldest first."""
        _status, out, _err = self._run("snapshots", "--json", "--no-lock", "--host", host, "--tag", TAG)
        return sorted(json.loads(out) or [], key=lambda snapshot: snapshot["time"])

    def size(self, snapshot: str) -> int:
        """The bytes that a whole restore of a snapshot takes."""
        _status, out, _err = self._run("stats", "--json", "--no-lock", "--mode", "restore-size", snapshot)
        return json.loads(out)["total_size"]

    def read(self, snapshot: str, path: str) -> bytes:
        """The content of a file in a snapshot."""
        return self._run("dump", "--no-lock", snapshot, path)[1]

    def restore(self, snapshot: str, paths: Sequence[str], target: str) -> None:
        """Restores paths of a snapshot below a directory, with owners, modes, lists and attributes."""
        patterns = [re.sub(r"([\\*?\[])", r"\\\1", path) for path in paths]
        included = [word for pattern in patterns for word in ("--include", pattern)]
        self._run("restore", "--quiet", "--no-lock", snapshot, *included, "--target", target)

    def _run(self, *words: str, accepted: Sequence[int] = (0,)) -> tuple[int, bytes, bytes]:
        status, out, err = runner.run(RESTIC, *self._options, *words)
        if status in accepted:
            return status, out, err
        raise explained(status, err.decode(errors="replace"), self.address)


def opened(parameters: Mapping[str, Any], directory: str) -> Repository:
    """The repository of a module's parameters, with secrets and cache in a directory of root's. Raises OSError."""
    known_hosts = os.path.join(directory, "known_hosts")
    for name, text in {**secret_texts(parameters), "known_hosts": parameters["known_hosts"]}.items():
        atomic.write(os.path.join(directory, name), text.encode(), 0o600)
    return Repository(parameters["repository"], directory, known_hosts, os.path.join(directory, "cache"))


def _with_login(address: str) -> str:
    """An address of rest-server with the login that the environment has: before 0.16, restic reads it there alone."""
    name, password = (os.environ.get(f"RESTIC_REST_{part}", "") for part in ("USERNAME", "PASSWORD"))
    if not (address.startswith("rest:") and name):
        return address
    scheme, _slashes, rest = address.partition("://")
    return f"{scheme}://{quote(name, safe='')}:{quote(password, safe='')}@{rest}"


def explained(status: int, message: str, address: str) -> RepositoryError:
    """What restic's status and message mean, in the words of each of Debian's versions."""
    text = " ".join(line.strip() for line in message.splitlines() if line.strip())
    if status == _PASSWORD or "wrong password or no key found" in text:
        return RepositoryError(f"{address}: backup_password does not open this repository")
    if "Host key verification failed" in text or "host key is known" in text:
        return RepositoryError(
            f"{address}: the host's key is not in backup_known_hosts; `ssh-keyscan HOST` prints it, and whoever runs "
            "the host can tell whether that is true"
        )
    if "Permission denied (" in text:
        return RepositoryError(f"{address}: the host does not let backup_ssh_key in")
    if status == _NONE or "Is there a repository at the following location" in text:
        return NoRepositoryError(
            f"{address}: there is no repository ({text}); mount its disk, write in backup_repository where the "
            "backups are, or let nbops.jupyter.backup make one there"
        )
    if status == _LOCKED or "already locked" in text:
        return RepositoryError(f"{address}: another run has locked the repository ({text})")
    return RepositoryError(f"{address}: {text or f'restic ended with {status}'}")

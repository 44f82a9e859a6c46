# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a backup of this host, and checks the repository; runs on the host without Ansible.

What has to be consistent is copied into a stage first, and described there by a manifest with the hash of each file.
Homes and shared folders are read where they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import read_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import HASH, Account, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic, beneath, locks, sqlite, textfile
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none, text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore
from ansible_collections.nbops.jupyter.plugins.module_utils._state import certificates, mounts
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import (
    COPY,
    ELSEWHERE,
    FILES,
    LOCKS,
    MANIFEST,
    POSTGRESQL,
    SQLITE,
    STAGE,
    STATE,
    STATUS,
    Manifest,
    Person,
    kept_groups,
    lab_files,
    postgresql_address,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import Repository

OK = "ok"
# Where node_exporter of Debian reads metrics; nothing is written where the directory does not exist.
TEXTFILES, METRICS = "/var/lib/prometheus/node-exporter", "nbops_backup.prom"
_OS_RELEASE = "/etc/os-release"


class BackupError(Exception):
    """A backup is not whole; the text says what is missing."""


def backup(settings: dict[str, Any], repository: Repository) -> None:
    """Makes a snapshot, and removes those that are too old.

    Raises BackupError where something is missing in it, RepositoryError, and OSError. Another run is waited for.
    """
    with _alone(), _noted("last_backup"):
        repository.unlock()
        paths = Collection(settings).run()
        files = {
            "paths": "".join(f"{path}\n" for path in [STAGE, *paths]),
            "excludes": "".join(f"{line}\n" for line in excludes(settings["exclude"], paths)),
        }
        for name, text in files.items():
            atomic.write(f"{STATE}/{name}", text.encode(), 0o600)
        mounts.follow_no_links(paths)
        mounts.give_up_rights()
        whole = repository.backup(settings["host"], f"{STATE}/paths", f"{STATE}/excludes")
        if settings["prune"]:
            repository.forget(settings["host"], settings["keep"])
        if not whole:
            raise BackupError("some files could not be read; the journal names them")


def check(settings: dict[str, Any], repository: Repository) -> None:
    """Checks the repository by reading a share of it. Raises RepositoryError and OSError."""
    with _alone(), _noted("last_check"):
        repository.unlock()
        repository.check(settings["check_read"])


def _alone() -> contextlib.AbstractContextManager[None]:
    """Waits until no other run of ours is in the repository: a check wants it alone."""
    return locks.alone(f"{STATE}/lock")


@contextlib.contextmanager
def _noted(key: str) -> Iterator[None]:
    """Notes how a run ended, for whoever asks the host for its status."""
    result = "it was interrupted"
    try:
        yield
        result = OK
    except Exception as error:
        result = str(error)
        raise
    finally:
        status = json.loads(read_or_none(STATUS) or b"{}")
        now = time.time()
        succeeded = now if result == OK else status.get(key, {}).get("succeeded")
        status[key] = {"time": now, "result": result, **({"succeeded": succeeded} if succeeded else {})}
        atomic.write(STATUS, (json.dumps(status) + "\n").encode(), 0o644)
        if os.path.isdir(TEXTFILES):
            atomic.write(f"{TEXTFILES}/{METRICS}", _metrics(status).encode(), 0o644)


def _metrics(status: dict[str, Any]) -> str:
    """When backup and check last went well, and whether the last one did, for node_exporter."""
    runs = {key.removeprefix("last_"): status[key] for key in ("last_backup", "last_check") if key in status}
    times = {name: run["succeeded"] for name, run in runs.items() if "succeeded" in run}
    return textfile.metric(
        "nbops_backup_success",
        "gauge",
        "Whether the last run went well, as 1 or 0.",
        [({"run": name}, str(int(run["result"] == OK))) for name, run in runs.items()],
    ) + textfile.metric(
        "nbops_backup_last_success_timestamp_seconds",
        "gauge",
        "Time of the last run that went well.",
        [({"run": name}, f"{succeeded:.0f}") for name, succeeded in times.items()],
    )


def excludes(patterns: list[str], paths: list[str]) -> list[str]:
    """Patterns for restic: each holds below the given paths alone, so that nothing of the stage is ever left out."""
    places = [re.sub(r"([\\*?\[])", r"\\\1", path) for path in paths]
    found = [pattern for pattern in patterns if pattern.startswith("/")]
    found += [f"{place}/**/{pattern}" for place in places for pattern in patterns if not pattern.startswith("/")]
    # restic takes a dollar for the beginning of a variable.
    return [line.replace("$", "$$") for line in found]


class Collection:
    """Collects what goes into a snapshot of this host."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """`settings` has the parts of the host, as the role writes them."""
        self._hub: dict[str, str] = settings["hub"]
        self._labs: list[dict[str, str]] = settings["labs"]
        self._settings = settings
        self._files: dict[str, str] = {}
        self._locks: dict[str, str] = {}
        self._versions = _system()

    def run(self) -> list[str]:
        """Fills the stage, and returns the directories that are read where they are.

        Raises BackupError and OSError; then the stage has no manifest.
        """
        shutil.rmtree(STAGE, ignore_errors=True)
        os.makedirs(STAGE, mode=0o700)
        names = {lab["user"] for lab in self._labs}
        if self._hub:
            self._collect_hub()
            names |= self._hub_people()
        for lab in self._labs:
            for path in lab_files(lab["name"]):
                self._copy_of_person(path)
        for path, data in certificates.collected().items():
            self._write(f"{FILES}{path}", data)
        for path in self._settings["environments"]:
            self._copy_lock(path)
        people = list(_people(names, self._hub.get("name", ""), self._settings["homes"]))
        missing = [path for path in self._settings["paths"] if not os.path.isdir(path)]
        if missing:
            raise BackupError(f"backup_paths: {', '.join(missing)} is no directory")
        paths = self._directories(people)
        manifest = Manifest(
            host=self._settings["host"],
            time=time.time(),
            hub=self._hub.get("name", ""),
            database=self._hub.get("database", ""),
            labs=tuple(lab["name"] for lab in self._labs),
            versions=self._versions,
            people=tuple(people),
            paths=tuple(paths),
            locks=self._locks,
            files=self._files,
        )
        self._write(MANIFEST, manifest.text().encode())
        return sorted({*(person.data for person in people if person.data), *paths})

    def _directories(self, people: list[Person]) -> list[str]:
        """What is read beside homes: as the inventory says, and where labs have notebooks outside of all homes."""
        homes = [path for person in people if person.data for path in (person.data, person.home)]
        found = set(self._settings["paths"])
        for lab in self._labs if self._settings["homes"] else []:
            path = lab["root_dir"]
            if not path or _is_below(path, homes):
                continue
            if not _is_directory(path):
                raise BackupError(f"root_dir of the lab {lab['name']}: {path} is no directory; its disk may be missing")
            found.add(path)
        return sorted(path for path in found if not _is_below(path, found - {path}))

    def _collect_hub(self) -> None:
        name, database = self._hub["name"], self._hub["database"]
        self._copy_directory(f"/etc/{name}/secrets")
        self._copy_directory(f"/var/lib/{name}/backups")
        if database == SQLITE:
            copy_sqlite(self._hub["file"], f"{STAGE}/{COPY}")
        elif database == POSTGRESQL:
            dump_postgresql(name, f"{STAGE}/{COPY}")
        if database != ELSEWHERE:
            self._note(COPY)
        marker = ReleaseStore(f"/opt/{name}/hub")
        packages = (marker.marker(marker.current()) or {}).get("packages", {})
        self._versions["jupyterhub"] = packages.get("jupyterhub", "")

    def _hub_people(self) -> set[str]:
        """The members of the hub's group, and of its users those that have an account."""
        name, database = self._hub["name"], self._hub["database"]
        group = read_host([], [name]).groups.get(name)
        users = set()
        if database == SQLITE:
            users = sqlite_users(f"{STAGE}/{COPY}")
        elif database == POSTGRESQL:
            users = postgresql_users(name)
        return {*(group.members if group else ()), *users}

    def _copy_of_person(self, path: str) -> None:
        """Copies a file whose directory may belong to a person, who could put a link in its place."""
        data = beneath.read(path)
        if data is not None:
            self._write(f"{FILES}{path}", data)

    def _copy_directory(self, directory: str) -> None:
        """Copies the files of a directory of root's; a missing one has none."""
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
                if entry.is_file(follow_symlinks=False):
                    with open(entry.path, "rb") as file:
                        self._write(f"{FILES}{entry.path}", file.read())

    def _copy_lock(self, path: str) -> None:
        store = ReleaseStore(path)
        current = store.current()
        lock = text_or_none(os.path.join(store.directory(current), "lock.txt")) if current else None
        # An environment without Python's packages has none.
        if lock:
            name = f"{LOCKS}/{len(self._locks)}.txt"
            self._locks[path] = name
            self._write(name, lock.encode())

    def _write(self, name: str, data: bytes) -> None:
        path = os.path.join(STAGE, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        atomic.write(path, data, 0o600)
        if name != MANIFEST:
            self._note(name)

    def _note(self, name: str) -> None:
        self._files[name] = digest(os.path.join(STAGE, name))


def _is_directory(path: str) -> bool:
    """Whether a path leads to a directory without a link of a person's in the way, which would not be followed.

    A link in its place would be kept instead of what it leads to.
    """
    try:
        with beneath.place(path) as found:
            status = found.status()
    except (FileNotFoundError, ValueError):
        return False
    return status is not None and stat.S_ISDIR(status.st_mode)


def _is_below(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of others, or in one of them."""
    return any(f"{path}/".startswith(f"{other}/") for other in others)


def digest(path: str) -> str:
    """The SHA-256 of a file. Raises OSError."""
    made = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            made.update(block)
    return made.hexdigest()


def copy_sqlite(source: str, target: str) -> None:
    """Copies a database that is in use, with all that was committed. Raises BackupError."""
    if problem := sqlite.copy(source, target, timeout=60):
        raise BackupError(f"{source} cannot be copied: {problem}")
    os.chmod(target, 0o600)


def sqlite_users(path: str) -> set[str]:
    """The names of a hub's users. Raises BackupError."""
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return {name for (name,) in database.execute("SELECT name FROM users")}
    except sqlite3.Error as error:
        raise BackupError(f"{path} is no database of a hub: {error}") from None


def dump_postgresql(hub: str, target: str) -> None:
    """Dumps the database of a hub on this host. Raises BackupError."""
    options = ("--format=custom", "--no-password", f"--file={target}", f"--dbname={postgresql_address(hub)}")
    status, _out, err = runner.run("pg_dump", *options)
    if status != 0:
        raise BackupError(f"the database of {hub} cannot be copied: {err.decode(errors='replace').strip()}")
    os.chmod(target, 0o600)


def postgresql_users(hub: str) -> set[str]:
    """The names of the users of a hub on this host. Raises BackupError."""
    options = ("--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--command=SELECT name FROM users")
    status, out, err = runner.run("psql", *options, f"--dbname={postgresql_address(hub)}")
    if status != 0:
        raise BackupError(f"the users of {hub} cannot be read: {err.decode(errors='replace').strip()}")
    return set(out.decode().splitlines())


def _people(names: set[str], hub: str, with_homes: bool) -> Iterator[Person]:
    host = read_host(names, [])
    shells = {fields[0]: fields[6] for fields in _passwd_lines() if len(fields) == 7}
    groups_of, by_gid = host.groups_of(), {group.gid: group.name for group in host.groups.values()}
    for name in sorted(names):
        account = host.accounts.get(name)
        # The hub knows people without an account, and accounts of the system are the distribution's.
        if account is None or not is_person(account.uid) or account.gid not in by_gid:
            continue
        groups = {group: host.groups[group].gid for group in groups_of.get(name, set())}
        yield Person(
            name=name,
            uid=account.uid,
            gid=account.gid,
            group=by_gid[account.gid],
            comment=account.comment,
            home=account.home,
            login_shell=shells.get(name, "/bin/bash"),
            local=account.local,
            groups=kept_groups(groups, hub),
            password=account.shadow if HASH.fullmatch(account.shadow) else "",
            expires=account.expires,
            data=_data(account, host) if with_homes else "",
        )


def _data(account: Account, host: Host) -> str:
    """The directory of a home, empty where there is none of the account's own."""
    path = os.path.realpath(account.home)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ""
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid
    shared = [other.name for other in host.accounts.values() if other.home == account.home and other.uid != account.uid]
    return path if is_own and not shared else ""


def _passwd_lines() -> list[list[str]]:
    return [line.split(":") for line in (text_or_none("/etc/passwd") or "").splitlines()]


def _system() -> dict[str, str]:
    found = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', text_or_none(_OS_RELEASE) or "", re.MULTILINE))
    return {
        "system": f"{found.get('ID', '')} {found.get('VERSION_ID', '')}".strip(),
        "python": platform.python_version(),
    }

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the state of another host, or of an earlier day, in its place on this one.

Everything comes out of the repository into directories that root alone can enter, and is looked at there. Of what root
places, the manifest decides neither owner nor mode nor place.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import read_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic, beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import (
    has_tables,
    restore_postgresql,
    restore_sqlite,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._state import certificates
from ansible_collections.nbops.jupyter.plugins.module_utils._state.backup import digest
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import (
    COPY,
    FILES,
    LABS,
    MANIFEST,
    POSTGRESQL,
    STAGE,
    STATE,
    Manifest,
    ManifestError,
    Person,
    account_problems,
    lab_files,
    parse,
    postgresql_address,
    strangers,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import Repository, RepositoryError

# Which snapshot a restore places, from before its first change; `done` once all is in place.
RECORD = f"{STATE}/restored.json"
INCOMING = f"{STATE}/incoming"
# Beside a home, where only root can enter; on the same file system, so that one rename puts a home in place.
_STAGING = ".nbops-restore"
# So many homes come out of the repository at once: each start of restic opens the repository anew, which takes half a
# second, and compares each file with all that is wanted.
_BATCH = 25
# What of a file's attributes would give rights that its person cannot give.
_PRIVILEGED = ("security.", "trusted.")

RunCommand = Callable[..., "tuple[int, str, str]"]
# Groups by accounts, as numbers; the account's own group is the first.
Owners = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Wanted:
    """What the inventory says of the host: its hub, empty for none, the kind of its database with its file, its labs.

    `paths` are other directories.
    """

    hub: str
    database: str
    file: str
    labs: list[str]
    paths: list[str]


@dataclass
class Outcome:
    """What a restore did, or would do."""

    accounts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.accounts or self.files or self.homes or self.paths)


class Snapshot:
    """One snapshot of a repository, with its manifest."""

    def __init__(self, repository: Repository, host: str, chosen: str) -> None:
        """`chosen` is `latest`, or the beginning of the id of a snapshot.

        Raises ManifestError where there is none, or none that this collection can restore, and RepositoryError.
        """
        found = repository.snapshots(host)
        matching = found[-1:] if chosen == "latest" else [one for one in found if one["id"].startswith(chosen)]
        if len(matching) != 1:
            known = ", ".join(f"{one['short_id']} of {one['time'][:16]}" for one in found[-5:]) or "none"
            raise ManifestError(
                f"there is no snapshot '{chosen}' of {host} in the repository; the last ones are: {known}"
            )
        self._repository = repository
        self.id: str = matching[0]["id"]
        try:
            text = repository.read(self.id, f"{STAGE}/{MANIFEST}")
        except RepositoryError as error:
            raise ManifestError(
                f"the snapshot {self.id[:8]} has no manifest, so it is no whole backup ({error})"
            ) from None
        self.manifest = parse(text)

    def size(self) -> int:
        """The bytes that all of it takes. Raises RepositoryError."""
        return self._repository.size(self.id)

    def restore(self, paths: Sequence[str], target: str) -> None:
        """Restores paths below an empty directory."""
        self._repository.restore(self.id, paths, target)


def is_restored(snapshot: Snapshot) -> bool:
    """Whether all of a snapshot is in place on this host already."""
    return _is_of(snapshot) and bool(_record().get("done"))


def problems(snapshot: Snapshot, wanted: Wanted, run_command: RunCommand) -> list[str]:
    """Everything that keeps a snapshot from this host; nothing is changed. Raises OSError.

    `run_command` is an AnsibleModule's.
    """
    made = snapshot.manifest
    found = []
    if wanted.hub and made.hub != wanted.hub:
        found.append(
            f"the snapshot has {f'the hub {made.hub}' if made.hub else 'no hub'}, and the inventory {wanted.hub}"
        )
    elif wanted.hub and made.database != wanted.database:
        found.append(
            f"the snapshot's database is {made.database}, and the inventory's is {wanted.database}: give "
            "jupyterhub_database the value that the old host had"
        )
    found += [f"the snapshot has no lab {lab}" for lab in wanted.labs if lab not in made.labs]
    found += strangers(made, wanted.hub, wanted.labs, wanted.paths)
    found += account_problems(made.people, read_host([person.name for person in made.people], []))
    parents = _parents(made)
    for parent in parents:
        try:
            require_own(parent)
        except ValueError as error:
            found.append(str(error))
    found += room_problems(snapshot, parents, free_bytes)
    if not _is_of(snapshot):
        occupied = [f"{path} exists" for path in _occupied(wanted) if os.path.lexists(path)]
        if wanted.database == POSTGRESQL and has_tables(run_command, postgresql_address(wanted.hub)):
            occupied.append(f"the database {wanted.hub} has tables")
        found += [
            f"{what}: this host has a state of its own, which a restore does not replace; restore to another host, or "
            "remove it with state: absent first"
            for what in occupied
        ]
    elif wanted.hub and run_command(["systemctl", "is-active", "--quiet", f"{wanted.hub}.service"])[0] == 0:
        found.append(f"{wanted.hub}.service runs on a state that is half in place; `systemctl stop {wanted.hub}`")
    return found


def _parents(made: Manifest) -> list[str]:
    """The directories that homes and other directories are in."""
    paths = [*(person.home for person in made.people if person.data), *made.paths]
    return sorted({os.path.dirname(path) for path in paths})


def room_problems(snapshot: Snapshot, parents: list[str], free: Callable[[str], tuple[int, int]]) -> list[str]:
    """Says where a snapshot does not fit; `free` tells of a path its file system, and the bytes that are free there.

    Homes and directories, in `parents`, are most of it. How much goes to which of several file systems, nobody knows
    before.
    """
    room = sum(dict(map(free, parents)).values())
    size = snapshot.size() if parents else 0
    if size <= room:
        return []
    places = ", ".join(parents)
    return [f"the snapshot takes {size >> 20} MiB, and there are {room >> 20} MiB free below {places}"]


def free_bytes(path: str) -> tuple[int, int]:
    """The file system where a path is or would be made, and the bytes that are free there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return os.stat(path).st_dev, status.f_bavail * status.f_frsize


def _occupied(wanted: Wanted) -> Iterator[str]:
    """What is on a host that has one of these parts."""
    if wanted.hub:
        yield from (f"/etc/{wanted.hub}/secrets", *([wanted.file] if wanted.file else []))
    yield from (path for lab in wanted.labs for path in lab_files(lab))


def _is_of(snapshot: Snapshot) -> bool:
    """Whether this host was restored from a snapshot, at least in part."""
    return _record().get("snapshot") == snapshot.id


def _record() -> dict[str, Any]:
    """What the last restore has noted. A damaged note is of no snapshot: the host counts as never restored."""
    try:
        return json.loads(read_or_none(RECORD) or b"{}")
    except ValueError:
        return {}


def locks(snapshot: Snapshot, repository: Repository) -> dict[str, str]:
    """The texts of the locks by the directories of environments. Raises ManifestError and RepositoryError."""
    found = {}
    for path, name in snapshot.manifest.locks.items():
        data = repository.read(snapshot.id, f"{STAGE}/{name}")
        if hashlib.sha256(data).hexdigest() != snapshot.manifest.files[name]:
            raise ManifestError(f"the snapshot's {name} is not what its manifest says; choose another snapshot")
        found[path] = data.decode()
    return found


class Restore:
    """Places a snapshot on this host. Each step goes on where an interrupted run ended."""

    def __init__(self, snapshot: Snapshot, wanted: Wanted, run_command: RunCommand) -> None:
        """`run_command` is an AnsibleModule's."""
        self._snapshot = snapshot
        self._manifest: Manifest = snapshot.manifest
        self._wanted = wanted
        self._run_command = run_command
        here = read_host([person.name for person in self._manifest.people], []).accounts
        missing = [person.name for person in self._manifest.people if person.name not in here]
        before = _record() if _is_of(snapshot) else {}
        # Those that an interrupted run has made are completed, too, and what it has put in place is not brought again.
        self._own = sorted({*missing, *before.get("accounts", [])})
        self._placed: list[str] = before.get("placed", [])
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Raises ManifestError where the repository has something else than the manifest says, and OSError."""
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        self._note(done=False)
        incoming = self._fetch()
        self._make_accounts()
        self._place_files(incoming)
        self._place_certificates(incoming)
        self._place_database(os.path.join(incoming, COPY))
        self._place_homes()
        for path in self._manifest.paths:
            if path not in self._placed:
                self._place_path(path)
                self._placed.append(path)
                self._note(done=False)
        shutil.rmtree(INCOMING)
        self._note(done=True)
        return self.outcome

    def _note(self, done: bool) -> None:
        record = {"snapshot": self._snapshot.id, "accounts": self._own, "placed": self._placed, "done": done}
        atomic.write(RECORD, (json.dumps(record) + "\n").encode(), 0o600)

    def _fetch(self) -> str:
        """Gets the stage out of the repository, and compares each file with the manifest."""
        shutil.rmtree(INCOMING, ignore_errors=True)
        os.makedirs(INCOMING, mode=0o700)
        self._snapshot.restore([STAGE], INCOMING)
        stage = INCOMING + STAGE
        for name, expected in self._manifest.files.items():
            path = os.path.join(stage, name)
            if os.path.realpath(path) != path or not os.path.isfile(path) or digest(path) != expected:
                raise ManifestError(f"the snapshot's {name} is not what its manifest says; choose another snapshot")
        return stage

    def _make_accounts(self) -> None:
        for person in self._manifest.people:
            host = read_host([person.name], [person.group, *person.groups])
            if person.group not in host.groups:
                self._run("groupadd", "--gid", str(person.gid), "--", person.group)
            if person.name not in self._own:
                continue
            for group, gid in person.groups.items():
                if group not in host.groups:
                    # The role of the hub makes its group as one of the system, whose numbers differ from host to host.
                    number = ["--system"] if group == self._wanted.hub else ["--gid", str(gid)]
                    self._run("groupadd", *number, "--", group)
            if person.name not in host.accounts:
                self._make_account(person)
            if person.password:
                self._run("chpasswd", "--encrypted", data=f"{person.name}:{person.password}")
            if person.expires:
                # One that was locked stays locked.
                self._run("usermod", "--expiredate", person.expires, "--", person.name)
            self.outcome.accounts.append(person.name)

    def _make_account(self, person: Person) -> None:
        numbers = ("--uid", str(person.uid), "--gid", str(person.gid))
        self._run(
            *("useradd", *numbers, "--no-create-home", "--home-dir", person.home),
            *(["--groups", ",".join(person.groups)] if person.groups else []),
            *("--shell", person.login_shell, "--comment", person.comment, "--", person.name),
        )

    def _run(self, *command: str, data: str | None = None) -> None:
        status, out, err = self._run_command(list(command), data=data)
        if status != 0:
            raise ManifestError(f"{command[0]}: {(err or out).strip()}")

    def _place_files(self, stage: str) -> None:
        for name, expected in sorted(self._manifest.files.items()):
            target = name.removeprefix(FILES)
            if target == name or certificates.is_ours(target):
                continue
            if os.path.exists(target) and digest(target) == expected:
                continue
            source, directory = os.path.join(stage, name), os.path.dirname(target)
            if not os.path.isdir(directory):
                os.makedirs(os.path.dirname(directory), mode=0o755, exist_ok=True)
                os.mkdir(directory, directory_mode(directory))
            with open(source, "rb") as file:
                atomic.write(target, file.read(), 0o600)
            self.outcome.files.append(target)

    def _place_certificates(self, stage: str) -> None:
        files = {}
        for name in sorted(self._manifest.files):
            if certificates.is_ours(name.removeprefix(FILES)):
                with open(os.path.join(stage, name), "rb") as file:
                    files[name.removeprefix(FILES)] = file.read()
        placed, left_out = certificates.place(files, atomic.write)
        self.outcome.files += placed
        self.outcome.left_out += left_out

    def _place_database(self, copy: str) -> None:
        if COPY not in self._manifest.files:
            return
        if self._wanted.database == POSTGRESQL:
            restore_postgresql(self._run_command, postgresql_address(self._wanted.hub), "", copy)
            self.outcome.files.append(postgresql_address(self._wanted.hub))
            return
        directory = os.path.dirname(self._wanted.file)
        if not os.path.isdir(directory):
            os.makedirs(os.path.dirname(directory), mode=0o755, exist_ok=True)
            os.mkdir(directory, 0o700)
        restore_sqlite(copy, self._wanted.file)
        self.outcome.files.append(self._wanted.file)

    def _place_homes(self) -> None:
        people = [person for person in self._manifest.people if person.data and person.home not in self._placed]
        accounts = read_host([person.name for person in people], []).accounts

        def places(person: Person) -> tuple[str, str]:
            """Where a home lies in the snapshot and here: homes beside each other cannot lie in each other."""
            return os.path.dirname(person.data), os.path.dirname(os.path.realpath(accounts[person.name].home))

        for _places, neighbours in itertools.groupby(sorted(people, key=places), places):
            while batch := list(itertools.islice(neighbours, _BATCH)):
                data = [person.data for person in batch]
                with _fetched(self._snapshot, data, accounts[batch[0].name].home) as fetched:
                    for person in batch:
                        self._place_home(fetched[person.data], accounts[person.name])
                        self._placed.append(person.home)
                        self._note(done=False)

    def _place_home(self, fetched: str, account: Account) -> None:
        self.outcome.left_out += claim(fetched, self._owners(), account.uid, account.gid)
        if os.path.lexists(account.home) and not _is_empty(account.home):
            self.outcome.homes[account.name] = put_beside(fetched, account.home, account.uid)
        else:
            os.rename(fetched, account.home)
            self.outcome.homes[account.name] = account.home

    def _owners(self) -> Owners:
        """Root and the people of the snapshot, each with their groups: what they had is theirs again."""
        return {0: (0,), **{person.uid: _gids(person) for person in self._manifest.people}}

    def _place_path(self, path: str) -> None:
        with _fetched(self._snapshot, [path], path) as fetched:
            self.outcome.left_out += claim(fetched[path], self._owners(), 0, 0)
            there = os.path.lexists(path) and not _is_empty(path)
            target = f"{path}.{restored_name()}" if there else path
            os.rename(fetched[path], target)
            self.outcome.paths.append(target)


def require_home(snapshot: Snapshot, name: str) -> tuple[Person, Account]:
    """A person of the snapshot and their account here. Raises ManifestError where one of them has no home."""
    person = next((one for one in snapshot.manifest.people if one.name == name), None)
    account = read_host([name], []).accounts.get(name)
    if person is None or not person.data:
        raise ManifestError(f"the snapshot has no home of {name}")
    if account is None or not os.path.isdir(account.home):
        raise ManifestError(f"{name} has no account with a home on this host")
    return person, account


def restore_home(snapshot: Snapshot, name: str) -> Outcome:
    """Brings the home of one person beside what they have on this host. Raises ManifestError and OSError."""
    person, account = require_home(snapshot, name)
    outcome = Outcome()
    with _fetched(snapshot, [person.data], account.home) as places:
        fetched = places[person.data]
        outcome.left_out = claim(fetched, {0: (0,), account.uid: (account.gid,)}, account.uid, account.gid)
        outcome.homes[name] = put_beside(fetched, account.home, account.uid)
    return outcome


def directory_mode(path: str) -> int:
    """The mode of a directory that is made for files of a snapshot: a lab's person reads other files beside ours."""
    return 0o755 if path.startswith(f"{LABS}/") else 0o700


@contextlib.contextmanager
def _fetched(snapshot: Snapshot, paths: Sequence[str], target: str) -> Iterator[dict[str, str]]:
    """Where directories of a snapshot are, by their paths: beside a target, where only root can reach them."""
    parent = os.path.dirname(os.path.realpath(target))
    os.makedirs(parent, mode=0o755, exist_ok=True)
    require_own(parent)
    staging = os.path.join(parent, _STAGING)
    shutil.rmtree(staging, ignore_errors=True)
    os.mkdir(staging, 0o700)
    try:
        snapshot.restore(paths, staging)
        for path in paths:
            if os.path.realpath(staging + path) != staging + path or not os.path.isdir(staging + path):
                raise ManifestError(f"the snapshot has no directory {path}")
        yield {path: staging + path for path in paths}
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def claim(directory: str, owners: Owners, uid: int, gid: int) -> list[str]:
    """Gives what was restored to those whom it may belong to, and returns what was left out.

    `owners` has the groups by the accounts that keep their files, the first for files of other groups; files of other
    accounts go to `uid` and `gid`. Devices, pipes and sockets are no files of people's; setuid and file capabilities
    are rights that they could not give. Lists and other attributes stay. Only root can enter the directory.
    """
    left_out = []
    for folder, folders, files in os.walk(directory):
        for path in ([folder] if folder == directory else []) + [
            os.path.join(folder, name) for name in (*folders, *files)
        ]:
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
                os.unlink(path)
                left_out.append(path.removeprefix(directory))
                continue
            owner = status.st_uid if status.st_uid in owners else uid
            groups = owners.get(owner, (gid,))
            # Not the group of the home: what its owner shows a group of theirs, nobody else reads.
            group = status.st_gid if status.st_gid in groups else groups[0]
            if owner != status.st_uid or group != status.st_gid:
                os.chown(path, owner, group, follow_symlinks=False)
            for attribute in os.listxattr(path, follow_symlinks=False):
                if attribute.startswith(_PRIVILEGED):
                    os.removexattr(path, attribute, follow_symlinks=False)
            if kind == stat.S_IFREG:
                os.chmod(path, stat.S_IMODE(status.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
    return left_out


def put_beside(fetched: str, home: str, uid: int) -> str:
    """Moves a restored home into the home of its person, under a name that is free, and returns the path.

    Raises ValueError where the way there is not the person's, and OSError.
    """
    target = os.path.join(os.path.realpath(home), restored_name())
    with beneath.place(target) as found:
        if found.holder != uid or found.status() is not None:
            raise ValueError(f"{target} exists already, or {home} is not its person's")
        os.rename(fetched, found.name, dst_dir_fd=found.directory)
    return target


def restored_name() -> str:
    """What a restored home is called beside the one that is in use."""
    return time.strftime("restored-%Y-%m-%d-%H%M%S")


def _gids(person: Person) -> tuple[int, ...]:
    return (person.gid, *person.groups.values())


def _is_empty(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)

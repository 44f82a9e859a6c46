# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot says of the host that it was made of: the form of its manifest, and what is wrong with one.

Nothing here reads a host. What comes out of a repository is somebody's word: it is checked before root acts on it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    HASH,
    NAME,
    PRIVILEGED_GROUPS,
    Host,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._state import certificates

LAYOUT = 1
STATE = "/var/lib/nbops-backup"
STAGE = f"{STATE}/stage"
# How the last backup and the last check ended, which the playbook status reads.
STATUS = f"{STATE}/status.json"
MANIFEST = "manifest.json"
# Below these in the stage, files keep the path that they have on the host.
FILES, LOCKS = "files", "locks"
# Kinds of a hub's database, and where a copy stands below the stage. One elsewhere is for its own server to back up.
SQLITE, POSTGRESQL, ELSEWHERE = "sqlite", "postgresql", "elsewhere"
COPY = "database"
# Where labs have their configuration, which their people read.
LABS = "/etc/jupyterlab"

_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_COMMENT = re.compile(r"[^:\x00-\x1f\x7f]*")
_PATH = re.compile(r"(/[^/\x00-\x1f\x7f]+)+")
_SHELL = re.compile(r"(/[A-Za-z0-9_.+-]+)+")
_OF_THE_SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|lib|lib32|lib64|opt|proc|root|run|sbin|sys|tmp|usr|var/(backups|cache|log|mail|run|spool|tmp))(/.*)?"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ManifestError(Exception):
    """A snapshot cannot be restored; each argument is one problem."""


@dataclass(frozen=True)
class Person:
    """An account, and the home that is in the snapshot, empty where it is not.

    `groups` has the other groups of the account with their numbers, `password` the hash of one that it can log in with.
    """

    name: str
    uid: int
    gid: int
    group: str
    comment: str
    home: str
    login_shell: str
    local: bool
    groups: dict[str, int] = field(default_factory=dict)
    password: str = ""
    expires: str = ""
    data: str = ""


@dataclass(frozen=True)
class Manifest:
    """The state of a host in a snapshot.

    `versions` has those of the distribution, its Python, and JupyterHub. `files` are hashes by
    paths below the stage, `locks` paths below the stage by the directories of environments, `paths` other directories.
    """

    host: str
    time: float
    hub: str
    database: str
    labs: tuple[str, ...]
    versions: dict[str, str]
    people: tuple[Person, ...]
    paths: tuple[str, ...]
    locks: dict[str, str]
    files: dict[str, str]

    def text(self) -> str:
        """As it stands in the snapshot."""
        return json.dumps({"layout": LAYOUT, **asdict(self)}, indent=1) + "\n"


def parse(text: bytes) -> Manifest:
    """Raises ManifestError where it is damaged, of a later form, or says what no backup of ours says."""
    try:
        found = json.loads(text)
        layout = found.pop("layout")
        if layout != LAYOUT:
            raise ManifestError(f"the snapshot has the layout {layout}; restore it with the collection that made it")
        people = tuple(Person(**person) for person in found.pop("people"))
        made = Manifest(**{**found, "people": people, "labs": tuple(found["labs"]), "paths": tuple(found["paths"])})
        wrong = list(_strange(made))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"the snapshot's manifest is damaged ({type(error).__name__}: {error})") from None
    if wrong:
        raise ManifestError(*wrong)
    return made


def _strange(made: Manifest) -> Iterator[str]:
    """What none of our backups would say: a snapshot is not trusted to lead root elsewhere."""
    for person in made.people:
        texts = {
            "name": NAME.fullmatch(person.name),
            "number": is_person(person.uid) and is_person(person.gid),
            "group": _GROUP.fullmatch(person.group)
            and person.group not in PRIVILEGED_GROUPS
            and all(_GROUP.fullmatch(name) and is_kept(name, gid, made.hub) for name, gid in person.groups.items()),
            "comment": _COMMENT.fullmatch(person.comment),
            "home": is_home(person.home) and (not person.data or is_home(person.data)),
            "shell": _SHELL.fullmatch(person.login_shell),
            "password": not person.password or HASH.fullmatch(person.password),
            "expiry": not person.expires or person.expires.isdigit(),
        }
        for what, is_right in texts.items():
            if not is_right:
                yield f"the snapshot's account {person.name!r} has a {what} that no person's account has"
    for path in (*made.files, *made.locks.values()):
        if path != COPY and (not is_path(f"/{path}") or path.partition("/")[0] not in (FILES, LOCKS)):
            yield f"the snapshot has a file at {path!r}, where no backup puts one"
    if not all(_DIGEST.fullmatch(digest) for digest in made.files.values()):
        yield "the snapshot's manifest has hashes that are none"
    for path, lock in made.locks.items():
        if not is_path(path) or lock not in made.files:
            yield f"the snapshot has a lock for {path!r}, where no environment is"
    for path in made.paths:
        if not is_path(path):
            yield f"the snapshot has the directory {path!r}, which is no path"


def is_path(path: str) -> bool:
    """Whether a text is an absolute path in its simplest form."""
    return bool(_PATH.fullmatch(path)) and posixpath.normpath(path) == path


def is_home(path: str) -> bool:
    """Whether a path can be the home of a person: not one of the directories that the system has for itself."""
    return is_path(path) and ":" not in path and path.count("/") > 1 and not _OF_THE_SYSTEM.fullmatch(path)


def kept_groups(groups: Mapping[str, int], hub: str) -> dict[str, int]:
    """The groups that follow an account to another host: the hub's, and those of people.

    Whom the inventory puts into other groups, the role of the hub puts there again.
    """
    return {name: gid for name, gid in sorted(groups.items()) if is_kept(name, gid, hub)}


def is_kept(name: str, gid: int, hub: str) -> bool:
    """Whether a group may follow an account."""
    return name not in PRIVILEGED_GROUPS and (is_person(gid) or name == hub)


def account_problems(people: tuple[Person, ...], host: Host) -> list[str]:
    """Names and numbers of the snapshot that mean somebody else on this host."""
    found = []
    by_uid = {account.uid: name for name, account in host.accounts.items()}
    by_gid = {group.gid: name for name, group in host.groups.items()}
    for person in people:
        account = host.accounts.get(person.name)
        if account is None and not person.local:
            found.append(f"{person.name} came from a directory service, and this host does not know it")
        elif account is not None and account.uid != person.uid:
            found.append(
                f"{person.name} has the number {person.uid} in the snapshot, and {account.uid} here; "
                f"`usermod --uid {person.uid} {person.name}`, or take the account away"
            )
        elif account is None and person.uid in by_uid:
            found.append(f"the number {person.uid} of {person.name} belongs to {by_uid[person.uid]} here")
        groups = {name: gid for name, gid in person.groups.items() if is_person(gid)}
        for name, gid in {person.group: person.gid, **groups}.items():
            group = host.groups.get(name)
            if group is not None and group.gid != gid:
                found.append(f"the group {name} has the number {gid} in the snapshot, and {group.gid} here")
            elif group is None and gid in by_gid:
                found.append(f"the number {gid} of the group {name} belongs to {by_gid[gid]} here")
    return list(dict.fromkeys(found))


def strangers(made: Manifest, hub: str, labs: list[str], paths: list[str]) -> list[str]:
    """What of the snapshot belongs to no part that the inventory has: root places nothing else."""
    folders = {LOCKS, *([f"{FILES}/etc/{hub}/secrets", f"{FILES}/var/lib/{hub}/backups"] if hub else [])}
    single = {f"{FILES}{path}" for lab in labs for path in lab_files(lab)} | ({COPY} if hub else set())
    found = [
        f"the snapshot has {name.removeprefix(FILES)}, which belongs to nothing that the inventory has"
        for name in made.files
        if name not in single
        and posixpath.dirname(name) not in folders
        and not certificates.is_ours(name.removeprefix(FILES))
    ]
    return found + [
        f"the snapshot has {path}, which is neither among backup_paths nor a lab's root_dir"
        for path in made.paths
        if path not in paths
    ]


def lab_files(lab: str) -> list[str]:
    """What keeps the logins of a lab: the hash of its password, and what signs its cookies."""
    return [f"{LABS}/{lab}/config.json", f"/var/lib/jupyterlab/{lab}/cookie_secret"]


def postgresql_address(hub: str) -> str:
    """The database of a hub on this host, where root has a role of its own."""
    return f"postgresql:///{hub}?host=/run/postgresql"


def summary(made: Manifest) -> dict[str, Any]:
    """What a person wants to know of a snapshot."""
    return {
        "host": made.host,
        "time": made.time,
        "hub": made.hub,
        "labs": list(made.labs),
        "versions": made.versions,
        "people": [person.name for person in made.people],
    }

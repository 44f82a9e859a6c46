# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a host what its status is judged by. Changes nothing."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import glob
import grp
import json
import os
import platform
import pwd
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PROBE
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.certbot import OVERDUE_SHARE
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import SETTINGS, kept
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import days_left
from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.client import ApiError, HubClient
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import ask_postgresql
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import HubPaths, read_healthy_state
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.interpreter import Interpreter, probe
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import Pin, applicable
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import host_python
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import (
    ELSEWHERE,
    POSTGRESQL,
    SQLITE,
    STATUS,
    postgresql_address,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._status.rows import (
    Certificate,
    Cluster,
    Database,
    FileSystem,
    Node,
    People,
    Release,
    Server,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError, started_at

# What systemd logs when it starts a unit again that has failed, and when Linux killed a process of one for its memory.
RESTARTED = "5eb03494b6584870a536b337290809b3"
OUT_OF_MEMORY = "fe6faa94e7774663a0da52717891d8ef"
# Where the role certbot has not said otherwise.
CERTIFICATES = "/etc/ssl/jupyter"
# What fills up on a host, beside the directories of what is deployed.
PLACES = ("/", "/home", "/var")
REBOOT, REBOOT_PACKAGES = "/run/reboot-required", "/run/reboot-required.pkgs"
NEWEST_KERNEL, KERNEL_PREFIX = "/vmlinuz", "vmlinuz-"

# How people call the kinds of a hub's database, and the port by which PostgreSQL answers who names none.
KINDS = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL", ELSEWHERE: "a database on a server of its own"}
PORT = "5432"
# Seconds for an answer of a hub.
ANSWER_SECONDS = 30
# Below a release, where JupyterHub has the migrations of its database.
MIGRATIONS = ("lib", "python3*", "site-packages", "jupyterhub", "alembic", "versions", "*.py")
# Below a home, where pip puts what a person installs, by the name of the interpreter that reads it.
PACKAGES, PYTHON = ".local/lib", re.compile(r"python3\.\d+")
# Where interpreters are: of the system, of our environments, of kernels and other prefixes.
INTERPRETERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/*/bin",
    "/opt/*/*/bin",
    "/opt/*/current/bin",
    "/opt/*/*/current/bin",
)

# Releases in the order in which they follow each other: each brings another Python.
SYSTEMS = (("bookworm", "trixie", "forky", "duke"), ("jammy", "noble", "resolute"))

RunCommand = Callable[..., "tuple[int, str, str]"]


def events(run_command: RunCommand) -> dict[str, Counter[str]]:
    """How often within a day each unit was RESTARTED or OUT_OF_MEMORY, by these. Raises SystemdError."""
    fields = "--output-fields=MESSAGE_ID,UNIT"
    # Whoever has an account writes what looks like systemd's, but the journal says whose it is.
    wanted = [*(f"MESSAGE_ID={kind}" for kind in (RESTARTED, OUT_OF_MEMORY)), "_UID=0"]
    command = ["journalctl", "--quiet", "--no-pager", "--since=-24h", "--output=json", fields, *wanted]
    status, out, err = run_command(command)
    if status != 0:
        raise SystemdError(f"journalctl failed: {err.strip()}")
    found: dict[str, Counter[str]] = {RESTARTED: Counter(), OUT_OF_MEMORY: Counter()}
    for entry in map(json.loads, out.splitlines()):
        found[entry["MESSAGE_ID"]][entry.get("UNIT", "the host")] += 1
    return found


def of_ours(counted: Counter[str], patterns: list[str]) -> dict[str, int]:
    """The counts of the units that some patterns match."""
    return {
        name: times
        for name, times in counted.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def releases(run_command: RunCommand, locks: dict[str, list[list[str]]]) -> list[Release]:
    """The current release of each path; `locks` has the pins of each as name, version and marker."""

    # Most environments have the same interpreter.
    @functools.cache
    def asked(python: str) -> Interpreter | None:
        return probe(run_command, python)

    return [_release(asked, path, [Pin(*pin, text="") for pin in pins]) for path, pins in locks.items()]


def _release(asked: Callable[[str], Interpreter | None], path: str, pins: list[Pin]) -> Release:
    store = ReleaseStore(path)
    name = store.current()
    marker = store.marker(name)
    if marker is None:
        return Release(path, name, None, {})
    implementation = marker["python"]["tag"].partition("-")[0]
    environment = Interpreter("", implementation, marker["python"]["version"]).marker_environment()
    python = host_python(store.directory(name))
    interpreter = asked(python) if python else None
    return Release(path, name, marker, applicable(pins, environment), python, interpreter and interpreter.tag)


def certificates() -> tuple[list[Certificate], float]:
    """The certificates on the host, and the share of its life below which one should have been renewed."""
    settings = json.loads(read_or_none(SETTINGS) or b"{}")
    declared = {entry["name"] for entry in settings.get("certificates", [])}
    now = time.time()
    found = [
        Certificate(
            one.name,
            days_left(one.facts.not_after, now) if one.facts else 0,
            one.facts.share_left(now) if one.facts else 0.0,
            one.is_placeholder,
            one.name in declared,
            one.problem,
        )
        for one in kept(settings.get("directory", CERTIFICATES), declared)
    ]
    return found, settings.get("alarm_share", OVERDUE_SHARE)


def file_systems(directories: Iterable[str]) -> list[FileSystem]:
    """Those of the PLACES, and of directories as far as they exist, each once and by the first path."""
    paths: dict[int, str] = {}
    for path in (*PLACES, *directories):
        with contextlib.suppress(FileNotFoundError):
            paths.setdefault(os.stat(path).st_dev, path)
    return [_file_system(path) for path in paths.values()]


def _file_system(path: str) -> FileSystem:
    now = os.statvfs(path)
    # What is kept for root alone does not help those who write there.
    space = now.f_bavail / (now.f_blocks - now.f_bfree + now.f_bavail or 1)
    return FileSystem(path, space, now.f_favail / now.f_files if now.f_files else None)


def system(run_command: RunCommand) -> tuple[str, list[str]]:
    """The name of the release that runs, and those of later ones from which apt takes packages. Raises OSError."""
    name = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    # Also those whose lists apt has not fetched yet.
    status, out, err = run_command(["apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE)"])
    if status != 0:
        raise OSError(f"apt-get indextargets failed: {err.strip()}")
    # Such as trixie-updates and trixie/updates.
    named = {re.split(r"\W", line)[0] for line in out.splitlines()}
    later = next((names[names.index(name) + 1 :] for names in SYSTEMS if name in names), ())
    return name, [one for one in later if one in named]


def reboot() -> tuple[list[str] | None, str, str]:
    """The packages that ask for a reboot, None where nothing does; the kernel that runs, and the newest installed."""
    packages = None
    if os.path.exists(REBOOT):
        packages = (read_or_none(REBOOT_PACKAGES) or b"").decode(errors="replace").split()
    newest = os.path.basename(os.readlink(NEWEST_KERNEL)) if os.path.islink(NEWEST_KERNEL) else ""
    return packages, os.uname().release, newest.removeprefix(KERNEL_PREFIX)


def servers(systemd: Host, expected: list[dict[str, str]]) -> list[Server]:
    """The notebook servers that run; each of `expected` has a pattern of units and the path of their environment."""
    now, found = time.time(), []
    shown = systemd.show(systemd.active(*(one["units"] for one in expected))) if expected else {}
    for one in expected:
        store = ReleaseStore(one["path"])
        activated = store.activated().get(store.current() or "")
        for unit in fnmatch.filter(shown, one["units"]):
            start = started_at(shown[unit])
            found.append(Server(unit, now - start, activated is not None and start < activated))
    return found


def database(run_command: RunCommand, hub: dict[str, Any]) -> Database:
    """The database of a hub, which has its kind, and the path of its file. Raises OSError, SystemdError, ValueError."""
    paths = HubPaths(hub["name"], "")
    note = read_healthy_state(paths).note or {}
    upgrade = json.loads(read_or_none(paths.upgrade) or b"{}")
    known = {"version": note.get("version", ""), "upgrade": upgrade.get("to_version", "")}
    kind, path = KINDS[hub["kind"]], hub["database"]
    if hub["kind"] == POSTGRESQL:
        revision, size = _of_postgresql(run_command, hub["name"])
    elif path and os.path.exists(path):
        revision, size = _of_sqlite(path), os.path.getsize(path)
    else:
        silence = _silence(run_command, hub) if hub["kind"] == ELSEWHERE else ""
        return Database(hub["name"], kind, path, silence=silence, **known)
    return Database(hub["name"], kind, path, revision, size, _wanted_revision(paths.store("hub")), **known)


def _silence(run_command: RunCommand, hub: dict[str, Any]) -> str:
    """What a hub answers that gets no answer from its database; empty where it gets one, or does not run."""
    # systemd holds its address: a question would start a hub that was stopped.
    if not Host(run_command).active(f"{hub['name']}.service"):
        return ""
    token = (read_or_none(hub["token_file"]) or b"").decode().strip()
    answer = ""
    # Once its database is back, the hub's first question finds a connection that is gone.
    for _attempt in range(2):
        try:
            # Whose token it is, the hub has in its database: without that, it refuses the token.
            HubClient(hub["api_url"], token, ANSWER_SECONDS).call("GET", "/user")
            return ""
        except ApiError as error:
            answer = str(error)
    return answer


def _of_sqlite(path: str) -> str:
    # The standard library of a minimal Python lacks it.
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise ValueError(f"{path}: {error}") from None
    return revision[0] if revision else "none"


def _of_postgresql(run_command: RunCommand, hub: str) -> tuple[str, int]:
    """The revision and the size of a hub's database on this host."""
    if not shutil.which("psql"):
        raise OSError(f"{hub}: PostgreSQL is not installed; run the playbook")
    question = "SELECT version_num, pg_database_size(current_database()) FROM alembic_version"
    status, out, err = ask_postgresql(run_command, postgresql_address(hub), question)
    if status != 0:
        raise OSError(f"{hub}: {' '.join(err.split())}; see `pg_lsclusters`, or restore it")
    revision, _bar, size = out.strip().partition("|")
    return (revision, int(size)) if revision else ("none", 0)


def _wanted_revision(store: ReleaseStore) -> str:
    """The revision at which the migrations of the deployed hub end, empty where they do not say it."""
    release = store.current()
    pattern = os.path.join(store.directory(release), *MIGRATIONS) if release else ""
    texts = [(read_or_none(path) or b"").decode(errors="replace") for path in glob.glob(pattern)]
    before, own = (
        {match[1] for text in texts for match in re.finditer(rf"^{name} *= *['\"](\w+)['\"]", text, re.MULTILINE)}
        for name in ("down_revision", "revision")
    )
    ends = own - before
    return ends.pop() if len(ends) == 1 else ""


def clusters(run_command: RunCommand) -> list[Cluster]:
    """The servers of PostgreSQL on this host, with their data. Raises OSError."""
    if not shutil.which("pg_lsclusters"):
        return []
    status, out, err = run_command(["pg_lsclusters", "--no-header"])
    if status != 0:
        raise OSError(f"pg_lsclusters failed: {err.strip()}")
    # Version, name, port, and what is of no interest here.
    lines = [line.split() for line in out.splitlines()]
    return [Cluster(version, name, port == PORT) for version, name, port, *_rest in lines]


def nodes(run_command: RunCommand, partitions: Iterable[str]) -> list[Node]:
    """The nodes of some partitions of Slurm, each once. Raises OSError."""
    status, out, err = run_command(
        ["sinfo", "--noheader", "--Node", f"--partition={','.join(partitions)}", "--format=%N|%T|%E"]
    )
    if status != 0:
        raise OSError(f"sinfo failed: {err.strip()}")
    found = {Node(name, state, "" if reason == "none" else reason) for name, state, reason in _parts(out)}
    return sorted(found, key=lambda node: node.name)


def _parts(lines: str) -> Iterator[list[str]]:
    return (line.split("|", 2) for line in lines.splitlines())


def unread_packages(users: Iterable[str], groups: Iterable[str]) -> dict[str, set[str]]:
    """By directories such as python3.11, the users and the members of groups who have packages that no Python reads.

    Only names in directories are read: a link or a file of somebody else's in the way of a home is no packages.
    """
    members = (group.gr_mem for group in (_known(grp.getgrnam, name) for name in groups) if group)
    found: dict[str, set[str]] = {}
    for name in {*users, *(member for names in members for member in names)}:
        account = _known(pwd.getpwnam, name)
        for python in _pythons_of(os.path.join(account.pw_dir, PACKAGES)) if account else []:
            if not _interpreters(python):
                found.setdefault(python, set()).add(name)
    return found


def _pythons_of(directory: str) -> list[str]:
    """The names of the directories of a person's packages that hold some."""
    # A home on another host may also be closed to root.
    with contextlib.suppress(OSError, ValueError):
        names = [name for name in beneath.listing(directory) if PYTHON.fullmatch(name)]
        return [name for name in names if beneath.listing(os.path.join(directory, name, "site-packages"))]
    return []


def _interpreters(name: str) -> list[str]:
    """The interpreters of this name that are not in homes: of the system, of environments and of kernels."""
    return [path for place in INTERPRETERS for path in glob.glob(f"{place}/{name}") if os.path.exists(path)]


def people(hub: dict[str, Any]) -> People:
    """Who may log in to a hub, which has the names of those who are listed."""
    listed = frozenset(hub["people"])
    accounts = frozenset(name for name in listed if _known(pwd.getpwnam, name))
    group = _known(grp.getgrnam, hub["name"])
    members = frozenset(group.gr_mem if group else ()) - {PROBE}
    return People(hub["name"], listed, accounts, members)


def _known(ask: Callable[[str], Any], name: str) -> Any:
    try:
        return ask(name)
    except KeyError:
        return None


def failed_logins(run_command: RunCommand, hub: str) -> int:
    """How often a login to a hub failed within a day. Raises SystemdError."""
    command = ["journalctl", "--quiet", "--no-pager", "--since=-24h", f"--unit={hub}.service", "--output=cat"]
    status, out, err = run_command([*command, "--grep=Failed login for"])
    # Where no line fits, it ends with 1 and says nothing.
    if status not in (0, 1) or err.strip():
        raise SystemdError(f"journalctl failed: {err.strip()}")
    return len(out.splitlines())


def backup() -> tuple[dict[str, Any] | None, float]:
    """What the last backup left, None where nothing makes backups, and the time. Raises OSError, ValueError."""
    content = read_or_none(STATUS)
    return None if content is None else json.loads(content), time.time()

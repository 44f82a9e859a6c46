# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what was read from a host: each check makes rows, and a row that is not `ok` says what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import (
    EXPIRED,
    OVERDUE,
    UNISSUED,
    concern,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.history import MAIN_PACKAGES, main_first

OK, WARN, RED = "ok", "warn", "red"
# A unit that came back so often within a day does not work.
MANY_RESTARTS = 5
# Below these shares of free space, or free inodes, there is little time left, and almost none.
LOW, ALMOST_NONE = 0.15, 0.05
# Days in which a certificate that nothing renews is still replaced by hand.
LAST_DAYS = 7
MINUTE, HOUR, DAY = 60, 3600, 86400
# A daily backup that is not here by then was left out.
BACKUP_HOURS = 26
# More failed logins within a day than people who mistype.
MANY_LOGINS = 100
STARTED = ("active", "reloading", "refreshing")
# States of a node that takes jobs, now or when others have ended; marks behind them tell of power saving and plans.
TAKES_JOBS = ("allocated", "completing", "idle", "mixed", "planned")
SILENT = "*"


@dataclass(frozen=True)
class Row:
    """What one check found: its name, the state, and one sentence."""

    check: str
    state: str
    text: str


@dataclass(frozen=True)
class Release:
    """The current release of one environment.

    `name` is None where there is none, `marker` where it is not whole. `locked` has the versions that the inventory
    would deploy. `python` is the path of its interpreter and `tag` what it is, None where it does not start.
    """

    path: str
    name: str | None
    marker: dict[str, Any] | None
    locked: dict[str, str]
    python: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Certificate:
    """A certificate: the days and the share of its life that are left, or the problem that keeps it from being read."""

    name: str
    days: int = 0
    share: float = 0.0
    is_placeholder: bool = False
    is_declared: bool = False
    problem: str = ""


@dataclass(frozen=True)
class FileSystem:
    """The free shares of the file system at a path; `inodes` is None where they do not run out."""

    path: str
    space: float
    inodes: float | None


@dataclass(frozen=True)
class Server:
    """A notebook server that runs; `age` is in seconds, and it is old where its environment has a newer release."""

    unit: str
    age: float
    is_old: bool


@dataclass(frozen=True)
class Database:
    """The database of a hub and its notes.

    `kind` is how people call it. `path` is empty where it is not a file of the hub, `revision` and `size` (bytes) are
    None where there is none, or where it is for its own server to know. `wanted` is the revision of the deployed hub,
    empty where it is unknown. `version` is the JupyterHub that was last healthy with it, `upgrade` the one to which an
    upgrade has begun. `silence` is what the hub answers where its database does not.
    """

    hub: str
    kind: str
    path: str = ""
    revision: str | None = None
    size: int | None = None
    wanted: str = ""
    version: str = ""
    upgrade: str = ""
    silence: str = ""


@dataclass(frozen=True)
class Cluster:
    """A server of PostgreSQL with its data, as Debian makes one for each version. `answers` whoever names no port."""

    version: str
    name: str
    answers: bool

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


@dataclass(frozen=True)
class Node:
    """A node of Slurm, its state in the words of `sinfo`, and why it is out of service, empty if nobody has said."""

    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class People:
    """Who may log in to a hub by accounts of the host: those who are listed, have an account, are in its group."""

    hub: str
    listed: frozenset[str]
    accounts: frozenset[str]
    members: frozenset[str]


def visitors(shut: Iterable[str]) -> list[Row]:
    """What keeps people out, which somebody may have forgotten to take out again."""
    return [Row("visitors", WARN, f"{words}. Take it out and run the playbook when you are done.") for words in shut]


def units(states: Mapping[str, Mapping[str, str]], restarts: Mapping[str, int]) -> list[Row]:
    """The units that are to run, by systemd's properties, and how often each came back within a day."""
    missing = [name for name, now in states.items() if now["LoadState"] == "not-found"]
    found = [Row("units", RED, f"{_list(missing)}: not installed; run the playbook.")] if missing else []
    for name, now in states.items():
        if name in missing or now["ActiveState"] in STARTED:
            continue
        if now["ActiveState"] == "activating":
            found.append(Row("units", WARN, f"{name} is still starting; see journalctl --unit={name}."))
        else:
            result = "" if now["Result"] == "success" else f" ({now['Result']})"
            words = (
                f"{name} is {now['ActiveState']}{result}; see journalctl --unit={name}, then systemctl start {name}."
            )
            found.append(Row("units", RED, words))
    for name, times in sorted(restarts.items()):
        # A run or an administrator that started it anew may have mended it.
        since_started = int(states.get(name, {}).get("NRestarts", times))
        state = RED if min(times, since_started) >= MANY_RESTARTS else WARN
        words = f"{name} failed and came back {_times(times)} within 24 hours; see journalctl --unit={name}."
        found.append(Row("units", state, words))
    return found or [Row("units", OK, f"{len(states)} run, and none failed within 24 hours.")]


def memory(kills: Mapping[str, int]) -> list[Row]:
    """How often Linux killed a process of each unit within a day, because memory ran out."""
    return [
        Row(
            "memory",
            WARN,
            f"{name}: memory ran out {_times(times)} within 24 hours; raise its limit, or find what takes so much.",
        )
        for name, times in sorted(kills.items())
    ] or [Row("memory", OK, "Nothing was killed for want of memory within 24 hours.")]


def versions(releases: Iterable[Release]) -> list[Row]:
    """The packages of the current releases against those that the inventory would deploy."""
    return [_versions(release) for release in releases]


def interpreters(releases: Iterable[Release]) -> list[Row]:
    """Whether the current releases still have the Python for which they were built."""
    built = [release for release in releases if release.marker]
    found = []
    for one in built:
        tag = one.marker["python"]["tag"]
        if one.tag is None:
            reason = f"its Python, {tag}, is gone"
        elif one.tag != tag:
            reason = f"it was built for {tag}, and {one.python} is {one.tag} now"
        else:
            continue
        found.append(Row("python", RED, f"{one.path}: {reason}; run the playbook, which builds it anew."))
    if found or not built:
        return found
    pythons = _list(sorted({f"{one.python} ({one.tag})" for one in built}))
    words = f"{pythons}; the next release of the system brings another: run the playbook after that upgrade."
    return [Row("python", OK, words)]


def certificates(found: Iterable[Certificate], alarm_share: float) -> list[Row]:
    """Below `alarm_share` of its life, a certificate that is declared should have been renewed long since."""
    return [_certificate(one, alarm_share) for one in found]


def disk(file_systems: Iterable[FileSystem]) -> list[Row]:
    """The free space and inodes of each file system."""
    return [_disk(one) for one in file_systems]


def system(name: str, later: list[str]) -> list[Row]:
    """`name` is the release that runs, and `later` those that follow it and from which apt takes packages."""
    if not later:
        return [Row("system", OK, f"{name or 'A system without a name'}; apt takes packages from no later release.")]
    words = (
        f"apt takes packages from {_list(later)}, and {name} runs. That upgrade takes the Python of the environments "
        "away: make a backup before it, and run the playbook after it."
    )
    return [Row("system", WARN, words)]


def reboot(packages: Iterable[str] | None, kernel: str, newest: str) -> list[Row]:
    """`packages` ask for a reboot, None where nothing does; `kernel` runs, and `newest` is installed, if known."""
    if packages is not None:
        asking = f" by {_list(sorted(set(packages)))}" if packages else ""
        return [Row("reboot", WARN, f"A reboot is asked for{asking}; reboot when nobody works.")]
    if newest and newest != kernel:
        return [Row("reboot", WARN, f"Linux {kernel} runs, and {newest} is installed; reboot when nobody works.")]
    return [Row("reboot", OK, f"Not needed; Linux {kernel} runs.")]


def servers(running: list[Server]) -> list[Row]:
    """How many notebook servers run, since when, and who works in an environment that has been replaced."""
    if not running:
        return [Row("servers", OK, "None runs.")]
    oldest = max(running, key=lambda one: one.age)
    words = f"{len(running)} run, the oldest for {age(oldest.age)} ({oldest.unit})."
    return [
        Row("servers", OK, words),
        *(
            Row(
                "servers",
                WARN,
                f"{one.unit} has run for {age(one.age)}, in an environment that was replaced since; stop and start it.",
            )
            for one in running
            if one.is_old
        ),
    ]


def database(found: Database) -> list[Row]:
    """Whether the database is there, and no upgrade of it is half done."""
    if found.silence:
        words = (
            f"{found.hub}: {found.kind} does not answer the hub, most likely ({found.silence}), and nobody can log in "
            f"or start a server; see whether it runs and lets this host in, and journalctl --unit={found.hub}.service."
        )
        return [Row("database", RED, words)]
    if found.upgrade:
        words = (
            f"{found.hub}: the upgrade to JupyterHub {found.upgrade} has begun, and the hub was not healthy since; see "
            f"journalctl --unit={found.hub}.service."
        )
        return [Row("database", WARN, words)]
    if found.path and found.revision is None:
        return [Row("database", RED, f"{found.hub}: there is none at {found.path}; restore it, or run the playbook.")]
    if not found.version:
        words = f"{found.hub}: the hub was never healthy with it; see journalctl --unit={found.hub}.service."
        return [Row("database", WARN, words)]
    if found.revision is None:
        return [Row("database", OK, f"{found.hub}: {found.kind}, of JupyterHub {found.version}.")]
    if found.wanted not in ("", found.revision):
        words = (
            f"{found.hub}: {found.kind} has the revision {found.revision}, and the deployed hub is made for "
            f"{found.wanted}; run the playbook, which migrates a copy first."
        )
        return [Row("database", RED, words)]
    words = f"{found.kind}, revision {found.revision}, {found.size // 1024} KiB, of JupyterHub {found.version}."
    return [Row("database", OK, f"{found.hub}: {words}")]


def clusters(found: Iterable[Cluster]) -> list[Row]:
    """Whether Debian's upgrade has put a new PostgreSQL beside the one that has the data; no row where it has not."""
    rows = []
    known = list(found)
    for one in known:
        others = [other for other in known if other.name == one.name and other.version != one.version]
        for other in others if one.answers else []:
            if _numbers(other.version) > _numbers(one.version):
                words = (
                    f"PostgreSQL {one} answers, and {other} stands beside it, as Debian's upgrade leaves it. Where "
                    f"nothing is in the new one: make a backup, then `pg_dropcluster --stop {other}` and "
                    f"`pg_upgradecluster {one}`."
                )
            else:
                words = (
                    f"PostgreSQL {one} answers, and {other} of before an upgrade is still there. Once all is well: "
                    f"`pg_dropcluster --stop {other}`."
                )
            rows.append(Row("database", WARN, words))
    return rows


def packages(unread: Mapping[str, Iterable[str]]) -> list[Row]:
    """Who has packages of their own that no Python of the host reads, by its version."""
    return [
        Row(
            "packages",
            WARN,
            f"{_list(sorted(names))}: what they installed into ~/.local/lib/{python} is read by no Python here; tell "
            "them to install it anew, and to remove that directory.",
        )
        for python, names in sorted(unread.items())
    ] or [Row("packages", OK, "Nobody has packages of a Python that is gone.")]


def people(found: People) -> list[Row]:
    """Whether those who may log in to a hub are those who are listed."""
    missing = sorted(found.listed - found.accounts)
    outside = sorted((found.listed & found.accounts) - found.members)
    strangers = sorted(found.members - found.listed)
    rows = []
    if missing:
        rows.append(Row("people", RED, f"{found.hub}: {_list(missing)}: listed, without an account; run the playbook."))
    if outside:
        words = f"{found.hub}: {_list(outside)}: listed, and not in the group {found.hub}; run the playbook."
        rows.append(Row("people", RED, words))
    if strangers:
        words = (
            f"{found.hub}: {_list(strangers)}: may log in by the group {found.hub}, and not listed as present. The "
            "playbook jupyterhub takes those out of it that have state: absent; list the others, or "
            f"`gpasswd --delete NAME {found.hub}`."
        )
        rows.append(Row("people", WARN, words))
    return rows or [Row("people", OK, f"{found.hub}: {len(found.listed)} listed, who may log in, and nobody else.")]


def logins(hub: str, failed: int) -> list[Row]:
    """How often a login to a hub failed within a day."""
    words = f"{hub}: {failed or 'none'} failed within 24 hours"
    if failed < MANY_LOGINS:
        return [Row("logins", OK, f"{words}.")]
    see = f"see journalctl --unit={hub}.service --grep='Failed login', and whether nginx_protection is on."
    return [Row("logins", WARN, f"{words}; {see}")]


def backup(status: Mapping[str, Any] | None, now: float) -> list[Row]:
    """The last backup and its last check, each with `time` and `result`; None where nothing makes backups."""
    if status is None:
        return [Row("backup", OK, "Not configured.")]
    found = []
    for key, name, unit, limit in (
        ("last_backup", "backup", "nbops-backup", BACKUP_HOURS * HOUR),
        ("last_check", "check", "nbops-backup-check", None),
    ):
        last = status.get(key)
        if last is None:
            words = f"There was no {name} yet; make one: systemctl start {unit}, or see when one is due: systemctl "
            found.append(Row("backup", WARN, f"{words}list-timers {unit}.timer."))
            continue
        ago = f"{age(now - last['time'])} ago"
        if last["result"] != "ok":
            words = f"The {name} of {ago} failed: {last['result']}; see journalctl --unit='nbops-backup*'."
            found.append(Row("backup", RED, words))
        elif limit and now - last["time"] > limit:
            words = f"The last {name} was made {ago}; see journalctl --unit='nbops-backup*'."
            found.append(Row("backup", RED, words))
        else:
            found.append(Row("backup", OK, f"The last {name} was well, {ago}."))
    return found


def nodes(found: Iterable[Node]) -> list[Row]:
    """Whether the nodes on which a hub's servers run take jobs."""
    known = list(found)
    away = [one for one in known if one.state.rstrip("~#!%$@^+-") not in TAKES_JOBS]
    state = RED if len(away) == len(known) else WARN
    rows = [Row("nodes", state, _away(one)) for one in away]
    if not known:
        rows.append(Row("nodes", RED, "the hub's partitions have no nodes; run nbops.jupyter.cluster."))
    return rows or [Row("nodes", OK, f"{_count(len(known), 'node')} take{'s' if len(known) == 1 else ''} jobs.")]


def environments(found: Mapping[str, Mapping[str, Any] | None], own: Mapping[str, Any] | None) -> list[Row]:
    """Whether nodes have the packages of people's servers that the hub's own host has.

    `found` has the marker of the release by node, None where there is none that can be read; `own` is that of the host.
    """
    wanted = (own or {}).get("packages", {})
    rows = []
    for node, marker in found.items():
        if marker is None:
            rows.append(Row("nodes", RED, f"{node}: what servers need is not there; run nbops.jupyter.cluster."))
        elif different := main_first(dict(marker["packages"].items() ^ wanted.items())):
            name = different[0]
            versions = (
                f"{name} {marker['packages'].get(name, '(missing)')}, which is {wanted.get(name, '(missing)')} here"
            )
            differ = f"{_count(len(different), 'package')} of servers differ{'s' if len(different) == 1 else ''}"
            advice = "run nbops.jupyter.upgrade, which brings both to what the inventory says."
            words = f"{node}: {differ} from the hub's host, such as {versions}; {advice}"
            rows.append(Row("nodes", WARN, words))
    same = len(found) - len(rows)
    return [
        *rows,
        *([Row("nodes", OK, f"{_count(same, 'node')} with the packages of the hub's host.")] if same else []),
    ]


def _away(one: Node) -> str:
    why = f"{one.state.rstrip(SILENT)}{f': {one.reason}' if one.reason else ''}"
    if one.state.endswith(SILENT):
        return f"{one.name} does not answer ({why}); see whether it runs, and `journalctl -u slurmd` there."
    return f"{one.name} takes no jobs ({why}); mend the cause, then `scontrol update NodeName={one.name} State=resume`."


def unreadable(check: str, error: BaseException) -> Row:
    """For a check that could not be made."""
    return Row(check, RED, f"cannot be read: {str(error).strip() or type(error).__name__}")


def age(seconds: float) -> str:
    """A time in its largest unit, such as 3 days."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            return _count(int(seconds // size), name)
    return "less than a minute"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _versions(one: Release) -> Row:
    if one.name is None:
        return Row("versions", RED, f"{one.path}: nothing is deployed; run the playbook.")
    if one.marker is None:
        words = f"{one.path}: the release {one.name} is damaged; run the playbook, which builds it anew."
        return Row("versions", RED, words)
    packages = one.marker["packages"]
    different = main_first(name for name, version in one.locked.items() if packages.get(name) != version)
    if different:
        name = different[0]
        words = (
            f"{one.path}: {len(different)} of {len(one.locked)} packages differ from the lock, such as {name} "
            f"{packages.get(name, '(missing)')}, which says {one.locked[name]}; run the playbook to deploy it."
        )
        return Row("versions", WARN, words)
    known = [f"{name} {packages[name]}" for name in MAIN_PACKAGES if name in packages]
    return Row("versions", OK, f"{one.path}: {_list(known) or one.name}, as the inventory says.")


def _certificate(one: Certificate, alarm_share: float) -> Row:
    def row(state: str, words: str) -> Row:
        return Row("certificates", state, f"{one.name}: {words}")

    # What an inventory does not list any more is declared still, because another play may list it.
    gone = ". Where nothing uses it any more, give it state: absent in certbot_certificates" if one.is_declared else ""
    how = f"run the playbook, which says why{gone}" if gone else "replace it, or let the role certbot renew it"
    if one.problem:
        return row(RED, f"cannot be read: {one.problem}{gone}")
    wrong = concern(one.days, one.share, alarm_share, is_unissued=one.is_placeholder and one.is_declared)
    if wrong == UNISSUED:
        words = "Where no authority should issue one: jupyter_certificate: {method: self_signed}"
        return row(RED, f"nothing was issued yet, and the host's own placeholder is served; {how}. {words}.")
    if wrong == EXPIRED:
        return row(RED, f"expired {_days(-one.days)} ago; {how}.")
    left = f"{_days(one.days)} left"
    if wrong == OVERDUE:
        return row(RED if one.is_declared or one.days < LAST_DAYS else WARN, f"only {left}; {how}.")
    return row(OK, f"{left}{', self-signed by the host' if one.is_placeholder else ''}.")


def _disk(one: FileSystem) -> Row:
    shares = {"space": one.space, **({} if one.inodes is None else {"inodes": one.inodes})}
    scarce = min(shares, key=lambda name: shares[name])
    if shares[scarce] >= LOW:
        free = " and ".join(f"{share:.0%} of the {name}" for name, share in shares.items())
        return Row("disk", OK, f"{one.path}: {free} free.")
    state = RED if shares[scarce] < ALMOST_NONE else WARN
    return Row(
        "disk", state, f"{one.path}: only {shares[scarce]:.0%} of the {scarce} free; remove files or enlarge it."
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _days(number: int) -> str:
    return _count(number, "day")


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"

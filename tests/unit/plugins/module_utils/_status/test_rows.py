"""The judgement of what was read from a host, at each of its boundaries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._status import rows
from ansible_collections.nbops.jupyter.plugins.module_utils._status.rows import (
    Certificate,
    Cluster,
    Database,
    FileSystem,
    Node,
    Release,
    Row,
    Server,
)

MARKER = {"python": {"tag": "cpython-3.13"}, "packages": {"jupyterlab": "4.6.6", "six": "1.17"}}
RELEASE = Release(
    "/opt/lab", "0123", MARKER, {"jupyterlab": "4.6.6", "six": "1.17"}, "/usr/bin/python3.13", "cpython-3.13"
)
DATABASE = Database("hub", "SQLite", "/var/lib/hub/jupyterhub.sqlite", "f460", 4096, version="6.1.1")
ELSEWHERE = Database("hub", "a database on a server of its own", version="6.1.1")


def said(found: list[Row]) -> list[tuple[str, str]]:
    return [(row.state, row.text) for row in found]


def unit(active: str, load: str = "loaded", result: str = "success") -> dict[str, str]:
    return {"LoadState": load, "ActiveState": active, "Result": result}


def test_people_who_are_kept_out_are_a_warning() -> None:
    (row,) = rows.visitors(["nginx_maintenance: visitors get the page of maintenance"])
    assert (row.check, row.state) == ("visitors", "warn")
    assert rows.visitors([]) == []


@pytest.mark.parametrize(
    ("states", "restarts", "expected"),
    [
        ({}, {}, ["ok 0 run, and none failed within 24 hours."]),
        ({"a": unit("active"), "b": unit("reloading")}, {}, ["ok 2 run, and none failed within 24 hours."]),
        ({"a": unit("activating")}, {}, ["warn a is still starting; see journalctl --unit=a."]),
        ({"a": unit("inactive")}, {}, ["red a is inactive; see journalctl --unit=a, then systemctl start a."]),
        (
            {"a": unit("failed", result="exit-code")},
            {},
            ["red a is failed (exit-code); see journalctl --unit=a, then systemctl start a."],
        ),
        (
            {"a": unit("inactive", "not-found"), "b": unit("active"), "c": unit("inactive", "not-found")},
            {},
            ["red a, c: not installed; run the playbook."],
        ),
        (
            {"a": unit("active")},
            {"a": 1},
            ["warn a failed and came back once within 24 hours; see journalctl --unit=a."],
        ),
        (
            {"a": unit("active")},
            {"a": 4, "b": 5},
            [
                "warn a failed and came back 4 times within 24 hours; see journalctl --unit=a.",
                "red b failed and came back 5 times within 24 hours; see journalctl --unit=b.",
            ],
        ),
        (
            {"a": {**unit("active"), "NRestarts": "5"}, "b": {**unit("active"), "NRestarts": "0"}},
            {"a": 9, "b": 9},
            [
                "red a failed and came back 9 times within 24 hours; see journalctl --unit=a.",
                "warn b failed and came back 9 times within 24 hours; see journalctl --unit=b.",
            ],
        ),
    ],
)
def test_units(states: dict[str, Any], restarts: dict[str, int], expected: list[str]) -> None:
    assert [f"{row.state} {row.text}" for row in rows.units(states, restarts)] == expected


def test_memory() -> None:
    assert rows.memory({})[0].state == "ok"
    (row,) = rows.memory({"a": 2})
    assert (row.state, row.text.split(";")[0]) == ("warn", "a: memory ran out 2 times within 24 hours")


@pytest.mark.parametrize(
    ("release", "state", "beginning"),
    [
        (RELEASE, "ok", "/opt/lab: jupyterlab 4.6.6, as the inventory says."),
        (replace(RELEASE, locked={}), "ok", "/opt/lab: jupyterlab 4.6.6, as"),
        (replace(RELEASE, marker={**MARKER, "packages": {}}, locked={}), "ok", "/opt/lab: 0123, as"),
        (replace(RELEASE, name=None, marker=None), "red", "/opt/lab: nothing is deployed"),
        (replace(RELEASE, marker=None), "red", "/opt/lab: the release 0123 is damaged"),
        (
            replace(RELEASE, locked={"attrs": "1", "jupyterlab": "5.0", "six": "1.17"}),
            "warn",
            "/opt/lab: 2 of 3 packages differ from the lock, such as jupyterlab 4.6.6, which says 5.0;",
        ),
        (
            replace(RELEASE, locked={"attrs": "1"}),
            "warn",
            "/opt/lab: 1 of 1 packages differ from the lock, such as attrs (missing), which says 1;",
        ),
    ],
)
def test_versions(release: Release, state: str, beginning: str) -> None:
    ((found, text),) = said(rows.versions([release]))
    assert found == state
    assert text.startswith(beginning)


def test_interpreters() -> None:
    gone = replace(RELEASE, path="/opt/gone", tag=None)
    other = replace(RELEASE, path="/opt/other", python="/usr/bin/python3", tag="cpython-3.14")
    assert said(rows.interpreters([RELEASE, gone, other])) == [
        ("red", "/opt/gone: its Python, cpython-3.13, is gone; run the playbook, which builds it anew."),
        (
            "red",
            "/opt/other: it was built for cpython-3.13, and /usr/bin/python3 is cpython-3.14 now; run the playbook, "
            "which builds it anew.",
        ),
    ]
    ((state, text),) = said(rows.interpreters([RELEASE, RELEASE]))
    assert (state, text.split(";")[0]) == ("ok", "/usr/bin/python3.13 (cpython-3.13)")
    assert rows.interpreters([replace(RELEASE, marker=None)]) == []


@pytest.mark.parametrize(
    ("certificate", "state", "beginning"),
    [
        (Certificate("a", 40, 0.25), "ok", "a: 40 days left."),
        (Certificate("a", 40, 0.9, is_placeholder=True), "ok", "a: 40 days left, self-signed by the host."),
        (Certificate("a", 7, 0.24), "warn", "a: only 7 days left; replace it"),
        (Certificate("a", 6, 0.24), "red", "a: only 6 days left; replace it"),
        # A short-lived one that is renewed in time.
        (Certificate("a", 3, 0.5, is_declared=True), "ok", "a: 3 days left."),
        (Certificate("a", 20, 0.24, is_declared=True), "red", "a: only 20 days left; run the playbook"),
        (Certificate("a", 1, 0.1), "red", "a: only 1 day left;"),
        (Certificate("a", 0, 0.01), "red", "a: only 0 days left;"),
        (Certificate("a", -1, -0.01), "red", "a: expired 1 day ago;"),
        (Certificate("a", 900, 0.9, is_placeholder=True, is_declared=True), "red", "a: nothing was issued yet"),
        (Certificate("a", problem="no such file"), "red", "a: cannot be read: no such file"),
        (Certificate("a", problem="no such file", is_declared=True), "red", "a: cannot be read: no such file. Where"),
    ],
)
def test_certificates(certificate: Certificate, state: str, beginning: str) -> None:
    ((found, text),) = said(rows.certificates([certificate], 0.25))
    assert found == state
    assert text.startswith(beginning)
    # The inventory may have forgotten it.
    assert ("give it state: absent" in text) == (certificate.is_declared and state == "red")


@pytest.mark.parametrize(
    ("space", "inodes", "state", "text"),
    [
        (0.5, 0.9, "ok", "/: 50% of the space and 90% of the inodes free."),
        (0.15, None, "ok", "/: 15% of the space free."),
        (0.149, None, "warn", "/: only 15% of the space free; remove files or enlarge it."),
        (0.05, 0.9, "warn", "/: only 5% of the space free; remove files or enlarge it."),
        (0.1, 0.049, "red", "/: only 5% of the inodes free; remove files or enlarge it."),
        (0.0, 0.0, "red", "/: only 0% of the space free; remove files or enlarge it."),
    ],
)
def test_disk(space: float, inodes: float | None, state: str, text: str) -> None:
    assert said(rows.disk([FileSystem("/", space, inodes)])) == [(state, text)]


@pytest.mark.parametrize(
    ("packages", "newest", "state", "beginning"),
    [
        (None, "", "ok", "Not needed; Linux 6.1 runs."),
        (None, "6.1", "ok", "Not needed; Linux 6.1 runs."),
        (None, "6.2", "warn", "Linux 6.1 runs, and 6.2 is installed;"),
        ([], "6.1", "warn", "A reboot is asked for;"),
        (["libc6", "dbus", "libc6"], "6.1", "warn", "A reboot is asked for by dbus, libc6;"),
    ],
)
def test_reboot(packages: list[str] | None, newest: str, state: str, beginning: str) -> None:
    ((found, text),) = said(rows.reboot(packages, "6.1", newest))
    assert found == state
    assert text.startswith(beginning)


@pytest.mark.parametrize(
    ("name", "later", "state", "beginning"),
    [
        ("bookworm", [], "ok", "bookworm; apt takes packages from no later release."),
        ("", [], "ok", "A system without a name; "),
        ("bookworm", ["trixie"], "warn", "apt takes packages from trixie, and bookworm runs. That upgrade takes the "),
    ],
)
def test_system(name: str, later: list[str], state: str, beginning: str) -> None:
    ((found, text),) = said(rows.system(name, later))
    assert found == state
    assert text.startswith(beginning)


def test_servers() -> None:
    assert said(rows.servers([])) == [("ok", "None runs.")]
    assert said(rows.servers([Server("a", 50, False), Server("b", 90000, True)])) == [
        ("ok", "2 run, the oldest for 1 day (b)."),
        ("warn", "b has run for 1 day, in an environment that was replaced since; stop and start it."),
    ]


@pytest.mark.parametrize(
    ("database", "state", "beginning"),
    [
        (DATABASE, "ok", "hub: SQLite, revision f460, 4 KiB, of JupyterHub 6.1.1."),
        (replace(DATABASE, wanted="f460"), "ok", "hub: SQLite, revision f460, 4 KiB, of JupyterHub 6.1.1."),
        (replace(DATABASE, wanted="a1"), "red", "hub: SQLite has the revision f460, and the deployed hub is made for"),
        (ELSEWHERE, "ok", "hub: a database on a server of its own, of JupyterHub 6.1.1."),
        (
            replace(ELSEWHERE, silence="HTTP 500"),
            "red",
            "hub: a database on a server of its own does not answer the hub, most likely (HTTP 500), and nobody can",
        ),
        (replace(DATABASE, revision=None, size=None), "red", "hub: there is none at /var/lib/hub/jupyterhub.sqlite;"),
        (replace(DATABASE, version=""), "warn", "hub: the hub was never healthy with it;"),
        (replace(DATABASE, upgrade="7.0"), "warn", "hub: the upgrade to JupyterHub 7.0 has begun,"),
    ],
)
def test_database(database: Database, state: str, beginning: str) -> None:
    ((found, text),) = said(rows.database(database))
    assert found == state
    assert text.startswith(beginning)


def test_one_postgresql_is_no_row() -> None:
    assert rows.clusters([Cluster("17", "main", answers=True), Cluster("15", "other", answers=False)]) == []


def test_what_to_do_with_the_postgresql_of_the_debian_before() -> None:
    before = [Cluster("9.6", "main", answers=True), Cluster("17", "main", answers=False)]
    ((state, text),) = said(rows.clusters(before))
    assert state == "warn"
    assert "`pg_dropcluster --stop 17 main` and `pg_upgradecluster 9.6 main`" in text
    after = [Cluster("9.6", "main", answers=False), Cluster("17", "main", answers=True)]
    ((state, text),) = said(rows.clusters(after))
    assert (state, "Once all is well: `pg_dropcluster --stop 9.6 main`." in text) == ("warn", True)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([Node("node1", "idle"), Node("node2", "mixed-")], ["ok 2 nodes take jobs."]),
        ([Node("node1", "idle~")], ["ok 1 node takes jobs."]),
        (
            [Node("node1", "allocated"), Node("node2", "drained", "Low RealMemory")],
            [
                "warn node2 takes no jobs (drained: Low RealMemory); mend the cause, then `scontrol update "
                "NodeName=node2 State=resume`."
            ],
        ),
        (
            [Node("node1", "down*", "Not responding")],
            [
                "red node1 does not answer (down: Not responding); see whether it runs, and `journalctl -u slurmd` "
                "there."
            ],
        ),
        (
            [Node("node1", "idle*")],
            ["red node1 does not answer (idle); see whether it runs, and `journalctl -u slurmd` there."],
        ),
        ([], ["red the hub's partitions have no nodes; run nbops.jupyter.cluster."]),
    ],
    ids=["all", "one that sleeps", "one is drained", "none answers", "just gone", "none"],
)
def test_nodes(found: list[Node], expected: list[str]) -> None:
    assert [f"{state} {text}" for state, text in said(rows.nodes(found))] == expected


OWN = {"packages": {"jupyterlab": "4.6.6", "pip": "26.1"}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"node1": OWN, "node2": OWN}, ["ok 2 nodes with the packages of the hub's host."]),
        (
            {"node1": OWN, "node2": {"packages": {"jupyterlab": "4.5.0", "pip": "26.0"}}},
            [
                "warn node2: 2 packages of servers differ from the hub's host, such as jupyterlab 4.5.0, which is "
                "4.6.6 here; run nbops.jupyter.upgrade, which brings both to what the inventory says.",
                "ok 1 node with the packages of the hub's host.",
            ],
        ),
        (
            {"node1": {"packages": {**OWN["packages"], "cowsay": "6"}}},
            [
                "warn node1: 1 package of servers differs from the hub's host, such as cowsay 6, which is (missing) "
                "here; run nbops.jupyter.upgrade, which brings both to what the inventory says."
            ],
        ),
        ({"node1": None}, ["red node1: what servers need is not there; run nbops.jupyter.cluster."]),
    ],
    ids=["the same", "older", "one more", "nothing"],
)
def test_environments_of_nodes(found: dict[str, Any], expected: list[str]) -> None:
    assert [f"{state} {text}" for state, text in said(rows.environments(found, OWN))] == expected


def test_packages() -> None:
    assert said(rows.packages({})) == [("ok", "Nobody has packages of a Python that is gone.")]
    ((state, text),) = said(rows.packages({"python3.11": {"bob", "ada"}}))
    assert state == "warn"
    assert text.startswith("ada, bob: what they installed into ~/.local/lib/python3.11 is read by no Python here;")


def told(ago: float, result: str = "ok") -> dict[str, Any]:
    return {"time": 1_000_000 - ago, "result": result}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, ["ok Not configured."]),
        (
            {"last_backup": told(26 * 3600), "last_check": told(40 * 86400)},
            ["ok The last backup was well, 1 day ago.", "ok The last check was well, 40 days ago."],
        ),
        (
            {"last_backup": told(26 * 3600 + 1), "last_check": told(60)},
            [
                "red The last backup was made 1 day ago; see journalctl --unit='nbops-backup*'.",
                "ok The last check was well, 1 minute ago.",
            ],
        ),
        (
            {"last_backup": told(60, "no route"), "last_check": told(3600, "damaged")},
            [
                "red The backup of 1 minute ago failed: no route; see journalctl --unit='nbops-backup*'.",
                "red The check of 1 hour ago failed: damaged; see journalctl --unit='nbops-backup*'.",
            ],
        ),
        (
            {},
            [
                "warn There was no backup yet; make one: systemctl start nbops-backup, or see when one is due: "
                "systemctl list-timers nbops-backup.timer.",
                "warn There was no check yet; make one: systemctl start nbops-backup-check, or see when one is due: "
                "systemctl list-timers nbops-backup-check.timer.",
            ],
        ),
    ],
)
def test_backup(status: dict[str, Any] | None, expected: list[str]) -> None:
    assert [f"{row.state} {row.text}" for row in rows.backup(status, 1_000_000)] == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59, "less than a minute"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (86399, "23 hours"),
        (86400, "1 day"),
        (172800, "2 days"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert rows.age(seconds) == text


@pytest.mark.parametrize(
    ("listed", "accounts", "members", "expected"),
    [
        ("ada bob", "ada bob", "ada bob", ["ok jupyterhub: 2 listed, who may log in, and nobody else."]),
        ("ada", "", "", ["red jupyterhub: ada: listed, without an account; run the playbook."]),
        ("ada", "ada", "", ["red jupyterhub: ada: listed, and not in the group jupyterhub; run the playbook."]),
        (
            "ada",
            "ada",
            "ada eve",
            [
                "warn jupyterhub: eve: may log in by the group jupyterhub, and not listed as present. The playbook "
                "jupyterhub takes those out of it that have state: absent; list the others, or `gpasswd --delete NAME "
                "jupyterhub`."
            ],
        ),
    ],
)
def test_people(listed: str, accounts: str, members: str, expected: list[str]) -> None:
    names = (frozenset(text.split()) for text in (listed, accounts, members))
    assert [f"{row.state} {row.text}" for row in rows.people(rows.People("jupyterhub", *names))] == expected


@pytest.mark.parametrize(
    ("failed", "state", "text"),
    [
        (0, "ok", "jupyterhub: none failed within 24 hours."),
        (99, "ok", "jupyterhub: 99 failed within 24 hours."),
        (100, "warn", "jupyterhub: 100 failed within 24 hours; see journalctl --unit=jupyterhub.service "),
    ],
)
def test_logins(failed: int, state: str, text: str) -> None:
    (row,) = rows.logins("jupyterhub", failed)
    assert (row.state, row.text.startswith(text)) == (state, True)

"""What is read from a host, from files and from the answers of programs."""

from __future__ import annotations

import json
import os
import pathlib
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._status import host, rows
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import SystemdError


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The state directory of a hub, with its note."""
    monkeypatch.setattr(rollback, "STATE", str(tmp_path))
    directory = tmp_path / "hub"
    directory.mkdir()
    (directory / "healthy.json").write_text('{"version": "6.1.1"}')
    return directory


@pytest.fixture
def hub(state: pathlib.Path) -> dict[str, str]:
    return {"name": "hub", "kind": "sqlite", "database": str(state / "jupyterhub.sqlite")}


def no_program(_command: list[str]) -> tuple[int, str, str]:
    raise AssertionError


def test_events_are_counted_by_unit_and_kind() -> None:
    entries = [
        {"MESSAGE_ID": host.RESTARTED, "UNIT": "a.service"},
        {"MESSAGE_ID": host.RESTARTED, "UNIT": "a.service"},
        {"MESSAGE_ID": host.OUT_OF_MEMORY},
    ]
    found = host.events(lambda _command: (0, "".join(f"{json.dumps(entry)}\n" for entry in entries), ""))
    assert found == {host.RESTARTED: {"a.service": 2}, host.OUT_OF_MEMORY: {"the host": 1}}
    with pytest.raises(SystemdError, match="journalctl failed: no journal"):
        host.events(lambda _command: (1, "", "no journal\n"))


def test_only_units_of_ours_are_counted() -> None:
    found = host.of_ours({"cron.service": 1, "hub-user-ada.service": 2}, ["hub.service", "hub-user-*.service"])
    assert found == {"hub-user-ada.service": 2}


@pytest.mark.parametrize(
    ("name", "releases", "later"),
    [
        ("bookworm", "bookworm\nbookworm-updates\nnodistro\n", []),
        ("bookworm", "bookworm\ntrixie-security\nforky/updates\n", ["trixie", "forky"]),
        ("trixie", "bookworm\ntrixie\nnoble\n", []),
        ("jammy", "jammy\nnoble-updates\n", ["noble"]),
        ("unknown", "trixie\n", []),
    ],
)
def test_later_releases_that_apt_takes_packages_from(
    monkeypatch: pytest.MonkeyPatch, name: str, releases: str, later: list[str]
) -> None:
    monkeypatch.setattr(host.platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": name})
    assert host.system(lambda _command: (0, releases, "")) == (name, later)
    with pytest.raises(OSError, match="apt-get indextargets failed: E: broken"):
        host.system(lambda _command: (100, "", "E: broken\n"))


def test_a_database(state: pathlib.Path, hub: dict[str, str]) -> None:
    path = state / "jupyterhub.sqlite"
    assert host.database(no_program, hub) == rows.Database("hub", "SQLite", str(path), version="6.1.1")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('f460')")
    connection.close()
    before = path.stat().st_mtime_ns
    size = path.stat().st_size
    assert host.database(no_program, hub) == rows.Database("hub", "SQLite", str(path), "f460", size, version="6.1.1")
    assert path.stat().st_mtime_ns == before
    (state / "upgrade.json").write_text('{"to_version": "7.0"}')
    assert host.database(no_program, hub).upgrade == "7.0"


class Api(BaseHTTPRequestHandler):
    """A hub that answers its next questions with these statuses."""

    statuses: ClassVar[list[int]]
    asked: ClassVar[list[tuple[str, str]]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.statuses[len(self.asked) - 1])
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere(hub: dict[str, str], tmp_path: pathlib.Path) -> Iterator[dict[str, str]]:
    """A hub whose database is on a server of its own."""
    Api.statuses, Api.asked = [], []
    (tmp_path / "token").write_text("secret\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        own = {"kind": "elsewhere", "database": "", "token_file": str(tmp_path / "token")}
        yield {**hub, **own, "api_url": f"http://127.0.0.1:{server.server_port}/hub/api"}
        server.shutdown()


@pytest.mark.parametrize(
    ("statuses", "silence"),
    [
        ([200], ""),
        # Without the database, the hub does not know the token.
        ([403, 403], "GET /hub/api/user: HTTP 403: Forbidden"),
        # The connections from before are gone; the first question finds that out.
        ([500, 200], ""),
        ([500, 500], "GET /hub/api/user: HTTP 500: Internal Server Error"),
    ],
)
def test_a_database_elsewhere_is_asked_by_the_hub(elsewhere: dict[str, str], statuses: list[int], silence: str) -> None:
    Api.statuses = statuses
    found = host.database(lambda _command, **_options: (0, "hub.service loaded active running\n", ""), elsewhere)
    assert found == rows.Database("hub", "a database on a server of its own", version="6.1.1", silence=silence)
    assert Api.asked == [("/hub/api/user", "token secret")] * len(statuses)


def test_a_hub_that_does_not_run_is_not_started_by_a_question(elsewhere: dict[str, str]) -> None:
    found = host.database(lambda _command, **_options: (0, "", ""), elsewhere)
    assert (found.silence, Api.asked) == ("", [])


def test_a_database_of_a_server_on_the_host(hub: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/usr/bin/{name}")
    postgresql = {**hub, "kind": "postgresql", "database": ""}
    found = host.database(lambda _command: (0, "f460|8192\n", ""), postgresql)
    assert found == rows.Database("hub", "PostgreSQL", "", "f460", 8192, version="6.1.1")
    with pytest.raises(OSError, match="hub: psql: no server; see `pg_lsclusters`, or restore it"):
        host.database(lambda _command: (2, "", "psql:\n no server\n"), postgresql)


def test_a_server_that_is_not_installed_is_an_error(hub: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.shutil, "which", lambda _name: None)
    with pytest.raises(OSError, match="hub: PostgreSQL is not installed; run the playbook"):
        host.database(no_program, {**hub, "kind": "postgresql", "database": ""})


def test_the_revision_of_the_deployed_hub_is_the_last_of_its_migrations(
    state: pathlib.Path, hub: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(rollback, "APPLICATIONS", str(tmp_path / "opt"))
    store = tmp_path / "opt/hub/hub"
    versions = store / "releases/0123456789ab/lib/python3.13/site-packages/jupyterhub/alembic/versions"
    versions.mkdir(parents=True)
    (store / "current").symlink_to("releases/0123456789ab")
    (versions / "first.py").write_text("revision = 'a1'\ndown_revision = None\n")
    (versions / "second.py").write_text('# revision identifiers\nrevision = "b2"\ndown_revision = "a1"\n')
    with sqlite3.connect(state / "jupyterhub.sqlite") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    assert host.database(no_program, hub).wanted == "b2"


def test_clusters_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/usr/bin/{name}")
    lines = "15 main 5432 online postgres /data /log\n17 main 5433 down <unknown> /data /log\n"
    found = [rows.Cluster("15", "main", answers=True), rows.Cluster("17", "main", answers=False)]
    assert host.clusters(lambda _command: (0, lines, "")) == found


def test_nodes_of_slurm_each_once() -> None:
    lines = "node1|idle|none\nnode2|drained*|disk | full\nnode1|idle|none\n"
    asked = []
    found = host.nodes(lambda command: asked.append(command) or (0, lines, ""), ["main", "gpu"])
    assert found == [rows.Node("node1", "idle"), rows.Node("node2", "drained*", "disk | full")]
    assert "--partition=main,gpu" in asked[0]


def test_a_controller_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(OSError, match="sinfo failed: Unable to contact slurm controller"):
        host.nodes(lambda _command: (1, "", "Unable to contact slurm controller\n"), ["main"])


def test_packages_of_a_python_that_is_gone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {name: tmp_path / name for name in ("ada", "bob", "eve")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.13").touch()
    (tmp_path / "bin/python3.11").symlink_to("gone")
    for home, python in ((homes["ada"], "python3.11"), (homes["bob"], "python3.13")):
        (home / ".local/lib" / python / "site-packages/wonder").mkdir(parents=True)
    # Nothing was left in it, and a link leads nowhere.
    (homes["bob"] / ".local/lib/python3.11/site-packages").mkdir(parents=True)
    homes["eve"].mkdir()
    (homes["eve"] / ".local").symlink_to(homes["ada"] / ".local")
    for home in homes.values():
        os.chown(home, 1001, 1001)
    monkeypatch.setattr(host, "INTERPRETERS", (str(tmp_path / "bin"),))
    monkeypatch.setattr(host.pwd, "getpwnam", lambda name: SimpleNamespace(pw_dir=str(homes[name])))
    monkeypatch.setattr(host.grp, "getgrnam", lambda _name: SimpleNamespace(gr_mem=["bob", "eve"]))
    assert host.unread_packages(["ada"], ["hub"]) == {"python3.11": {"ada"}}


@pytest.mark.parametrize(("file", "content"), [("jupyterhub.sqlite", "nothing"), ("healthy.json", "{")])
def test_a_damaged_file_is_an_error(state: pathlib.Path, hub: dict[str, str], file: str, content: str) -> None:
    (state / file).write_text(content)
    with pytest.raises(ValueError, match=r"file is not a database|Expecting property name"):
        host.database(no_program, hub)


def test_each_file_system_is_read_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "PLACES", (str(tmp_path),))
    (tmp_path / "below").mkdir()
    (one,) = host.file_systems([str(tmp_path / "below"), str(tmp_path / "missing")])
    assert one.path == str(tmp_path)
    assert 0 <= one.space <= 1


def test_a_reboot(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    required, packages, newest = (tmp_path / name for name in ("reboot-required", "packages", "vmlinuz"))
    monkeypatch.setattr(host, "REBOOT", str(required))
    monkeypatch.setattr(host, "REBOOT_PACKAGES", str(packages))
    monkeypatch.setattr(host, "NEWEST_KERNEL", str(newest))
    assert host.reboot()[0] is None
    assert host.reboot()[2] == ""
    newest.symlink_to("boot/vmlinuz-6.12.9-amd64")
    required.touch()
    assert host.reboot()[0] == []
    packages.write_text("libc6\ndbus\n")
    assert host.reboot()[0] == ["libc6", "dbus"]
    assert host.reboot()[2] == "6.12.9-amd64"


def test_people_of_the_host() -> None:
    found = host.people({"name": "no-such-hub", "people": ["root", "nobody-knows"]})
    assert (found.accounts, found.members) == ({"root"}, frozenset())


def test_the_account_of_a_visit_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.grp, "getgrnam", lambda _name: SimpleNamespace(gr_mem=["bob", "nbops-probe"]))
    assert host.people({"name": "jupyterhub", "people": []}).members == {"bob"}


@pytest.mark.parametrize(("answer", "count"), [((0, "a\nb\n", ""), 2), ((1, "", ""), 0)])
def test_failed_logins(answer: tuple[int, str, str], count: int) -> None:
    assert host.failed_logins(lambda _command: answer, "jupyterhub") == count


def test_a_journal_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(SystemdError, match="no journal"):
        host.failed_logins(lambda _command: (1, "", "no journal"), "jupyterhub")

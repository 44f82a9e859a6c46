"""Deployment, renewal of self-signed certificates, the guard and the program. systemd and nginx are fakes."""

from __future__ import annotations

import grp
import json
import os
import pathlib
import runpy
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy as deployment
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import placeholder, store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import blocks, facts, require_pair
from ansible_collections.nbops.jupyter.plugins.module_utils._files import locks

DAY = 86400
GROUP = grp.getgrgid(1).gr_name


class Host:
    """Answers instead of systemctl and nginx, and records the commands."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, str]] = {}

    def run(self, *argv: str) -> tuple[int, str]:
        self.asked.append(" ".join(argv))
        return self.answers.get(self.asked[-1], (0, ""))

    def loads(self) -> list[str]:
        return [words for words in self.asked if words.startswith("systemctl try-")]


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(deployment, "_run", host.run)
    monkeypatch.setattr(deployment, "LIVE", str(tmp_path / "live"))
    monkeypatch.setattr(deployment, "SETTINGS", str(tmp_path / "settings.json"))
    monkeypatch.setattr(deployment, "_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(store, "PENDING", str(tmp_path / "pending"))
    return host


@pytest.fixture
def ssl(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "ssl"


def entry(name: str = "lab", method: str = "webroot", **more: Any) -> dict[str, Any]:
    base = {"domains": ["a.org"], "group": "root", "reload": ["nginx.service"], "restart": [], "days": 90}
    paths = {"authority": False, "certificate_path": None, "key_path": None}
    return {"name": name, "method": method, **base, **paths, **more}


def settings(ssl: pathlib.Path, *entries: dict[str, Any]) -> dict[str, Any]:
    metrics = str(ssl.parent / "metrics")
    return {"directory": str(ssl), "alarm_share": 0.25, "textfile_directory": metrics, "certificates": list(entries)}


def put(folder: pathlib.Path, pair: tuple[bytes, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in zip(("fullchain.pem", "privkey.pem"), pair):
        (folder / name).write_bytes(data)


def served(ssl: pathlib.Path, name: str = "lab") -> tuple[bytes, bytes] | None:
    return store.read_pair(str(ssl / name))


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Sets the time from here on."""
    monkeypatch.setattr(deployment, "time", types.SimpleNamespace(time=lambda: now))


def at_share(monkeypatch: pytest.MonkeyPatch, chain: bytes, left: float) -> None:
    """Sets the time to when this share of a certificate's life is left."""
    said = facts(chain)
    at(monkeypatch, said.not_after - left * (said.not_after - said.not_before))


# Deployment


def test_an_issued_certificate_is_put_in_place_and_loaded(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    assert deployment.deploy(settings(ssl, entry())) == (["lab"], {})
    assert served(ssl) == pairs[0]
    assert host.loads() == ["systemctl try-reload-or-restart nginx.service"]


def test_a_deployed_certificate_is_left_alone(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    deployment.deploy(settings(ssl, entry()))
    host.asked.clear()
    assert deployment.deploy(settings(ssl, entry())) == ([], {})
    assert host.asked == []


def test_a_certificate_that_was_not_issued_yet_changes_nothing(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    put(ssl / "lab", pairs[0])
    assert deployment.deploy(settings(ssl, entry())) == ([], {})
    assert not (ssl / "lab" / "current").exists()


def test_several_certificates_load_each_service_once(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    for name, pair in zip("abc", pairs):
        put(tmp_path / "live" / name, pair)
    more = {"reload": ["nginx.service", "app.service"], "restart": ["old.service"]}
    entries = [entry("a"), entry("b", **more), entry("c", **more)]
    assert deployment.deploy(settings(ssl, *entries)) == (["a", "b", "c"], {})
    assert host.loads() == [
        "systemctl try-reload-or-restart nginx.service",
        "systemctl try-reload-or-restart app.service",
        "systemctl try-restart old.service",
    ]


def test_only_the_services_of_new_certificates_are_reloaded(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    entries = [entry("a"), entry("b", reload=["app.service"])]
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    deployment.deploy(settings(ssl, *entries))
    host.asked.clear()
    put(tmp_path / "live" / "b", pairs[1])
    assert deployment.deploy(settings(ssl, *entries)) == (["b"], {})
    assert host.asked == ["systemctl try-reload-or-restart app.service"]


def test_all_certificates_are_restored_if_nginx_refuses_one(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    entries = [entry("a"), entry("b", reload=["app.service"])]
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    deployment.deploy(settings(ssl, *entries))
    for name in "ab":
        put(tmp_path / "live" / name, pairs[1])
    host.asked.clear()
    host.answers["nginx -t -q"] = (1, "nginx: [emerg] bad key share")
    deployed, failures = deployment.deploy(settings(ssl, *entries))
    words = "nginx refuses its configuration, and the old certificate stays: nginx: [emerg] bad key share"
    assert (deployed, failures) == ([], {"a": words, "b": words})
    assert served(ssl, "a") == served(ssl, "b") == pairs[0]
    assert host.loads() == []

    del host.answers["nginx -t -q"]
    assert deployment.deploy(settings(ssl, *entries)) == (["a", "b"], {})
    assert served(ssl, "a") == pairs[1]


def test_an_nginx_that_does_not_run_refuses_nothing(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    host.answers = {"systemctl is-active --quiet nginx.service": (3, ""), "nginx -t -q": (1, "broken")}
    assert deployment.deploy(settings(ssl, entry())) == (["lab"], {})


def test_a_service_that_is_not_installed_is_no_failure(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    host.answers["systemctl is-active --quiet nginx.service"] = (3, "")
    for verb, unit in ("try-reload-or-restart", "nginx.service"), ("try-restart", "app.service"):
        host.answers[f"systemctl {verb} {unit}"] = (5, f"Unit {unit} not found.")
    assert deployment.deploy(settings(ssl, entry(restart=["app.service"]))) == (["lab"], {})


def test_a_certificate_that_a_service_did_not_load_is_loaded_by_the_next_run(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    entries = [entry("a"), entry("b", reload=["app.service"], restart=["old.service"])]
    host.answers["systemctl try-reload-or-restart app.service"] = (1, "Job failed.")
    deployed, failures = deployment.deploy(settings(ssl, *entries))
    assert deployed == ["a"]
    assert failures == {"b": "app.service did not take the new certificate: Job failed."}

    host.answers.clear()
    host.asked.clear()
    assert deployment.deploy(settings(ssl, *entries)) == (["b"], {})
    assert host.loads() == ["systemctl try-reload-or-restart app.service", "systemctl try-restart old.service"]


def test_a_failure_does_not_stop_the_others(host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list) -> None:
    put(tmp_path / "live" / "torn", (pairs[0][0], pairs[1][1]))
    put(tmp_path / "live" / "lab", pairs[0])
    missing = {"certificate_path": "/nonexistent/a.pem", "key_path": "/nonexistent/a.key"}
    entries = [
        entry("torn"),
        entry("group", "self_signed", group="nobody-here"),
        entry("missing", "provided", **missing),
        entry(),
    ]
    deployed, failures = deployment.deploy(settings(ssl, *entries))
    assert deployed == ["lab"]
    assert failures["torn"] == "the private key is not that of the certificate"
    assert failures["group"] == "there is no group nobody-here to read the key of group"
    assert "/nonexistent/a.pem" in failures["missing"]


def test_an_interrupted_deployment_is_loaded_by_the_next(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])

    def killed(*_argv: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(deployment, "_run", killed)
        with pytest.raises(KeyboardInterrupt):
            deployment.deploy(settings(ssl, entry()))
    assert served(ssl) == pairs[0]
    assert deployment.deploy(settings(ssl, entry())) == (["lab"], {})
    assert host.loads() == ["systemctl try-reload-or-restart nginx.service"]


def test_only_one_deploys_at_a_time(host: Host, ssl: pathlib.Path) -> None:
    done = threading.Event()

    def deploy() -> None:
        deployment.deploy(settings(ssl, entry(method="self_signed")))
        done.set()

    with locks.alone(deployment._LOCK):
        other = threading.Thread(target=deploy)
        other.start()
        assert not done.wait(0.5)
        assert not ssl.exists()
    assert done.wait(30)
    other.join()


def test_the_group_can_read_the_key(host: Host, ssl: pathlib.Path) -> None:
    deployment.deploy(settings(ssl, entry(method="self_signed", group=GROUP)))
    status = (ssl / "lab" / "privkey.pem").stat()
    assert (status.st_mode & 0o777, status.st_gid) == (0o640, 1)


# Self-signed


def test_a_self_signed_certificate_is_as_described(host: Host, ssl: pathlib.Path) -> None:
    wanted = entry(method="self_signed", domains=["B.org", "192.0.2.10"], days=7)
    assert deployment.deploy(settings(ssl, wanted)) == (["lab"], {})
    chain, key = served(ssl)
    said = facts(chain)
    assert said.names == ("192.0.2.10", "b.org")
    assert said.not_after - said.not_before == 7 * DAY
    assert len(blocks(chain)) == 1
    require_pair(chain, key)


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [
        ({}, False),
        ({"domains": ["A.ORG"]}, False),
        ({"domains": ["a.org", "b.org"]}, True),
        ({"days": 91}, True),
        ({"authority": True}, True),
        ({"reload": []}, False),
    ],
)
def test_a_self_signed_certificate_is_replaced_if_its_entry_changes(
    host: Host, ssl: pathlib.Path, changed: dict, replaced: bool
) -> None:
    deployment.deploy(settings(ssl, entry(method="self_signed")))
    before = served(ssl)
    assert deployment.deploy(settings(ssl, entry(method="self_signed", **changed))) == (["lab"] if replaced else [], {})
    assert (served(ssl) != before) is replaced


@pytest.mark.parametrize("authority", [False, True])
@pytest.mark.parametrize(("left", "renewed"), [(0.34, False), (0.33, True), (-1, True)])
def test_a_self_signed_certificate_is_renewed_when_a_third_of_its_life_is_left(
    host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch, left: float, renewed: bool, authority: bool
) -> None:
    wanted = settings(ssl, entry(method="self_signed", authority=authority))
    deployment.deploy(wanted)
    before = served(ssl)
    at_share(monkeypatch, before[0], left)
    assert deployment.deploy(wanted) == (["lab"] if renewed else [], {})
    assert (served(ssl) != before) is renewed


@pytest.mark.parametrize("there", ["placeholder", "garbage"])
def test_a_placeholder_or_garbage_is_replaced(host: Host, ssl: pathlib.Path, there: str) -> None:
    if there == "placeholder":
        placeholder.make(str(ssl / "lab"), ["a.org"])
    else:
        put(ssl / "lab", (b"hello", b"world"))
    assert deployment.deploy(settings(ssl, entry(method="self_signed", days=placeholder.DAYS))) == (["lab"], {})
    assert facts(served(ssl)[0]).names == ("a.org",)
    assert not placeholder.is_placeholder(str(ssl / "lab"))


def test_the_hosts_authority_signs_and_is_kept(host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings(ssl, entry("a", "self_signed", authority=True), entry("b", "self_signed", authority=True))
    deployment.deploy(wanted)
    authority = served(ssl, ".authority")
    assert [blocks(served(ssl, name)[0])[1] for name in "ab"] == [authority[0]] * 2
    require_pair(*served(ssl, "a"))
    assert (ssl / ".authority" / "privkey.pem").stat().st_mode & 0o777 == 0o600
    before = served(ssl, "a")
    at_share(monkeypatch, before[0], 0.1)
    deployment.deploy(wanted)
    assert served(ssl, "a") != before
    assert served(ssl, ".authority") == authority


def test_an_authority_is_replaced_before_it_expires(
    host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(ssl, entry(method="self_signed", authority=True))
    deployment.deploy(wanted)
    authority = served(ssl, ".authority")
    at(monkeypatch, facts(authority[0]).not_after - 89 * DAY)
    assert deployment.deploy(wanted) == (["lab"], {})
    assert served(ssl, ".authority") != authority
    assert blocks(served(ssl)[0])[1] == served(ssl, ".authority")[0]


def test_a_longer_certificate_replaces_the_authority_and_all_that_it_signed_in_one_run(
    host: Host, ssl: pathlib.Path
) -> None:
    short = entry("a", "self_signed", authority=True, days=7)
    deployment.deploy(settings(ssl, short))
    authority = served(ssl, ".authority")
    both = settings(ssl, short, entry("b", "self_signed", authority=True, days=3650))
    assert [certificate.entry["name"] for certificate in deployment.due(both)[0]] == ["a", "b"]
    assert served(ssl, ".authority") == authority, "due only compares"
    assert deployment.deploy(both) == (["a", "b"], {})
    assert served(ssl, ".authority") != authority
    assert {blocks(served(ssl, name)[0])[1] for name in "ab"} == {served(ssl, ".authority")[0]}
    assert deployment.deploy(both) == ([], {})


# Provided


def test_a_provided_certificate_is_copied_from_its_paths(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "own", pairs[0])
    paths = {"certificate_path": f"{tmp_path}/own/fullchain.pem", "key_path": f"{tmp_path}/own/privkey.pem"}
    wanted = settings(ssl, entry(method="provided", **paths))
    assert deployment.deploy(wanted) == (["lab"], {})
    assert deployment.deploy(wanted) == ([], {})
    put(tmp_path / "own", (pairs[1][0], pairs[0][1]))
    assert deployment.deploy(wanted) == ([], {"lab": "the private key is not that of the certificate"})
    assert served(ssl) == pairs[0]
    put(tmp_path / "own", pairs[1])
    assert deployment.deploy(wanted) == (["lab"], {})
    assert served(ssl) == pairs[1]


def test_a_provided_certificate_for_other_names_is_refused(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "own", pairs[0])
    paths = {"certificate_path": f"{tmp_path}/own/fullchain.pem", "key_path": f"{tmp_path}/own/privkey.pem"}
    _deployed, failures = deployment.deploy(settings(ssl, entry(method="provided", domains=["b.org"], **paths)))
    assert "not for b.org" in failures["lab"]
    assert served(ssl) is None


def test_a_person_has_no_key_of_others_deployed_by_a_link(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    home, others = tmp_path / "home", tmp_path / "others"
    paths = {"certificate_path": str(home / "cert.pem"), "key_path": str(home / "key.pem")}
    for directory in (home, others):
        directory.mkdir()
    for name, content in zip(("cert.pem", "key.pem"), pairs[0], strict=True):
        (others / name).write_bytes(content)
        (home / name).symlink_to(others / name)
    os.chown(home, 4711, 4711)
    _deployed, failures = deployment.deploy(settings(ssl, entry(method="provided", **paths)))
    assert "as for a link" in failures["lab"]
    assert not (ssl / "lab").exists()


def test_a_provided_text_is_deployed_and_kept_by_runs_without_it(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    wanted = settings(ssl, entry(method="provided"))
    assert deployment.deploy(wanted, {"lab": pairs[0]}) == (["lab"], {})
    assert deployment.deploy(wanted, {"lab": pairs[0]}) == ([], {})
    assert deployment.deploy(wanted) == ([], {})
    assert served(ssl) == pairs[0]


# The guard


@pytest.mark.parametrize(
    ("left", "alarm"),
    [
        (0.26, None),
        (0.24, "lab: expires in 21 days, which should have been renewed long since"),
        (0.001, "lab: expires in 0 days, which should have been renewed long since"),
        (-0.05, "lab: expired 5 days ago"),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_the_guard_reports_every_certificate_that_is_about_to_expire(
    host: Host,
    ssl: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    pairs: list,
    left: float,
    alarm: str | None,
    declared: bool,
) -> None:
    put(ssl / "lab", pairs[0])
    at_share(monkeypatch, pairs[0][0], left)
    assert deployment.guard(settings(ssl, *([entry()] if declared else []))) == ([alarm] if alarm else [])


def test_the_guard_reports_the_placeholder_of_a_declared_certificate(host: Host, ssl: pathlib.Path) -> None:
    for name in "lab", "stranger":
        placeholder.make(str(ssl / name), ["a.org"])
    assert deployment.guard(settings(ssl, entry())) == ["lab: still a self-signed placeholder; nothing was issued"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file"), (b"hello", "openssl x509")],
    ids=["missing", "garbage"],
)
def test_the_guard_reports_certificates_that_it_cannot_read(
    host: Host, ssl: pathlib.Path, pairs: list, content: bytes | None, told: str
) -> None:
    put(ssl / "fine", pairs[0])
    if content is not None:
        put(ssl / "lab", (content, b""))
    (alarm,) = deployment.guard(settings(ssl, entry(), entry("fine")))
    assert alarm.startswith("lab: no certificate can be read: ")
    assert told in alarm


def test_the_guard_ignores_other_files(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    put(ssl / ".hidden", (b"hello", b""))
    (ssl / "notes").mkdir()
    (ssl / "README").write_text("mine")
    assert deployment.guard(settings(ssl)) == []
    put(ssl / "notes", (b"hello", b""))
    assert len(deployment.guard(settings(ssl))) == 1


def test_the_guard_writes_metrics_that_node_exporter_can_read(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    (tmp_path / "metrics").mkdir()
    put(ssl / "lab", pairs[0])
    put(ssl / "other", pairs[1])
    put(ssl / "broken", (b"hello", b""))
    deployment.guard(settings(ssl, entry()))
    (file,) = (tmp_path / "metrics").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("nbops_certificates.prom", 0o644)
    lines = file.read_text().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    expected = {}
    for name, pair in ("lab", pairs[0]), ("other", pairs[1]):
        said = facts(pair[0])
        for edge, value in ("before", said.not_before), ("after", said.not_after):
            expected[f'nbops_certificate_not_{edge}_timestamp_seconds{{name="{name}"}}'] = str(int(value))
    assert values == expected
    assert lines.count("# TYPE nbops_certificate_not_after_timestamp_seconds gauge") == 1
    assert file.read_text().endswith("\n")


def test_no_metrics_are_written_without_a_directory_for_them(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(ssl / "lab", pairs[0])
    deployment.guard(settings(ssl, entry()))
    assert not (tmp_path / "metrics").exists()


# The program


PROGRAM = pathlib.Path(__file__).parents[5] / "roles/certbot/files/certificates.py"


def program(monkeypatch: pytest.MonkeyPatch, verb: str, said: dict[str, Any]) -> int:
    pathlib.Path(deployment.SETTINGS).write_text(json.dumps(said))
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), verb])
    return runpy.run_path(str(PROGRAM))["main"]()


def test_the_program_deploys_and_says_so(
    host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    wanted = settings(ssl, entry(method="self_signed"))
    assert program(monkeypatch, "deploy", wanted) == 0
    assert capsys.readouterr().out == "lab: in place and loaded\n"
    assert program(monkeypatch, "deploy", wanted) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verb", ["deploy", "guard"])
def test_the_program_fails_with_an_error_line_for_each_problem(
    host: Host,
    ssl: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    pairs: list,
    verb: str,
    new_pair: Callable,
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    put(ssl / "lab", new_pair(days=1))
    put(ssl / "torn", (b"hello", b""))
    put(tmp_path / "live" / "torn", (pairs[0][0], pairs[1][1]))
    host.answers["nginx -t -q"] = (1, "first line\nsecond line")
    at_share(monkeypatch, served(ssl)[0], 0.1)
    assert program(monkeypatch, verb, settings(ssl, entry(), entry("torn"))) == 1
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["<3>lab", "<3>torn"]

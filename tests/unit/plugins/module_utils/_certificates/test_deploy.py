"""What keeps certificates on a host: deployment, renewal of our own, and the guard. systemd and nginx are played."""

from __future__ import annotations

import grp
import json
import pathlib
import runpy
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy as keeper
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import placeholder, store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import blocks, facts, require_pair

DAY = 86400
GROUP = grp.getgrgid(1).gr_name


class Host:
    """Answers in the place of systemctl and nginx, and remembers what it was asked."""

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
    monkeypatch.setattr(keeper, "_run", host.run)
    monkeypatch.setattr(keeper, "LIVE", str(tmp_path / "live"))
    monkeypatch.setattr(keeper, "SETTINGS", str(tmp_path / "settings.json"))
    monkeypatch.setattr(keeper, "_LOCK", str(tmp_path / "lock"))
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
    """From here on it is another time for the keeper."""
    monkeypatch.setattr(keeper, "time", types.SimpleNamespace(time=lambda: now))


def at_share(monkeypatch: pytest.MonkeyPatch, chain: bytes, left: float) -> None:
    """From here on a share of a certificate's life is left."""
    said = facts(chain)
    at(monkeypatch, said.not_after - left * (said.not_after - said.not_before))


# Deployment


def test_what_was_issued_is_brought_to_its_place_and_loaded(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    assert keeper.deploy(settings(ssl, entry())) == (["lab"], {})
    assert served(ssl) == pairs[0]
    assert host.loads() == ["systemctl try-reload-or-restart nginx.service"]


def test_what_is_in_place_is_left_alone(host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    keeper.deploy(settings(ssl, entry()))
    host.asked.clear()
    assert keeper.deploy(settings(ssl, entry())) == ([], {})
    assert host.asked == []


def test_what_was_not_issued_yet_leaves_the_place_alone(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    put(ssl / "lab", pairs[0])
    assert keeper.deploy(settings(ssl, entry())) == ([], {})
    assert not (ssl / "lab" / "current").exists()


def test_several_certificates_load_each_service_once(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    for name, pair in zip("abc", pairs):
        put(tmp_path / "live" / name, pair)
    more = {"reload": ["nginx.service", "app.service"], "restart": ["old.service"]}
    entries = [entry("a"), entry("b", **more), entry("c", **more)]
    assert keeper.deploy(settings(ssl, *entries)) == (["a", "b", "c"], {})
    assert host.loads() == [
        "systemctl try-reload-or-restart nginx.service",
        "systemctl try-reload-or-restart app.service",
        "systemctl try-restart old.service",
    ]


def test_only_the_services_of_what_is_new_are_loaded(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    entries = [entry("a"), entry("b", reload=["app.service"])]
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    keeper.deploy(settings(ssl, *entries))
    host.asked.clear()
    put(tmp_path / "live" / "b", pairs[1])
    assert keeper.deploy(settings(ssl, *entries)) == (["b"], {})
    assert host.asked == ["systemctl try-reload-or-restart app.service"]


def test_what_nginx_refuses_is_put_back_all_of_it(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    entries = [entry("a"), entry("b", reload=["app.service"])]
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    keeper.deploy(settings(ssl, *entries))
    for name in "ab":
        put(tmp_path / "live" / name, pairs[1])
    host.asked.clear()
    host.answers["nginx -t -q"] = (1, "nginx: [emerg] bad key share")
    deployed, failures = keeper.deploy(settings(ssl, *entries))
    words = "nginx refuses its configuration, and the old certificate stays: nginx: [emerg] bad key share"
    assert (deployed, failures) == ([], {"a": words, "b": words})
    assert served(ssl, "a") == served(ssl, "b") == pairs[0]
    assert host.loads() == []

    del host.answers["nginx -t -q"]
    assert keeper.deploy(settings(ssl, *entries)) == (["a", "b"], {})
    assert served(ssl, "a") == pairs[1]


def test_an_nginx_that_does_not_run_refuses_nothing(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    host.answers = {"systemctl is-active --quiet nginx.service": (3, ""), "nginx -t -q": (1, "broken")}
    assert keeper.deploy(settings(ssl, entry())) == (["lab"], {})


def test_a_service_that_the_host_does_not_have_takes_every_certificate(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "lab", pairs[0])
    host.answers["systemctl is-active --quiet nginx.service"] = (3, "")
    for verb, unit in ("try-reload-or-restart", "nginx.service"), ("try-restart", "app.service"):
        host.answers[f"systemctl {verb} {unit}"] = (5, f"Unit {unit} not found.")
    assert keeper.deploy(settings(ssl, entry(restart=["app.service"]))) == (["lab"], {})


def test_what_a_service_did_not_take_is_tried_again(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    for name in "ab":
        put(tmp_path / "live" / name, pairs[0])
    entries = [entry("a"), entry("b", reload=["app.service"], restart=["old.service"])]
    host.answers["systemctl try-reload-or-restart app.service"] = (1, "Job failed.")
    deployed, failures = keeper.deploy(settings(ssl, *entries))
    assert deployed == ["a"]
    assert failures == {"b": "app.service did not take the new certificate: Job failed."}

    host.answers.clear()
    host.asked.clear()
    assert keeper.deploy(settings(ssl, *entries)) == (["b"], {})
    assert host.loads() == ["systemctl try-reload-or-restart app.service", "systemctl try-restart old.service"]


def test_what_goes_wrong_with_one_does_not_keep_the_others(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "live" / "torn", (pairs[0][0], pairs[1][1]))
    put(tmp_path / "live" / "lab", pairs[0])
    missing = {"certificate_path": "/nonexistent/a.pem", "key_path": "/nonexistent/a.key"}
    entries = [
        entry("torn"),
        entry("group", "self_signed", group="nobody-here"),
        entry("missing", "provided", **missing),
        entry(),
    ]
    deployed, failures = keeper.deploy(settings(ssl, *entries))
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
        patched.setattr(keeper, "_run", killed)
        with pytest.raises(KeyboardInterrupt):
            keeper.deploy(settings(ssl, entry()))
    assert served(ssl) == pairs[0]
    assert keeper.deploy(settings(ssl, entry())) == (["lab"], {})
    assert host.loads() == ["systemctl try-reload-or-restart nginx.service"]


def test_only_one_deploys_at_a_time(host: Host, ssl: pathlib.Path) -> None:
    done = threading.Event()

    def deploy() -> None:
        keeper.deploy(settings(ssl, entry(method="self_signed")))
        done.set()

    with keeper.only_one():
        other = threading.Thread(target=deploy)
        other.start()
        assert not done.wait(0.5)
        assert not ssl.exists()
    assert done.wait(30)
    other.join()


def test_the_group_gets_the_key(host: Host, ssl: pathlib.Path) -> None:
    keeper.deploy(settings(ssl, entry(method="self_signed", group=GROUP)))
    status = (ssl / "lab" / "privkey.pem").stat()
    assert (status.st_mode & 0o777, status.st_gid) == (0o640, 1)


# Our own


def test_a_self_signed_certificate_is_as_described(host: Host, ssl: pathlib.Path) -> None:
    wanted = entry(method="self_signed", domains=["B.org", "192.0.2.10"], days=7)
    assert keeper.deploy(settings(ssl, wanted)) == (["lab"], {})
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
def test_a_self_signed_certificate_is_made_anew_for_another_description(
    host: Host, ssl: pathlib.Path, changed: dict, replaced: bool
) -> None:
    keeper.deploy(settings(ssl, entry(method="self_signed")))
    before = served(ssl)
    assert keeper.deploy(settings(ssl, entry(method="self_signed", **changed))) == (["lab"] if replaced else [], {})
    assert (served(ssl) != before) is replaced


@pytest.mark.parametrize("authority", [False, True])
@pytest.mark.parametrize(("left", "renewed"), [(0.34, False), (0.33, True), (-1, True)])
def test_a_third_before_its_end_it_is_made_anew(
    host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch, left: float, renewed: bool, authority: bool
) -> None:
    wanted = settings(ssl, entry(method="self_signed", authority=authority))
    keeper.deploy(wanted)
    before = served(ssl)
    at_share(monkeypatch, before[0], left)
    assert keeper.deploy(wanted) == (["lab"] if renewed else [], {})
    assert (served(ssl) != before) is renewed


@pytest.mark.parametrize("there", ["placeholder", "garbage"])
def test_what_is_no_certificate_of_the_entry_is_replaced(host: Host, ssl: pathlib.Path, there: str) -> None:
    if there == "placeholder":
        placeholder.make(str(ssl / "lab"), ["a.org"])
    else:
        put(ssl / "lab", (b"hello", b"world"))
    assert keeper.deploy(settings(ssl, entry(method="self_signed", days=placeholder.DAYS))) == (["lab"], {})
    assert facts(served(ssl)[0]).names == ("a.org",)
    assert not placeholder.is_placeholder(str(ssl / "lab"))


def test_the_hosts_authority_signs_and_stays(host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings(ssl, entry("a", "self_signed", authority=True), entry("b", "self_signed", authority=True))
    keeper.deploy(wanted)
    authority = served(ssl, ".authority")
    assert [blocks(served(ssl, name)[0])[1] for name in "ab"] == [authority[0]] * 2
    require_pair(*served(ssl, "a"))
    assert (ssl / ".authority" / "privkey.pem").stat().st_mode & 0o777 == 0o600
    before = served(ssl, "a")
    at_share(monkeypatch, before[0], 0.1)
    keeper.deploy(wanted)
    assert served(ssl, "a") != before
    assert served(ssl, ".authority") == authority


def test_an_authority_is_made_anew_before_it_ends(
    host: Host, ssl: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(ssl, entry(method="self_signed", authority=True))
    keeper.deploy(wanted)
    authority = served(ssl, ".authority")
    at(monkeypatch, facts(authority[0]).not_after - 89 * DAY)
    assert keeper.deploy(wanted) == (["lab"], {})
    assert served(ssl, ".authority") != authority
    assert blocks(served(ssl)[0])[1] == served(ssl, ".authority")[0]


# Provided


def test_a_provided_certificate_is_taken_from_its_paths(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "own", pairs[0])
    paths = {"certificate_path": f"{tmp_path}/own/fullchain.pem", "key_path": f"{tmp_path}/own/privkey.pem"}
    wanted = settings(ssl, entry(method="provided", **paths))
    assert keeper.deploy(wanted) == (["lab"], {})
    assert keeper.deploy(wanted) == ([], {})
    put(tmp_path / "own", (pairs[1][0], pairs[0][1]))
    assert keeper.deploy(wanted) == ([], {"lab": "the private key is not that of the certificate"})
    assert served(ssl) == pairs[0]
    put(tmp_path / "own", pairs[1])
    assert keeper.deploy(wanted) == (["lab"], {})
    assert served(ssl) == pairs[1]


def test_a_provided_certificate_for_other_names_stays_outside(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(tmp_path / "own", pairs[0])
    paths = {"certificate_path": f"{tmp_path}/own/fullchain.pem", "key_path": f"{tmp_path}/own/privkey.pem"}
    _deployed, failures = keeper.deploy(settings(ssl, entry(method="provided", domains=["b.org"], **paths)))
    assert "not for b.org" in failures["lab"]
    assert served(ssl) is None


def test_a_provided_text_is_put_in_place_and_kept_without_it(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    wanted = settings(ssl, entry(method="provided"))
    assert keeper.deploy(wanted, {"lab": pairs[0]}) == (["lab"], {})
    assert keeper.deploy(wanted, {"lab": pairs[0]}) == ([], {})
    assert keeper.deploy(wanted) == ([], {})
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
def test_the_guard_sees_what_is_about_to_expire_whoever_issued_it(
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
    assert keeper.guard(settings(ssl, *([entry()] if declared else []))) == ([alarm] if alarm else [])


def test_the_guard_wants_a_certificate_in_the_place_of_a_declared_ones_placeholder(
    host: Host, ssl: pathlib.Path
) -> None:
    for name in "lab", "stranger":
        placeholder.make(str(ssl / name), ["a.org"])
    assert keeper.guard(settings(ssl, entry())) == ["lab: still a self-signed placeholder; nothing was issued"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file"), (b"hello", "openssl x509")],
    ids=["missing", "garbage"],
)
def test_the_guard_tells_what_cannot_be_read(
    host: Host, ssl: pathlib.Path, pairs: list, content: bytes | None, told: str
) -> None:
    put(ssl / "fine", pairs[0])
    if content is not None:
        put(ssl / "lab", (content, b""))
    (alarm,) = keeper.guard(settings(ssl, entry(), entry("fine")))
    assert alarm.startswith("lab: no certificate can be read: ")
    assert told in alarm


def test_the_guard_minds_certificates_alone(host: Host, ssl: pathlib.Path, pairs: list) -> None:
    put(ssl / ".hidden", (b"hello", b""))
    (ssl / "notes").mkdir()
    (ssl / "README").write_text("mine")
    assert keeper.guard(settings(ssl)) == []
    put(ssl / "notes", (b"hello", b""))
    assert len(keeper.guard(settings(ssl))) == 1


def test_the_guard_writes_metrics_that_node_exporter_can_read(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    (tmp_path / "metrics").mkdir()
    put(ssl / "lab", pairs[0])
    put(ssl / "other", pairs[1])
    put(ssl / "broken", (b"hello", b""))
    keeper.guard(settings(ssl, entry()))
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


def test_nothing_is_written_where_nobody_reads(
    host: Host, ssl: pathlib.Path, tmp_path: pathlib.Path, pairs: list
) -> None:
    put(ssl / "lab", pairs[0])
    keeper.guard(settings(ssl, entry()))
    assert not (tmp_path / "metrics").exists()


# The program


PROGRAM = pathlib.Path(__file__).parents[5] / "roles/certbot/files/certificates.py"


def program(monkeypatch: pytest.MonkeyPatch, verb: str, said: dict[str, Any]) -> int:
    pathlib.Path(keeper.SETTINGS).write_text(json.dumps(said))
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
def test_the_program_fails_with_one_line_in_the_journals_way_for_each_problem(
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

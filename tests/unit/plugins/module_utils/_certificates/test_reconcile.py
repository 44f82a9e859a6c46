"""What one run orders, deploys and removes, and what it does about errors. A fake certbot issues certificates."""

from __future__ import annotations

import ast
import inspect
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import certbot as the_certbot
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy, placeholder, reconcile, store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.preflight import PreflightError
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.reconcile import CertificateRun, Outcome

Answer = tuple[int, str, str]
PROGRAM = pathlib.Path(__file__).parents[5] / "roles/certbot/files/certificates.py"


class Certbot:
    """Issues what it is asked for, but for names that it refuses; remembers the orders."""

    def __init__(self, folder: pathlib.Path, new_pair: Callable) -> None:
        self.orders: list[str] = []
        self.refused: set[str] = set()
        self._folder = folder
        self._new_pair = new_pair

    def __call__(self, argv: list[str], **_options: Any) -> Answer:
        if "--version" in argv:
            return 0, "certbot 2.1.0", ""
        name = argv[argv.index("--cert-name") + 1]
        self.orders.append(f"{argv[1]} {name}")
        if name in self.refused:
            return 1, "", "Detail: no such host"
        domains = [argv[place + 1] for place, word in enumerate(argv) if word == "--domain"]
        live, renewal = self._folder / "live" / name, self._folder / "renewal" / f"{name}.conf"
        if argv[1] == "certonly":
            live.mkdir(parents=True, exist_ok=True)
            for file, data in zip(("fullchain.pem", "privkey.pem"), self._new_pair(domains)):
                (live / file).write_bytes(data)
            renewal.parent.mkdir(exist_ok=True)
            renewal.write_text("")
        else:
            renewal.unlink()
        return 0, "", ""


@pytest.fixture
def certbot(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, new_pair: Callable) -> Certbot:
    for module in (the_certbot, deploy, reconcile):
        monkeypatch.setattr(module, "LIVE", str(tmp_path / "letsencrypt/live"))
    monkeypatch.setattr(reconcile, "SETTINGS", str(tmp_path / "settings.json"))
    monkeypatch.setattr(reconcile, "HOOK", str(tmp_path / "letsencrypt/hook"))
    monkeypatch.setattr(reconcile, "LIBRARY", str(tmp_path / "library"))
    monkeypatch.setattr(reconcile, "PROGRAM", str(tmp_path / "library/certificates.py"))
    for module in (the_certbot, reconcile):
        monkeypatch.setattr(module, "CREDENTIALS", str(tmp_path / "letsencrypt/dns"))
    monkeypatch.setattr(deploy, "_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(deploy, "_run", lambda *_argv: (0, ""))
    monkeypatch.setattr(store, "PENDING", str(tmp_path / "pending"))
    return Certbot(tmp_path / "letsencrypt", new_pair)


def entry(name: str, **more: Any) -> dict[str, Any]:
    base = {
        "name": name, "state": "present", "domains": [f"{name}.org"], "method": "dns", "webroot": "/srv/www",
        "key_type": "ecdsa", "profile": "", "dns": {"auth_hook": "/bin/hook"}, "days": 90, "authority": False,
        "certificate": None, "key": None, "certificate_path": None, "key_path": None, "group": "root",
        "reload": ["nginx.service"], "restart": [], "revoke": False,
    }  # fmt: skip
    return {**base, **more}


def run(
    certbot: Certbot, tmp_path: pathlib.Path, *entries: dict[str, Any], check: bool = False, **more: Any
) -> tuple[Outcome, CertificateRun]:
    parameters = {
        "certificates": list(entries), "directory": str(tmp_path / "ssl"), "certbot": "/usr/bin/certbot",
        "program": "keep\n", "server": "production", "email": "", "ca_bundle": "", "eab_kid": "", "eab_hmac_key": "",
        "preflight": False, "alarm_share": 0.25, "textfile_directory": "/nonexistent", **more,
    }  # fmt: skip
    one = CertificateRun(parameters, certbot, check)
    return one.run(), one


def served(tmp_path: pathlib.Path, name: str) -> bytes:
    return (tmp_path / "ssl" / name / "fullchain.pem").read_bytes()


def test_a_first_run_orders_and_a_second_does_nothing(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    assert run(certbot, tmp_path, entry("a"))[0] == Outcome({"a": "there is none yet"}, ["a"], [], {})
    outcome, one = run(certbot, tmp_path, entry("a"))
    assert (outcome, one.files.changed) == (Outcome({}, [], [], {}), False)
    assert certbot.orders == ["certonly a"]


def test_check_mode_predicts_the_same_and_changes_nothing(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    outcome, one = run(certbot, tmp_path, entry("a"), check=True)
    assert (outcome, one.files.changed) == (Outcome({"a": "there is none yet"}, ["a"], [], {}), True)
    assert certbot.orders == []
    assert list(tmp_path.iterdir()) == []


def test_check_mode_predicts_every_kind_of_change(
    certbot: Certbot, tmp_path: pathlib.Path, pairs: list, new_pair: Callable
) -> None:
    chain, key = (part.decode() for part in pairs[0])
    provided = {"method": "provided", "dns": {}, "domains": ["a.org"]}
    texts, paths = {"certificate": chain, "key": key}, {"certificate_path": "/nonexistent", "key_path": "/nonexistent"}
    run(certbot, tmp_path, entry("kept"), entry("gone"), entry("own", method="self_signed", dns={}))
    for name, data in zip(("fullchain.pem", "privkey.pem"), new_pair(["kept.org"])):
        (tmp_path / "letsencrypt/live/kept" / name).write_bytes(data)
    wanted = [
        entry("gone", state="absent", dns={}),
        entry("own", method="self_signed", dns={}, days=30),
        entry("new", method="self_signed", dns={}, authority=True),
        entry("text", **provided, **texts),
        entry("torn", **provided, **{**texts, "key": pairs[1][1].decode()}),
        entry("missing", **provided, **paths),
    ]
    predicted, one = run(certbot, tmp_path, *wanted, check=True)
    assert predicted.deployed == ["kept", "new", "own", "text"], "kept was renewed, but not deployed"
    assert predicted.removed == ["gone"]
    assert set(predicted.failures) == {"torn", "missing"}
    assert one.files.changed
    assert not (tmp_path / "ssl/new").exists()
    assert run(certbot, tmp_path, *wanted)[0] == predicted


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"domains": ["a.org", "b.org"]}, "its domains are others"),
        ({"key_type": "rsa"}, "its settings are others"),
        ({"dns": {"auth_hook": "/bin/other"}}, "its settings are others"),
    ],
)
def test_a_changed_certificate_is_ordered_again(
    certbot: Certbot, tmp_path: pathlib.Path, change: dict, reason: str
) -> None:
    run(certbot, tmp_path, entry("a"))
    assert run(certbot, tmp_path, entry("a", **change))[0].ordered == {"a": reason}
    assert run(certbot, tmp_path, entry("a", **change))[0].ordered == {}


def test_another_authority_gets_an_order(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"), server="staging")
    assert run(certbot, tmp_path, entry("a"))[0].ordered == {"a": "its settings are others"}


def test_after_a_refusal_the_old_certificate_stays_and_the_others_are_deployed(
    certbot: Certbot, tmp_path: pathlib.Path
) -> None:
    run(certbot, tmp_path, entry("a"))
    old = served(tmp_path, "a")
    certbot.refused = {"a"}
    outcome = run(certbot, tmp_path, entry("a", domains=["x.org"]), entry("b"))[0]
    assert outcome == Outcome({"b": "there is none yet"}, ["b"], [], {"a": "Detail: no such host"})
    assert served(tmp_path, "a") == old
    certbot.refused = set()
    ordered = run(certbot, tmp_path, entry("a", domains=["x.org"]), entry("b"))[0].ordered
    assert ordered == {"a": "its domains are others"}


def test_an_authority_that_is_down_is_asked_once(
    certbot: Certbot, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def check_authority(*arguments: str) -> None:
        asked.append(arguments)
        raise PreflightError("it is down")

    monkeypatch.setattr(reconcile, "check_authority", check_authority)
    outcome = run(certbot, tmp_path, entry("a", profile=""), entry("b", profile=""), preflight=True)[0]
    assert (outcome.failures, len(asked)) == ({"a": "it is down", "b": "it is down"}, 1)


def test_a_removed_certificate_that_a_site_names_becomes_a_placeholder_once_nginx_accepts_it(
    certbot: Certbot, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(certbot, tmp_path, entry("a"))
    old = served(tmp_path, "a")
    monkeypatch.setattr(placeholder, "is_used", lambda *_arguments: True)
    monkeypatch.setattr(deploy, "_nginx_refusal", lambda: "no")
    outcome = run(certbot, tmp_path, entry("a", state="absent", dns={}))[0]
    assert (outcome.removed, list(outcome.failures), served(tmp_path, "a")) == ([], ["a"], old)
    monkeypatch.setattr(deploy, "_nginx_refusal", lambda: "")
    assert run(certbot, tmp_path, entry("a", state="absent", dns={}))[0].removed == ["a"]
    assert served(tmp_path, "a").startswith(deploy.PLACEHOLDER)


def test_a_certificate_that_was_never_issued_has_a_placeholder(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    certbot.refused = {"a"}
    run(certbot, tmp_path, entry("a"))
    assert served(tmp_path, "a").startswith(deploy.PLACEHOLDER)


def test_an_entry_that_is_no_longer_listed_is_kept(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"))
    one = run(certbot, tmp_path, entry("b"))[1]
    assert [kept["name"] for kept in one.declared()] == ["a", "b"]
    assert run(certbot, tmp_path, entry("a"))[0].ordered == {}


def test_the_last_removed_certificate_removes_all_files(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"), entry("b", dns={"plugin": "x", "credentials": {"dns_x_token": "t"}}))
    assert (tmp_path / "letsencrypt/dns/b.ini").stat().st_mode & 0o777 == 0o600
    assert run(certbot, tmp_path, entry("a", state="absent", dns={}))[0].removed == ["a"]
    assert (tmp_path / "ssl/b").exists()
    assert run(certbot, tmp_path, entry("b", state="absent", dns={}, revoke=True))[0].removed == ["b"]
    assert certbot.orders[-2:] == ["delete a", "revoke b"]
    for path in ("ssl", "settings.json", "library", "letsencrypt/hook", "letsencrypt/dns"):
        assert not (tmp_path / path).exists(), path


def test_the_settings_contain_no_secret(certbot: Certbot, tmp_path: pathlib.Path, pairs: list) -> None:
    texts = {"certificate": pairs[0][0].decode(), "key": pairs[0][1].decode(), "domains": ["a.org"]}
    provided = entry("a", method="provided", dns={}, **texts)
    secret = entry("b", dns={"plugin": "x", "credentials": {"dns_x_token": "hunter2"}})
    assert run(certbot, tmp_path, provided, secret)[0].deployed == ["a", "b"]
    settings = (tmp_path / "settings.json").read_text()
    assert "hunter2" not in settings
    assert "PRIVATE KEY" not in settings
    assert json.loads(settings)["certificates"]


def test_the_installed_program_needs_no_ansible(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"), program=PROGRAM.read_text())
    # Isolated and without site-packages, the interpreter finds only what was installed beside the program.
    code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path / 'library')!r}); runpy.run_path(sys.argv[1])"
    subprocess.run([sys.executable, "-IS", "-c", code, tmp_path / "library/certificates.py"], check=True)


def test_the_program_has_every_module_that_it_imports() -> None:
    names = {module.__name__ for module in reconcile.PROGRAM_MODULES}
    for module in reconcile.PROGRAM_MODULES:
        for statement in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("ansible"):
                wanted = {f"{statement.module}.{alias.name}" for alias in statement.names}
                assert statement.module in names or wanted <= names, f"{module.__name__} imports {wanted - names}"

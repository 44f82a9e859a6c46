"""One run of the module: what is ordered, what fails alone, what stays and what goes. certbot is played."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import certbot as the_certbot
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy, placeholder, reconcile, store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.preflight import PreflightError
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.reconcile import CertificateRun

Answer = tuple[int, str, str]


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


def run(certbot: Certbot, tmp_path: pathlib.Path, *entries: dict[str, Any], check: bool = False, **more: Any) -> tuple:
    parameters = {
        "certificates": list(entries), "directory": str(tmp_path / "ssl"), "certbot": "/usr/bin/certbot",
        "program": "keep\n", "server": "production", "email": "", "ca_bundle": "", "eab_kid": "", "eab_hmac_key": "",
        "preflight": False, "alarm_share": 0.25, "textfile_directory": "/nonexistent", **more,
    }  # fmt: skip
    one = CertificateRun(parameters, certbot, check)
    return (*one.run(), one)


def served(tmp_path: pathlib.Path, name: str) -> bytes:
    return (tmp_path / "ssl" / name / "fullchain.pem").read_bytes()


def test_a_first_run_orders_and_a_second_does_nothing(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    ordered, deployed, removed, _one = run(certbot, tmp_path, entry("a"))
    assert (ordered, deployed, removed) == ({"a": "there is none yet"}, ["a"], [])
    ordered, deployed, removed, one = run(certbot, tmp_path, entry("a"))
    assert (ordered, deployed, removed, one.files.changed) == ({}, [], [], False)
    assert certbot.orders == ["certonly a"]


def test_check_mode_tells_the_same_and_touches_nothing(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    ordered, deployed, _removed, one = run(certbot, tmp_path, entry("a"), check=True)
    assert (ordered, deployed, one.files.changed) == ({"a": "there is none yet"}, ["a"], True)
    assert certbot.orders == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"domains": ["a.org", "b.org"]}, "its domains are others"),
        ({"key_type": "rsa"}, "its settings are others"),
        ({"dns": {"auth_hook": "/bin/other"}}, "its settings are others"),
    ],
)
def test_what_changed_is_ordered_anew(certbot: Certbot, tmp_path: pathlib.Path, change: dict, reason: str) -> None:
    run(certbot, tmp_path, entry("a"))
    assert run(certbot, tmp_path, entry("a", **change))[0] == {"a": reason}
    assert run(certbot, tmp_path, entry("a", **change))[0] == {}


def test_another_authority_is_asked_anew(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"), server="staging")
    assert run(certbot, tmp_path, entry("a"))[0] == {"a": "its settings are others"}


def test_a_refusal_leaves_the_old_one_and_keeps_nobody_else(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"))
    old = served(tmp_path, "a")
    certbot.refused = {"a"}
    ordered, deployed, _removed, one = run(certbot, tmp_path, entry("a", domains=["x.org"]), entry("b"))
    assert (ordered, deployed, one.failures) == ({"b": "there is none yet"}, ["b"], {"a": "Detail: no such host"})
    assert served(tmp_path, "a") == old
    certbot.refused = set()
    assert run(certbot, tmp_path, entry("a", domains=["x.org"]), entry("b"))[0] == {"a": "its domains are others"}


def test_an_authority_that_is_away_is_asked_once(
    certbot: Certbot, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def check_authority(*arguments: str) -> None:
        asked.append(arguments)
        raise PreflightError("it is away")

    monkeypatch.setattr(reconcile, "check_authority", check_authority)
    one = run(certbot, tmp_path, entry("a", profile=""), entry("b", profile=""), preflight=True)[3]
    assert (one.failures, len(asked)) == ({"a": "it is away", "b": "it is away"}, 1)


def test_a_site_that_goes_on_naming_a_removed_one_has_a_placeholder_once_nginx_takes_it(
    certbot: Certbot, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(certbot, tmp_path, entry("a"))
    old = served(tmp_path, "a")
    monkeypatch.setattr(placeholder, "is_used", lambda *_arguments: True)
    monkeypatch.setattr(deploy, "_nginx_refusal", lambda: "no")
    removed, one = run(certbot, tmp_path, entry("a", state="absent", dns={}))[2:]
    assert (removed, list(one.failures), served(tmp_path, "a")) == ([], ["a"], old)
    monkeypatch.setattr(deploy, "_nginx_refusal", lambda: "")
    assert run(certbot, tmp_path, entry("a", state="absent", dns={}))[2] == ["a"]
    assert served(tmp_path, "a").startswith(deploy.PLACEHOLDER)


def test_what_was_never_issued_has_a_placeholder(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    certbot.refused = {"a"}
    run(certbot, tmp_path, entry("a"))
    assert served(tmp_path, "a").startswith(deploy.PLACEHOLDER)


def test_an_entry_that_is_no_longer_listed_is_kept(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"))
    one = run(certbot, tmp_path, entry("b"))[3]
    assert [kept["name"] for kept in one.declared()] == ["a", "b"]
    assert run(certbot, tmp_path, entry("a"))[0] == {}


def test_an_absent_one_goes_and_the_last_takes_everything_along(certbot: Certbot, tmp_path: pathlib.Path) -> None:
    run(certbot, tmp_path, entry("a"), entry("b", dns={"plugin": "x", "credentials": {"dns_x_token": "t"}}))
    assert (tmp_path / "letsencrypt/dns/b.ini").stat().st_mode & 0o777 == 0o600
    assert run(certbot, tmp_path, entry("a", state="absent", dns={}))[2] == ["a"]
    assert (tmp_path / "ssl/b").exists()
    assert run(certbot, tmp_path, entry("b", state="absent", dns={}, revoke=True))[2] == ["b"]
    assert certbot.orders[-2:] == ["delete a", "revoke b"]
    for path in ("ssl", "settings.json", "library", "letsencrypt/hook", "letsencrypt/dns"):
        assert not (tmp_path / path).exists(), path


def test_no_secret_stands_in_the_settings(certbot: Certbot, tmp_path: pathlib.Path, pairs: list) -> None:
    texts = {"certificate": pairs[0][0].decode(), "key": pairs[0][1].decode(), "domains": ["a.org"]}
    provided = entry("a", method="provided", dns={}, **texts)
    secret = entry("b", dns={"plugin": "x", "credentials": {"dns_x_token": "hunter2"}})
    assert run(certbot, tmp_path, provided, secret)[1] == ["a", "b"]
    settings = (tmp_path / "settings.json").read_text()
    assert "hunter2" not in settings
    assert "PRIVATE KEY" not in settings
    assert json.loads(settings)["certificates"]

"""Certificates that move with their host, so that no authority is asked again."""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import certbot
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import make_certificate, make_key
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._state import certificates

NAME = "lab.example.org"
ENTRY = {
    "name": NAME,
    "domains": [NAME],
    "method": "webroot",
    "key_type": "ecdsa",
    "profile": "",
    "webroot": "/var/lib/nginx-acme",
    "dns": {},
}
ACCOUNT = certbot.Account("production", "", "", "", "")
PARTS = ("cert", "chain", "fullchain", "privkey")


@pytest.fixture
def hosts(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pathlib.Path, pathlib.Path]:
    """The roots of an old host with a certificate that was renewed once, and of a new one."""
    old, new = tmp_path / "old", tmp_path / "new"
    (new / "etc").mkdir(parents=True)
    key = make_key("ecdsa")
    chain = make_certificate([NAME], 90, key)
    archive, account = old / f"etc/letsencrypt/archive/{NAME}", old / "etc/letsencrypt/accounts/acme.org/directory/0a"
    for directory in (archive, account, old / "etc/letsencrypt/renewal", old / f"etc/ssl/jupyter/{NAME}"):
        directory.mkdir(parents=True)
    for part in PARTS:
        (archive / f"{part}9.pem").write_text("older")
        (archive / f"{part}10.pem").write_bytes(key if part == "privkey" else chain)
    (account / "private_key.json").write_text("{}")
    (old / f"etc/letsencrypt/renewal/{NAME}.conf").write_text("authenticator = webroot\npre_hook = None\n")
    (old / f"etc/ssl/jupyter/{NAME}/fullchain.pem").write_bytes(chain)
    (old / f"etc/ssl/jupyter/{NAME}/privkey.pem").write_bytes(key)
    orders = {NAME: certbot.order(ENTRY, ACCOUNT)}
    (old / "etc/nbops-certificates.json").write_text(json.dumps({"orders": orders, "directory": "/elsewhere"}))
    monkeypatch.setattr(certificates, "ROOT", str(old))
    return old, new


def moved(new: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    files = certificates.collected()
    assert all(certificates.is_ours(path) for path in files)
    monkeypatch.setattr(certificates, "ROOT", str(new))
    return certificates.place(files, atomic.write)


def test_a_host_that_moves_orders_nothing(
    hosts: tuple[pathlib.Path, pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _old, new = hosts
    _placed, left_out = moved(new, monkeypatch)
    assert left_out == []
    settings = json.loads((new / "etc/nbops-certificates.json").read_text())
    assert set(settings) == {"orders"}
    live = new / "etc/letsencrypt/live"
    monkeypatch.setattr(certbot, "LIVE", str(live))
    assert certbot.why_order(ENTRY, ACCOUNT, settings["orders"][NAME], time.time()) == ""
    assert os.readlink(live / NAME / "privkey.pem") == f"../../archive/{NAME}/privkey10.pem"
    modes = {path: oct((new / path).stat().st_mode & 0o777) for path in (
        "etc/letsencrypt/archive", f"etc/letsencrypt/archive/{NAME}/privkey10.pem",
        f"etc/ssl/jupyter/{NAME}", f"etc/ssl/jupyter/{NAME}/fullchain.pem", f"etc/ssl/jupyter/{NAME}/privkey.pem",
    )}  # fmt: skip
    assert list(modes.values()) == ["0o700", "0o600", "0o755", "0o644", "0o600"]


def test_nothing_that_is_there_is_replaced(
    hosts: tuple[pathlib.Path, pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _old, new = hosts
    own = new / f"etc/ssl/jupyter/{NAME}/fullchain.pem"
    own.parent.mkdir(parents=True)
    own.write_text("of the new host")
    _placed, left_out = moved(new, monkeypatch)
    assert left_out == [f"/etc/ssl/jupyter/{NAME}/fullchain.pem"]
    assert own.read_text() == "of the new host"


@pytest.mark.parametrize("line", ["pre_hook = /bin/evil", "manual_auth_hook=sh -c id", "  renew_hook = x"])
def test_certbot_runs_no_program_of_a_snapshot(
    hosts: tuple[pathlib.Path, pathlib.Path], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    old, new = hosts
    (old / f"etc/letsencrypt/renewal/{NAME}.conf").write_text(f"[renewalparams]\n{line}\n")
    _placed, left_out = moved(new, monkeypatch)
    assert left_out == [f"/etc/letsencrypt/renewal/{NAME}.conf"]
    # Without its renewal, the certificate is ordered anew.
    assert not (new / "etc/letsencrypt/renewal").exists()
    assert not (new / f"etc/letsencrypt/live/{NAME}").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/letsencrypt/renewal-hooks/deploy/evil",
        "/etc/letsencrypt/cli.ini",
        "/etc/letsencrypt/accounts/../cli.json",
        "/etc/ssl/jupyter/../private/fullchain.pem",
        "/etc/ssl/jupyter/a/b/fullchain.pem",
    ],
)
def test_other_files_are_no_certificates(path: str) -> None:
    assert not certificates.is_ours(path)

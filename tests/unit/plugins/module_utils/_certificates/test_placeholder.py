"""The real openssl makes placeholders, here without root."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import placeholder
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import openssl, require_pair


def made(directory: pathlib.Path, name: str = "lab.example.org", hosts: Sequence[str] = ("a.org",)) -> pathlib.Path:
    placeholder.make(str(directory / name), list(hosts))
    return directory / name


def described(home: pathlib.Path) -> str:
    return openssl("x509", "-noout", "-text", data=(home / "fullchain.pem").read_bytes()).decode()


def test_it_is_valid_for_every_host(tmp_path: pathlib.Path) -> None:
    name = "a-name-longer-than-a-common-name-may-be." * 2 + "example.org"
    text = described(made(tmp_path, name, [name, "*.example.org", "192.0.2.10", "2001:db8::1"]))
    for host in f"DNS:{name}", "DNS:*.example.org", "IP Address:192.0.2.10", "IP Address:2001:DB8:0:0:0:0:0:1":
        assert host in text
    assert "NIST CURVE: P-256" in text


def test_only_the_owner_can_read_the_key_and_everybody_the_certificate(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    assert {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()} == {
        "privkey.pem": 0o600,
        "fullchain.pem": 0o644,
    }


def test_the_key_of_an_interrupted_run_is_used(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    (home / "fullchain.pem").unlink()
    key = (home / "privkey.pem").read_bytes()
    made(tmp_path)
    assert (home / "privkey.pem").read_bytes() == key
    require_pair((home / "fullchain.pem").read_bytes(), key)


def test_a_placeholder_for_other_names_is_replaced_and_keeps_its_key(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    key = (home / "privkey.pem").read_bytes()
    assert not placeholder.is_missing(str(home), ["A.org"])
    assert placeholder.is_missing(str(home), ["a.org", "b.org"])
    made(tmp_path, hosts=["a.org", "b.org"])
    assert "DNS:b.org" in described(home)
    require_pair((home / "fullchain.pem").read_bytes(), key)


def test_a_certificate_is_never_overwritten(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    (home / "fullchain.pem").write_text("real")
    assert not placeholder.is_missing(str(home), ["other.org"])
    with pytest.raises(FileExistsError):
        made(tmp_path)
    assert (home / "fullchain.pem").read_text() == "real"
    assert {path.name for path in home.iterdir()} == {"fullchain.pem", "privkey.pem"}


def test_other_certificates_are_no_placeholders(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    assert placeholder.is_placeholder(str(home))
    (home / "fullchain.pem").write_text("real")
    assert not placeholder.is_placeholder(str(home))
    assert not placeholder.is_placeholder(str(tmp_path / "none"))


def test_a_placeholder_is_used_while_a_configuration_names_it(tmp_path: pathlib.Path) -> None:
    configuration = tmp_path / "nginx" / "sites"
    configuration.mkdir(parents=True)
    (configuration / "dangling").symlink_to("nowhere")
    users = str(tmp_path / "nginx")
    assert not placeholder.is_used("/etc/ssl/jupyter/lab", users)
    (configuration / "lab").write_text("ssl_certificate /etc/ssl/jupyter/lab2/fullchain.pem;")
    assert not placeholder.is_used("/etc/ssl/jupyter/lab", users)
    assert placeholder.is_used("/etc/ssl/jupyter/lab2", users)


def test_removal_keeps_other_files(tmp_path: pathlib.Path) -> None:
    home = made(tmp_path)
    (home / "notes").write_text("mine")
    placeholder.remove(str(home))
    assert [path.name for path in home.iterdir()] == ["notes"]
    (home / "notes").unlink()
    other = made(tmp_path / "all", "other")
    placeholder.remove(str(other))
    assert not (tmp_path / "all").exists()

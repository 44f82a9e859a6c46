"""Keys are read as sshd reads them, and files of them keep what they are to keep."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.keys import Key, keys, merged, problem

ADA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ada@laptop"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB bob"


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", "256"), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")]
)
def test_what_ssh_keygen_makes_is_taken(tmp_path: pathlib.Path, kind: str, bits: str) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", "a b", "-f", path], check=True)
    line = path.with_suffix(".pub").read_text()
    assert problem(line) == ""
    assert Key.read(line).bits == (2048 if kind == "rsa" else 0)
    assert "private key" in problem(path.read_text())


def test_a_short_rsa_key_is_not(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", path], check=True)
    assert "an RSA key of 1024 bits" in problem(path.with_suffix(".pub").read_text())


def test_options_stand_before_a_key() -> None:
    for options in ("restrict", 'from="10.0.0.0/8,*.org",command="echo \\"a b\\""'):
        assert problem(f"{options} {ADA}") == ""
        assert Key.read(f"{options} {ADA}") == Key.read(ADA)
    assert problem(f'command="open {ADA}')


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# ada",
        f"# {ADA}",
        f"#{ADA}",
        "ssh-ed25519",
        ADA[:-20],
        ADA.replace("ssh-ed25519", "ssh-rsa"),
        f"{ADA}\n{BOB}",
    ],
)
def test_what_is_no_key_is_refused(line: str) -> None:
    assert problem(line)


def test_an_exclusive_list_is_the_whole_file() -> None:
    assert merged(f"# mine\n{BOB}\n", [ADA, f" {ADA} "], exclusive=True) == f"{ADA}\n"
    assert merged(f"{ADA}\n", [], exclusive=True) == ""


def test_other_lines_stay_beside_a_list_that_is_not() -> None:
    old = f"# mine\n\n{BOB}\nbroken line\n"
    text = merged(old, [ADA], exclusive=False)
    assert text == f"{old}{ADA}\n"
    assert merged(text, [ADA], exclusive=False) == text
    assert keys(text) == [Key.read(BOB), Key.read(ADA)]


def test_a_key_that_is_there_gets_its_new_options() -> None:
    assert merged(f"{ADA}\n{BOB}\n", [f"restrict {ADA}"], exclusive=False) == f"restrict {ADA}\n{BOB}\n"

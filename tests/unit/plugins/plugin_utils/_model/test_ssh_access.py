"""What becomes of the administrators of a host. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError
from models import plan, problems, require_golden, require_words, secrets

KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'B' * 43} ada@laptop"
HASH = "$6$salt$" + "h" * 86
MAXIMAL = {
    "ssh_access_administrators": [
        {"name": "ada", "authorized_keys": [KEY], "sudo": "password", "password_hash": HASH, "unix_groups": ["staff"]},
        {"name": "bob", "generate_key": True, "sudo_commands": ["/usr/bin/systemctl restart nginx"]},
        {"name": "eve", "state": "absent", "home": "remove"},
    ],
    "ssh_access_password_login": True,
    "ssh_access_root_login": "never",
    "ssh_access_max_auth_tries": 6,
    "ssh_access_forwarding": "all",
    "ssh_access_options": {"LoginGraceTime": 60, "Banner": "/etc/issue.net"},
    "ssh_access_key_directory": "/srv/keys",
}


def test_the_plan_of_one_administrator() -> None:
    variables = {"ssh_access_administrators": [{"name": "ada", "authorized_keys": [KEY]}]}
    require_golden("ssh_access-minimal", plan("ssh_access", variables))


def test_the_plan_that_says_everything() -> None:
    require_golden("ssh_access-maximal", plan("ssh_access", MAXIMAL))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("ssh_access", MAXIMAL)


def test_a_plan_holds_no_hash() -> None:
    assert HASH not in json.dumps(plan("ssh_access", MAXIMAL))
    assert secrets("ssh_access", MAXIMAL, {"check_mode": True})["administrators"][0]["password_hash"] == HASH


def test_a_key_that_was_made_is_let_in(tmp_path: pathlib.Path) -> None:
    variables = {**MAXIMAL, "ssh_access_key_directory": str(tmp_path)}
    with pytest.raises(InputError, match="bob: there is no key in"):
        secrets("ssh_access", variables)
    (future,) = secrets("ssh_access", variables, {"check_mode": True})["administrators"][1]["authorized_keys"]
    assert future.endswith("to be generated")
    (tmp_path / "bob.pub").write_text(f"{KEY}\n")
    assert secrets("ssh_access", variables)["administrators"][1]["authorized_keys"] == [KEY]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"name": "a" * 32}, 0),
        ({"name": "a" * 33}, 1),
        ({"name": "root"}, 1),
        ({"authorized_keys": []}, 1),
        ({"authorized_keys": [], "exclusive_keys": False}, 0),
        ({"authorized_keys": [KEY, KEY]}, 1),
        ({"authorized_keys": ["ssh-dss x"]}, 1),
        ({"generate_key": True}, 1),
        ({"password_hash": "hunter2"}, 1),
        ({"sudo_commands": []}, 1),
        ({"sudo_commands": ["systemctl"]}, 1),
        ({"unix_groups": ["sudo"]}, 1),
    ],
)
def test_boundaries_of_an_administrator(changes: dict[str, Any], count: int) -> None:
    people = [{"name": "ada", "authorized_keys": [KEY], **changes}]
    found = problems("ssh_access", {"ssh_access_administrators": people})
    assert len(found) == count
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"max_auth_tries": 2}, 0),
        ({"max_auth_tries": 1}, 1),
        ({"max_auth_tries": 20}, 0),
        ({"max_auth_tries": 21}, 1),
        ({"options": {"Match": "all"}}, 1),
        ({"options": {"LoginGraceTime": "1\n2"}}, 1),
        ({"options": {"X11Forwarding": True}}, 1),
        ({"options": {"PermitEmptyPasswords": "yes"}}, 1),
        ({"options": {"PubkeyAuthentication": "no"}}, 1),
    ],
)
def test_boundaries_of_the_settings(changes: dict[str, Any], count: int) -> None:
    assert len(problems("ssh_access", {f"ssh_access_{name}": value for name, value in changes.items()})) == count

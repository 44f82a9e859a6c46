"""What sshd says of its configuration is understood."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import admits, differences, key_files, keywords


def test_other_values_are_seen() -> None:
    text = "# Port 1\nPasswordAuthentication no\nMaxAuthTries=4\n  X11Forwarding no\n"
    assert keywords(text) == ["passwordauthentication", "maxauthtries", "x11forwarding"]
    ours = {"passwordauthentication": ("no",), "maxauthtries": ("4",), "x11forwarding": ("no",), "port": ("22",)}
    assert differences(ours, text, {**ours, "port": ("2222",)}) == []
    assert differences(ours, text, {**ours, "maxauthtries": ("6",)}) == ["maxauthtries"]


@pytest.mark.parametrize(
    ("effective", "user", "answer"),
    [
        ({}, "ada", True),
        ({"pubkeyauthentication": ("no",)}, "ada", False),
        ({"permitrootlogin": ("no",)}, "root", False),
        ({"permitrootlogin": ("no",)}, "ada", True),
        ({"permitrootlogin": ("without-password",)}, "root", True),
        ({"allowusers": ("bob", "a*@10.0.0.0/8")}, "ada", True),
        ({"allowusers": ("bob",)}, "ada", False),
        ({"allowgroups": ("staff",)}, "ada", True),
        ({"allowgroups": ("wheel",)}, "ada", False),
        ({"denyusers": ("ada",)}, "ada", False),
        ({"denygroups": ("st*",), "allowusers": ("ada",)}, "ada", False),
    ],
)
def test_lists_of_users_and_groups_are_understood(effective: dict, user: str, answer: bool) -> None:
    assert admits(effective, user, {user, "staff"}) == answer


def test_files_of_keys_are_found() -> None:
    effective = {"authorizedkeysfile": (".ssh/authorized_keys /etc/ssh/keys/%u %h/keys none",)}
    assert key_files(effective, "ada", "/home/ada") == [
        "/home/ada/.ssh/authorized_keys",
        "/etc/ssh/keys/ada",
        "/home/ada/keys",
    ]

"""What a host answers when it is asked for the first time."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import reach

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n'


@pytest.mark.parametrize(
    "answer",
    [
        DEBIAN,
        'ID=debian\nVERSION_ID="12"',
        # Debian's next release has no number.
        'PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian',
        'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"',
        'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"',
        'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="6"',
        DEBIAN.replace("\n", "\r\n"),
        # A host may greet everybody.
        "Don't panic = 42\nID=debian\nVERSION_ID='13'",
    ],
)
def test_systems_that_are_supported(answer: str) -> None:
    assert reach.system_problem(f"uid=0\npython=yes\n{answer}") == ""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            'ID=fedora\nPRETTY_NAME="Fedora Linux 42"\nVERSION_ID=42',
            "it runs Fedora Linux 42; the collection is for Debian",
        ),
        ('ID=rocky\nID_LIKE="rhel centos fedora"\nPRETTY_NAME=Rocky', "it runs Rocky; the collection is for Debian"),
        ('ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian 11"', "it runs Debian 11, which is too old; the collection"),
        ('ID=ubuntu\nVERSION_ID="20.04"\nPRETTY_NAME="Ubuntu 20.04"', "it runs Ubuntu 20.04, which is too old"),
        ("", "it runs an unknown system; the collection is for Debian from 12, and Ubuntu from 22.04."),
    ],
)
def test_systems_that_are_not(answer: str, problem: str) -> None:
    assert reach.system_problem(f"uid=0\n{answer}").startswith(problem)


@pytest.mark.parametrize(
    ("variables", "account", "command"),
    [
        ({}, "", "ssh lab1"),
        ({"ansible_host": "192.0.2.1", "ansible_port": "2222"}, "admin", "ssh -p 2222 admin@192.0.2.1"),
    ],
)
def test_the_way_that_a_person_takes(variables: dict[str, Any], account: str, command: str) -> None:
    assert reach.Contact.of({"inventory_hostname": "lab1", **variables}, account, "ssh").command == command


@pytest.mark.parametrize(
    ("reason", "connection", "told"),
    [
        (
            "Failed to connect to the host via ssh: Host key verification failed.",
            "ansible.builtin.ssh",
            "lab1 does not answer: Failed to connect to the host via ssh: Host key verification failed. Run "
            "`ssh admin@lab1` once, compare the fingerprint that it shows with the host's, and say yes.",
        ),
        (
            "Could not resolve hostname lab1",
            "ssh",
            "lab1 does not answer: Could not resolve hostname lab1. `ssh admin@lab1` tells whether name or "
            "address (ansible_host), account (ansible_user) and key are right.",
        ),
        ("no such container", "containers.podman.podman", "lab1 does not answer: no such container."),
    ],
)
def test_what_is_said_of_a_host_that_does_not_answer(reason: str, connection: str, told: str) -> None:
    assert reach.Contact.of({"inventory_hostname": "lab1"}, "admin", connection).unreachable(reason) == told


@pytest.mark.parametrize(
    ("reason", "is_escalation"),
    [
        ("Missing sudo password", True),
        ("Incorrect sudo password", True),
        ("Timeout (12s) waiting for privilege escalation prompt: ", True),
        ("admin@lab1: Permission denied (publickey,password).", False),
        ("sudo: a password is required", True),
        ("Invalid/incorrect password: Permission denied, please try again.", False),
        ("Could not resolve hostname sudoku.example.org: Name or service not known", False),
        ("Connection timed out", False),
    ],
)
def test_becoming_root_is_told_from_the_connection(reason: str, is_escalation: bool) -> None:
    assert reach.is_escalation(reason) is is_escalation


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("\nsudo: a password is required\n", "sudo: a password is required. Say -K"),
        ("Incorrect sudo password", "Incorrect sudo password. Say it again at -K"),
        ("Timeout (12s) waiting for privilege escalation prompt: ", "prompt. Try `sudo id` there. If it asks"),
    ],
)
def test_what_is_said_of_an_account_that_does_not_become_root(reason: str, advice: str) -> None:
    told = reach.Contact("lab1", "lab1", "admin").not_root(reason)
    assert told.startswith("admin does not become root on lab1: ")
    assert advice in told


def test_what_the_host_answers() -> None:
    assert reach.is_root(f"uid=0\npython=yes\n{DEBIAN}")
    assert reach.has_python(f"uid=0\npython=yes\n{DEBIAN}")
    assert not reach.is_root(f"uid=10\n{DEBIAN}")
    assert not reach.has_python(f"uid=10\n{DEBIAN}")

"""One line for each person in the file of sudo, and what sudo says of an account."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sudoers import (
    changed,
    everything,
    includes,
    line,
    names,
    rules,
)


def test_who_is_not_named_stays_and_who_has_no_line_goes() -> None:
    text = changed(
        "", {"bob": line("bob", "password", ["ALL"]), "ada": line("ada", "nopasswd", ["/usr/bin/id", "ALL"])}
    )
    assert text.splitlines()[1:] == ["ada ALL=(ALL:ALL) NOPASSWD: /usr/bin/id, ALL", "bob ALL=(ALL:ALL) ALL"]
    assert changed(text, {"eve": None}) == text
    assert names(changed(text, {"ada": None})) == {"bob"}
    assert changed(text, {"ada": None, "bob": line("bob", "none", ["ALL"])}) == ""


def test_what_sudo_lists_is_understood() -> None:
    rules = "User ada may run the following commands on host:\n"
    assert everything(f"{rules}    (ALL : ALL) ALL") == "password"
    assert everything(f"{rules}    (ALL) NOPASSWD: ALL") == "nopasswd"
    assert everything(f"{rules}    (root) NOPASSWD: SETENV: ALL\n    (ALL) ALL") == "nopasswd"
    assert everything(f"{rules}    (ALL) NOPASSWD: /usr/bin/id\n    (www-data) ALL") == "none"
    assert everything("User nobody is not allowed to run sudo on host.") == "none"


def person(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": "present", "sudo": "password", "sudo_commands": ["ALL"], **more}


def test_people_become_the_text_of_the_file() -> None:
    text = rules(None, [person("ada"), person("bob", sudo="none"), person("eve", state="absent")])
    assert text == changed("", {"ada": line("ada", "password", ["ALL"])})
    assert rules(text, [person("bob")]) == changed(text, {"bob": line("bob", "password", ["ALL"])})
    assert rules(text, []) == text
    assert rules(text, [person("ada", state="absent")]) is None
    assert rules(None, []) is None


def test_the_file_of_somebody_else_is_refused() -> None:
    with pytest.raises(ValueError, match="is somebody else's"):
        rules("ada ALL=(ALL) ALL\n", [])


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("@includedir /etc/sudoers.d\n", True),
        ('Defaults env_reset\n#includedir "/etc/sudoers.d/"\n', True),
        ("# @includedir /etc/sudoers.d\n", False),
        ("@includedir /etc/sudoers.d.old\n@include /etc/sudoers.d\n", False),
    ],
)
def test_which_directory_the_main_file_reads(text: str, reads: bool) -> None:
    assert includes(text, "/etc/sudoers.d") is reads

"""Links of people lead a program of root nowhere, and what it starts may not mount."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._state import mounts

# The mounts and rights of this process stay as they are.
PROGRAM = f"""
import subprocess, sys
from {mounts.__package__} import mounts
mounts.follow_no_links(sys.argv[2:])
mounts.give_up_rights()
for command in (["cat", sys.argv[1]], ["mount", "--bind", "/", "/mnt"]):
    print(subprocess.run(command, capture_output=True, text=True).stdout.strip() or "nothing")
"""


@pytest.fixture
def home(tmp_path: pathlib.Path) -> pathlib.Path:
    """A home with notes, and a link to a directory of others."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others/notes").write_text("theirs")
    made = tmp_path / "home"
    (made / "own").mkdir(parents=True)
    (made / "own/notes").write_text("mine")
    (made / "link").symlink_to(tmp_path / "others")
    for path in (made, made / "own", made / "own/notes"):
        os.chown(path, 1001, 1001)
    return made


def read(path: pathlib.Path, *closed: pathlib.Path) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, (path, *closed))]
    return subprocess.check_output(command, text=True).splitlines()


def test_a_link_in_a_home_leads_nowhere(home: pathlib.Path) -> None:
    assert (home / "link/notes").read_text() == "theirs"
    assert read(home / "link/notes", home) == ["nothing", "nothing"]
    assert (home / "link/notes").read_text() == "theirs"


def test_what_is_in_a_home_is_read(home: pathlib.Path) -> None:
    assert read(home / "own/notes", home, home.parent / "missing") == ["mine", "nothing"]


def test_it_begins_where_others_can_change_the_way(home: pathlib.Path) -> None:
    assert read(home / "link/notes", home / "own") == ["nothing", "nothing"]

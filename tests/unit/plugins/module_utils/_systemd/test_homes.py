"""Which homes and directories of homes a server does not see."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import homes

ADA = "/home/ada"


@pytest.mark.parametrize(
    ("shown", "others", "directives"),
    [
        # ProtectHome= has hidden these.
        ([ADA], [ADA, "/home/bob", "/home/staff/kate", "/root"], {}),
        # A directory of homes is closed, or empty where one's own is in it.
        ([ADA], ["/export/home/bob"], {"InaccessiblePaths": ["-/export/home"]}),
        (["/export/home/ada"], ["/export/home/ada"], {"TemporaryFileSystem": ["/export/home:ro"]}),
        (["/people/ada"], ["/people/bob", "/more/kate"],
         {"TemporaryFileSystem": ["/people:ro"], "InaccessiblePaths": ["-/more"]}),
        # Directories that hold more than homes stay.
        (["/srv/ada"], ["/srv/ada", "/srv/bob"], {"InaccessiblePaths": ["-/srv/bob"]}),
        ([ADA], ["/bob", "/var/lib/kate"], {"InaccessiblePaths": ["-/bob", "-/var/lib/kate"]}),
        # Directories of homes in one another.
        (["/people/staff/ada"], ["/people/bob", "/people/staff/ada", "/people/guests/eve"],
         {"TemporaryFileSystem": ["/people:ro"]}),
        # What is in one's own home is one's own.
        (["/srv/people/ada"], ["/srv/people/ada", "/srv/people/ada/homes/job"],
         {"TemporaryFileSystem": ["/srv/people:ro"]}),
        # A name that begins in the same way is no directory above.
        (["/people/ada"], ["/people2/bob"],
         {"TemporaryFileSystem": ["/people:ro"], "InaccessiblePaths": ["-/people2"]}),
        # What the server needs beside the home is not closed.
        ([ADA, "-/people/shared"], ["/people/bob"], {"TemporaryFileSystem": ["/people:ro"]}),
        # A directory that the server shows has its homes closed one by one, however much it shows.
        ([ADA, "/people"], ["/people/bob", "/people/staff/kate"],
         {"InaccessiblePaths": ["-/people/bob", "-/people/staff"]}),
        ([ADA, "/"], ["/people/bob"], {"InaccessiblePaths": ["-/people"]}),
        ([ADA, "/people/project"], ["/people/bob", "/people/project/x/job"],
         {"TemporaryFileSystem": ["/people:ro"], "InaccessiblePaths": ["-/people/project/x"]}),
        # Somebody else's home that the administrator shows.
        ([ADA, "/srv/bob"], ["/srv/bob"], {}),
        # Spelled differently, and the same.
        (["/people/ada/"], ["//people/./bob"], {"TemporaryFileSystem": ["/people:ro"]}),
    ],
)  # fmt: skip
def test_what_is_hidden(shown: list[str], others: list[str], directives: dict[str, list[str]]) -> None:
    assert homes.hiding(shown[0], others, shown[1:]) == directives


@pytest.mark.parametrize(
    "home",
    ["/", "/nonexistent/../", "/usr/games/bob", "/opt/conda", "/var", "/var/www", "/srv", "/run/x",
     "/dev/null", "/people/a b", "/people/%h/x", "/people/a:b/c", "/people/{x}/c"],
)  # fmt: skip
def test_what_is_no_persons_home_or_no_plain_path_stays(home: str) -> None:
    assert homes.hiding(ADA, [home]) == {}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/people/shared", True),
        ("-/people/shared/deep", True),
        ("/home/shared", True),
        ("/srv/bob/public", True),
        ("/", False),
        ("/home", False),
        ("/people", False),
        ("/people2/x", False),
        ("/srv/shared", False),
    ],
)
def test_what_has_to_be_bound(path: str, answer: bool) -> None:
    assert homes.taken_away([path], ["/people/eve", "/srv/bob"]) == ([path] if answer else [])

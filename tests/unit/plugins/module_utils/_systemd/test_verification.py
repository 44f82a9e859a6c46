"""Which complaints of systemd-analyze refuse units."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import SystemdError
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.verification import (
    missing_paths,
    verify,
)

MISSING = "a.service: Command /opt/x is not executable: No such file or directory"


def unit(name: str, **values: object) -> dict:
    defaults = {"state": "present", "drop_in": "", "sections": {"Service": {"User": "x"}}, "sandbox": "none"}
    return {"name": name, **defaults, **values}


class FakeHost:
    """Says `staged` of the units to test, and `known` of those on the host. {} is the directory of the staged ones."""

    def __init__(self, staged: str = "", known: str = "") -> None:
        self.staged, self.known = staged, known
        self.names: list[list[str]] = []
        self.files: list[str] = []

    def verify(self, names: list[str], stage: str | None = None) -> list[str]:
        self.names.append(names)
        if stage is None:
            return self.known.splitlines()
        self.files = sorted(os.path.relpath(os.path.join(top, f), stage) for top, _d, fs in os.walk(stage) for f in fs)
        return self.staged.replace("{}", stage).splitlines()


def complaint(host: FakeHost, path: pathlib.Path, *units: dict, check_mode: bool = False) -> str:
    """Why the units are refused, empty if they are not."""
    try:
        verify(list(units), {}, host, str(path), check_mode)
    except SystemdError as error:
        return str(error)
    finally:
        assert list(path.iterdir()) == []
    return ""


@pytest.mark.parametrize(
    ("lines", "is_refused"),
    [
        ("", False),
        ("{}/a.service:3: Unknown key 'X'", True),
        ("a.service: no ExecStart", True),
        ("other.service: no ExecStart", False),
    ],
)
def test_complaints_about_the_units_refuse_them(tmp_path: pathlib.Path, lines: str, is_refused: bool) -> None:
    assert bool(complaint(FakeHost(lines), tmp_path, unit("a.service"))) is is_refused


def test_a_message_names_the_place_on_the_host(tmp_path: pathlib.Path) -> None:
    text = complaint(FakeHost("{}/a.service:3: Unknown key 'X'"), tmp_path, unit("a.service"))
    assert text.endswith("nothing was changed:\n/etc/systemd/system/a.service:3: Unknown key 'X'")


def test_check_mode_forgives_what_earlier_tasks_install(tmp_path: pathlib.Path) -> None:
    assert complaint(FakeHost(MISSING), tmp_path, unit("a.service"))
    assert not complaint(FakeHost(MISSING), tmp_path, unit("a.service"), check_mode=True)
    both = f"{MISSING}\n{{}}/a.service:3: Unknown key 'X'"
    assert MISSING not in complaint(FakeHost(both), tmp_path, unit("a.service"), check_mode=True)


def test_old_complaints_about_a_unit_of_somebody_else_are_no_reason(tmp_path: pathlib.Path) -> None:
    drop_in = unit("a.service", drop_in="50-x")
    assert not complaint(FakeHost("a.service: old", known="a.service: old"), tmp_path, drop_in)
    assert complaint(FakeHost("a.service: new", known="a.service: old"), tmp_path, drop_in)
    missing = "Unit a.service not found."
    assert complaint(FakeHost(missing, known=missing), tmp_path, drop_in)


def test_a_template_is_tested_by_its_instances(tmp_path: pathlib.Path) -> None:
    host = FakeHost()
    complaint(host, tmp_path, unit("a@.service"), unit("a@b.service", sections={}), unit("c@.service"))
    assert host.names == [["a@b.service", "c@.service"]]
    assert host.files == ["a@.service", "c@.service"]


@pytest.mark.parametrize("name", ["user-.service", "port-.socket"])
def test_a_drop_in_for_a_prefix_gets_a_unit_to_test(tmp_path: pathlib.Path, name: str) -> None:
    host = FakeHost()
    complaint(host, tmp_path, unit(name, drop_in="50-x"))
    assert host.files == [name, f"{name}.d/50-x.conf"]


@pytest.mark.parametrize(
    ("directives", "missing"),
    [
        ({"ReadWritePaths": "/srv/there /srv/not"}, ["ReadWritePaths names /srv/not"]),
        ({"BindPaths": ["/srv/not:/srv/x:rbind"], "ReadOnlyPaths": "+/srv/not"}, ["BindPaths", "ReadOnlyPaths"]),
        ({"InaccessiblePaths": "/srv/not"}, ["InaccessiblePaths"]),
        # What may be missing, what only systemd knows, what it makes, and what is in another root.
        ({"ReadWritePaths": "-/srv/not -+/srv/not", "BindPaths": "/srv/%i", "BindReadOnlyPaths": "/run/x.sock"}, []),
        ({"StateDirectory": "x", "ReadWritePaths": "/var/lib/x"}, []),
        ({"RootDirectory": "/srv/root", "ReadWritePaths": "/srv/not"}, []),
        # An empty text takes away what stands before it.
        ({"ReadWritePaths": ["/srv/not", "", "/srv/there"]}, []),
        ({"ReadWritePaths": None, "TemporaryFileSystem": "/srv/not"}, []),
    ],
)
def test_paths_that_a_sandbox_needs(directives: dict, missing: list[str]) -> None:
    found = list(missing_paths(unit("a.service", sections={"Service": directives}), {}, {"/srv/there"}.__contains__))
    assert len(found) == len(missing)
    assert all(part in text and "make it, or write -/srv/not" in text for part, text in zip(missing, found))


def test_paths_of_the_profile_count_too() -> None:
    profiles = {"mine": {"ReadWritePaths": "/srv/not"}}
    assert len(list(missing_paths(unit("a.service", sandbox="mine"), profiles, lambda _path: False))) == 1

"""What a module does not take over from the login and from the way of becoming root."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The surroundings of a login, which are gone after the test."""
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de:fr")
    umask = os.umask(0o027)
    yield
    os.umask(umask)


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/usr/bin:/bin", []),
        ("/opt/own/bin::/usr/sbin", ["/opt/own/bin"]),
        ("", []),
    ],
)
def test_programs_are_found_wherever_debian_has_them(
    monkeypatch: pytest.MonkeyPatch, path: str, last: list[str]
) -> None:
    monkeypatch.setenv("PATH", path)
    surroundings.disregard()
    found = os.environ["PATH"].split(":")
    assert found == ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", *last]


@pytest.mark.parametrize("asked", [0o022, 0o077])
def test_files_have_their_modes_whatever_the_umask_of_the_login(asked: int) -> None:
    surroundings.disregard(asked)
    assert os.umask(0) == asked


def test_programs_speak_one_language_whatever_the_login_speaks() -> None:
    surroundings.disregard()
    assert (os.environ["LC_ALL"], os.environ.get("LANGUAGE")) == ("C.UTF-8", None)

"""What a module does not take over from the login and from the way of becoming root."""

from __future__ import annotations

import os

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings


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
    umask = os.umask(0o022)
    try:
        surroundings.disregard()
    finally:
        os.umask(umask)
    found = os.environ["PATH"].split(":")
    assert found == ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", *last]


@pytest.mark.parametrize("asked", [0o022, 0o077])
def test_files_have_their_modes_whatever_the_umask_of_the_login(monkeypatch: pytest.MonkeyPatch, asked: int) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    umask = os.umask(0o027)
    try:
        surroundings.disregard(asked)
        assert os.umask(0o027) == asked
    finally:
        os.umask(umask)

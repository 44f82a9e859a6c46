"""What dpkg lacks is told and noted; what was there before is never noted."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.modules import packages
from running import result_of

DPKG = """#!/bin/sh
[ "$1" = --show ] || exit 2
shift 2
status=0
for name do grep "^$name " "$0.known" || status=1; done
exit $status
"""


class Host:
    """A host whose dpkg knows what a test says, and a note on it."""

    def __init__(self, directory: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.note, self._dpkg, self._capsys = directory / "role/installed", directory / "bin/dpkg-query", capsys
        self._dpkg.parent.mkdir()
        self._dpkg.write_text(DPKG)
        self._dpkg.chmod(0o755)

    def run(self, known: str, *names: str, note: bool = True, check_mode: bool = False) -> dict[str, Any]:
        self._dpkg.with_suffix(".known").write_text(known)
        arguments = {"names": names, "_ansible_check_mode": check_mode, **({"note": str(self.note)} if note else {})}
        told = result_of(packages.main, arguments, self._capsys)
        return {key: value for key, value in told.items() if key in ("changed", "missing", "noted", "msg")}


@pytest.fixture
def host(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path, capsys)
    monkeypatch.setattr(packages.surroundings, "DIRECTORIES", (str(tmp_path / "bin"), "/usr/bin", "/bin"))
    return made


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ("", ["brotli", "nginx"]),
        ("nginx installed\n", ["brotli"]),
        ("brotli installed\nnginx config-files\n", ["nginx"]),
        ("brotli installed\nnginx installed\n", []),
    ],
)
def test_what_is_missing_is_told_and_noted(host: Host, known: str, missing: list[str]) -> None:
    told = {"changed": bool(missing), "missing": missing, "noted": missing}
    assert host.run(known, "nginx", "brotli", check_mode=True) == told
    assert not host.note.exists()
    assert host.run(known, "nginx", "brotli") == told
    assert host.note.exists() is bool(missing)
    if missing:
        assert host.note.read_text().splitlines() == missing
        assert host.note.stat().st_mode & 0o777 == 0o644


def test_a_note_grows_and_is_read(host: Host) -> None:
    host.run("nginx installed\n", "nginx", "brotli")
    everything = "".join(f"{name} installed\n" for name in ("brotli", "nginx", "curl"))
    assert host.run("nginx installed\nbrotli installed\n", "brotli", "curl")["noted"] == ["brotli", "curl"]
    nothing_new = {"changed": False, "missing": [], "noted": ["brotli", "curl"]}
    assert host.run(everything, "brotli", "curl", "nginx") == nothing_new
    assert host.run(everything) == nothing_new
    # What somebody has removed is missing again, and in the note already.
    assert host.run("", "brotli") == {"changed": True, "missing": ["brotli"], "noted": ["brotli", "curl"]}
    assert host.note.read_text() == "brotli\ncurl\n"


def test_without_a_note_nothing_is_noted(host: Host) -> None:
    assert host.run("", "brotli", note=False) == {"changed": True, "missing": ["brotli"], "noted": []}
    assert not host.note.exists()


def test_a_note_that_cannot_be_written_is_a_failure(host: Host) -> None:
    host.note.parent.write_text("a file in the place of the directory")
    assert str(host.note.parent) in host.run("", "brotli")["msg"]


def test_a_dpkg_that_fails_is_a_failure(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host._dpkg.write_text("#!/bin/sh\necho 'the database is locked' >&2; exit 2\n")
    assert host.run("", "brotli")["msg"] == "dpkg does not tell what is installed: the database is locked"

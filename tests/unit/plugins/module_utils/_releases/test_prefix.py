"""An installer runs when it is the one meant, and nothing is left when something goes wrong."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.prefix import MARK, Prefix

GOOD = b"""
set -e
[ "$1 $2" = "-b -p" ]
mkdir -p "$3/bin"
printf '#!/bin/sh\\n' > "$3/bin/python"
chmod 0777 "$3/bin/python"
touch "$HOME/notes"
ln -s /nonexistent "$3/link"
"""
FAILING = b'mkdir -p "$3/half"; echo no room >&2; exit 3'
WITHOUT_PYTHON = b'mkdir -p "$3"'


@pytest.fixture(autouse=True)
def _run() -> None:
    def run(argv: list[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        result = subprocess.run(argv, input=data, capture_output=True, check=False)
        return result.returncode, result.stdout, result.stderr

    runner.run_by(run)


@pytest.fixture
def prefix(tmp_path: pathlib.Path) -> Prefix:
    return Prefix(str(tmp_path / "opt/forge"))


def install(prefix: Prefix, script: bytes) -> None:
    prefix.install([script[:10], script[10:]], hashlib.sha256(script).hexdigest().upper())


def around(prefix: Prefix) -> list[str]:
    return os.listdir(os.path.dirname(prefix.path))


def test_the_prefix_is_all_that_is_left(prefix: Prefix) -> None:
    assert not prefix.is_there()
    install(prefix, GOOD)
    assert prefix.is_there()
    assert prefix.is_ours()
    assert around(prefix) == ["forge"]
    assert sorted(os.listdir(prefix.path)) == [MARK, "bin", "link"]
    assert os.stat(f"{prefix.path}/bin/python").st_mode & 0o777 == 0o755


def test_another_installer_does_not_run(prefix: Prefix, tmp_path: pathlib.Path) -> None:
    script = b'touch "%s"' % str(tmp_path / "ran").encode()
    with pytest.raises(ValueError, match="was not run: compare both"):
        prefix.install([script], hashlib.sha256(GOOD).hexdigest())
    assert not (tmp_path / "ran").exists()
    assert around(prefix) == []


@pytest.mark.parametrize(("script", "said"), [(FAILING, "status 3: no room"), (WITHOUT_PYTHON, "bin/python")])
def test_nothing_is_left_of_a_failure(prefix: Prefix, script: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        install(prefix, script)
    assert around(prefix) == []
    assert not prefix.is_there()


def test_nothing_is_left_when_the_download_breaks_off(prefix: Prefix) -> None:
    def chunks():
        yield GOOD
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="the line is dead"):
        prefix.install(chunks(), hashlib.sha256(GOOD).hexdigest())
    assert around(prefix) == []


def test_an_interruption_is_told_from_somebody_else_s_prefix(prefix: Prefix) -> None:
    os.makedirs(f"{prefix.path}/half")
    assert prefix.is_there()
    assert not prefix.is_ours()
    assert prefix.leftovers() == []
    folder = pathlib.Path(prefix.path).parent
    (folder / ".forge.installer").touch()
    assert not prefix.is_there()
    install(prefix, GOOD)
    assert around(prefix) == ["forge"]
    assert not os.path.exists(f"{prefix.path}/half")


def test_a_finished_prefix_survives_an_installer_beside_it(prefix: Prefix) -> None:
    install(prefix, GOOD)
    (pathlib.Path(prefix.path).parent / ".forge.installer").touch()
    assert prefix.is_there()
    prefix.clean()
    assert around(prefix) == ["forge"]


def test_it_can_be_removed(prefix: Prefix) -> None:
    install(prefix, GOOD)
    prefix.remove()
    assert around(prefix) == []

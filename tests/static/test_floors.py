"""The shipped locks hold no version that a published advisory speaks of, and check every file that they fetch."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._requirements_lock import Pin, parse_lock
from packaging.version import Version

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ["roles/certbot/files/certbot.txt", "roles/jupyterlab/files/jupyterlab.txt", "roles/python_venv/files/uv.txt"]

# The first versions without a known advisory, as of November 2026.
FLOORS = {
    "jupyter-core": "5.8.1",
    "jupyter-server": "2.21.0",
    "jupyterlab": "4.6.2",
    "tornado": "6.5.8",
}


def pins(path: str) -> list[Pin]:
    return parse_lock((ROOT / path).read_text())


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_a_version_is_not_below_its_floor(name: str, floor: str) -> None:
    versions = [Version(pin.version) for pin in pins("roles/jupyterlab/files/jupyterlab.txt") if pin.name == name]
    assert versions
    assert min(versions) >= Version(floor)


@pytest.mark.parametrize("path", LOCKS)
def test_a_lock_names_no_address(path: str) -> None:
    assert "://" not in (ROOT / path).read_text()


def test_users_can_install_packages() -> None:
    assert "pip" in {pin.name for pin in pins("roles/jupyterlab/files/jupyterlab.txt")}


def test_uv_is_locked_and_nothing_else() -> None:
    [pin] = pins("roles/python_venv/files/uv.txt")
    assert pin.name == "uv"
    assert pin.marker == ""

"""The shipped locks hold no version that a published advisory speaks of, and check every file that they fetch."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import Pin, parse_lock
from packaging.version import Version

ROOT = pathlib.Path(__file__).resolve().parents[2]
JUPYTERLAB = "roles/jupyterlab/files/jupyterlab.txt"
HUB = "roles/jupyterhub/files/hub.txt"
USER = "roles/jupyterhub/files/user.txt"
PROXY = "roles/jupyterhub/files/proxy.txt"
KERNELS = [f"roles/kernels/files/{environment}.txt" for environment in ("ipykernel", "octave", "bash")]
LOCKS = ["roles/certbot/files/certbot.txt", JUPYTERLAB, HUB, USER, PROXY, *KERNELS, "roles/python_venv/files/uv.txt"]

# The first versions without a known advisory, as of November 2026.
SERVER_FLOORS = {
    "jupyter-core": "5.8.1",
    "jupyter-server": "2.21.0",
    "jupyterlab": "4.6.2",
    "tornado": "6.5.8",
}
FLOORS = {
    JUPYTERLAB: SERVER_FLOORS,
    HUB: {"jupyterhub": "6.1.1", "oauthenticator": "17.4.0", "tornado": "6.5.8"},
    USER: {**SERVER_FLOORS, "jupyterhub": "6.1.1", "notebook": "7.5.6"},
    **{lock: {"jupyter-core": "5.8.1", "tornado": "6.5.8"} for lock in KERNELS},
}
PROXY_FLOOR = "5.1.0"


def pins(path: str) -> list[Pin]:
    return parse_lock((ROOT / path).read_text())


def versions(path: str, name: str) -> list[str]:
    """All versions of a package: which one is installed depends on the Python."""
    return [pin.version for pin in pins(path) if pin.name == name]


@pytest.fixture(scope="module")
def proxy_packages() -> dict[str, dict]:
    """What npm installs for the proxy, by place."""
    lock = json.loads((ROOT / "roles/jupyterhub/files/proxy/package-lock.json").read_text())
    return {place: package for place, package in lock["packages"].items() if place}


@pytest.mark.parametrize(
    ("path", "name", "floor"), [(path, *floor) for path, floors in FLOORS.items() for floor in floors.items()]
)
def test_a_version_is_not_below_its_floor(path: str, name: str, floor: str) -> None:
    found = versions(path, name)
    assert found
    assert min(map(Version, found)) >= Version(floor)


def test_the_proxy_is_not_below_its_floor(proxy_packages: dict[str, dict]) -> None:
    assert Version(proxy_packages["node_modules/configurable-http-proxy"]["version"]) >= Version(PROXY_FLOOR)


def test_the_proxy_s_lock_checks_every_package_and_names_no_address(proxy_packages: dict[str, dict]) -> None:
    assert [place for place, package in proxy_packages.items() if "sha512-" not in package.get("integrity", "")] == []
    assert [place for place, package in proxy_packages.items() if "resolved" in package] == []


def test_no_package_of_the_proxy_asks_for_a_script(proxy_packages: dict[str, dict]) -> None:
    # They are not run.
    assert [place for place, package in proxy_packages.items() if package.get("hasInstallScript")] == []


def test_servers_speak_the_hub_s_version() -> None:
    assert versions(USER, "jupyterhub") == versions(HUB, "jupyterhub")


@pytest.mark.parametrize("path", LOCKS)
def test_a_lock_names_no_address(path: str) -> None:
    assert "://" not in (ROOT / path).read_text()


@pytest.mark.parametrize("path", [JUPYTERLAB, USER])
def test_users_can_install_packages(path: str) -> None:
    assert versions(path, "pip")


def test_uv_is_locked_and_nothing_else() -> None:
    [pin] = pins("roles/python_venv/files/uv.txt")
    assert pin.name == "uv"
    assert pin.marker == ""


@pytest.mark.parametrize(("environment", "library"), [("development", "libpass"), ("oldest", "passlib")])
def test_passwords_are_tested_with_passlib_and_with_its_successor(environment: str, library: str) -> None:
    found = [pin.name for pin in pins(f"requirements/{environment}.txt") if pin.name in ("libpass", "passlib")]
    assert found == [library]

"""What becomes of units as data. The rules are tested with the module's."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import (
    MESSAGES,
    METADATA,
    SHARED_MEMORY,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import sandbox
from models import plan, problems, require_golden, require_words

UNIT = {"name": "a.service", "sections": {"Service": {"User": "ada", "ExecStart": "/bin/true"}}}


EVERYTHING = {
    **UNIT,
    "sandbox": "daemon",
    "credentials": {"key": "/etc/key"},
    "limits": {"memory_max": "1G", "tasks_max": 5},
    "ready": {"url": "http://localhost/"},
    "restart_on": ["/etc/a"],
    "enabled": False,
    "started": "no",
}


def test_the_plan_of_a_unit_of_somebody_else() -> None:
    require_golden("systemd-minimal", plan("systemd", {"systemd_units": [{"name": "a@b.service"}]}))


def test_the_plan_that_says_everything() -> None:
    require_golden(
        "systemd-maximal", plan("systemd", {"systemd_units": [EVERYTHING], "systemd_unit_notify": ["Restart"]})
    )


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("systemd", {"systemd_units": [EVERYTHING]})


def test_own_profiles_and_changes_to_shipped_ones() -> None:
    own = {"mine": {"ProtectHome": True}, "standard": {"PrivateTmp": False}}
    profiles = plan("systemd", {"systemd_sandbox_profiles": own})["profiles"]
    assert profiles["mine"] == {"ProtectHome": True}
    assert (profiles["standard"]["PrivateTmp"], profiles["standard"]["NoNewPrivileges"]) == (False, True)
    assert profiles["daemon"]["PrivateTmp"] is True


def test_a_unit_that_is_wrong_is_refused() -> None:
    assert len(problems("systemd", {"systemd_units": [{**UNIT, "sandbox": "strict"}]})) == 1
    assert len(problems("systemd", {"systemd_units": [{**UNIT, "name": "a"}]})) == 1


@pytest.mark.parametrize("profile", sandbox.SHIPPED)
def test_no_service_of_the_host_is_a_door_out_of_the_sandbox(profile: str) -> None:
    directives = sandbox.SHIPPED[profile]
    assert directives["TemporaryFileSystem"] == ["/run:ro", SHARED_MEMORY]
    seen = [path.removeprefix("-") for path in directives["BindReadOnlyPaths"]]
    doors = ("/run", "/run/dbus", "/run/user", "/run/systemd", "/run/systemd/journal", "/run/systemd/userdb")
    assert [door for door in doors if any(path == door or path.startswith(f"{door}/io.") for path in seen)] == []
    # systemd starts a service even where one of them is missing.
    assert all(path.startswith("-") for path in directives["BindReadOnlyPaths"] + directives["InaccessiblePaths"])


def test_a_server_without_a_network_reaches_no_resolver() -> None:
    assert sandbox.SHIPPED["air_gapped"]["BindReadOnlyPaths"] == MESSAGES


@pytest.mark.parametrize("profile", ["standard", "daemon", "gpu", "no_loopback"])
def test_metadata_of_clouds_is_denied(profile: str) -> None:
    denied = sandbox.SHIPPED[profile]["IPAddressDeny"].split()
    assert {str(ipaddress.ip_address(address)) for address in METADATA} <= set(denied)


def test_without_loopback_names_are_still_resolved() -> None:
    directives = sandbox.SHIPPED["no_loopback"]
    assert "localhost" in directives["IPAddressDeny"].split()
    assert directives["IPAddressAllow"].split() == ["127.0.0.53", "127.0.0.54"]

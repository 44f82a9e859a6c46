"""What becomes of units as data. The rules are tested with the module's."""

from __future__ import annotations

from models import plan, problems, require_golden

UNIT = {"name": "a.service", "sections": {"Service": {"User": "ada", "ExecStart": "/bin/true"}}}


def test_the_plan_of_a_unit_of_somebody_else() -> None:
    require_golden("systemd-minimal", plan("systemd", {"systemd_units": [{"name": "a@b.service"}]}))


def test_the_plan_that_says_everything() -> None:
    unit = {
        **UNIT,
        "sandbox": "daemon",
        "credentials": {"key": "/etc/key"},
        "limits": {"memory_max": "1G", "tasks_max": 5},
        "ready": {"url": "http://localhost/"},
        "restart_on": ["/etc/a"],
        "enabled": False,
        "started": "no",
    }
    require_golden("systemd-maximal", plan("systemd", {"systemd_units": [unit], "systemd_unit_notify": ["Restart"]}))


def test_own_profiles_and_changes_to_shipped_ones() -> None:
    own = {"mine": {"ProtectHome": True}, "standard": {"PrivateTmp": False}}
    profiles = plan("systemd", {"systemd_sandbox_profiles": own})["profiles"]
    assert profiles["mine"] == {"ProtectHome": True}
    assert (profiles["standard"]["PrivateTmp"], profiles["standard"]["NoNewPrivileges"]) == (False, True)
    assert profiles["daemon"]["PrivateTmp"] is True


def test_a_unit_that_is_wrong_is_refused() -> None:
    assert len(problems("systemd", {"systemd_units": [{**UNIT, "sandbox": "strict"}]})) == 1
    assert len(problems("systemd", {"systemd_units": [{**UNIT, "name": "a"}]})) == 1

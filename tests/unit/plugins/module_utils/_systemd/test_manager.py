"""What systemd's tools say, understood."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager as systemd

SHOWN = """\
ExecMainStartTimestamp=Fri 2026-11-20 13:23:05.703364 UTC
LoadState=loaded
ActiveState=active
FragmentPath=/lib/systemd/system/ssh.service
DropInPaths=/etc/systemd/system/ssh.service.d/a=b.conf /etc/systemd/system/ssh.service.d/c.conf

LoadState=not-found
ActiveState=failed
FragmentPath=
DropInPaths=
"""


class Tools:
    """Answers commands from a table of their first two words and remembers them."""

    def __init__(self, answers: dict[str, tuple[int, str, str]]):
        self.answers, self.commands, self.environments = answers, [], []

    def __call__(self, command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        self.commands.append(command)
        self.environments.append(environ_update)
        return self.answers.get(" ".join(command[:2]), (0, "", ""))


def test_show_asks_once_for_all_but_templates() -> None:
    tools = Tools({"systemctl show": (0, SHOWN, "")})
    state = systemd.Host(tools).show(["ssh.service", "a@.service", "b.service", "ssh.service"])
    assert tools.commands[0][-3:] == ["--", "ssh.service", "b.service"]
    assert len(tools.commands) == 1
    assert state["b.service"]["LoadState"] == "not-found"
    assert systemd.loaded_files(state["b.service"]) == []
    assert systemd.loaded_files(state["ssh.service"]) == [
        "/lib/systemd/system/ssh.service",
        "/etc/systemd/system/ssh.service.d/a=b.conf",
        "/etc/systemd/system/ssh.service.d/c.conf",
    ]


def test_show_of_nothing_asks_nothing() -> None:
    tools = Tools({})
    assert systemd.Host(tools).show(["a@.service"]) == {}
    assert tools.commands == []


def test_a_refused_order_says_which_and_why() -> None:
    tools = Tools({"systemctl enable": (1, "", "Unit is masked\n")})
    with pytest.raises(systemd.SystemdError, match=r"^systemctl enable a.service failed: Unit is masked$"):
        systemd.Host(tools).systemctl("enable", "a.service")


def test_verify_puts_the_stage_before_the_hosts_units() -> None:
    tools = Tools({"systemd-analyze verify": (1, "", "b: wrong\nb: wrong\n\n a: bad \n")})
    assert systemd.Host(tools).verify(["a.service"], "/stage") == ["b: wrong", "a: bad"]
    assert tools.environments[0]["SYSTEMD_UNIT_PATH"] == "/stage:"
    systemd.Host(tools).verify(["a.service"])
    assert "SYSTEMD_UNIT_PATH" not in tools.environments[1]


def test_a_verification_that_dies_silently_is_a_failure() -> None:
    with pytest.raises(systemd.SystemdError, match="status -6 without a message"):
        systemd.Host(Tools({"systemd-analyze verify": (-6, "", "")})).verify(["a.service"])


def test_bring_up_reports_the_journal_of_what_is_down() -> None:
    tools = Tools(
        {
            "systemctl start": (1, "", "Job for b.service failed.\n"),
            "systemctl show": (0, SHOWN, ""),
            "journalctl --unit=b.service": (0, "out of luck\n", ""),
        }
    )
    with pytest.raises(systemd.SystemdError) as failure:
        systemd.Host(tools).bring_up("start", ["ssh.service", "b.service"])
    assert str(failure.value) == (
        "b.service is failed after systemctl start (result: unknown):\nout of luck\nJob for b.service failed."
    )


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ({"ExecMainStartTimestamp": "Thu 1970-01-01 00:01:00.000001 UTC", "InactiveExitTimestamp": ""}, 60.000001),
        ({"InactiveExitTimestamp": "Thu 1970-01-01 00:00:01.500000 UTC"}, 1.5),
        ({"ExecMainStartTimestamp": "", "InactiveExitTimestamp": ""}, float("inf")),
    ],
)
def test_started_at(now: dict[str, str], seconds: float) -> None:
    assert systemd.started_at(now) == seconds


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("b.service: Command /x is not executable", "b.service", True),
        ("Unit b.service has a bad unit file setting.", "b.service", True),
        ("/etc/systemd/system/b.service:3: Unknown key", "b.service", True),
        ("web.service: nothing", "b.service", False),
        ("a-b.service: nothing", "b.service", False),
        ("a@b.service: nothing", "b.service", False),
        ("b@test-instance.service: wrong", "b@.service", True),
        ("foreign.service: wrong", "b.service", False),
    ],
)
def test_mentions(line: str, name: str, expected: bool) -> None:
    assert systemd.mentions(line, name) is expected

"""A change is pending until it is confirmed, or reverted; check mode predicts what the real run does.

The host is one that answers nft, ufw and systemctl from memory; the scenario firewall has the real ones.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall import rules
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall import ufw as ufw_backend
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd as sshd_host
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.connection import Connection
from ansible_collections.nbops.jupyter.plugins.modules import firewall

WEB, METRICS = {"port": 80}, {"port": 9100}
Run = Callable[..., dict[str, Any]]


class Host:
    """A table of nftables, rules of ufw in a file, a timer, and programs that are installed."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.pending = directory / "pending"
        self.ufw_rules = directory / "user.rules"
        self.table = ""
        self.programs = {"nft"}
        self.ufw_is_active = False
        self.timer = False
        self.active: set[str] = set()
        self.refusal = ""
        self.commands: list[list[str]] = []

    def get_bin_path(self, name: str, **_options: Any) -> str | None:
        return f"/usr/sbin/{name}" if name in self.programs else None

    def run_command(self, argv: list[str], **_options: Any) -> tuple[int, str, str]:
        self.commands.append(argv)
        if self.refusal and argv[:2] == ["unshare", "--net"]:
            return 1, "", self.refusal
        try:
            return 0, self.answer(argv), ""
        except FileNotFoundError as error:
            return 1, "", str(error)

    def answer(self, argv: list[str]) -> str:
        program, *rest = argv
        if program == "systemd-run":
            self.timer = True
        elif argv[:2] == ["systemctl", "stop"]:
            self.timer = False
        elif program == "cp":
            shutil.copy(*rest[-2:])
        elif program == "/bin/sh":
            self.revert()
        elif argv[:2] == ["systemctl", "is-active"]:
            return "active" if argv[2] in self.active else "inactive"
        elif argv[:2] == ["unshare", "--net"]:
            return listed(rest[-1])
        elif program == "ufw":
            return self.answer_of_ufw(*rest)
        elif program == "nft":
            return self.answer_of_nft(*rest)
        return ""

    def answer_of_ufw(self, verb: str, *rest: str) -> str:
        if verb == "status":
            return f"Status: {'active' if self.ufw_is_active else 'inactive'}\n"
        before = self.ufw_rules.read_text()
        if verb == "allow":
            self.ufw_rules.write_text(before + self.ufw_line(*rest))
        elif verb == "delete":
            line = self.ufw_line(*rest[1:], "comment", rules.COMMENT)
            self.ufw_rules.write_text(before.replace(line, ""))
        return before

    def answer_of_nft(self, verb: str, *rest: str) -> str:
        if verb == "--file":
            self.table = listed(rest[-1])
        elif verb == "delete":
            self.table = ""
        return self.table

    @staticmethod
    def ufw_line(*rule: str) -> str:
        _proto, protocol, _from, source, _to, _any, _port, port, _comment, comment = rule
        return f"ufw allow from {source} to any port {port} proto {protocol} comment '{comment}'\n"

    def revert(self) -> None:
        """What the script that the timer starts does."""
        script = (self.pending / "restore").read_text()
        if str(self.pending / "before.nft") in script:
            self.table = listed(self.pending / "before.nft")
        if str(self.pending / self.ufw_rules.name) in script:
            shutil.copy(self.pending / self.ufw_rules.name, self.ufw_rules)
        (self.pending / "restored").touch()

    def state(self) -> tuple[str, str, bool, bool]:
        return self.table, self.ufw_rules.read_text(), self.timer, self.pending.exists()


def listed(path: Any) -> str:
    """A table as the kernel lists it, from a file that first deletes the present one."""
    _removal, found, table = pathlib.Path(path).read_text().partition(f"table inet {rules.TABLE} {{")
    return found + table


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    host.ufw_rules.touch()
    monkeypatch.setattr(firewall.AnsibleModule, "run_command", lambda _self, *rest, **more: host.run_command(*rest))
    monkeypatch.setattr(firewall.AnsibleModule, "get_bin_path", lambda _self, name, **_more: host.get_bin_path(name))
    monkeypatch.setattr(firewall.PendingChange, "DIRECTORY", str(host.pending))
    monkeypatch.setattr(ufw_backend, "_FILES", (str(host.ufw_rules),))
    monkeypatch.setattr(sshd_host, "_RUNTIME_DIRECTORY", str(tmp_path / "run" / "sshd"))
    monkeypatch.setattr(firewall.ssh_connection, "current", lambda: Connection("192.0.2.7", 50000, "192.0.2.1", 2222))
    return host


@pytest.fixture
def run(host: Host, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(**arguments: Any) -> dict[str, Any]:
        arguments = {"path": str(tmp_path / "table.nft"), **arguments}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            firewall.main()
        return json.loads(capsys.readouterr().out)

    return call


def use_ufw(host: Host) -> None:
    host.programs, host.ufw_is_active = {"ufw"}, True


def use_nftables(_host: Host) -> None:
    """The default."""


BACKENDS = pytest.mark.parametrize("use", [use_nftables, use_ufw])


@BACKENDS
def test_a_change_is_pending_until_it_is_confirmed(host, run, use):
    use(host)
    first = run(open=[WEB])
    assert (first["changed"], first["pending"], first["ssh_ports"]) == (True, True, [2222])
    assert host.timer
    confirmed = run(state="confirmed")
    assert not confirmed["pending"]
    assert not host.timer
    assert not host.pending.exists()
    again = run(open=[WEB])
    assert (again["changed"], again["pending"]) == (False, False)
    assert run(state="confirmed")["changed"] is False


@BACKENDS
def test_a_change_that_was_reverted_cannot_be_confirmed(host, run, use):
    use(host)
    before = host.state()
    run(open=[WEB])
    host.revert()
    assert "No new connection came in time" in run(state="confirmed")["msg"]
    assert host.state() == before


@BACKENDS
@pytest.mark.parametrize("prepared", [[], ["confirmed"], ["confirmed", "changed"]])
@pytest.mark.parametrize("state", ["present", "confirmed", "absent"])
def test_check_mode_predicts_and_changes_nothing(host, run, use, prepared, state, tmp_path):
    use(host)
    run(open=[WEB])
    if "confirmed" in prepared:
        run(state="confirmed")
    if "changed" in prepared:
        run(open=[METRICS])
    before = host.state()
    files = sorted(tmp_path.rglob("*"))
    predicted = run(state=state, open=[METRICS], _ansible_check_mode=True)
    assert host.state() == before
    assert sorted(tmp_path.rglob("*")) == files
    real = run(state=state, open=[METRICS])
    if state != "confirmed":
        assert {**predicted, "invocation": {}, "pending": real["pending"]} == {**real, "invocation": {}}


@BACKENDS
def test_a_second_change_reverts_the_pending_one_first(host, run, use):
    use(host)
    before = host.state()
    run(open=[WEB])
    run(open=[METRICS])
    host.revert()
    run(state="confirmed")
    assert host.state() == before


class KilledError(Exception):
    """The end of a run that is killed."""


@BACKENDS
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_run_that_was_killed_while_it_saved_the_present_state_is_no_hindrance(host, run, monkeypatch, use, state):
    def save(_backend: Any, directory: str) -> None:
        for name in ("before.nft", "before.ufw"):
            pathlib.Path(directory, name).write_text("half of")
        raise KilledError

    use(host)
    before = host.state()
    with monkeypatch.context() as patch:
        patch.setattr(firewall.Ufw if host.ufw_is_active else firewall.Nftables, "save", save)
        with pytest.raises(KilledError):
            run(open=[WEB])
    assert host.state() == before
    assert run(state="confirmed")["changed"] is False
    for check_mode in True, False:
        result = run(state=state, open=[WEB], _ansible_check_mode=check_mode)
        assert (result["changed"], result.get("msg")) == (state == "present", None)
    assert run(state="confirmed")["pending"] is False


@BACKENDS
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_directory_without_all_its_files_is_no_change(host, run, use, state):
    use(host)
    host.pending.mkdir()
    for name in ("before.nft", "before.ufw"):
        (host.pending / name).write_text("half of")
    for check_mode in True, False:
        result = run(state=state, open=[WEB], _ansible_check_mode=check_mode)
        assert (result["changed"], result.get("msg")) == (state == "present", None)
    assert host.timer == (state == "present")


@BACKENDS
def test_a_run_that_was_killed_while_it_forgot_a_change_is_no_hindrance(host, run, monkeypatch, use):
    def rmtree(path: str, **_options: Any) -> None:
        for file in pathlib.Path(path).glob("*.*"):
            file.unlink()
        raise KilledError

    use(host)
    run(open=[WEB])
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", rmtree)
        with pytest.raises(KilledError):
            run(state="confirmed")
    assert run(open=[METRICS])["pending"]
    assert run(state="confirmed")["pending"] is False


def test_check_mode_makes_no_directory_for_sshd(host, run, tmp_path):
    host.programs.add("sshd")
    run(open=[WEB], _ansible_check_mode=True)
    assert not (tmp_path / "run").exists()
    assert any(argv[:2] == ["unshare", "--mount"] and argv[-1] == "-T" for argv in host.commands)


def test_sources_that_exclude_this_connection_are_refused(host, run):
    before = host.state()
    assert "firewall_ssh_sources does not hold 192.0.2.7" in run(ssh_sources=["198.51.100.0/24"])["msg"]
    assert host.state() == before


@BACKENDS
def test_absent_leaves_nothing(host, run, use, tmp_path):
    use(host)
    run(open=[WEB])
    run(state="confirmed")
    assert run(state="absent")["changed"]
    run(state="confirmed")
    assert host.state() == ("", "", False, False)
    assert not (tmp_path / "table.nft").exists()
    assert run(state="absent")["changed"] is False


@BACKENDS
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_of_somebody_else_is_left(host, run, tmp_path, use, state):
    use(host)
    before = host.state()
    (tmp_path / "table.nft").write_text("table inet mine {}\n")
    assert "is somebody else's" in run(state=state, open=[WEB])["msg"]
    assert (tmp_path / "table.nft").read_text() == "table inet mine {}\n"
    assert host.state() == before


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_table_that_the_kernel_refuses_changes_nothing(host, run, check_mode):
    run(open=[WEB])
    before = host.state()
    host.refusal = "syntax error"
    assert "syntax error" in run(open=[METRICS], _ansible_check_mode=check_mode)["msg"]
    assert host.state() == before


def test_a_host_without_nftables_is_predicted_and_refused(host, run, tmp_path):
    host.programs.clear()
    predicted = run(open=[WEB], _ansible_check_mode=True)
    assert (predicted["changed"], predicted["pending"], bool(predicted["diff"])) == (True, False, True)
    assert run(open=[WEB])["msg"] == "nftables is not installed."
    assert not (tmp_path / "table.nft").exists()


def test_firewalld_is_refused(host, run):
    host.active.add("firewalld.service")
    assert "firewalld filters on this host" in run(open=[WEB])["msg"]


def test_rules_from_a_time_with_ufw_and_a_table_from_a_time_without_are_removed(host, run, tmp_path):
    host.programs = {"nft", "ufw"}
    for host.ufw_is_active in True, False, True:
        predicted = run(open=[WEB], _ansible_check_mode=True)
        real = run(open=[WEB])
        assert (predicted["changed"], real["changed"], predicted["diff"]) == (True, True, real["diff"])
        run(state="confirmed")
        assert bool(host.ufw_rules.read_text()) == host.ufw_is_active
        assert bool(host.table) == (tmp_path / "table.nft").exists() == (not host.ufw_is_active)
        assert run(open=[WEB])["changed"] is False

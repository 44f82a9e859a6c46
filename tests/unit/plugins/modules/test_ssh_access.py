"""Every change after which nobody, or not the account of the connection, has access is refused before it is made.

The host is one that answers visudo, sudo and sshd from memory; the scenario ssh_access has the real ones.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import pwd
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Group, mark
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Host as Accounts
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import administrators, sudoers
from ansible_collections.nbops.jupyter.plugins.modules import ssh_access

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOa0ySrhcJVHrS2pZX0vcTzJW0EpYQ2wQbYq0Qp1Zt4L ada@laptop"
HASH = "$6$salt$0123456789abcdef"
NO_PASSWORDS = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
SETTINGS = {
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "pubkeyauthentication": "yes",
    "permitrootlogin": "prohibit-password",
    "authorizedkeysfile": ".ssh/authorized_keys",
}
# Root may give files to anybody; without root, everything belongs to the account that runs the tests.
UID = os.geteuid() or 1000
LOCKED_OUT = "Without passwords nobody could come in any more"
Run = Callable[..., dict[str, Any]]


class Host:
    """Accounts with homes below a directory, sudo, and an sshd with settings that may differ for one user."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.sudoers = directory / "sudoers.d"
        self.sshd = directory / "sshd_config.d"
        self.entries: list[pwd.struct_passwd] = []
        self.accounts: dict[str, Account] = {}
        self.sudo: dict[str, str] = {}
        self.settings = dict(SETTINGS)
        self.settings_of: dict[str, dict[str, str]] = {}
        self.visudo = f"{self.sudoers}/{sudoers.NAME}: parsed OK"
        self.refusals: dict[str, str] = {}
        self.failing_user = ""
        self.sshd_runs = True
        self.sshd_fails = ""
        self.loaded: list[str | None] = []  # the drop-in at each restart
        for path in (self.sudoers, self.sshd):
            path.mkdir()

    def add(self, name: str, uid: int = UID, keys: str = "", sudo: str = "none", **more: str) -> None:
        home = self.directory / "home" / name
        (home / ".ssh").mkdir(parents=True)
        if keys:
            (home / ".ssh" / "authorized_keys").write_text(keys)
        self.entries.append(
            pwd.struct_passwd((name, "x", uid, uid, "", str(home), more.get("shell", "/bin/bash"))),
        )
        self.accounts[name] = Account(name, uid, uid, home=str(home), shadow=more.get("shadow", "!"))
        self.sudo[name] = sudo

    def run_command(self, argv: list[str]) -> tuple[int, str, str]:
        mounts, program = {}, argv
        if argv[0] == "unshare":
            pairs, program = argv[6 : argv.index("--")], argv[argv.index("--") + 1 :]
            mounts = dict(zip(pairs[::2], pairs[1::2]))
        name = os.path.basename(program[0])
        if name in ("useradd", "usermod", "userdel", "chpasswd", "gpasswd"):
            self.change_account(name, program)
            return 0, "", ""
        if name in ("systemctl", "journalctl", "loginctl"):
            return self.answer_of_systemd(program)
        if name in self.refusals:
            return 1, "", self.refusals[name]
        if name == "visudo":
            return 0, self.visudo, ""
        if name == "sudo":
            return 0, self.listing(program[-1], mounts), ""
        if "-f" in program:
            return 0, printed({**SETTINGS, **settings(program[-1])}), ""
        user = program[-1].partition("user=")[2].partition(",")[0]
        if user and user == self.failing_user:
            return 255, "", "no such user"
        drop_in = settings(f"{mounts[str(self.sshd)]}/00-nbops.conf")
        return 0, printed({**self.settings, **drop_in, **self.settings_of.get(user, {})}), ""

    def change_account(self, program: str, argv: list[str]) -> None:
        name, account = argv[-1], self.accounts.get(argv[-1])
        if program == "useradd":
            home = str(self.directory / "home" / name)
            self.accounts[name] = Account(name, UID, os.getegid(), mark(administrators.KIND), home)
            self.sudo[name] = "none"
        elif program == "userdel":
            del self.accounts[name]
        elif program == "usermod":
            locked = "--lock" in argv
            self.accounts[name] = dataclasses.replace(
                account, shadow=f"!{account.shadow.lstrip('!')}", expires="1" if locked else ""
            )

    def answer_of_systemd(self, argv: list[str]) -> tuple[int, str, str]:
        if argv[1] == "show":
            state = {
                "MainPID": str(int(self.sshd_runs)),
                "ActiveState": "active" if self.sshd_runs else "inactive",
            }
            return 0, state[argv[2].partition("=")[2]], ""
        # systemd listens for it (is-active), so that nobody waits for sockets that were opened anew.
        if argv[1] == "restart":
            self.loaded.append(self.texts().get("sshd_config.d/00-nbops.conf"))
            return (1, "", self.sshd_fails) if self.sshd_fails else (0, "", "")
        return 0, "", ""

    def texts(self) -> dict[str, str]:
        """Every file of the host by its path."""
        paths = [path for path in sorted(self.directory.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.directory)): path.read_text() for path in paths}

    def listing(self, name: str, mounts: dict[str, str]) -> str:
        rules = pathlib.Path(mounts[str(self.sudoers)], sudoers.NAME)
        listed = rules.exists() and name in sudoers.names(rules.read_text())
        sudo = "nopasswd" if listed else self.sudo[name]
        return {"none": "", "password": "    (ALL : ALL) ALL", "nopasswd": "    (ALL : ALL) NOPASSWD: ALL"}[sudo]


def settings(path: str) -> dict[str, str]:
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {keyword.lower(): value for keyword, _space, value in (line.partition(" ") for line in lines)}


def printed(values: dict[str, str]) -> str:
    return "".join(f"{keyword} {value}\n" for keyword, value in values.items())


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)

    def read_host(_names: Any, _groups: Any) -> Accounts:
        return Accounts(host.accounts, {name: Group(name, entry.gid) for name, entry in host.accounts.items()})

    monkeypatch.setattr(ssh_access.AnsibleModule, "run_command", lambda _self, argv, **_more: host.run_command(argv))
    monkeypatch.setattr(ssh_access.AnsibleModule, "get_bin_path", lambda _self, name, **_more: f"/usr/sbin/{name}")
    monkeypatch.setattr(ssh_access.hub_host, "read_host", read_host)
    monkeypatch.setattr(ssh_access, "home_of", lambda name: str(tmp_path / "home" / name))
    monkeypatch.setattr(pwd, "getpwall", lambda: host.entries)
    monkeypatch.setattr(ssh_access.ssh_connection, "current", lambda: None)
    monkeypatch.setattr(sudoers, "DIRECTORY", str(host.sudoers))
    monkeypatch.setattr(sudoers, "PATH", str(host.sudoers / sudoers.NAME))
    monkeypatch.setattr(ssh_access, "PENDING", str(tmp_path / "pending"))
    monkeypatch.setattr(ssh_access, "HOST", str(tmp_path / "lock"))
    monkeypatch.setattr(ssh_access.sshd_host, "DIRECTORY", str(host.sshd))
    monkeypatch.setattr(ssh_access.sshd_host, "PATH", str(host.sshd / "00-nbops.conf"))
    monkeypatch.setattr(ssh_access.sshd_host, "_RUNTIME_DIRECTORY", str(tmp_path / "run" / "sshd"))
    monkeypatch.setattr(ssh_access.sshd_host, "is_included", lambda: True)
    # Nobody's processes are ended, whoever has the number of the account here.
    monkeypatch.setattr(ssh_access.hub_host, "processes", lambda _uid: set())
    monkeypatch.setattr(ssh_access.hub_host, "useradd_default", lambda _key, _fallback: str(tmp_path / "skeleton"))
    monkeypatch.setattr(ssh_access.hub_host, "SPOOLS", ())
    monkeypatch.setattr(ssh_access.hub_host, "LINGER", str(tmp_path / "linger" / "{}"))
    monkeypatch.setenv("SUDO_USER", "deploy")
    return host


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*administrators: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        arguments = {"administrators": list(administrators), "drop_in": NO_PASSWORDS, **arguments}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            ssh_access.main()
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def check(run: Run) -> Run:
    """Runs the module in check mode, where it plans and validates as a real run does."""
    return lambda *administrators, **arguments: run(*administrators, _ansible_check_mode=True, **arguments)


def ada(**more: Any) -> dict[str, Any]:
    return {"name": "ada", "authorized_keys": [KEY], "sudo_commands": ["ALL"], **more}


@pytest.mark.parametrize(
    "entry",
    [
        {"authorized_keys": []},
        {"sudo": "none"},
        {"sudo_commands": ["/usr/bin/systemctl"]},
    ],
)
def test_a_listed_person_without_a_key_or_sudo_is_no_way_in(host, check, entry):
    assert check(ada())["created"] == ["ada"]
    assert LOCKED_OUT in check(ada(**entry))["msg"]


@pytest.mark.parametrize(
    "settings_of_sshd",
    [
        {"pubkeyauthentication": "no"},
        {"denyusers": "a*"},
        {"denygroups": "ada"},
        {"allowusers": "grace"},
        {"allowgroups": "staff"},
        {"authorizedkeysfile": "/etc/ssh/keys/%u"},
        {"authorizedkeysfile": "none"},
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_listed_person_whom_sshd_refuses_is_no_way_in(host, check, settings_of_sshd, exists):
    if exists:
        host.add("ada")
    elif "denygroups" in settings_of_sshd:
        settings_of_sshd = {"denyusers": "ada"}
    assert "msg" not in check(ada())
    host.settings.update(settings_of_sshd)
    assert LOCKED_OUT in check(ada())["msg"]


@pytest.mark.parametrize(
    ("account", "has_access"),
    [
        ({"sudo": "nopasswd"}, True),
        ({"sudo": "password", "shadow": HASH}, True),
        ({"sudo": "password"}, False),
        ({"sudo": "none"}, False),
        ({"sudo": "nopasswd", "keys": ""}, False),
        ({"sudo": "nopasswd", "keys": f"# {KEY}\n"}, False),
        ({"sudo": "nopasswd", "shell": "/usr/sbin/nologin"}, False),
        ({"sudo": "nopasswd", "uid": 999}, False),
        ({"sudo": "nopasswd", "uid": 65534}, False),
        ({"uid": 0}, True),
        ({"uid": 0, "keys": ""}, False),
    ],
)
def test_an_account_that_is_not_listed_is_a_way_in_with_a_key_and_sudo(host, check, account, has_access):
    host.add("grace", **{"keys": KEY, **account})
    assert (LOCKED_OUT not in check().get("msg", "")) == has_access


@pytest.mark.parametrize("kind", ["link", "device"])
def test_what_a_person_puts_in_the_place_of_keys_is_not_followed(host, check, tmp_path, kind):
    host.add("grace", keys=KEY, sudo="nopasswd")
    path = host.directory / "home/grace/.ssh/authorized_keys"
    path.rename(tmp_path / "others")
    if kind == "link":
        path.symlink_to(tmp_path / "others")
    else:
        path.symlink_to("/dev/zero")
    assert LOCKED_OUT in check()["msg"]


def test_an_account_from_elsewhere_is_a_way_in_with_the_password_that_it_has_there(host, check):
    host.add("grace", keys=KEY, sudo="password")
    del host.accounts["grace"]
    assert "msg" not in check()


@pytest.mark.parametrize("permission", ["no", "forced-commands-only"])
def test_root_is_no_way_in_where_sshd_refuses_root(host, check, permission):
    host.add("root", uid=0, keys=KEY)
    assert "msg" not in check()
    host.settings["permitrootlogin"] = permission
    assert LOCKED_OUT in check()["msg"]


def test_somebody_who_is_removed_is_no_way_in(host, check):
    host.add("ada", keys=KEY, sudo="nopasswd")
    assert "msg" not in check()
    assert LOCKED_OUT in check(ada(state="absent"))["msg"]


@pytest.mark.parametrize("keyword", ["PasswordAuthentication", "KbdInteractiveAuthentication"])
def test_a_remaining_password_login_is_a_way_in(host, check, keyword):
    assert "msg" not in check(drop_in=f"{keyword} no\n")


def test_the_account_of_the_connection_is_not_removed(host, check):
    host.add("deploy", keys=KEY, sudo="nopasswd")
    message = check(ada(), ada(name="deploy", state="absent"))["msg"]
    assert "deploy: is the account of this connection; remove it" in message


@pytest.mark.parametrize("arguments", [{"state": "absent"}, {}])
@pytest.mark.parametrize("other_sudo", ["none", "password", "nopasswd"])
def test_the_account_of_the_connection_keeps_its_sudo(host, check, arguments, other_sudo):
    host.add("deploy", keys=KEY, sudo=other_sudo)
    line = sudoers.line("deploy", "nopasswd", ["ALL"])
    (host.sudoers / sudoers.NAME).write_text(sudoers.changed("", {"deploy": line}))
    message = check(ada(), ada(name="deploy", sudo="none"), **arguments).get("msg", "")
    assert ("deploy: is the account of this connection, and would lose its sudo" in message) == (other_sudo == "none")


@pytest.mark.parametrize("user", ["", "root", "ada"])
def test_an_earlier_setting_that_wins_is_refused(host, check, user):
    host.add("root", uid=0, keys=KEY)
    host.add("ada")
    host.settings_of[user] = {"passwordauthentication": "yes"}
    message = check(ada())["msg"]
    assert f"passwordauthentication would be 'yes'{f' for {user}' if user else ''} and not 'no'" in message


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("visudo", "visudo refuses the rules for sudo:\nwrong line"),
        ("sshd", "sshd refuses the configuration:\nwrong line"),
    ],
)
def test_what_a_program_refuses_is_refused(host, check, program, message):
    host.refusals[program] = "wrong line"
    assert check(ada())["msg"] == message


def test_files_that_are_not_read_are_refused(host, check, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ssh_access.sshd_host, "is_included", lambda: False)
        assert "does not read" in check(ada())["msg"]
    main = host.directory / "sudoers"
    monkeypatch.setattr(sudoers, "MAIN", str(main))
    host.visudo = f"{main}: parsed OK"
    assert f"{main} does not read {host.sudoers}" in check(ada())["msg"]
    main.write_text(f"@includedir {host.sudoers}\n")
    assert check(ada())["changed"]


def test_rules_of_somebody_else_are_left(host, check):
    (host.sudoers / sudoers.NAME).write_text("ada ALL=(ALL) ALL\n")
    assert "is somebody else's" in check(ada())["msg"]


def test_a_host_that_cannot_be_read_is_reported_as_a_message(host, check, monkeypatch):
    def read_host(*_arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    monkeypatch.setattr(ssh_access.hub_host, "read_host", read_host)
    assert check(ada())["msg"] == "[Errno 13] Permission denied: '/etc/shadow'"


def test_check_mode_makes_no_directory_for_sshd(host, check, tmp_path):
    assert "msg" not in check(ada())
    assert not (tmp_path / "run").exists()


def grace(host: Host) -> dict[str, Any]:
    """An account of ours that leaves with its home."""
    host.add("grace", keys=KEY)
    host.accounts["grace"] = dataclasses.replace(host.accounts["grace"], comment=mark(administrators.KIND))
    return ada(name="grace", state="absent", home="remove")


def test_check_mode_predicts_what_the_next_run_does(host, run, check):
    host.add("deploy", keys=KEY, sudo="nopasswd")
    host.add("eve", keys=KEY)
    host.add("bob", keys=f"{KEY}\n")
    people = [
        ada(),
        ada(name="bob", sudo="none", authorized_keys=[f"restrict {KEY}"]),
        ada(name="eve", state="absent"),
        grace(host),
    ]
    before = host.texts()
    predicted = check(*people)
    assert (host.texts(), host.loaded, "ada" in host.accounts) == (before, [], False)
    done = run(*people)
    assert {**done, "invocation": {}} == {**predicted, "invocation": {}, "reloaded": True}
    assert (done["created"], done["locked"], done["removed"]) == (["ada"], ["eve"], ["grace"])
    assert done["changed_keys"] == ["ada", "bob", "eve"]
    assert done["changed_files"] == [f"{host.sudoers}/{sudoers.NAME}", f"{host.sshd}/00-nbops.conf"]
    assert host.loaded == [NO_PASSWORDS]
    assert host.accounts["eve"].retired
    assert host.texts() == {
        "home/ada/.ssh/authorized_keys": f"{KEY}\n",
        "home/bob/.ssh/authorized_keys": f"restrict {KEY}\n",
        "home/deploy/.ssh/authorized_keys": KEY,
        "sshd_config.d/00-nbops.conf": NO_PASSWORDS,
        f"sudoers.d/{sudoers.NAME}": sudoers.changed("", {"ada": sudoers.line("ada", "nopasswd", ["ALL"])}),
    }
    for again in check(*people), run(*people):
        assert (again["changed"], again["reloaded"], again["diff"]) == (False, False, [])
    assert host.loaded == [NO_PASSWORDS]


def test_a_refused_change_changes_nothing(host, run):
    people = [ada(), grace(host)]
    before = host.texts()
    host.refusals["sshd"] = "wrong line"
    assert run(*people)["failed"]
    assert host.texts() == before
    assert "ada" not in host.accounts


@pytest.mark.parametrize("before", [None, "PasswordAuthentication yes\n"])
def test_a_drop_in_that_sshd_does_not_load_is_taken_back(host, run, before, tmp_path):
    if before:
        (host.sshd / "00-nbops.conf").write_text(before)
    host.sshd_fails = "bind failed"
    message = "sshd does not load its configuration, and the drop-in is as it was: bind failed"
    assert run(ada())["msg"] == message
    assert host.texts().get("sshd_config.d/00-nbops.conf") == before
    assert host.loaded == [NO_PASSWORDS, before]
    assert not (tmp_path / "pending").exists()
    host.sshd_fails = ""
    assert run(ada())["reloaded"]
    assert host.loaded[-1] == NO_PASSWORDS


def test_a_run_that_was_killed_before_sshd_loaded_the_drop_in_is_completed(host, run, check, tmp_path):
    run(ada())
    (tmp_path / "pending").touch()
    assert (check(ada())["changed"], check(ada())["changed_files"]) == (True, [])
    host.sshd_fails = "bind failed"
    assert run(ada())["failed"]
    assert (tmp_path / "pending").exists()
    host.sshd_fails = ""
    assert [run(ada())["reloaded"], run(ada())["reloaded"]] == [True, False]


def test_a_stopped_sshd_is_not_reloaded(host, run):
    host.sshd_runs = False
    done = run(ada())
    assert (done["changed"], done["reloaded"], host.loaded) == (True, False, [])


def test_absent_takes_both_files_away_and_leaves_accounts_and_keys(host, run, check):
    run(ada())
    predicted, done = check(state="absent"), run(state="absent")
    assert {**done, "invocation": {}} == {**predicted, "invocation": {}, "reloaded": True}
    assert host.texts() == {"home/ada/.ssh/authorized_keys": f"{KEY}\n"}
    assert run(state="absent")["changed"] is False


def test_programs_are_required_but_in_check_mode(host, run, check, monkeypatch):
    def get_bin_path(module: Any, name: str, required: bool = False, **_options: Any) -> None:
        if required:
            module.fail_json(msg=f"there is no {name}")

    monkeypatch.setattr(ssh_access.AnsibleModule, "get_bin_path", get_bin_path)
    assert check(ada())["created"] == ["ada"]
    assert run(ada())["msg"] == "there is no visudo"


def test_an_sshd_that_fails_while_a_way_in_is_looked_for_is_reported(host, check):
    host.add("grace", keys=KEY, sudo="nopasswd")
    host.failing_user = "grace"
    assert check()["msg"] == "sshd refuses the configuration:\nno such user"

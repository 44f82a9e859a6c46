"""Which accounts the hub may start servers for, and how it makes one."""

from __future__ import annotations

import pathlib
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as hub_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    FIRST_UID,
    Account,
    AccountPlan,
    Host,
    is_ours,
)
from nbops_jupyterhub import accounts
from nbops_jupyterhub.accounts import Refusal, account_of, creation, is_listed, password_hash

ACCOUNTS = {
    **{"root": (0, 0), "backup": (34, 34), "ada": (1000, 1000), "bob": (1001, 900), "eve": (1002, 1002)},
    **{"carol": (1003, 1003), "grace": (1004, 1004), "linus": (1005, 1005)},
}
GROUPS = {"jupyterhub": (900, ["ada", "root", "linus"])}
MADE = "made by nbops.jupyter for jupyterhub,,,"
COMMENTS = {"carol": MADE, "grace": MADE}
# Grace's expired on the second day of 1970, Linus' will in a hundred years.
SHADOW = (
    "ada:$2b$05$hash:20000:0:99999:7:::\nada:broken\ngrace:!:20000:0:99999:7::1:\nlinus:!:20000:0:99999:7::99999:\n"
)


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """No test looks at the accounts of this machine."""

    def getpwnam(name: str) -> SimpleNamespace:
        uid, gid = ACCOUNTS[name]
        return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid, pw_gecos=COMMENTS.get(name, ""))

    def getgrnam(name: str) -> SimpleNamespace:
        return SimpleNamespace(gr_gid=GROUPS[name][0], gr_mem=GROUPS[name][1])

    monkeypatch.setattr(accounts, "pwd", SimpleNamespace(getpwnam=getpwnam, struct_passwd=object))
    monkeypatch.setattr(accounts, "grp", SimpleNamespace(getgrnam=getgrnam))
    monkeypatch.setattr(accounts, "SHADOW", tmp_path / "shadow")
    accounts.SHADOW.write_text(SHADOW)


@pytest.mark.parametrize("name", ["ada", "bob", "carol", "linus"])
def test_a_member_has_a_server_and_who_got_an_account_at_a_login(name: str) -> None:
    assert account_of(name, "jupyterhub").pw_uid == ACCOUNTS[name][0]


@pytest.mark.parametrize(("name", "group"), [("eve", "jupyterhub"), ("eve", "missing"), ("carol", "jupyterhub-b")])
def test_others_have_none(name: str, group: str) -> None:
    with pytest.raises(Refusal, match=f"{name} of this host is not for the hub"):
        account_of(name, group)


@pytest.mark.parametrize("group", ["", "jupyterhub"])
def test_who_was_sent_away_has_none(group: str) -> None:
    with pytest.raises(Refusal, match="grace of this host has expired"):
        account_of("grace", group)


@pytest.mark.parametrize(
    ("name", "listed"),
    [("ada", True), ("bob", True), ("carol", False), ("eve", False), ("root", False), ("new", False)],
)
def test_who_is_listed(name: str, listed: bool) -> None:
    """Members of the group; not who got an account at a login."""
    assert is_listed(name, "jupyterhub") == listed
    assert not is_listed(name, "missing")


def test_the_hash_of_a_password() -> None:
    assert password_hash("ada") == "$2b$05$hash"
    assert password_hash("eve") == ""


def test_without_a_group_all_people_have_one() -> None:
    assert account_of("eve", "").pw_uid == 1002


@pytest.mark.parametrize("name", ["root", "backup"])
@pytest.mark.parametrize("group", ["", "jupyterhub"])
def test_accounts_of_the_system_have_none_even_as_members(name: str, group: str) -> None:
    with pytest.raises(Refusal, match="belongs to the system"):
        account_of(name, group)


def test_an_account_that_is_missing_can_be_made() -> None:
    with pytest.raises(KeyError):
        account_of("new", "jupyterhub")


def test_the_user_reads_why() -> None:
    assert Refusal("Ask.").jupyterhub_message == "Ask."


def useradd(command: list[str]) -> dict[str, str]:
    """The options of a useradd, and the name, which no option can be taken for."""
    arguments = command[command.index("--shell") :]
    name = arguments[arguments.index("--") + 1 :]
    options = arguments[: arguments.index("--")]
    return {**dict(zip(options[::2], options[1::2])), "": " ".join(name)}


def test_the_hub_makes_accounts_as_the_module_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(hub_host, "make_home", lambda account, skeleton: None)
    monkeypatch.setattr(hub_host, "read_host", lambda names, groups: Host({}, {}))
    changes = hub_host.HostChanges(lambda argv, data=None: calls.append(argv) or (0, "", ""), "jupyterhub-b", "/none")
    changes.establish(AccountPlan(create={"ada": ["jupyterhub-b"]}), Host({}, {}))
    # Whoever is in the group is listed.
    assert {**useradd(creation("ada", "jupyterhub-b")), "--groups": "jupyterhub-b"} == useradd(calls[0])
    assert accounts.FIRST_UID_OF_PEOPLE == FIRST_UID


def test_the_module_takes_such_an_account_for_ours() -> None:
    account = Account("ada", 1000, 1000, useradd(creation("ada", "jupyterhub"))["--comment"])
    assert is_ours(account, "jupyterhub")
    assert not is_ours(account, "jupyterhub-b")


def test_without_a_group_an_account_is_nobodys() -> None:
    assert "--comment" not in creation("ada", "")


def test_systemd_makes_the_account_and_its_home() -> None:
    command = creation("ada", "")
    assert command[:3] == ["systemd-run", "--quiet", "--wait"]
    assert {"/usr/sbin/useradd", "--create-home", "HOME_MODE=0700"} <= set(command)

"""Which accounts the hub may start servers for, and how it makes one."""

from __future__ import annotations

import pathlib
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as hub_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Host,
    is_ours,
)
from nbops_jupyterhub import accounts
from nbops_jupyterhub.accounts import (
    AccountError,
    creation,
    inspection,
    is_listed,
    is_made,
    password_hash,
    privilege,
    require_inspected,
    require_person,
    uid_of,
)

ACCOUNTS = {
    **{"root": (0, 0), "backup": (34, 34), "ada": (1000, 1000), "bob": (1001, 900), "eve": (1002, 27)},
    **{"carol": (1003, 1003), "grace": (1004, 1004), "linus": (1005, 1005), "nobody": (65534, 65534)},
    # Another name of ada.
    "augusta": (1000, 1000),
}
GROUPS = {"jupyterhub": (900, ["ada", "root", "linus", "nobody"]), "sudo": (27, []), "docker": (995, ["linus"])}
MADE = "made by nbops.jupyter for jupyterhub,,,"
COMMENTS = {"carol": MADE, "grace": MADE}
# Grace's expired on the second day of 1970, Linus' will in a hundred years.
SHADOW = (
    "ada:$2b$05$hash:20000:0:99999:7:::\nada:broken\ngrace:!:20000:0:99999:7::1:\nlinus:!:20000:0:99999:7::99999:\n"
)


def account(name: str) -> SimpleNamespace:
    uid, gid = ACCOUNTS[name]
    # A directory may write a name otherwise than it was asked for.
    shown = "Carol" if name == "carol" else name
    return SimpleNamespace(pw_name=shown, pw_uid=uid, pw_gid=gid, pw_gecos=COMMENTS.get(name, ""))


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """No test looks at the accounts of this machine."""

    def getpwuid(uid: int) -> SimpleNamespace:
        return next(account(name) for name in ACCOUNTS if ACCOUNTS[name][0] == uid)

    def getgrnam(name: str) -> SimpleNamespace:
        return SimpleNamespace(gr_gid=GROUPS[name][0], gr_mem=GROUPS[name][1])

    def getgrouplist(name: str, gid: int) -> list[int]:
        return [gid, *(number for number, members in GROUPS.values() if name in members)]

    found = SimpleNamespace(getpwnam=account, getpwuid=getpwuid, struct_passwd=object)
    monkeypatch.setattr(accounts, "pwd", found)
    monkeypatch.setattr(accounts, "grp", SimpleNamespace(getgrnam=getgrnam))
    monkeypatch.setattr(accounts, "os", SimpleNamespace(getgrouplist=getgrouplist))
    monkeypatch.setattr(accounts, "SHADOW", tmp_path / "shadow")
    accounts.SHADOW.write_text(SHADOW)


@pytest.mark.parametrize("name", ["ada", "bob", "carol", "eve", "linus"])
def test_accounts_of_people(name: str) -> None:
    require_person(account(name), name)


@pytest.mark.parametrize("name", ["root", "backup", "nobody"])
def test_accounts_of_the_system_have_no_server_even_as_members(name: str) -> None:
    with pytest.raises(AccountError, match=f"{name} of this host belongs to the system"):
        require_person(account(name), name)
    assert not is_listed(name, "jupyterhub")


def test_who_was_sent_away_has_none() -> None:
    with pytest.raises(AccountError, match="grace of this host has expired"):
        require_person(account("grace"), "grace")


@pytest.mark.parametrize(("found", "name"), [("augusta", "augusta"), ("ada", "lovelace")])
def test_an_account_has_a_server_under_one_name_only(found: str, name: str) -> None:
    with pytest.raises(AccountError, match=f"{name} of this host has another name too"):
        require_person(account(found), name)


@pytest.mark.parametrize(("name", "group"), [("ada", ""), ("bob", ""), ("eve", "sudo"), ("linus", "docker")])
def test_groups_by_which_accounts_become_root(name: str, group: str) -> None:
    """Their own group, and one that they are members of; the group missing is not on this host."""
    assert privilege(account(name), ["missing", "sudo", "docker"]) == group


@pytest.mark.parametrize(
    ("name", "listed"),
    [("ada", True), ("bob", True), ("carol", False), ("eve", False), ("root", False), ("new", False)],
)
def test_who_is_listed(name: str, listed: bool) -> None:
    """Members of the group; not who got an account at a login."""
    assert is_listed(name, "jupyterhub") == listed
    assert not is_listed(name, "missing")


@pytest.mark.parametrize(
    ("name", "group", "made"),
    [("carol", "jupyterhub", True), ("carol", "jupyterhub-b", False), ("ada", "jupyterhub", False), ("new", "", False)],
)
def test_whose_account_the_hub_made(name: str, group: str, made: bool) -> None:
    assert is_made(name, group) == made


def test_uids() -> None:
    assert uid_of("ada") == 1000
    assert uid_of("Ada") is None


def test_the_hash_of_a_password() -> None:
    assert password_hash("ada") == "$2b$05$hash"
    assert password_hash("eve") == ""


@pytest.mark.parametrize(
    ("answer", "may_be_privileged", "told"),
    [
        ('{"home": "", "sudo": false}', False, ""),
        ('{"home": "", "sudo": true}', True, ""),
        ('{"home": "", "sudo": null}', True, ""),
        ('{"home": "is missing: /x", "sudo": false}', True, "The home of ada is missing: /x. Ask the administrator to"),
        ('{"home": "", "sudo": true}', False, "ada may become root of this host (sudo lets it run commands as others)"),
        ('{"home": "", "sudo": null}', False, "Whether ada may become root could not be found out"),
        ('{"home": "", "sudo": false, "missing": []}', False, ""),
        (
            '{"home": "", "sudo": false, "missing": ["/srv/a", "/b"]}',
            False,
            "This host lacks /srv/a, /b, to which servers",
        ),
        ("Failed to connect to bus", True, "The account ada of this host could not be looked at"),
        ("[]", False, "could not be looked at"),
    ],
)
def test_what_the_inspection_found(answer: str, may_be_privileged: bool, told: str) -> None:
    if not told:
        require_inspected("ada", answer.encode(), may_be_privileged)
        return
    with pytest.raises(AccountError) as raised:
        require_inspected("ada", answer.encode(), may_be_privileged)
    assert told in str(raised.value)


def test_the_user_reads_why() -> None:
    assert AccountError("Ask.").jupyterhub_message == "Ask."


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


def test_the_module_takes_such_an_account_for_ours() -> None:
    account = Account("ada", 1000, 1000, useradd(creation("ada", "jupyterhub"))["--comment"])
    assert is_ours(account, "jupyterhub")
    assert not is_ours(account, "jupyterhub-b")


def test_systemd_makes_the_account_and_its_home() -> None:
    command = creation("ada", "jupyterhub")
    assert command[:3] == ["systemd-run", "--quiet", "--wait"]
    assert {"/usr/sbin/useradd", "--create-home", "HOME_MODE=0700"} <= set(command)


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ((False, "", "servers"), []),
        ((False, "", "", ["/srv/a", "/b"]), ["--path=/srv/a", "--path=/b"]),
        ((True, "", ""), ["--may-be-privileged"]),
        ((False, "/run/sockets/ada", "servers"), ["--directory=/run/sockets/ada", "--group=servers"]),
    ],
)
def test_systemd_looks_at_the_account(asked: tuple, options: list[str]) -> None:
    command = inspection("ada", *asked)
    assert command[:3] == ["systemd-run", "--quiet", "--wait"]
    assert command[command.index("-m") :] == ["-m", "nbops_jupyterhub.inspection", *options, "--", "ada"]

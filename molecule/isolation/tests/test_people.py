"""Whose account a server gets: attacks by an administrator of the hub, and by people with names of their choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hub_client import HubClient

PASSWORD = "correct horse battery"
Account = Callable[..., str]


@pytest.fixture
def account(host) -> Iterator[Account]:
    """Makes accounts of the host that know the password of all; they are gone afterwards."""
    made = []

    def make(name: str, options: str = "--create-home", listed: bool = True) -> str:
        made.append(name)
        host.check_output(f"useradd --badname --shell /bin/bash {options} -- %s", name)
        host.check_output("echo %s | chpasswd", f"{name}:{PASSWORD}")
        if listed:
            host.check_output("gpasswd --add %s jupyterhub", name)
        return name

    yield make
    for name in made:
        host.run("rm --force /etc/sudoers.d/attack; userdel --force %s; rm --recursive --force /home/%s", name, name)


@pytest.fixture
def ada(person) -> HubClient:
    return person("ada")


@pytest.fixture
def told(host, ada: HubClient) -> Iterator[Callable[[str], str]]:
    """What the hub says when its administrator adds somebody and starts their server; no server runs."""
    added = []

    def start(name: str) -> str:
        added.append(name)
        ada.request("POST", f"users/{name}")
        answer = ada.request("POST", f"users/{name}/server")
        assert answer.status_code >= 400, answer.text
        running = host.check_output("systemctl list-units --plain --no-legend 'jupyterhub-user-*'")
        assert name not in running
        return answer.json()["message"]

    yield start
    for name in added:
        ada.request("DELETE", f"users/{name}")


def test_an_account_that_is_not_listed_has_no_server(told: Callable[[str], str]) -> None:
    """PAM knows mallory, too."""
    assert "mallory of this host is not for the hub" in told("mallory")


@pytest.mark.parametrize("group", ["sudo", "shadow", "disk", "staff"])
def test_a_member_of_a_privileged_group_has_none(account: Account, told: Callable[[str], str], group: str) -> None:
    name = account("boss", f"--create-home --groups {group}")
    assert f"boss may become root of this host (it is in the group {group})" in told(name)


def test_an_account_whose_own_group_is_privileged_has_none(account: Account, told: Callable[[str], str]) -> None:
    assert "in the group sudo" in told(account("boss", "--create-home --gid sudo"))


def test_who_is_named_in_sudoers_has_none(host, account: Account, told: Callable[[str], str]) -> None:
    name = account("boss")
    host.check_output("echo 'boss ALL=(root) NOPASSWD: /usr/bin/id' > /etc/sudoers.d/attack")
    assert "sudo lets it run commands" in told(name)


def test_another_name_of_root_has_none(account: Account, told: Callable[[str], str]) -> None:
    assert "belongs to the system" in told(account("toor", "--no-create-home --non-unique --uid 0"))


def test_another_name_of_a_person_has_none(host, account: Account, told: Callable[[str], str]) -> None:
    uid = host.check_output("id --user kate")
    name = account("cathy", f"--no-create-home --home-dir /home/kate --non-unique --uid {uid}")
    assert "has another name too" in told(name)


@pytest.mark.parametrize(
    ("home", "sentence"),
    [
        ("/", "is no absolute path"),
        ("/home", "belongs to somebody else"),
        ("/root", "belongs to somebody else"),
        ("/home/kate", "belongs to somebody else"),
        ("/home/missing", "is missing"),
    ],
)
def test_a_home_that_would_undo_the_sandbox_is_none(
    account: Account, told: Callable[[str], str], home: str, sentence: str
) -> None:
    assert sentence in told(account("boss", f"--no-create-home --home-dir {home}"))


def test_a_home_around_the_homes_of_others_is_none(host, account: Account, told: Callable[[str], str]) -> None:
    host.check_output("mkdir --parents /srv/people")
    name = account("boss", "--no-create-home --home-dir /srv/people")
    account("inside", "--create-home --home-dir /srv/people/inside", listed=False)
    host.check_output("chown boss /srv/people")
    assert "holds the home of inside too" in told(name)
    host.check_output("rm --recursive /srv/people")


@pytest.mark.parametrize("name", ["carol.service", "carol.socket"])
def test_nobody_is_called_like_the_unit_of_somebody_else(host, account: Account, person, name: str) -> None:
    carol = person("carol")
    carol.start()
    before = host.check_output("systemctl show --property=MainPID --value jupyterhub-user-carol")
    attacker = person()
    assert not attacker.login(account(name), PASSWORD)
    assert host.check_output("systemctl show --property=MainPID --value jupyterhub-user-carol") == before
    carol.stop()


def test_a_person_with_dots_in_the_name_has_a_server(host, account: Account, person) -> None:
    visitor = person(account("ada.lovelace"))
    with visitor.start().kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "ada.lovelace"
    assert host.service("jupyterhub-user-ada.lovelace.service").is_running
    visitor.stop()


def test_a_letter_that_becomes_another_makes_nobody_somebody_else(person) -> None:
    """U+212A, in lower case, is a k."""
    assert not person().login("\u212aate", PASSWORD)


def test_capital_letters_make_nobody_somebody_else(account: Account, person) -> None:
    """The account Kate is not kate's."""
    assert not person().login(account("Kate"), PASSWORD)
    assert person().login("kate", PASSWORD)


def test_a_name_forges_no_line_of_the_hub(host, person) -> None:
    since = host.check_output("date +%s")
    assert not person().login("x\n[I 2026-01-01 00:00:00.000 JupyterHub base:1] User logged in: kate", PASSWORD)
    lines = host.check_output("journalctl --unit=jupyterhub --since=@%s --output=cat --no-pager", since).splitlines()
    assert any("Failed login for" in line for line in lines)
    assert not any(line.startswith("[I 2026-01-01") for line in lines)


def test_a_password_is_tried_at_the_login_page_alone(person) -> None:
    """Where its tries are limited."""
    visitor = person()
    visitor.get("login").raise_for_status()
    answer = visitor.request("POST", "users/kate/tokens", {"auth": {"username": "kate", "password": PASSWORD}})
    assert answer.status_code == 403
    assert person("kate").request("POST", "users/kate/tokens", {"note": "mine"}).status_code == 201

"""The names of users' units and directories: no two servers share one, whatever people are called."""

from __future__ import annotations

import re

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PERSON
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import UNIT as NAME_OF_UNIT
from hypothesis import given
from hypothesis import strategies as st
from nbops_jupyterhub.names import LONGEST_DIRECTORY, LONGEST_UNIT, directory, kernels_directory, problem, stored, unit

PREFIX = "jupyterhub-user"
# What systemd takes as it is, without "@".
UNIT = re.compile(r"[A-Za-z0-9:_.-]+\.service")
DIRECTORY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.,-]*")
PLAIN = st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True)

PARTS = ["carol", "ada", "X40", "X2e", "H", ".service", ".socket", ":", ",", "@", "%", "%i", "\\", "\\x2d", "-", "--"]
PARTS += [".", "..", " ", "\n", "{USERNAME}", "$HOME", "\u212a", "k", "K", "\u0430", "a", "é", "e\u0301", "x" * 32]
HOSTILE = st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map("".join) | st.text(min_size=1, max_size=300)
SERVERS = st.tuples(HOSTILE, st.just("") | HOSTILE)


@given(SERVERS, SERVERS)
def test_different_servers_have_different_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (unit(PREFIX, *one) == unit(PREFIX, *other)) == (one == other)
    assert (directory(*one) == directory(*other)) == (one == other)


@given(SERVERS)
def test_systemd_takes_the_names_as_they_are(server: tuple[str, str]) -> None:
    assert UNIT.fullmatch(unit(PREFIX, *server))
    assert len(unit(PREFIX, *server)) <= LONGEST_UNIT
    assert DIRECTORY.fullmatch(directory(*server))
    assert len(directory(*server)) <= LONGEST_DIRECTORY


@given(PLAIN, st.just("") | PLAIN)
def test_ordinary_names_stay_readable(user: str, server: str) -> None:
    assert unit(PREFIX, user, server) == f"{PREFIX}-{user}" + (f":{server}" if server else "") + ".service"
    if len(f"{user},{server}") <= LONGEST_DIRECTORY:
        assert directory(user, server) == user + (f",{server}" if server else "")


@given(HOSTILE, HOSTILE)
def test_no_user_has_the_unit_of_anothers_named_server(user: str, server: str) -> None:
    key = f"{user}:{server}"
    assert unit(PREFIX, key) != unit(PREFIX, user, server)
    assert directory(f"{user},{server}") != directory(user, server)


@pytest.mark.parametrize(
    ("user", "server", "name"),
    [
        ("carol.service", "", "jupyterhub-user-carol.service.service"),
        ("ada@example.org", "", "jupyterhub-user-adaX40example.org.service"),
        ("ada", "My lab", "jupyterhub-user-ada:X4dyX20lab.service"),
        ("a\\x2db", "", "jupyterhub-user-aX5cx2db.service"),
    ],
)
def test_units(user: str, server: str, name: str) -> None:
    assert unit(PREFIX, user, server) == name


@given(st.from_regex(r"jupyterhub(-[a-z][a-z0-9]{0,15})?", fullmatch=True), SERVERS, SERVERS)
def test_a_kernels_socket_has_a_path_that_is_short_enough(
    hub: str, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Below the longest name of a hub as well, and still each server has its own directory."""
    parent = f"/run/{hub}-users"
    place = kernels_directory(parent, *one)
    assert len(f"{place}/kernel-{'0' * 36}-ipc-5") <= 107
    assert place.rpartition("/")[0] == parent
    assert DIRECTORY.fullmatch(place.rpartition("/")[2])
    assert (place == kernels_directory(parent, *other)) == (one == other)


def test_the_longest_names_have_different_directories() -> None:
    parent = f"/run/jupyterhub-{'p' * 16}-users"
    users = [*("x" * length for length in range(1, 33)), "x" * 31 + "y"]
    places = {kernels_directory(parent, user, server) for user in users for server in ("", "s" * 24, "s" * 25)}
    assert len(places) == 3 * len(users)


@given(SERVERS, SERVERS)
def test_no_stored_name_leads_to_the_unit_of_another(one: tuple[str, str], other: tuple[str, str]) -> None:
    former = f"{PREFIX}-{one[0]}" + (f":{one[1]}" if one[1] else "")
    if one != other:
        assert stored(former, PREFIX, *one) != unit(PREFIX, *other)
        assert stored(unit(PREFIX, *other), PREFIX, *one) != unit(PREFIX, *other)


@pytest.mark.parametrize(
    ("user", "server", "former", "found"),
    [
        ("ada", "", "jupyterhub-user-ada", "jupyterhub-user-ada.service"),
        ("ada", "second", "jupyterhub-user-ada:second", "jupyterhub-user-ada:second.service"),
        ("ada", "a.service", "jupyterhub-user-ada:a.service", "jupyterhub-user-ada:a.service"),
        ("ada@example.org", "", "jupyterhub-user-ada@example.org", "jupyterhub-user-ada@example.org.service"),
        ("carol.service", "", "jupyterhub-user-carol.service", "jupyterhub-user-carol.service.service"),
        ("ada", "", "ssh", "jupyterhub-user-ada.service"),
    ],
)
def test_a_server_is_found_again_under_its_former_name(user: str, server: str, former: str, found: str) -> None:
    assert stored(former, PREFIX, user, server) == found


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "_x",
        "1234567",
        "ada.lovelace",
        "ada@example.org",
        "a+b",
        "EXAMPLE\\ada",
        "a-",
        "a.",
        "x" * 255,
        "services",
    ],
)
def test_accounts_may_be_called_so(name: str) -> None:
    assert problem(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "-ada", "a b", " ada", "ada\n", "a:b", "a,b", "a/b", "a%i", "a'b", "{USERNAME}", "$a"),
        *("carol.service", "carol.SERVICE", "carol.socket", "\u212aate", "k\u0430te", "é", "x" * 256),
    ],
)
def test_no_account_is_called_so(name: str) -> None:
    assert "is no name of an account of this host. Ask the administrator" in problem(name)
    assert problem(name).isascii()


@given(HOSTILE | st.from_regex(r"[a-z0-9_.@+\\-]{1,20}", fullmatch=True) | st.just("x" * 256))
def test_who_may_be_listed_may_log_in(name: str) -> None:
    """The module that lists people and the hub, which is another program, judge names alike."""
    listed = bool(PERSON.fullmatch(name) and not NAME_OF_UNIT.fullmatch(name))
    assert listed == (problem(name) == "" and name == name.lower())

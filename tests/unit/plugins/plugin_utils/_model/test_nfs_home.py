"""Who exports homes, to whom, and what a client mounts. What input is refused stands in tests/negative."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems, require_golden, require_words

SERVER = {"files.example.org": {"default_ipv4": {"address": "10.0.0.5"}}}
CLIENTS = {
    "hub.example.org": {"default_ipv4": {"address": "10.0.0.10"}},
    "node1.example.org": {"default_ipv4": {"address": "10.0.0.11"}, "default_ipv6": {"address": "2001:db8::11"}},
}
ADA = "ada:x:2001:2001::/srv/homes/ada:/bin/bash"
MAXIMAL = {
    "nfs_home_roles": ["client"],
    "nfs_home_path": "/home/of-people",
    "nfs_home_source": "[2001:db8::5]:/export/home",
    "nfs_home_server_address": "10.0.0.5",
    "nfs_home_client_addresses": ["10.0.0.0/24"],
    "nfs_home_people": ["ada"],
}
AUTOMOUNT = "80 29 0:46 / /srv/homes rw,relatime shared:43 - autofs systemd-1 rw,fd=58"
NFS = "90 80 0:50 / /srv/homes rw,nosuid,nodev shared:51 - nfs4 {} rw,vers=4.2,hard,sec=sys"


def host(*groups: str, asked: bool = True, **answers: Any) -> dict[str, Any]:
    """What is known of a host of these groups."""
    known = {"nfs_home_server": SERVER, "nfs_home_clients": CLIENTS}
    return {"group_names": list(groups), "groups": known, "asked": asked, **answers}


def client(**answers: Any) -> dict[str, Any]:
    return host("nfs_home_clients", **answers)


def test_the_plan_of_a_server() -> None:
    variables = {"nfs_home_people": ["ada"]}
    require_golden("nfs_home-minimal", plan("nfs_home", variables, host("nfs_home_server", accounts=[ADA])), texts=True)


def test_the_plan_of_a_client() -> None:
    require_golden("nfs_home-maximal", plan("nfs_home", MAXIMAL, {"asked": True}))


def test_the_plan_of_a_client_whose_homes_go() -> None:
    made = plan("nfs_home", {"nfs_home_state": "absent"}, client(asked=False))
    names = [unit["name"] for unit in made["units"]]
    assert names == ["srv-homes.automount", "srv-homes.mount", "nbops-nfs-home.service"]


def test_strange_values_are_refused_in_words() -> None:
    require_words("nfs_home", MAXIMAL, {"asked": True})


def test_a_server_that_is_a_client_as_well_is_a_server() -> None:
    assert plan("nfs_home", {}, host("nfs_home_server", "nfs_home_clients"))["roles"] == ["server"]


def test_before_it_is_asked_a_host_needs_the_addresses_of_the_others() -> None:
    empty = {"nfs_home_server": {name: {} for name in SERVER}, "nfs_home_clients": {name: {} for name in CLIENTS}}
    for group, asked in (("nfs_home_server", list(CLIENTS)), ("nfs_home_clients", list(SERVER))):
        assert plan("nfs_home", {}, {"group_names": [group], "groups": empty})["ask"] == asked


@pytest.mark.parametrize(
    "variables", [{"nfs_home_server_address": "10.0.0.9"}, {"nfs_home_client_addresses": ["10.0.0.0/24"]}]
)
def test_who_says_addresses_asks_for_none(variables: dict[str, Any]) -> None:
    group = "nfs_home_clients" if "nfs_home_server_address" in variables else "nfs_home_server"
    empty = {"nfs_home_server": {name: {} for name in SERVER}, "nfs_home_clients": {name: {} for name in CLIENTS}}
    assert plan("nfs_home", variables, {"group_names": [group], "groups": empty, "asked": True})["ask"] == []


def test_a_host_without_an_address_is_named() -> None:
    known = {"nfs_home_server": {name: {} for name in SERVER}, "nfs_home_clients": CLIENTS}
    [problem] = problems("nfs_home", {}, {"group_names": ["nfs_home_clients"], "groups": known, "asked": True})
    assert problem.startswith("nfs_home: files.example.org does not answer")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"entries": ["admin", "ubuntu"]}, "has something in it (admin, ubuntu), which the mount would hide"),
        ({"mounts": [NFS.format("10.0.0.9:/home")]}, "10.0.0.9:/home is mounted at /srv/homes already"),
        ({"mounts": ["40 29 8:17 / /srv/homes rw - ext4 /dev/sdb1 rw"]}, "/dev/sdb1 is mounted at /srv/homes already"),
    ],
)
def test_a_mount_hides_nothing(answers: dict[str, Any], words: str) -> None:
    [problem] = problems("nfs_home", {}, client(**answers))
    assert words in problem


@pytest.mark.parametrize("mounts", [[], [AUTOMOUNT], [AUTOMOUNT, NFS.format("10.0.0.5:/srv/homes")]])
def test_homes_that_are_mounted_already_stay(mounts: list[str]) -> None:
    assert problems("nfs_home", {}, client(mounts=mounts)) == []


@pytest.mark.parametrize(
    ("accounts", "words"),
    [([], "the server has no account ada"), (["ada:x:2001:2001::/home/ada:/bin/bash"], "the home of ada is /home/ada")],
)
def test_a_person_whose_home_is_elsewhere_is_named(accounts: list[str], words: str) -> None:
    [problem] = problems("nfs_home", {"nfs_home_people": ["ada"]}, host("nfs_home_server", accounts=accounts))
    assert words in problem


def told(address: str, status: str) -> list[str]:
    """What the server tells about one of its clients."""
    return ["clientid: 0x5a1", f'address: "{address}:795"', f"status: {status}", 'name: "Linux NFSv4.2 node1"']


EXPORTED = ["/srv/homes 10.0.0.0/24(rw,sync)", "/srv/homes 2001:db8::11(rw,sync)"]


@pytest.mark.parametrize("address", ["10.0.0.11", "[2001:db8::11]"])
def test_homes_that_a_client_has_mounted_do_not_go(address: str) -> None:
    answers = {"exported": EXPORTED, "served": told(address, "confirmed")}
    [problem] = problems("nfs_home", {"nfs_home_state": "absent"}, host("nfs_home_server", **answers))
    assert problem.startswith(f"nfs_home_state: {address.strip('[]')} has homes of the server mounted")


@pytest.mark.parametrize(
    "answers",
    [
        {"exported": EXPORTED, "served": told("10.0.0.11", "courtesy")},
        {"exported": EXPORTED, "served": told("192.0.2.7", "confirmed")},
        {"exported": [], "served": told("10.0.0.11", "confirmed")},
    ],
    ids=["silent for long", "of another export", "exported no more"],
)
def test_others_keep_no_homes(answers: dict[str, Any]) -> None:
    assert problems("nfs_home", {"nfs_home_state": "absent"}, host("nfs_home_server", **answers)) == []


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ({"shown": ["/srv/homes\t10.0.0.11(rw)", "/srv/data\t10.0.0.11(rw)"]}, ["nfs-common", "nfs-kernel-server"]),
        ({"shown": ["/srv/homes\t10.0.0.11(rw)"]}, []),
        ({"mounts": [AUTOMOUNT, NFS.format("10.0.0.5:/srv/homes")], "mounts_path": True}, []),
        ({"mounts": [NFS.format("10.0.0.9:/home")], "mounts_path": False}, ["nfs-common"]),
        (
            {"mounts": [NFS.format("10.0.0.9:/data").replace("/srv/homes", "/data")], "mounts_path": True},
            ["nfs-common"],
        ),
    ],
    ids=["another export", "no other export", "the role's mount", "a mount at the same path", "another mount"],
)
def test_packages_stay_where_others_need_them(answers: dict[str, Any], kept: list[str]) -> None:
    made = plan("nfs_home", {"nfs_home_state": "absent"}, host("nfs_home_server", **answers))
    assert made["kept_packages"] == ([*kept, "rpcbind"] if kept else [])

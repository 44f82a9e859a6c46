"""The inventory of the copies of a host."""

from __future__ import annotations

from measure_hosts import copied

ONE = {
    "all": {"vars": {"ansible_user": "ansible"}},
    "instances": {"hosts": ["bench-debian-13"]},
    "surroundings": {"hosts": []},
    "_meta": {
        "hostvars": {"bench-debian-13": {"ansible_host": "192.0.2.12", "container_platform": "debian-13"}},
    },
}


def test_copies_have_names_and_addresses_of_their_own() -> None:
    inventory = copied(ONE, 3)
    hosts = inventory["instances"]["hosts"]
    assert list(hosts) == ["bench-debian-13-1", "bench-debian-13-2", "bench-debian-13-3"]
    assert len({host["ansible_host"] for host in hosts.values()} | {"192.0.2.12"}) == 4
    assert {host["ansible_host"].rpartition(".")[0] for host in hosts.values()} == {"192.0.2"}
    assert {host["container_platform"] for host in hosts.values()} == {"debian-13"}
    assert inventory["all"] == ONE["all"]

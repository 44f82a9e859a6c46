"""The playbook `firewall` opens what the other playbooks deploy, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems

WEB = [{"port": 80}, {"port": 443}]
CASES = {
    "nothing": ("others", {}, []),
    "a server behind a site": ("jupyterlab", {"jupyterlab_instances": [{"name": "lab", "listen": "unix"}]}, WEB),
    "a server on loopback by default": ("jupyterlab", {"jupyterlab_instances": [{"name": "lab"}]}, WEB),
    "servers that listen beyond loopback": (
        "jupyterlab",
        {
            "jupyterlab_instances": [
                {"name": "a", "listen": "0.0.0.0:8888"},
                {"name": "b", "listen": "[2001:db8::1]:8889"},
                {"name": "c", "listen": "[::1]:8890"},
                {"name": "d", "listen": "localhost:8891"},
            ]
        },
        [*WEB, {"port": 8888}, {"port": 8889}],
    ),
    "a server that speaks TLS itself": (
        "jupyterlab",
        {"jupyterlab_instances": [{"name": "lab", "listen": "0.0.0.0:8888", "certificate": "lab.example.org"}]},
        [{"port": 8888}],
    ),
    "a server whose certificate an authority renews": (
        "jupyterlab",
        {
            "jupyter_admin_email": "admin@example.org",
            "jupyterlab_instances": [{"name": "lab", "listen": "0.0.0.0:8888", "certificate": "lab.example.org"}],
        },
        [{"port": 80}, {"port": 8888}],
    ),
    "a server for tunnels": (
        "jupyterlab",
        {"jupyter_web_server": False, "jupyterlab_instances": [{"name": "lab"}]},
        [],
    ),
    "a server that is gone": (
        "jupyterlab",
        {"jupyterlab_instances": [{"name": "lab", "listen": "0.0.0.0:8888", "state": "absent"}]},
        [],
    ),
    "a server in the variables of a host that is not in the group": (
        "others",
        {"jupyterlab_instances": [{"name": "lab", "listen": "0.0.0.0:8888"}]},
        [],
    ),
    "a site on other ports, and one more": (
        "jupyterlab",
        {
            "jupyterlab_instances": [{"name": "lab"}],
            "jupyter_site": {"http_port": 8080, "https_port": 8443},
            "jupyter_sites": [
                {"name": "wiki", "https_port": 9443},
                {"name": "old", "state": "absent", "https_port": 1},
            ],
        },
        [{"port": 80}, {"port": 8080}, {"port": 8443}, {"port": 9443}],
    ),
    "a hub behind a site": ("jupyterhub", {}, WEB),
    "a hub that speaks TLS itself": (
        "jupyterhub",
        {"jupyterhub_listen": "0.0.0.0:8443", "jupyterhub_certificate": "hub.example.org"},
        [{"port": 8443}],
    ),
    "a hub that servers on other machines reach": (
        "jupyterhub",
        {"jupyterhub_slurm_listen": "10.0.0.10:8082"},
        [{"port": 80}, {"port": 443}, {"port": 8082}],
    ),
    "a hub that is gone": ("jupyterhub", {"jupyterhub_state": "absent", "jupyterhub_listen": "0.0.0.0:8443"}, []),
    "more ports, and fewer sources": (
        "jupyterhub",
        {"jupyter_open": [{"port": 443, "sources": ["192.0.2.0/24"]}, {"port": 9100}]},
        [{"port": 443, "sources": ["192.0.2.0/24"]}, {"port": 9100}, {"port": 80}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_deployed_is_open(name: str) -> None:
    group, variables, ports = CASES[name]
    assert plan("playbook_firewall", variables, {"group_names": [group]})["ports"] == ports


def test_an_address_that_is_none_is_named() -> None:
    variables = {"jupyterlab_instances": [{"name": "lab", "listen": "8888"}], "jupyterhub_listen": "hub"}
    host = {"group_names": ["jupyterlab", "jupyterhub"]}
    assert [text.split(":")[0] for text in problems("playbook_firewall", variables, host)] == ["lab", "jupyterhub"]


def test_a_list_that_was_not_read_closes_nothing() -> None:
    [problem] = problems("playbook_firewall", {}, {"group_names": ["jupyterlab"]})
    assert problem.startswith("jupyterlab_instances is empty")


CLUSTER = {
    "slurm_controller": {"hub.example.org": {"hostname": "hub", "default_ipv4": {"address": "10.0.0.10"}}},
    "slurm_nodes": {
        "node1.example.org": {"hostname": "node1", "default_ipv4": {"address": "10.0.0.11"}},
        "node2.example.org": {"hostname": "node2", "default_ipv4": {"address": "10.0.0.12"}},
    },
    "slurm_clients": {"login.example.org": {"hostname": "login", "default_ipv4": {"address": "10.0.0.20"}}},
}
EVERYBODY = ["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.20"]
NODES = ["10.0.0.11", "10.0.0.12"]
HUB = {"jupyterhub_spawner": "slurm", "jupyterhub_slurm_listen": "10.0.0.10:8082"}
CALLED_BACK = {"port": 61000, "last_port": 63999, "sources": NODES}
SERVERS = {"port": 20000, "last_port": 20999, "sources": ["10.0.0.10"]}


def in_cluster(*groups: str, **more: Any) -> dict[str, Any]:
    """What is known of a host of these groups, beside a hub on the controller."""
    return {"group_names": list(groups), "groups": CLUSTER, "said": {"jupyterhub": {"hub.example.org": HUB}}, **more}


@pytest.mark.parametrize(
    ("groups", "variables", "ports"),
    [
        (
            ["slurm_controller", "jupyterhub"],
            {**HUB, "slurm_accounting": True},
            [
                *WEB,
                {"port": 6817, "sources": EVERYBODY},
                {"port": 6819, "sources": EVERYBODY},
                CALLED_BACK,
                {"port": 8082, "sources": NODES},
            ],
        ),
        (["slurm_nodes"], {}, [{"port": 6818, "sources": EVERYBODY}, CALLED_BACK, SERVERS]),
        (["slurm_clients"], {}, [CALLED_BACK]),
        (["jupyterhub_nodes"], {}, [SERVERS]),
        (
            ["slurm_nodes"],
            {"slurm_config": {"slurmdport": 7000, "SrunPortRange": "50000-50009"}, "jupyter_open": [{"port": 20000}]},
            [
                {"port": 20000},
                {"port": 7000, "sources": EVERYBODY},
                {"port": 50000, "last_port": 50009, "sources": NODES},
            ],
        ),
        (["jupyterlab"], {"jupyterlab_instances": [{"name": "lab", "listen": "unix"}]}, WEB),
    ],
    ids=["a controller with a hub", "a node", "a client", "a node of others", "other ports", "a lab beside it"],
)
def test_hosts_of_a_cluster_are_open_to_each_other(groups: list[str], variables: Any, ports: Any) -> None:
    assert plan("playbook_firewall", variables, in_cluster(*groups))["ports"] == ports


def test_addresses_may_be_of_ipv6() -> None:
    """Of a host that has both, both count: what it says comes from either."""
    nodes = {
        "node1.example.org": {"hostname": "node1", "default_ipv6": {"address": "2001:db8::11"}, "default_ipv4": {}},
        "node2.example.org": {
            "hostname": "node2",
            "default_ipv4": {"address": "10.0.0.12"},
            "default_ipv6": {"address": "2001:db8::12"},
        },
    }
    hub = {**HUB, "jupyterhub_slurm_listen": "[2001:db8::10]:8082"}
    said = {"jupyterhub": {"hub.example.org": hub}}
    controller = {"hub.example.org": {"hostname": "hub", "default_ipv6": {"address": "2001:db8::10"}}}
    groups = {"slurm_controller": controller, "slurm_nodes": nodes}
    addresses = ["10.0.0.12", "2001:db8::11", "2001:db8::12"]
    on_node = plan("playbook_firewall", {}, in_cluster("slurm_nodes", groups=groups, said=said))["ports"]
    assert on_node == [
        {"port": 6818, "sources": [*addresses[:1], "2001:db8::10", *addresses[1:]]},
        {**CALLED_BACK, "sources": addresses},
        {**SERVERS, "sources": ["2001:db8::10"]},
    ]
    on_hub = plan("playbook_firewall", hub, in_cluster("jupyterhub", groups=groups, said=said))["ports"]
    assert on_hub == [*WEB, {"port": 8082, "sources": addresses}]


def test_a_node_is_open_to_each_hub_once() -> None:
    other = {**HUB, "jupyterhub_slurm_listen": "10.0.0.30:8082"}
    known = in_cluster("jupyterhub_nodes", said={"jupyterhub": {"hub": HUB, "other": other}})
    assert plan("playbook_firewall", {}, known)["ports"] == [{**SERVERS, "sources": ["10.0.0.10", "10.0.0.30"]}]


def test_an_address_that_is_said_counts_beside_that_of_the_default_route() -> None:
    said = {"slurm_controller_address": "192.168.0.1", "slurm_node_list": [{"name": "node1", "address": "192.168.0.2"}]}
    [slurmd, *_others] = plan("playbook_firewall", said, in_cluster("slurm_nodes"))["ports"]
    assert slurmd["sources"] == [*EVERYBODY, "192.168.0.1", "192.168.0.2"]


def test_hosts_whose_address_is_unknown_are_asked_and_then_missed() -> None:
    silent = {**CLUSTER, "slurm_nodes": {"node1.example.org": {}, "node2.example.org": {}}}
    said = {"slurm_node_list": [{"name": "node1", "address": "10.0.0.11"}]}
    known = in_cluster("slurm_controller", groups=silent)
    assert plan("playbook_firewall", said, known)["ask"] == ["node2.example.org"]
    assert problems("playbook_firewall", said, {**known, "asked": True}) == [
        "node2.example.org does not answer, so its address is unknown; start it, or take it out of the inventory."
    ]


def test_a_port_that_is_none_is_named() -> None:
    [problem] = problems("playbook_firewall", {"slurm_config": {"SlurmdPort": "many"}}, in_cluster("slurm_nodes"))
    assert problem.startswith("slurm_config: SlurmdPort 'many' must be a port")


def test_homes_are_open_to_their_clients_alone() -> None:
    client = {"default_ipv4": {"address": "10.0.0.11"}}
    groups = {"nfs_home_server": {"files": {}}, "nfs_home_clients": {"node1": client}}
    made = plan("playbook_firewall", {}, {"group_names": ["nfs_home_server"], "groups": groups})
    assert made == {"ports": [{"port": 2049, "sources": ["10.0.0.11"]}], "ask": []}


def test_homes_that_go_are_open_to_nobody() -> None:
    groups = {"nfs_home_server": {"files": {}}, "nfs_home_clients": {"node1": {}}}
    made = plan(
        "playbook_firewall", {"nfs_home_state": "absent"}, {"group_names": ["nfs_home_server"], "groups": groups}
    )
    assert made == {"ports": [], "ask": []}


def test_a_client_of_homes_that_does_not_answer_is_named() -> None:
    groups = {"nfs_home_server": {"files": {}}, "nfs_home_clients": {"node1": {}}}
    host = {"group_names": ["nfs_home_server"], "groups": groups}
    assert plan("playbook_firewall", {}, host)["ask"] == ["node1"]
    assert problems("playbook_firewall", {}, {**host, "asked": True}) == [
        "node1 does not answer, so its address is unknown; start it, or take it out of the inventory."
    ]

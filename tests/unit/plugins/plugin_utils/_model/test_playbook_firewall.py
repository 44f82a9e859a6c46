"""The playbook `firewall` opens what the other playbooks deploy, and nothing else."""

from __future__ import annotations

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

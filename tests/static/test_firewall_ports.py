"""The playbook `firewall` opens what the other playbooks deploy, and nothing else."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]

WEB = [{"port": 80}, {"port": 443}]
CASES = {
    "nothing": ("jupyterlab", {}, []),
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
    "a hub that is gone": ("jupyterhub", {"jupyterhub_state": "absent", "jupyterhub_listen": "0.0.0.0:8443"}, []),
    "more ports, and fewer sources": (
        "jupyterhub",
        {"jupyter_open": [{"port": 443, "sources": ["192.0.2.0/24"]}, {"port": 9100}]},
        [{"port": 443, "sources": ["192.0.2.0/24"]}, {"port": 9100}, {"port": 80}],
    ),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """What is open by the name of each case, all asked in one run."""
    path = tmp_path_factory.mktemp("ports")
    hosts = {
        group: {"hosts": {name: variables for name, (of, variables, _ports) in CASES.items() if of == group}}
        for group in ("jupyterlab", "jupyterhub")
    }
    write = {
        "name": "Write it down",
        "ansible.builtin.copy": {
            "content": "{{ firewall_ports | to_json }}",
            "dest": f"{path}/{{{{ inventory_hostname }}}}.json",
            "mode": "0600",
        },
    }
    play = {
        "name": "Ask",
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROOT / "playbooks/vars/firewall.yml")],
        "tasks": [write],
    }
    (path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    (path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [shutil.which("ansible-playbook"), "--inventory", path / "hosts.yml", path / "play.yml"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return {name: json.loads((path / f"{name}.json").read_text()) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_what_is_deployed_is_open(opened: dict[str, list[dict]], name: str) -> None:
    assert opened[name] == CASES[name][2]

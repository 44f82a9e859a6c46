"""A hub whose PostgreSQL is lost comes back from its backup."""

from __future__ import annotations

import subprocess

from hub_client import HubClient
from playbook import run_playbook

INVENTORIES = ["inventory/hub.yml", "jupyterhub_postgres/inventory/hosts.yml"]
# As of a host that was set up anew, but for the accounts.
LOSE_SECRETS = "systemctl stop jupyterhub-proxy.service jupyterhub.service && rm --recursive /etc/jupyterhub/secrets"
LOSE_DATABASE = "cd / && runuser -u postgres -- dropdb jupyterhub && runuser -u postgres -- dropuser root"


def well(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr


def test_who_was_logged_in_still_is_once_the_lost_database_is_restored(host, person) -> None:
    ada = person("ada")
    token = ada.request("POST", "users/ada/tokens", {"note": "a program of hers"}).json()["token"]
    well(run_playbook(host, "backup", INVENTORIES))
    host.check_output("systemctl start nbops-backup.service")

    host.check_output(LOSE_SECRETS)
    # What is still there is not replaced.
    refused = run_playbook(host, "restore", INVENTORIES)
    assert refused.returncode == 2
    assert "the database jupyterhub has tables: this host has a state of its own" in refused.stdout

    host.check_output(LOSE_DATABASE)
    well(run_playbook(host, "restore", INVENTORIES))
    assert ada.request("GET", "user").json()["name"] == "ada"
    program = HubClient(ada.url, ca=ada.ca, token=token)
    assert program.get("api/user").json()["name"] == "ada"

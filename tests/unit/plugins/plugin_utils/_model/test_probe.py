"""Whom the playbook `verify` and the role `probe` visit, and what they need for that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

LAB = {"name": "lab", "user": "alice", "token": "0123456789abcdef"}
PASSWORD = {"name": "word", "user": "bob", "password": "correct horse battery"}
HASH = {"name": "hash", "user": "carol", "password_hash": "sha256:ab:cd", "listen": "127.0.0.1:8890"}
HUB = {"jupyterhub_public_url": "https://hub.example.org", "jupyterhub_users": [{"name": "ada"}]}
NAMED = {"jupyter_verify_user": "ada", "jupyter_verify_password": "correct horse battery"}
OAUTH = {
    "jupyterhub_authenticator": "github",
    "jupyterhub_oauth_client_id": "id",
    "jupyterhub_oauth_client_secret": "secret",
}
LABS, HUBS = {"group_names": ["jupyterlab"], "inventory_hostname": "lab1"}, {"group_names": ["jupyterhub"]}
HUBS["inventory_hostname"] = "hub1"


def targets(host: dict[str, Any], **variables: Any) -> list[dict[str, Any]]:
    return plan("playbook_verify", variables, host)["targets"]


def test_a_hub_is_visited_with_an_account_of_the_visit() -> None:
    (hub,) = targets(HUBS, **HUB)
    assert (hub["key"], hub["url"], hub["login"]) == ("hub jupyterhub", "https://hub.example.org/hub/", "account")
    assert (hub["user"], hub["group"]) == ("nbops-probe", "jupyterhub")
    assert secrets("playbook_verify", HUB, HUBS) == {}


def test_a_hub_is_visited_as_the_person_who_is_named() -> None:
    (hub,) = targets(HUBS, **HUB, **NAMED)
    assert (hub["login"], hub["user"]) == ("named", "ada")
    assert "correct horse" not in json.dumps(hub)
    assert secrets("playbook_verify", {**HUB, **NAMED}, HUBS) == {
        "hub jupyterhub": {"password": "correct horse battery"}
    }


@pytest.mark.parametrize(
    ("more", "why", "provider"),
    [
        (OAUTH, "people log in at a provider (github)", True),
        ({"jupyterhub_authenticator": "native"}, "no account of native is named (jupyter_verify_user)", False),
    ],
)
def test_a_hub_whose_login_takes_no_account_of_the_host_is_visited_by_a_token(
    more: dict[str, Any], why: str, provider: bool
) -> None:
    users = {"jupyterhub_users": [{"name": "ada", "admin": True, "password_hash": f"$2b$12${'a' * 53}"}]}
    (hub,) = targets(HUBS, **{**HUB, **users, **more})
    assert (hub["login"], hub["why"], hub["provider"]) == ("token", why, provider)


FAR = {"jupyterhub_spawner": "slurm", "jupyterhub_slurm_partition": "main", "jupyterhub_slurm_listen": "10.0.0.10:8082"}


def test_a_hub_with_servers_on_other_machines_is_visited_as_somebody_who_has_an_account_there() -> None:
    assert problems("playbook_verify", {**HUB, **FAR, **NAMED}, HUBS) == []
    assert problems("playbook_verify", {**HUB, **FAR, "jupyterhub_slurm_listen": ""}, HUBS) == []
    (unnamed,) = problems("playbook_verify", {**HUB, **FAR}, HUBS)
    assert "write it and jupyter_verify_password" in unnamed
    users = {"jupyterhub_users": [{"name": "ada", "admin": True}]}
    (provider,) = problems("playbook_verify", {**HUB, **users, **FAR, **OAUTH}, HUBS)
    assert "people log in at a provider (github)" in provider


def test_a_hub_that_speaks_tls_itself() -> None:
    tls = {"jupyterhub_certificate": "hub.example.org", "jupyterhub_listen": "0.0.0.0:8443"}
    (hub,) = targets(HUBS, **{**HUB, **tls, "jupyterhub_public_url": ""})
    assert (hub["url"], hub["web"]) == ("https://hub.example.org:8443/hub/", "jupyterhub-proxy.service")


def test_labs_behind_nginx() -> None:
    labs = [{**LAB, "base_url": "/lab/"}, {**PASSWORD, "base_url": "/word/"}, {**HASH, "base_url": "/hash/"}]
    found = targets(LABS, jupyterlab_instances=labs, jupyter_domain="lab.example.org")
    assert [lab["url"] for lab in found] == [f"https://lab.example.org/{name}/" for name in ("lab", "word", "hash")]
    assert [lab["login"] for lab in found] == ["token", "password", "none"]
    assert found[2]["why"] == "the inventory has the hash of its password alone"
    assert {lab["certificate"] for lab in found} == {"lab.example.org"}


def test_labs_without_a_web_server() -> None:
    """A socket is for its person alone, so the visit is that person's."""
    found = targets(LABS, jupyterlab_instances=[LAB, HASH], jupyter_web_server=False)
    assert (found[0]["socket"], found[0]["as"]) == ("/run/jupyterlab/lab.sock", "alice")
    assert (found[1]["url"], found[1].get("as")) == ("http://127.0.0.1:8890/", None)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"jupyter_verify_user": "ada"}, "jupyter_verify_user and jupyter_verify_password belong together"),
        ({"jupyter_verify_password": "hunter2hunter2"}, "jupyter_verify_user and jupyter_verify_password belong"),
        ({**NAMED, **OAUTH}, "jupyter_verify_user: people log in to jupyterhub at a provider (github)"),
        ({"jupyterhub_users": [{"name": "nbops-probe"}]}, "jupyterhub_users: nbops-probe is the account that"),
    ],
)
def test_what_is_refused(variables: dict[str, Any], problem: str) -> None:
    (found,) = problems("playbook_verify", {**HUB, **variables}, HUBS)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"nginx_maintenance": True}, "nginx_maintenance: visitors get the page of maintenance"),
        ({"jupyter_site": {"maintenance": True}}, "nginx_maintenance: visitors get the page of maintenance"),
        ({"jupyterhub_closed": "Until noon."}, "jupyterhub_closed: nobody starts a server"),
        ({"nginx_maintenance": True, "jupyterhub_certificate": "hub.org", "jupyterhub_listen": "0.0.0.0:8000"}, ""),
    ],
    ids=["everywhere", "here", "closed", "without-nginx"],
)
def test_a_visit_that_would_be_shut_out_is_refused(variables: dict[str, Any], words: str) -> None:
    found = problems("playbook_verify", {**HUB, **variables}, HUBS)
    assert [text.startswith(words) for text in found] == ([True] if words else [])
    # Its timer goes on, and tells of it.
    assert problems("probe", {**HUB, **variables}, HUBS) == []


SAID = {
    "probe_schedule": "*:0/15",
    "probe_delay": "1min",
    "probe_keep_passwords": True,
    "probe_alarm_units": ["mail-root@%n.service"],
    "probe_textfile_directory": "/srv/metrics",
}


def test_the_least_that_can_be_said() -> None:
    require_golden("probe-minimal", plan("probe", HUB, HUBS))


def test_everything_that_can_be_said() -> None:
    both = {"group_names": ["jupyterlab", "jupyterhub"], "inventory_hostname": "host1"}
    variables = {**HUB, **NAMED, **SAID, "jupyterlab_instances": [LAB, PASSWORD, HASH]}
    require_golden("probe-maximal", plan("probe", variables, both))
    assert sorted(secrets("probe", variables, both)["secrets"]) == ["hub jupyterhub", "lab lab", "lab word"]


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("probe", {**HUB, **NAMED, **SAID, "jupyterlab_instances": [LAB, PASSWORD, HASH]}, HUBS)


def test_without_a_word_passwords_do_not_stay_on_the_host() -> None:
    variables = {"jupyterlab_instances": [LAB, PASSWORD]}
    assert secrets("probe", variables, LABS) == {"secrets": {"lab lab": {"token": LAB["token"]}}}
    made = json.loads(plan("probe", variables, LABS)["files"]["targets.json"])
    assert [(lab["login"], lab["why"]) for lab in made] == [
        ("token", ""),
        ("none", "its password is not kept on the host (probe_keep_passwords)"),
    ]


def test_without_a_word_nobody_is_named_on_the_host() -> None:
    assert secrets("probe", {**HUB, **NAMED}, HUBS) == {"secrets": {}}
    (hub,) = json.loads(plan("probe", {**HUB, **NAMED}, HUBS)["files"]["targets.json"])
    assert (hub["login"], hub["user"]) == ("account", "nbops-probe")


def test_what_is_removed_is_not_judged() -> None:
    made = plan("probe", {"probe_state": "absent"}, {"group_names": [], "inventory_hostname": "host1"})
    assert {unit["state"] for unit in made["units"]} == {"absent"}
    assert made["remains"] == [
        "/usr/local/lib/nbops-probe",
        "/etc/nbops-probe.json",
        "/var/lib/prometheus/node-exporter/nbops_probe.prom",
    ]

"""What the playbook `status` expects of a host: what the other playbooks deploy there."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems

LAB = {"name": "lab", "user": "alice", "token": "0123456789abcdef"}
HUB = {"jupyterhub_public_url": "https://hub.example.org", "jupyterhub_users": [{"name": "ada"}]}
PROBLEM = "jupyterlab_instances is empty"


def asked(groups: list[str], **variables: Any) -> dict[str, Any]:
    return plan("playbook_status", variables, {"group_names": groups})["expected"]


def test_a_lab() -> None:
    expected = asked(["jupyterlab"], jupyterlab_instances=[{**LAB, "root_dir": "/srv/notebooks"}])
    assert expected["units"] == ["jupyterlab-lab.service", "jupyterlab-lab.socket", "nginx.service"]
    assert list(expected["locks"]) == ["/opt/jupyterlab"]
    names = [name for name, _version, _marker in expected["locks"]["/opt/jupyterlab"]]
    assert "jupyterlab" in names
    assert expected["servers"] == [{"units": "jupyterlab-lab.service", "path": "/opt/jupyterlab"}]
    assert expected["hubs"] == []
    assert expected["directories"] == ["/opt/jupyterlab", "/srv/notebooks"]


def test_labs_with_environments_of_their_own_and_without_a_web_server() -> None:
    own = {**LAB, "name": "own", "packages": ["pandas"]}
    gone = {**LAB, "name": "gone", "state": "absent"}
    expected = asked(["jupyterlab"], jupyterlab_instances=[LAB, own, gone], jupyter_web_server=False)
    assert "nginx.service" not in expected["units"]
    assert not any("gone" in name for name in expected["units"])
    assert [server["path"] for server in expected["servers"]] == ["/opt/jupyterlab", "/opt/jupyterlab-own"]
    assert list(expected["locks"]) == ["/opt/jupyterlab", "/opt/jupyterlab-own"]


def test_a_server_that_speaks_tls_itself_needs_no_web_server() -> None:
    lab = {**LAB, "listen": "0.0.0.0:8888", "certificate": "lab.example.org"}
    assert "nginx.service" not in asked(["jupyterlab"], jupyterlab_instances=[lab])["units"]


def test_a_hub() -> None:
    expected = asked(["jupyterhub"], **HUB, jupyterhub_cull_idle_seconds=600)
    assert {"jupyterhub.service", "jupyterhub-proxy.service", "jupyterhub-culler.service"} < set(expected["units"])
    assert not any("@" in name or "-user-" in name or name.endswith(".slice") for name in expected["units"])
    assert list(expected["locks"]) == [f"/opt/jupyterhub/{part}" for part in ("hub", "proxy", "user")]
    assert expected["servers"] == [{"units": "jupyterhub-user-*.service", "path": "/opt/jupyterhub/user"}]
    assert expected["hubs"] == [
        {
            "name": "jupyterhub",
            "kind": "sqlite",
            "database": "/var/lib/jupyterhub/jupyterhub.sqlite",
            "people": ["ada"],
        }
    ]
    assert "/var/lib/jupyterhub" in expected["directories"]


def test_what_keeps_people_out() -> None:
    expected = asked(["jupyterhub"], **HUB, jupyterhub_closed="Until noon.", nginx_maintenance=True)
    assert [words.partition(":")[0] for words in expected["shut"]] == ["nginx_maintenance", "jupyterhub_closed"]
    assert asked(["jupyterhub"], **HUB)["shut"] == []


def test_a_hub_without_a_culler_and_with_another_database() -> None:
    variables = {"jupyterhub_cull_idle_seconds": 0, "jupyterhub_database": "postgresql"}
    expected = asked(["jupyterhub"], **HUB, **variables)
    assert "jupyterhub-culler.service" not in expected["units"]
    assert expected["hubs"] == [{"name": "jupyterhub", "kind": "postgresql", "database": "", "people": ["ada"]}]
    (found,) = asked(["jupyterhub"], **HUB, jupyterhub_database="postgresql://hub:secret@db.example.org/hub")["hubs"]
    assert (found["kind"], found["database"]) == ("elsewhere", "")
    assert found["api_url"] == "http://127.0.0.1:8081/hub/api"
    assert found["token_file"] == "/etc/jupyterhub/secrets/users_token"
    assert "secret@" not in str(found)


def test_of_a_hub_that_is_removed_nothing_is_expected() -> None:
    expected = asked(["jupyterhub"], jupyterhub_state="absent")
    assert not any(expected.values())


def test_only_what_a_host_is_grouped_for_is_judged() -> None:
    assert problems("playbook_status", {}, {"group_names": ["jupyterlab"]})[0].startswith(PROBLEM)
    strange = {"jupyterlab_instances": [{**LAB, "user": "root"}], **HUB}
    assert problems("playbook_status", strange, {"group_names": ["jupyterlab"]}) != []
    assert problems("playbook_status", strange, {"group_names": ["jupyterhub"]}) == []
    wrong = {**HUB, "jupyterhub_public_url": "hub"}
    assert problems("playbook_status", wrong, {"group_names": ["jupyterhub"]}) != []


def test_whom_a_provider_lets_in_is_not_compared_with_accounts() -> None:
    client = {"jupyterhub_oauth_client_id": "hub", "jupyterhub_oauth_client_secret": "hunter2"}
    expected = asked(["jupyterhub"], **HUB, **client, jupyterhub_authenticator="github")
    assert "people" not in expected["hubs"][0]


def test_nodes_are_judged_where_servers_are_jobs() -> None:
    jobs = {"jupyterhub_spawner": "slurm", "jupyterhub_slurm_partition": "main"}
    assert asked(["jupyterhub"], **HUB, **jobs)["hubs"][0]["partitions"] == ["main"]
    assert "environment" not in asked(["jupyterhub"], **HUB, **jobs)["hubs"][0]
    elsewhere = asked(["jupyterhub"], **HUB, **jobs, jupyterhub_slurm_listen="10.0.0.10:8082")
    assert elsewhere["hubs"][0]["environment"] == "/opt/jupyterhub/user"


JOBS = {
    "jupyterhub_spawner": "slurm",
    "jupyterhub_slurm_partition": "main",
    "jupyterhub_slurm_listen": "10.0.0.10:8082",
}
CLUSTER = {"slurm_nodes": {"hub": {}, "node1": {}, "node2": {}}, "jupyterhub_nodes": {"node2": {}, "old": {}}}


@pytest.mark.parametrize(
    ("groups", "variables", "nodes"),
    [
        (
            ["jupyterhub"],
            {**HUB, **JOBS},
            {"names": ["node1", "node2", "old"], "environment": "/opt/jupyterhub/user"},
        ),
        (["jupyterhub"], {**HUB, **JOBS, "jupyterhub_slurm_listen": ""}, {}),
        (["jupyterhub"], {**HUB, **JOBS, "jupyterhub_state": "absent"}, {}),
        (["jupyterlab"], {**HUB, **JOBS, "jupyterlab_instances": [LAB]}, {}),
    ],
    ids=["a hub", "a hub with servers of its own host", "a hub that is gone", "labs"],
)
def test_the_other_hosts_with_servers_of_the_hub_are_asked(
    groups: list[str], variables: dict[str, Any], nodes: dict[str, Any]
) -> None:
    host = {"group_names": groups, "inventory_hostname": "hub", "groups": CLUSTER}
    assert plan("playbook_status", variables, host)["nodes"] == nodes


def test_who_is_to_go_is_not_expected() -> None:
    people = [{"name": "ada"}, {"name": "eve", "state": "absent"}]
    assert asked(["jupyterhub"], **{**HUB, "jupyterhub_users": people})["hubs"][0]["people"] == ["ada"]

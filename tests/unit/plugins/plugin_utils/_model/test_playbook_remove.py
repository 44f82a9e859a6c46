"""The playbook `remove` lets go what the other playbooks deploy on a host, whatever else its variables say."""

from __future__ import annotations

from typing import Any

from models import plan

LABS = [{"name": "lab", "user": "alice"}, {"name": "gone", "state": "absent"}]


def removed(groups: list[str], **variables: Any) -> dict[str, Any]:
    return plan("playbook_remove", variables, {"group_names": groups, "inventory_hostname": "lab.example.org"})


def site(name: str, certificate: str) -> dict[str, str]:
    return {"name": name, "state": "absent", "certificate": certificate}


def absent(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "state": "absent"} for name in names]


def test_a_lab_and_its_site() -> None:
    going = removed(["jupyterlab"], jupyterlab_instances=LABS)
    assert going["instances"] == absent("lab", "gone")
    assert going["sites"] == [site("jupyterlab", "lab.example.org")]
    assert not going["hub"]
    assert going["certificates"] == []


def test_notebooks_outside_of_homes_are_named_among_what_stays() -> None:
    labs = [{**LABS[0], "root_dir": "/data/alice"}, {**LABS[0], "name": "more", "root_dir": "/data/alice"}, LABS[1]]
    assert "homes, /data/alice, shared folders" in removed(["jupyterlab"], jupyterlab_instances=labs)["report"][0]
    assert "homes, shared folders" in removed(["jupyterlab"], jupyterlab_instances=LABS)["report"][0]


def test_a_hub_by_its_name_with_its_certificate() -> None:
    going = removed(
        ["jupyterhub"], jupyterhub_name="class", jupyter_domain="hub.example.org", jupyter_admin_email="a@example.org"
    )
    assert going["hub"]
    assert going["sites"] == [site("class", "hub.example.org")]
    assert going["certificates"] == absent("hub.example.org")
    assert going["instances"] == []


def test_labs_and_a_hub_with_the_certificates_of_both() -> None:
    said = {"jupyter_domain": "lab.org", "jupyter_admin_email": "a@lab.org", "jupyterhub_public_url": "https://hub.org"}
    going = removed(["jupyterlab", "jupyterhub"], jupyterlab_instances=LABS, **said)
    assert going["sites"] == [site("jupyterlab", "lab.org"), site("jupyterhub", "hub.org")]
    assert going["certificates"] == absent("lab.org", "hub.org")


def test_more_sites_and_kernels() -> None:
    going = removed(
        ["jupyterhub"],
        jupyter_sites=[{"name": "docs", "server_names": ["docs.example.org"]}],
        kernels_specs=[{"name": "stats", "packages": ["pandas"]}],
        kernels_installers=[{"path": "/opt/miniforge", "url": "https://example.org/m.sh", "sha256": "0" * 64}],
    )
    assert going["sites"] == [site("jupyterhub", "lab.example.org"), site("docs", "docs.example.org")]
    assert going["kernels"] == absent("stats")
    assert going["installers"] == [{"path": "/opt/miniforge", "state": "absent"}]


def test_what_a_role_would_refuse_keeps_nobody_from_removing_it() -> None:
    going = removed(
        ["jupyterlab"], jupyterlab_instances=[{"name": "lab", "listen": "nowhere"}], jupyter_domain="No name"
    )
    assert going["instances"] == absent("lab")
    assert going["sites"] == absent("jupyterlab")


def test_a_host_of_neither_group_keeps_everything() -> None:
    going = removed(["others"], jupyterlab_instances=LABS, jupyter_domain="a.example.org", jupyter_admin_email="a@b.c")
    del going["report"]
    assert not any(going.values())

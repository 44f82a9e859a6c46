"""What stands in front of a hub."""

from __future__ import annotations

import pytest
from models import plan, problems, require_golden, require_words

HUB = {"jupyterhub_users": [{"name": "ada", "admin": True}]}
HOST = {"inventory_hostname": "hub1", "group_names": ["jupyterhub"]}
MAXIMAL = {
    **HUB,
    "jupyter_domain": "hub.example.org",
    "jupyter_admin_email": "admin@example.org",
    "jupyter_site": {"https_port": 8443},
    "jupyterhub_name": "jupyterhub-physics",
    "jupyterhub_listen": "127.0.0.1:8010",
    "jupyterhub_public_url": "https://hub.example.org:8443",
    "jupyterhub_base_url": "/physics/",
    "jupyterhub_subdomains": True,
    "jupyterhub_upload_limit_mb": 64,
}


def test_a_hub_without_a_domain() -> None:
    require_golden("front_jupyterhub-minimal", plan("playbook_jupyterhub", HUB, HOST))


def test_a_hub_that_says_everything() -> None:
    require_golden("front_jupyterhub-maximal", plan("playbook_jupyterhub", MAXIMAL, HOST))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("playbook_jupyterhub", MAXIMAL, HOST)


def test_a_hub_that_goes_takes_its_site_along() -> None:
    assert plan("playbook_jupyterhub", {"jupyterhub_state": "absent"}, HOST)["sites"][0]["state"] == "absent"


@pytest.mark.parametrize("listen", ["8000", "socket", "127.0.0.1:0"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    assert len(problems("playbook_jupyterhub", {**HUB, "jupyterhub_listen": listen}, HOST)) == 1


def test_a_name_that_no_browser_asks_for_is_refused_by_its_variable() -> None:
    [problem] = problems("playbook_jupyterhub", HUB, {**HOST, "inventory_hostname": "Hub01"})
    assert problem.startswith("jupyter_domain is empty, and the inventory's name of the host, 'Hub01', is no domain")


@pytest.mark.parametrize(
    ("lab", "url", "name"),
    [
        ({}, "https://hub.org", "hub.org"),
        ({}, "", "lab.org"),
        # Nothing else has the domain.
        ({"certificate": "lab.org", "listen": "0.0.0.0:8888"}, "https://hub.org", "lab.org"),
        ({"state": "absent"}, "https://hub.org", "lab.org"),
    ],
    ids=["beside", "nowhere", "direct", "gone"],
)
def test_beside_labs_a_hub_has_the_name_of_its_public_url(lab: dict[str, str], url: str, name: str) -> None:
    instances = [{"name": "lab", "user": "ada", "token": "0123456789abcdef", **lab}]
    said = {"jupyter_domain": "lab.org", "jupyter_admin_email": "a@lab.org", "jupyterhub_public_url": url}
    host = {**HOST, "group_names": ["jupyterlab", "jupyterhub"]}
    made = plan("playbook_jupyterhub", {**HUB, **said, "jupyterlab_instances": instances}, host)
    assert made["sites"][0]["server_names"] == [name]
    assert made["certificates"][0]["name"] == name


def test_what_is_told_at_the_end() -> None:
    told = plan("playbook_jupyterhub", {**HUB, "jupyter_domain": "hub.org"}, HOST)["report"]
    assert told[0] == "jupyterhub: https://hub.org/ (1 person listed, administered by ada)"
    assert told[1].startswith(
        "certificate: self-signed, so browsers ask before they go on. Write jupyter_admin_email and"
    )
    gone = plan("playbook_jupyterhub", {"jupyterhub_state": "absent"}, HOST)
    assert gone["report"] == gone["report_of_failure"] == []


def test_a_certificate_that_was_not_ordered_is_not_said_to_be_there() -> None:
    said = {**HUB, "jupyter_domain": "hub.org", "jupyter_admin_email": "a@hub.org"}
    told = plan("playbook_jupyterhub", said, HOST)["report_of_failure"]
    assert told[1] == "certificate: not renewed or ordered, as said above. What was served before is served still."


def test_kernels_come_with_the_hub_where_they_are_listed() -> None:
    assert plan("playbook_jupyterhub", {**HUB, "kernels_specs": [{"name": "stats", "language": "r"}]}, HOST)["kernels"]
    assert (
        len(problems("playbook_jupyterhub", {**HUB, "kernels_specs": [{"name": "Stats!", "language": "r"}]}, HOST)) == 1
    )

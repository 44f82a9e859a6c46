"""What is measured on a host, by which units. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from models import plan, require_golden, require_words

HUBS = {"group_names": ["jupyterhub"], "inventory_hostname": "host1"}
LABS = {"group_names": ["jupyterlab"], "inventory_hostname": "host1"}
HUB = {
    "jupyterhub_public_url": "https://hub.example.org",
    "jupyterhub_users": [{"name": "ada", "admin": True}],
}
EXPORTER = "prometheus-node-exporter.service"


def exporter(made: dict[str, Any]) -> dict[str, Any]:
    (unit,) = [unit for unit in made["units"] if unit["name"] == EXPORTER]
    return unit["sections"]["Service"]


MAXIMAL = {
    **HUB,
    "metrics_listen": "10.0.0.5:9200",
    "metrics_user_usage": "hashed",
    "jupyterhub_name": "jupyterhub-team",
}


def test_the_least_that_can_be_said() -> None:
    require_golden("metrics-minimal", plan("metrics", HUB, HUBS))


def test_everything_that_can_be_said() -> None:
    made = plan("metrics", MAXIMAL, {**HUBS, "group_names": ["jupyterlab", "jupyterhub"]})
    require_golden("metrics-maximal", made)


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("metrics", MAXIMAL, HUBS)


@pytest.mark.parametrize(
    ("variables", "host"), [({}, LABS), ({**HUB, "jupyterhub_spawner": "local"}, HUBS)], ids=["lab", "local"]
)
def test_without_units_nobody_is_measured(variables: dict[str, Any], host: dict[str, Any]) -> None:
    assert json.loads(plan("metrics", variables, host)["settings"])["hubs"] == []


@pytest.mark.parametrize(
    ("listen", "is_local"), [("127.0.0.1:9100", True), ("[::1]:9100", True), ("0.0.0.0:9100", False)]
)
def test_on_loopback_nobody_elsewhere_is_answered(listen: str, is_local: bool) -> None:
    assert ("IPAddressDeny" in exporter(plan("metrics", {**HUB, "metrics_listen": listen}, HUBS))) == is_local


@pytest.mark.parametrize(
    ("unit", "is_told"),
    [
        *((name, True) for name in ("jupyterhub.service", "jupyterhub-team-proxy.service", "jupyterlab-lab.socket")),
        *((name, True) for name in ("nginx.service", "nbops-backup.timer", "jupyterhub-culler.service")),
        *((name, False) for name in ("jupyterhub-user-ada.service", "jupyterhub-team-user-ada:one.service")),
        *((name, False) for name in ("ssh.service", "user@1000.service")),
    ],
)
def test_no_unit_with_the_name_of_a_person_is_told(unit: str, is_told: bool) -> None:
    options = dict(word.partition("=")[::2] for word in exporter(plan("metrics", HUB, HUBS))["ExecStart"][1].split())
    include, exclude = (options[f"--collector.systemd.unit-{kind}"] for kind in ("include", "exclude"))
    assert (bool(re.fullmatch(include, unit)) and not re.fullmatch(exclude, unit)) == is_told


def test_what_is_removed_is_not_judged() -> None:
    made = plan("metrics", {"metrics_state": "absent"}, {"group_names": [], "inventory_hostname": "host1"})
    assert {unit["state"] for unit in made["units"]} == {"absent"}
    assert "/var/lib/prometheus/node-exporter/nbops_servers.prom" in made["remains"]

"""What the playbook `rollback` takes back: the hub of a host, its labs, or what somebody chooses."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems

BOTH = ["jupyterhub", "jupyterlab"]
LABS = [
    {"name": "lab", "user": "alice", "token": "0123456789abcdef0123456789abcdef"},
    {"name": "gone", "state": "absent"},
]
VARIABLES = {"jupyterhub_users": [{"name": "ada"}], "jupyterlab_instances": LABS}


def asked(groups: list[str], **variables: Any) -> dict[str, Any]:
    return plan("playbook_rollback", {**VARIABLES, **variables}, {"group_names": groups})


def refused(groups: list[str], **variables: Any) -> list[str]:
    return problems("playbook_rollback", {**VARIABLES, **variables}, {"group_names": groups})


def test_the_hub_of_a_host_that_has_only_one() -> None:
    to = {"jupyter_rollback_to": "previous", "jupyter_rollback_lose_since": "20261129T104000Z"}
    hub = {"name": "jupyterhub", "state": "restored", "to": "previous", "lose_since": "20261129T104000Z"}
    assert asked(["jupyterhub"], **to) == {"hub": hub, "labs": {}}


def test_the_labs_of_a_host_that_has_no_hub() -> None:
    labs = {"labs": ["lab"], "state": "restored", "to": "previous"}
    assert asked(["jupyterlab"], jupyter_rollback_to="previous") == {"hub": {}, "labs": labs}


def test_all_states_are_listed() -> None:
    listed = asked(BOTH)
    assert [part["state"] for part in listed.values()] == ["listed", "listed"]


@pytest.mark.parametrize(("chosen", "other"), [("hub", "labs"), ("labs", "hub")])
def test_of_a_host_with_both_somebody_chooses(chosen: str, other: str) -> None:
    going = asked(BOTH, jupyter_rollback_of=chosen, jupyter_rollback_to="previous")
    assert (going[chosen]["state"], going[other]) == ("restored", {})


def test_what_is_refused() -> None:
    (both,) = refused(BOTH, jupyter_rollback_to="previous")
    assert both.startswith("jupyter_rollback_of: the host has a hub and labs, whose states end at different times;")
    assert refused(["jupyterhub"], jupyter_rollback_of="labs") == [
        "jupyter_rollback_of: the host has no labs; leave it out."
    ]
    assert refused(["jupyterhub"], jupyter_rollback_to="yesterday")[0].startswith("jupyter_rollback_to: 'yesterday' is")

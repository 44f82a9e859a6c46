"""What the playbook `upgrade` deploys on a host, and what it may take back there."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems

LABS = [{"name": "lab", "user": "alice", "token": "0123456789abcdef"}, {"name": "gone", "state": "absent"}]
VARIABLES = {
    "jupyterhub_public_url": "https://hub.example.org",
    "jupyterhub_users": [{"name": "ada"}],
    "jupyterlab_instances": LABS,
}


@pytest.mark.parametrize(
    ("groups", "more", "made"),
    [
        (["jupyterhub"], {}, {"deploys": {"hub": True, "labs": False}, "hub": "jupyterhub", "labs": []}),
        (["jupyterlab"], {}, {"deploys": {"hub": False, "labs": True}, "hub": "", "labs": ["lab"]}),
        (
            ["jupyterhub", "jupyterlab"],
            {"jupyterhub_name": "jupyterhub-physics"},
            {"deploys": {"hub": True, "labs": True}, "hub": "jupyterhub-physics", "labs": ["lab"]},
        ),
        # One that is to go is deployed so, and nothing of it goes back.
        (
            ["jupyterhub"],
            {"jupyterhub_state": "absent"},
            {"deploys": {"hub": True, "labs": False}, "hub": "", "labs": []},
        ),
        # What is said for the playbook rollback is not for an upgrade.
        (
            ["jupyterhub"],
            {"jupyter_rollback_of": "labs", "jupyter_rollback_to": "previous"},
            {"deploys": {"hub": True, "labs": False}, "hub": "jupyterhub", "labs": []},
        ),
    ],
    ids=["a hub", "labs", "both", "a hub that is to go", "a rollback"],
)
def test_hub_and_labs_of_a_host(groups: list[str], more: dict[str, Any], made: dict[str, Any]) -> None:
    assert plan("playbook_upgrade", {**VARIABLES, **more}, {"group_names": groups}) == made


def test_what_shuts_the_visit_out_is_refused() -> None:
    shut = {**VARIABLES, "jupyterhub_closed": "Until noon."}
    (problem,) = problems("playbook_upgrade", shut, {"group_names": ["jupyterhub"]})
    assert problem.startswith("jupyterhub_closed: nobody starts a server of jupyterhub, so the visit")

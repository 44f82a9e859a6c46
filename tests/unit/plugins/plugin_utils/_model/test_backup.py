"""What is backed up, by which units. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

HUB = {"inventory_hostname": "hub.example.org", "group_names": ["jupyterhub"]}
BOTH = {"inventory_hostname": "lab.example.org", "group_names": ["jupyterhub", "jupyterlab"]}
MINIMAL = {"backup_repository": "/mnt/backup", "backup_password": "correct horse battery staple"}
MAXIMAL = {
    "backup_repository": "sftp:jupyter@vault.example.org:/srv/jupyter",
    "backup_password": "correct horse battery staple",
    "backup_environment": {"AWS_ACCESS_KEY_ID": "correct horse"},
    "backup_ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----\ncorrect horse\n",
    "backup_known_hosts": "vault.example.org ssh-ed25519 AAAA",
    "backup_schedule": "hourly",
    "backup_homes": False,
    "backup_exclude": [".cache", "/srv/shared/scratch"],
    "backup_paths": ["/srv/shared"],
    "backup_keep": {"last": 1, "daily": 0},
    "backup_prune": False,
    "backup_check": {"schedule": "monthly", "read": "100%"},
    "backup_alarm_units": ["mail-root@%n.service"],
    "backup_restore_snapshot": "0123abcd",
    "backup_restore_from": "old.example.org",
    "backup_restore_home": "ada",
    "jupyterhub_name": "jupyterhub-team",
    "jupyterhub_public_url": "https://hub.example.org",
    "jupyterhub_users": [{"name": "ada", "admin": True}],
    "jupyterlab_instances": [
        {"name": "one", "user": "ada", "password": "correct horse", "root_dir": "/data/ada"},
        {"name": "old", "user": "ada", "state": "absent"},
    ],
}
HUBS = {"jupyterhub_public_url": "https://hub.example.org", "jupyterhub_users": [{"name": "ada", "admin": True}]}


def backup(**changes: Any) -> dict[str, Any]:
    return {**MINIMAL, **HUBS, **{f"backup_{name}": value for name, value in changes.items()}}


def test_the_plan_of_a_hub() -> None:
    require_golden("backup-minimal", plan("backup", backup(), HUB))


def test_the_plan_that_says_everything() -> None:
    made = plan("backup", MAXIMAL, BOTH)
    require_golden("backup-maximal", made)
    assert "correct horse" not in str(made)
    assert secrets("backup", MAXIMAL, BOTH)["password"] == "correct horse battery staple"


def test_notebooks_outside_of_homes_may_come_back_as_far_as_homes_are_backed_up() -> None:
    lab = {"jupyterlab_instances": MAXIMAL["jupyterlab_instances"], "backup_paths": ["/srv/shared"]}
    assert plan("backup", {**MAXIMAL, **lab, "backup_homes": True}, BOTH)["restore"]["paths"] == [
        "/srv/shared",
        "/data/ada",
    ]
    assert plan("backup", {**MAXIMAL, **lab, "backup_homes": False}, BOTH)["restore"]["paths"] == ["/srv/shared"]


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("backup", MAXIMAL, BOTH)


def test_an_absent_one_needs_nothing_else() -> None:
    made = plan("backup", {"backup_state": "absent"}, {**HUB, "group_names": []})
    assert {unit["state"] for unit in made["units"]} == {"absent"}


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"repository": "s3:https://s3.example.org/bucket"}, 0),
        ({"repository": "s3:"}, 1),
        ({"repository": "/mnt/backup/"}, 1),
        ({"repository": "/mnt/back up"}, 1),
        ({"password": "a" * 12}, 0),
        ({"password": "a" * 11}, 1),
        ({"password": "first line\nsecond line"}, 1),
        ({"environment": {"AWS_ACCESS_KEY_ID": "a"}}, 0),
        ({"environment": {"AWS_ACCESS_KEY_ID": "a\nb"}}, 1),
        ({"exclude": ["/home/*/data"]}, 0),
        ({"exclude": ["/var/lib/nbops-backup/stage"]}, 1),
        ({"exclude": ["/srv/shared/x"], "paths": ["/srv/shared"]}, 0),
        ({"keep": {"daily": -1}}, 1),
        ({"keep": {"daily": 0, "weekly": 0, "monthly": 0}, "prune": False}, 0),
        ({"check": {"read": "0.1%"}}, 0),
        ({"check": {"read": "101%"}}, 1),
        ({"restore_snapshot": "0123a"}, 1),
    ],
)
def test_boundaries(changes: dict[str, Any], count: int) -> None:
    assert len(problems("backup", backup(**changes), HUB)) == count


def test_what_the_hub_itself_refuses_is_refused() -> None:
    assert problems("backup", {**backup(), "jupyterhub_base_url": "hub"}, HUB)

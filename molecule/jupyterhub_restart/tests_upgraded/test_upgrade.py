"""A fleet is upgraded host by host: what comes up and does not work goes back, and the rest is not touched."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
from playbook import changes, run_playbook

ROOT = pathlib.Path(__file__).resolve().parents[3]
LOCK = ROOT / "roles/jupyterhub/files/user.txt"
# It installs; only JupyterLab does not load.
WITHOUT_ASYNC_LRU = re.compile(r"(?m)^async-lru==.*\\\n(    --hash.*\n)+")


def upgrade(
    host, *others: str, inventories: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    own = ["inventory/hub.yml", "jupyterhub_restart/inventory/hosts.yml", *inventories]
    return run_playbook(host, "upgrade", own, *others, **variables)


@pytest.fixture(autouse=True)
def name(host) -> None:
    """The host finds its own name, as by DNS."""
    host.check_output("grep --quiet hub.example.org /etc/hosts || echo 127.0.0.1 hub.example.org >>/etc/hosts")


def release(host) -> str:
    return host.check_output("realpath /opt/jupyterhub/user/current")


def upgrade_fleet(host, directory, **variables: object) -> subprocess.CompletedProcess[str]:
    """Upgrades the host and three after it by these variables, which end at the host, and leave it as it was."""
    # Nobody answers there: a run that went on would say so.
    others = {f"later-{number}": {"ansible_host": f"192.0.2.{number}"} for number in range(1, 4)}
    # Ansible takes the hosts of a group in the order of the inventory.
    fleet = {"hosts": {host.backend.host: {}, **others}, "vars": variables}
    (directory / "fleet.json").write_text(json.dumps({"jupyterhub": fleet}))
    before = release(host)
    run = upgrade(host, *others, inventories=(str(directory / "fleet.json"),))
    assert run.returncode == 2, run.stdout
    assert "is not well after its upgrade, and no further host was touched" in run.stdout, run.stdout
    recap = run.stdout.partition("PLAY RECAP")[2]
    assert not any(name in recap for name in others)
    assert (changes(run) > 0, release(host)) == (True, before)
    return run


def ada_works(person) -> None:
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    ada.stop()


def test_a_poisoned_lock_ends_with_one_host_touched_and_returned(host, person, tmp_path) -> None:
    poisoned = tmp_path / "poisoned.txt"
    text, count = WITHOUT_ASYNC_LRU.subn("", LOCK.read_text())
    assert count
    poisoned.write_text(text)
    upgrade_fleet(host, tmp_path, jupyterhub_user_lock=str(poisoned))
    ada_works(person)


def test_what_only_a_visit_finds_goes_back_as_well(host, person, tmp_path) -> None:
    """The hub is healthy, and gives up each server at once, however fast it starts."""
    run = upgrade_fleet(host, tmp_path, jupyterhub_config={"Spawner": {"start_timeout": 0}})
    assert "Red: start" in run.stdout, run.stdout
    assert re.search(r"JupyterHub 6[.\d]+ runs again, as until", run.stdout), run.stdout
    ada_works(person)


def test_a_good_upgrade_is_tried_by_a_visit(host) -> None:
    run = upgrade(host)
    assert run.returncode == 0, run.stdout
    assert re.search(r"cell +ok", run.stdout)
    again = upgrade(host)
    assert again.returncode == 0, again.stdout


def test_a_host_that_does_not_answer_ends_the_run(host, tmp_path) -> None:
    fleet = tmp_path / "fleet.json"
    hosts = {"before": {"ansible_host": "192.0.2.1"}, host.backend.host: {}}
    fleet.write_text(json.dumps({"jupyterhub": {"hosts": hosts}}))
    run = upgrade(host, "before", inventories=(str(fleet),))
    assert run.returncode == 2, run.stdout
    assert "before does not answer" in run.stdout
    assert host.backend.host not in run.stdout.partition("PLAY RECAP")[2]

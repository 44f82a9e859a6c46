"""A hub is backed up while people work, and a fresh host becomes that hub."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hub_client import HUB, HubClient, at_address

ROOT = pathlib.Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/inventory/containers.py"
NEW = "backup-new"
STATUS = "/var/lib/nbops-backup/status.json"
NOTE = "notes.txt"
# What is in ada's home beside what Jupyter makes: lists and attributes, and what nobody gets back.
FURNISH = f"""
set -e
cd /home/ada
echo 'read me' >{NOTE}; setfacl --modify=user:1234:r {NOTE}; setfattr --name=user.origin --value=old {NOTE}
ln --symbolic /etc/passwd passwd
mkdir .cache; echo large >.cache/file
cp /bin/true runs; chown ada:ada {NOTE} runs .cache; chmod 6755 runs
mkfifo pipe
echo 'of root' >roots
"""
# Of each file its path, mode, owner, group, size and time.
LISTING = "cd /home/ada && find . -path ./.local -prune -o -printf '%p %m %U %G %s %T@\\n' | sort"


class Restored(NamedTuple):
    """The old host and the new, ada as she was logged in at the old one, and what the playbook printed."""

    old: Any
    new: Any
    ada: HubClient
    token: str
    output: str


def play(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a playbook for the new host alone."""
    inventories = [INVENTORY, ROOT / "molecule/inventory/hub.yml", ROOT / "molecule/backup/inventory/new.yml"]
    command = ["ansible-playbook", *(f"--inventory={one}" for one in inventories), f"--limit={NEW}", *arguments]
    return subprocess.run(command, capture_output=True, check=False, text=True)


def refusal(*arguments: str) -> str:
    """What a playbook says that fails without having changed anything."""
    run = play(*arguments)
    assert run.returncode == 2, run.stdout + run.stderr
    assert "changed=0" in run.stdout, run.stdout
    return run.stdout + run.stderr


def address_of(host) -> str:
    return host.backend.ansible_runner.get_variables(host.backend.host)["ansible_host"]


@pytest.fixture(scope="module")
def restored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    import testinfra

    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    import socket

    patch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    old, new = (
        testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY), sudo=True)
        for name in ("backup-debian-13", NEW)
    )
    at_address(HUB, address_of(old))
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.write_text(old.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string)
    ada = HubClient(f"https://{HUB}/hub/", ca=str(ca))
    assert ada.login("ada", "correct horse battery")
    token = ada.request("POST", "users/ada/tokens", {"note": "a program of hers"}).json()["token"]
    old.check_output(FURNISH)
    with ada.start().kernel() as kernel:
        assert kernel.run("open('of_the_kernel', 'w').write('42')") == "2"
        old.check_output("systemctl start nbops-backup.service")
        assert kernel.run("6*7") == "42"
    done = play("nbops.jupyter.restore")
    assert done.returncode == 0, done.stdout + done.stderr
    at_address(HUB, address_of(new))
    ca.write_text(new.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string)
    yield Restored(old, new, ada, token, done.stdout)


def test_the_backup_was_well_and_says_so(restored) -> None:
    status = json.loads(restored.old.file(STATUS).content_string)
    assert status["last_backup"]["result"] == "ok"
    assert status["last_backup"]["time"] > 0


def test_who_was_logged_in_at_the_old_host_still_is(restored) -> None:
    restored.ada.http.close()
    assert restored.ada.request("GET", "user").json()["name"] == "ada"


def test_a_token_of_the_old_host_opens_the_new(restored) -> None:
    program = HubClient(f"https://{HUB}/hub/", ca=restored.ada.ca, token=restored.token)
    assert program.get("api/user").json()["name"] == "ada"


def test_a_person_goes_on_with_their_files_where_they_were(restored) -> None:
    with restored.ada.start().kernel() as kernel:
        assert kernel.run("print(open('of_the_kernel').read(), open('notes.txt').read())") == "42 read me"
    restored.ada.stop()


def test_accounts_have_their_numbers_and_passwords(restored) -> None:
    for question in ("id ada", "getent passwd ada", "getent shadow ada | cut --delimiter=: --fields=2"):
        numbers = [re.sub(r"\d+\(jupyterhub\)", "", host.check_output(question)) for host in restored[:2]]
        assert numbers[0] == numbers[1]


def test_a_home_has_its_modes_lists_and_attributes_and_nothing_more(restored) -> None:
    old, new = restored.old, restored.new
    assert "user:1234:r--" in new.check_output("getfacl --absolute-names /home/ada/notes.txt")
    assert new.check_output("getfattr --only-values --name=user.origin /home/ada/notes.txt") == "old"
    listings = [dict(line.split(" ", 1) for line in host.check_output(LISTING).splitlines()) for host in (old, new)]
    for name in ("./notes.txt", "./passwd", "./of_the_kernel"):
        assert listings[0][name] == listings[1][name]
    # Rights that its person could not give, another's files, and what is excluded.
    assert listings[1]["./runs"].startswith("755 ")
    assert listings[1]["./roots"].split()[1:3] == ["1001", "1001"]
    assert "./pipe" not in listings[1]
    assert "./.cache/file" not in listings[1]


def test_packages_are_equal(restored) -> None:
    for environment in ("hub", "user"):
        question = f"readlink /opt/jupyterhub/{environment}/current"
        assert restored.old.check_output(question) == restored.new.check_output(question)


def test_a_second_run_changes_nothing(restored) -> None:
    again = play("nbops.jupyter.restore")
    assert re.search(r"changed=0 +unreachable=0 +failed=0", again.stdout), again.stdout + again.stderr

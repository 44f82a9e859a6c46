"""A folder that two people of the team write, a group of the host reads, and nobody else enters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from notebook_client import Kernel, NotebookClient
from playbook import inventory_options, run_ansible

FOLDER = "/srv/shared/course"
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def servers(host, person) -> Iterator[dict[str, NotebookClient]]:
    """The servers of both; Ada's may run, since an earlier test, and runs on then."""
    ada, grace = person("ada"), person("grace")
    ran = ada.state().get("ready")
    yield {"ada": ada.enter("ada") if ran else ada.start(), "grace": grace.start()}
    for one in (grace,) if ran else (ada, grace):
        one.stop()
    host.check_output(f"find {FOLDER} -mindepth 1 -delete")


def can(kernel: Kernel, command: str) -> bool:
    """Whether a command in the folder succeeds in a kernel's sandbox."""
    code = "import subprocess; print(subprocess.run({!r}, shell=True, cwd={!r}).returncode)"
    return kernel.run(code.format(command, FOLDER)).splitlines()[-1] == "0"


# The core utilities in Rust (0.0.30) set other bits of a directory in a folder with an access list.
MAKE = "python3 -c 'import os; os.mkdir(\"week\")'"
COPY = """python3 -c 'import os, shutil; os.mkdir("copy")
for name in os.listdir("week"): shutil.copyfile("week/" + name, "copy/" + name)'"""


def outsider_can(host, group: str, command: str) -> bool:
    """The same for an account of the host that is in one group alone."""
    ids = f"--reuid=nobody --regid={group} --clear-groups"
    return host.run(f"setpriv {ids} sh -c %s", f"cd {FOLDER} && {command}").rc == 0


def test_writers_change_each_others_files_and_nobody_else_does(host, servers: dict[str, NotebookClient]) -> None:
    with servers["ada"].kernel() as ada, servers["grace"].kernel() as grace:
        assert can(ada, f"umask 077 && {MAKE} && echo a > week/x")
        assert can(grace, "umask 077 && echo b >> week/x && echo c > week/y")
        assert can(ada, f"echo d >> week/y && mv week/x week/z && {COPY}")
        assert can(grace, "echo e > copy/x && rm -r copy")
        assert not can(grace, "touch /srv/shared/mine")
    assert outsider_can(host, "visitors", "cat week/y week/z")
    for attempt in ("echo e >> week/y", "rm week/y", "touch mine"):
        assert not outsider_can(host, "visitors", attempt), attempt
    assert not outsider_can(host, "nogroup", "true")


def test_both_save_a_notebook_by_the_link_in_their_file_browsers(host, servers: dict[str, NotebookClient]) -> None:
    """With its checkpoint, which belongs to whoever saved first. What they may not read has no link."""
    path = "api/contents/shared/course/one.ipynb"
    for server in (servers["ada"], servers["grace"], servers["ada"]):
        assert [entry["name"] for entry in server.get("api/contents/shared").json()["content"]] == ["course"]
        server.put(path, {"type": "notebook", "format": "json", "content": NOTEBOOK}).raise_for_status()
        server.post(f"{path}/checkpoints").raise_for_status()
    assert host.file(f"{FOLDER}/one.ipynb").user == "ada"


def test_what_is_shared_no_more_is_closed_and_kept(host) -> None:
    former = host.file("/srv/shared/former")
    assert (former.mode, former.user, former.group) == (0o700, "root", "root")
    assert host.file("/srv/shared/former/kept").content_string == "kept"


def test_a_group_that_nobody_makes_is_told_before_anything_is_built(host) -> None:
    folders = json.dumps({"jupyterhub_shared_folders": [{"path": FOLDER, "writers": ["techers"]}]})
    inventories = inventory_options("inventory/hub.yml", "jupyterhub/inventory/hosts.yml")
    run = run_ansible(
        "nbops.jupyter.jupyterhub", f"--limit={host.backend.host}", f"--extra-vars={folders}", *inventories
    )
    assert run.returncode == 2
    assert "this host has no group techers" in run.stdout
    assert "install | Build the environments" not in run.stdout

"""What became of the units, sites and files that were made by hand, and of those that nobody may touch."""

from __future__ import annotations

import json
import os
import pathlib

import yaml

BACKUP = "/var/backups/nbops-legacy"
MADE_BY_HAND = (
    "/etc/systemd/system/jupyter-lab.service",
    "/etc/systemd/system/jupyterlab.service",
    "/etc/nginx/sites-enabled/jupyterlab",
    "/root/.jupyter/jupyter_lab_config.py",
    "/home/clara/.jupyter/jupyter_notebook_config.py",
    "/srv/www/jupyterhub/jupyterhub_config.py",
)
ADOPTED = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "adopted")


def test_files_made_by_hand_are_in_the_backup(host) -> None:
    for path in MADE_BY_HAND:
        assert not host.file(path).exists, path
        assert host.file(BACKUP + path).exists, path
    assert "Restart=always" in host.file(f"{BACKUP}/etc/systemd/system/jupyterlab.service").content_string
    assert "/srv/www" in host.file(f"{BACKUP}/etc/systemd/system/jupyterhub.service").content_string
    assert host.file(BACKUP).mode == 0o700
    moved = [entry["path"] for entry in json.loads(host.file(f"{BACKUP}/moved.json").content_string)]
    assert set(MADE_BY_HAND) <= set(moved)


def test_no_server_runs_that_no_unit_of_ours_runs(host) -> None:
    command = "ps -eo cgroup:200,args | grep --extended-regexp '/jupyter(-|hub)' | grep --invert-match grep"
    for line in host.check_output(command).splitlines():
        assert "/system.slice/jupyter" in line, line
    assert host.check_output("systemctl --failed --no-legend --plain") == ""


def test_notebooks_and_other_files_are_untouched(host) -> None:
    thesis = host.file("/home/david/project/thesis.ipynb")
    assert (thesis.user, thesis.mode, json.loads(thesis.content_string)["nbformat"]) == ("david", 0o644, 4)
    assert host.file("/etc/nginx/sites-available/jupyterlab").exists
    assert host.file("/srv/www/jupyterhub/jupyterhub.sqlite").exists


def test_servers_run_as_their_people_and_none_as_root(host) -> None:
    users = host.check_output("systemctl show --property=User --value 'jupyterlab-*.service'").split()
    assert sorted(users) == ["clara", "david", "dora", "lab"]


def test_the_variables_are_for_their_reader_alone_and_say_what_was_there(host) -> None:
    file = ADOPTED / f"{host.backend.host}.yml"
    assert file.stat().st_mode & 0o777 == 0o600
    variables = yaml.safe_load(file.read_text())
    assert [(one["name"], one["listen"]) for one in variables["jupyterlab_instances"]] == [
        ("lab", "127.0.0.1:8889"),
        ("david", "127.0.0.1:8888"),
        ("clara", "0.0.0.0:9999"),
        ("dora", "127.0.0.1:8890"),
    ]
    assert variables["jupyterhub_users"] == [{"name": "ada", "admin": True}, {"name": "bob"}]
    assert variables["jupyter_domain"] == "lab.example.org"

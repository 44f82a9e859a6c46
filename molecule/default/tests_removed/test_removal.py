"""After the playbook `remove`: labs, site and certificate are gone; accounts, homes and the web server are there."""

from __future__ import annotations

import subprocess

import pytest
from playbook import changes, run_playbook


def remove(host, name: str) -> subprocess.CompletedProcess[str]:
    return run_playbook(host, "remove", ["default/inventory/hosts.yml"], jupyter_remove=name)


def test_nothing_of_ours_is_left(host) -> None:
    assert host.check_output("systemctl list-units --all --no-legend 'jupyter*' 'nbops*'") == ""
    found = host.check_output("find /etc /opt /run /var/lib -maxdepth 3 -name '*jupyterlab*' -not -path '*/dpkg/*'")
    assert found == ""
    assert host.run("pgrep --full '[/]opt/jupyterlab'").rc != 0


def test_nobody_answers_under_the_name(host, domain: str) -> None:
    assert host.run("find /etc/letsencrypt/live /etc/ssl/jupyter -name %s", domain).stdout == ""
    assert (
        host.run("curl --insecure --silent --resolve %s:443:127.0.0.1 https://%s/alice/", domain, domain).stdout == ""
    )


def test_accounts_homes_and_the_web_server_stay(host) -> None:
    assert host.file("/home/alice/notebooks").is_directory
    assert host.user("bob").exists
    assert host.service("nginx").is_running
    assert host.run("nginx -t").rc == 0


def test_a_second_run_finds_nothing(host) -> None:
    run = remove(host, host.backend.host)
    assert (run.returncode, changes(run)) == (0, 0), run.stdout


@pytest.mark.parametrize("name", ["", "all", "lab.example.org"])
def test_another_name_is_refused(host, name: str) -> None:
    run = remove(host, name)
    assert (run.returncode, changes(run)) == (2, 0), run.stdout
    assert f"such as -e jupyter_remove={host.backend.host}" in run.stdout

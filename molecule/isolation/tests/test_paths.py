"""Mallory has a shell and a home, and puts links in the way of root."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from waiting import wait_until

HOME = "/home/mallory"
# Stops whatever begins to run as the same account.
STOP = """
import contextlib, os, signal
while True:
    newest = int(open("/proc/loadavg").read().split()[4])
    for pid in range(newest - 5, newest + 30):
        if pid not in (os.getpid(), os.getppid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)
"""
SECRET = "a secret of others"


@pytest.fixture
def mallory(host) -> Iterator[Callable[[str], str]]:
    """Runs a command in a shell of mallory's, in the home, and removes afterwards what is in it."""

    def run(command: str) -> str:
        return host.check_output("runuser -u mallory -- sh -ec %s", f"cd; {command}")

    yield run
    host.check_output("find %s -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +", HOME)


@pytest.fixture
def module(host) -> Callable[..., dict[str, Any]]:
    """Runs a module on the host as root; returns its result, also a failure."""

    def run(name: str, **options: Any) -> dict[str, Any]:
        try:
            return host.ansible(
                f"nbops.jupyter.{name}", json.dumps(options) if options else None, check=False, become=True
            )
        except host.ansible.AnsibleException as error:
            return error.result

    return run


@pytest.fixture
def others(host) -> Iterator[str]:
    """A directory of root's with a file that nobody else reads."""
    path = "/root/others"
    host.check_output("install -d -m 700 %s", path)
    host.check_output("install -m 600 /dev/null %s", f"{path}/jupyter_server_config.json")
    config = json.dumps({"IdentityProvider": {"token": SECRET}})
    host.check_output("printf %%s %s > %s", config, f"{path}/jupyter_server_config.json")
    yield path
    host.check_output("rm -rf %s", path)


def test_a_notebook_directory_is_not_made_where_a_link_leads(host, mallory, module) -> None:
    mallory("ln -s /etc projects")
    before = host.check_output("ls -ln /etc")
    result = module("person_directories", directories=[{"path": f"{HOME}/projects/mallorys", "owner": "mallory"}])
    assert "mallory cannot make it" in result["msg"]
    assert host.check_output("ls -ln /etc") == before


def test_where_a_link_leads_out_of_the_home_is_said(host, mallory, module) -> None:
    host.check_output("install -d -o mallory /srv/mallorys")
    mallory("ln -s /srv/mallorys projects")
    result = module("person_directories", directories=[{"path": f"{HOME}/projects/notebooks", "owner": "mallory"}])
    assert result["elsewhere"] == {f"{HOME}/projects/notebooks": "/srv/mallorys/notebooks"}
    assert host.file("/srv/mallorys/notebooks").user == "mallory"
    host.check_output("rm -r /srv/mallorys")


def test_files_of_others_are_not_moved_into_the_backup(host, mallory, module, others: str) -> None:
    mallory(f"ln -s {others} .jupyter")
    result = module("legacy_setup", files=[f"{HOME}/.jupyter/jupyter_server_config.json"], backup="/root/backup")
    assert "is a link" in result["msg"]
    assert host.file(f"{others}/jupyter_server_config.json").exists


def test_a_file_does_not_come_back_beside_those_of_others(host, mallory, module, others: str) -> None:
    mallory("mkdir .jupyter; echo mine > .jupyter/jupyter_lab_config.py")
    files = [f"{HOME}/.jupyter/jupyter_lab_config.py"]
    assert module("legacy_setup", files=files, backup="/root/backup")["changed"]
    mallory(f"rmdir .jupyter; ln -s {others} .jupyter")
    result = module("legacy_setup", files=files, backup="/root/backup", state="restored")
    assert "is a link" in result["msg"]
    assert not host.file(f"{others}/jupyter_lab_config.py").exists
    mallory("rm .jupyter")
    assert module("legacy_setup", files=files, backup="/root/backup", state="restored")["changed"]
    assert (host.file(files[0]).content_string, host.file(files[0]).user) == ("mine\n", "mallory")
    host.check_output("rm -r /root/backup")


def test_what_is_taken_over_holds_no_secret_of_others(host, mallory, module, others: str) -> None:
    config = f"{others}/jupyter_server_config.json"
    mallory(f"mkdir .jupyter; ln -s {config} .jupyter/jupyter_server_config.json")
    assert SECRET not in json.dumps(module("legacy_setup_info"))
    # A command line is its person's to choose.
    mallory("rm -r .jupyter; printf '#!/usr/bin/python3\\nimport signal; signal.pause()\\n' > jupyter-lab")
    mallory("chmod +x jupyter-lab")
    by_hand = f"systemd-run --quiet --scope --unit=by-hand --uid=mallory ./jupyter-lab --port=8899 --config={config}"
    host.check_output(f"cd {HOME}; {by_hand} > /dev/null 2>&1 &")
    wait_until(lambda: host.run("pgrep --uid mallory --full 'jupyter-lab --port'").rc == 0)
    assert SECRET not in json.dumps(module("legacy_setup_info"))
    host.check_output("systemctl stop by-hand.scope")


def test_what_somebody_writes_that_nobody_reads_keeps_nobody_from_being_taken_over(host, mallory, module) -> None:
    mallory("mkdir .jupyter; python3 -c \"print('c.A.b = ' + '-' * 90000 + '1')\" >.jupyter/jupyter_lab_config.py")
    mallory("python3 -c \"print('[' * 100000)\" >.jupyter/jupyter_server_config.json")
    strange = json.dumps({"ServerApp": {"port": [], "certfile": 1, "ip": {}}})
    mallory(f"printf %s '{strange}' >.jupyter/jupyter_notebook_config.json")
    mallory("printf '#!/usr/bin/python3\\nimport signal; signal.pause()\\n' >jupyter-lab; chmod +x jupyter-lab")
    by_hand = "systemd-run --quiet --scope --unit=strange --uid=mallory ./jupyter-lab --port=\N{SUPERSCRIPT TWO}"
    host.check_output(f"cd {HOME}; {by_hand} > /dev/null 2>&1 &")
    wait_until(lambda: host.run("pgrep --uid mallory --full 'jupyter-lab --port'").rc == 0)
    assert "found" in module("legacy_setup_info")
    host.check_output("systemctl stop strange.scope")


def test_who_stops_what_runs_as_them_keeps_no_run_waiting(host, mallory, module) -> None:
    """Each program that runs as an account is that account's to stop."""
    host.check_output("systemd-run --quiet --unit=stopping --uid=mallory --collect python3 -c %s", STOP)
    # Of a single program, one in two gets away.
    directories = [{"path": f"{HOME}/{number}", "owner": "mallory"} for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(module, "person_directories", directories=directories)
        try:
            assert "what runs there as mallory does not end" in run.result(timeout=120)["msg"]
        finally:
            # Without the attack, and what it stopped, the run ends in any case.
            host.check_output("systemctl stop stopping")
            host.run("pkill -KILL --uid mallory")


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(mallory, module) -> None:
    mallory("mkdir .jupyter; mkfifo .jupyter/jupyter_server_config.json")
    assert "found" in module("legacy_setup_info")


@pytest.mark.parametrize(
    ("name", "options"),
    [("nginx_config", {"mark": "# A test"}), ("python_release", {"path": "/opt/nothing", "state": "absent"})],
)
def test_whoever_locks_directories_keeps_no_run_waiting(host, mallory, module, name: str, options: dict) -> None:
    """Who may open a directory may lock it."""
    hold = "import fcntl, os, signal\n"
    hold += "for path in ('/run', '/opt', '/opt/jupyterlab', '/opt/python_venv', '/etc/nginx', '/usr'):\n"
    hold += "    fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)\n"
    hold += f"open('{HOME}/held', 'w').close(); signal.pause()\n"
    host.check_output("systemd-run --quiet --unit=holding --uid=mallory --collect python3 -c %s", hold)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            wait_until(lambda: host.file(f"{HOME}/held").exists)
            result = pool.submit(module, name, **options).result(timeout=60)
            assert (result["changed"], result.get("msg")) == (False, None)
        finally:
            host.check_output("systemctl stop holding")


def test_the_environment_of_a_server_is_nowhere_where_its_person_writes(host, person) -> None:
    """The hub writes it, and systemd reads it: as root, where a link leads."""
    kate = person("kate")
    kate.start()
    files = host.check_output("systemctl show --property=EnvironmentFiles --value jupyterhub-user-kate.service")
    path = files.split(" (")[0]
    assert host.file(path).exists
    directories = [f"{parent}" for parent in pathlib.PurePosixPath(path).parents]
    assert {host.check_output("stat --format=%%U %s", directory) for directory in directories} == {"root"}
    assert host.run("runuser -u kate -- cat %s", path).rc != 0
    kate.stop()
    assert not host.file(path).exists


def test_a_directory_that_its_person_keeps_leads_the_hub_nowhere(host, person) -> None:
    """Whoever fills it while systemd removes it keeps it: here a race that was won already."""
    own, link = "/run/jupyterhub-users/kate", "jupyterhub-user-kate.service.env"
    host.check_output("install -m 600 /dev/null /var/lib/jupyterhub/precious")
    host.check_output("echo precious > /var/lib/jupyterhub/precious")
    host.check_output("install --directory --owner=kate --mode=0700 %s", own)
    host.check_output("runuser -u kate -- ln -s /var/lib/jupyterhub/precious %s", f"{own}/{link}")
    kate = person("kate")
    with kate.start().kernel() as kernel:
        assert kernel.run("import os; print('precious' in os.environ)") == "False"
    assert host.check_output("cat /var/lib/jupyterhub/precious") == "precious"
    kate.stop()
    host.check_output("rm /var/lib/jupyterhub/precious")

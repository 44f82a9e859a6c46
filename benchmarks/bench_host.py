"""The container that everything is measured on: its life, and the ways to it.

It is started by the playbooks that start the hosts of the Molecule scenarios, from the same image.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
LOGS = ROOT / ".cache/logs"
PLATFORM = os.environ.get("BENCH_PLATFORM", "debian-12")
SITE = "lab.example.org"
NAME = f"bench-{PLATFORM}"

CONTAINERS = ROOT / "molecule/inventory/containers.py"
INVENTORIES = (CONTAINERS, ROOT / "examples/jupyterlab/hosts.yml", BENCHMARKS / "hosts.yml")
PLAYBOOK = "nbops.jupyter.jupyterlab"
os.environ.update(MOLECULE_SCENARIO_NAME="bench", TEST_PLATFORMS=PLATFORM)


def run(log: str, argv: list, environment: dict[str, str] | None = None, stdin: str = "") -> str:
    """Run a program and return what it printed, which is kept as .cache/logs/bench-`log`.log as well.

    Ends the measurement with the tail of the output where the program fails.
    """
    done = subprocess.run(
        [str(argument) for argument in argv],
        env={**os.environ, **(environment or {})},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    path = LOGS / f"bench-{log}.log"
    path.write_text(done.stdout)
    if done.returncode != 0:
        raise SystemExit("\n".join([*done.stdout.splitlines()[-30:], f"failed: {argv[0]} (whole log: {path})"]))
    return done.stdout


def destroy() -> None:
    """Remove the container, and those that were set aside."""
    for old in set_aside():
        podman("rm", "--force", old)
    run("destroy", ["ansible-playbook", "--inventory", CONTAINERS, ROOT / "molecule/shared/destroy.yml"])


def set_aside() -> list[str]:
    return podman("ps", "--all", "--quiet", "--filter", f"name=^{NAME}-[0-9]+$").split()


def podman(*arguments: str) -> str:
    return subprocess.run(["podman", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def renew() -> None:
    """A fresh container, as the image has it, that has finished booting.

    The one before is only stopped, and removed with all others at the end: a file system without a journal makes new
    files at a tenth of its speed for minutes after many were removed, which would tell more than what is measured.
    """
    if podman("ps", "--all", "--quiet", "--filter", f"name=^{NAME}$"):
        podman("stop", "--time", "0", NAME)
        podman("rename", NAME, f"{NAME}-{len(set_aside())}")
    run("create", ["ansible-playbook", "--inventory", CONTAINERS, ROOT / "molecule/shared/create.yml"])


def connection() -> dict[str, str]:
    """The variables by which the host is reached."""
    inventory = json.loads(subprocess.run([CONTAINERS], stdout=subprocess.PIPE, check=True).stdout)
    (host,) = inventory["_meta"]["hostvars"].values()
    return {**inventory["all"]["vars"], **host}


def as_root(log: str, command: str, script: str) -> str:
    """Run a command as root on the host, with the text of a script as its input, and return what it printed."""
    target = connection()
    ssh = ["ssh", "-i", target["ansible_ssh_private_key_file"], "-o", "StrictHostKeyChecking=no"]
    ssh += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return run(log, [*ssh, f"{target['ansible_user']}@{target['ansible_host']}", f"sudo {command}"], stdin=script)


@contextlib.contextmanager
def own_connections() -> Iterator[dict[str, str]]:
    """Environment for an Ansible run that finds no open SSH connection of an earlier one, as after a while away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        yield {"ANSIBLE_SSH_CONTROL_PATH_DIR": directory}


def play(
    log: str,
    playbook: str | pathlib.Path = PLAYBOOK,
    inventories: Sequence[pathlib.Path] = INVENTORIES,
    **environment: str,
) -> str:
    """Run a playbook on the host, with the variables of the example if no other inventories are given, and return its
    output.
    """
    options = [argument for inventory in inventories for argument in ("--inventory", inventory)]
    with own_connections() as connections:
        argv = ["ansible-playbook", *options, "--limit", "instances", playbook]
        return run(
            log, argv, {**connections, "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks", **environment}
        )


def wait_for_login_page(seconds: float = 60) -> None:
    """Return when the login page answers over TLS on the host's address; its certificate is self-signed."""
    address = connection()["ansible_host"]
    curl = ["curl", "--silent", "--fail", "--insecure", "--noproxy", "*", "--resolve", f"{SITE}:443:{address}"]
    deadline = time.monotonic() + seconds
    while True:
        page = subprocess.run([*curl, f"https://{SITE}/login"], stdout=subprocess.PIPE, check=False).stdout
        if b'type="password"' in page:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"no login page within {seconds:g} seconds")
        time.sleep(0.05)


def deployed() -> None:
    """A host on which the playbook has run, whatever was there before."""
    renew()
    play("deploy")
    wait_for_login_page()

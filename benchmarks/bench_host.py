"""The container on which everything is measured: start it, deploy to it, reach it.

The playbooks of the Molecule scenarios start it, from the image that the scenarios use.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
SHARED = ROOT / "molecule/shared"
LOGS = ROOT / ".cache/logs"
PLATFORM = os.environ.get("BENCH_PLATFORM", "debian-13")
NAME = f"bench-{PLATFORM}"
CONTAINERS = ROOT / "molecule/inventory/containers.py"
ENVIRONMENT = {**os.environ, "MOLECULE_SCENARIO_NAME": "bench", "TEST_PLATFORMS": PLATFORM}


@dataclass(frozen=True)
class Deployment:
    """A playbook, and the inventories that give its variables."""

    playbook: str | pathlib.Path
    variables: tuple[pathlib.Path, ...]
    hosts: pathlib.Path = CONTAINERS


LAB = Deployment("nbops.jupyter.jupyterlab", (ROOT / "examples/jupyterlab/hosts.yml", BENCHMARKS / "hosts.yml"))
LAB_SITE = "lab.example.org"
HUB = Deployment(BENCHMARKS / "hub.yml", (ROOT / "molecule/inventory/hub.yml",))


@dataclass(frozen=True)
class Cost:
    """Seconds that passed, and seconds of processor time that the controller spent."""

    seconds: float
    processor_seconds: float


def cost_of(action: Callable[[], object]) -> Cost:
    """What an action costs that runs programs on the controller. The target's processes are not the controller's."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def run(log: str, argv: list, environment: dict[str, str] | None = None, stdin: str = "") -> str:
    """Run a program, keep its output as .cache/logs/bench-`log`.log, and return it.

    If the program fails, exits with the last lines of the output.
    """
    done = subprocess.run(
        [str(argument) for argument in argv],
        env={**ENVIRONMENT, **(environment or {})},
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


def podman(*arguments: str) -> str:
    return subprocess.run(["podman", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def destroy() -> None:
    """Remove the container, and those that were set aside."""
    if names := set_aside():
        podman("rm", "--force", "--ignore", *names)
    run("destroy", ["ansible-playbook", "--inventory", CONTAINERS, SHARED / "destroy.yml"])


def set_aside() -> list[str]:
    return podman("ps", "--all", "--format={{.Names}}", "--filter", f"name=^{NAME}-old-").split()


def renew() -> None:
    """Start a new container from the image, and wait until it has booted.

    The one before is only stopped, and removed with all others at the end: a file system without a journal creates
    files at a tenth of its speed for minutes after many were removed, which would disturb what is measured next.
    """
    if podman("ps", "--all", "--quiet", "--filter", f"name=^{NAME}$"):
        podman("stop", "--time", "0", NAME)
        podman("rename", NAME, f"{NAME}-old-{len(set_aside())}")
    # As many processes as a machine may have: podman's 2,048 are too few for a hundred servers.
    processes = ["--extra-vars", "container_processes=32768"]
    run("create", ["ansible-playbook", "--inventory", CONTAINERS, *processes, SHARED / "create.yml"])


def inventory() -> dict:
    """The inventory of the container, as `ansible-inventory --list` prints it."""
    return json.loads(subprocess.run([CONTAINERS], env=ENVIRONMENT, stdout=subprocess.PIPE, check=True).stdout)


def connection() -> dict[str, str]:
    """The variables by which the host is reached."""
    hosts = inventory()
    return {**hosts["all"]["vars"], **hosts["_meta"]["hostvars"][NAME]}


def as_root(log: str, command: str, script: str) -> str:
    """Run a command as root on the host, with the text of a script as its input, and return what it printed."""
    target = connection()
    ssh = ["ssh", "-i", target["ansible_ssh_private_key_file"], "-o", "StrictHostKeyChecking=no"]
    ssh += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return run(log, [*ssh, f"{target['ansible_user']}@{target['ansible_host']}", f"sudo {command}"], stdin=script)


@contextlib.contextmanager
def own_connections() -> Iterator[dict[str, str]]:
    """Environment in which Ansible finds no SSH connection of an earlier run, and keeps its own open for the next."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        yield {"ANSIBLE_SSH_CONTROL_PATH_DIR": directory}


def ansible(log: str, deployment: Deployment, limit: str = "instances", **environment: str) -> str:
    """Run a deployment's playbook on the hosts, and return its output."""
    inventories = [argument for file in (deployment.hosts, *deployment.variables) for argument in ("--inventory", file)]
    return run(log, ["ansible-playbook", *inventories, "--limit", limit, deployment.playbook], environment)


def changed_tasks(output: str) -> int:
    """The tasks that reported a change, by the end of the output of ansible-playbook."""
    return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


def play(log: str, deployment: Deployment, **environment: str) -> str:
    """Run a deployment's playbook over a new connection, with the time of every task in the log."""
    with own_connections() as connections:
        profile = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks"}
        return ansible(log, deployment, **connections, **profile, **environment)


def wait_for_login_page(seconds: float = 60) -> None:
    """Return when the lab's login page answers over TLS on the host's address; its certificate is self-signed."""
    address = connection()["ansible_host"]
    curl = ["curl", "--silent", "--fail", "--insecure", "--noproxy", "*", "--resolve", f"{LAB_SITE}:443:{address}"]
    deadline = time.monotonic() + seconds
    while True:
        page = subprocess.run([*curl, f"https://{LAB_SITE}/login"], stdout=subprocess.PIPE, check=False).stdout
        if b'type="password"' in page:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"no login page within {seconds:g} seconds")
        time.sleep(0.05)


def deploy(deployment: Deployment) -> None:
    """A new host on which the deployment's playbook has run."""
    renew()
    play("deploy", deployment)


def deploy_lab() -> None:
    """A new host on which a lab answers."""
    deploy(LAB)
    wait_for_login_page()

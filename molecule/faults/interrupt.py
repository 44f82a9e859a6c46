"""Cuts runs of a playbook off at random moments, and checks that one more run heals the host each time.

Two inventories alternate, so that every run has releases to switch, configuration to write and units to restart; half
of the runs have a release to build as well. What is cut off is the controller alone, the programs on the host as well,
or the power of the host. Each check asks the host and not the playbook.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from hub import HUB, at_address
from hub_client import HubClient
from notebook_client import NotebookClient
from releases import forgetting
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOLECULE = ROOT / "molecule"
LOGS = ROOT / ".cache/logs"
PLATFORM = "debian-13"
NAME = f"interrupted-{PLATFORM}"
INVENTORIES = ["plain", "rich"]
MANNERS = ["controller", "host", "power"]
ENVIRONMENTS = ["hub", "user", "proxy"]
NOTE = "/home/ada/note.txt"
KERNEL = "pgrep --euid ada --full ipykernel_launcher"
ENVIRONMENT = {
    **os.environ,
    "MOLECULE_SCENARIO_NAME": "interrupted",
    "MOLECULE_EPHEMERAL_DIRECTORY": str(LOGS),
    "TEST_PLATFORMS": PLATFORM,
    "ANSIBLE_NOCOLOR": "1",
    "COLUMNS": "2000",
}
# All that a run may make. What a person, a release, a cache and a log hold is their own.
TREE = (
    "find /etc /opt /var/lib/jupyterhub /var/lib/nginx /usr/local /var/tmp /tmp /run/systemd/system /root /home"
    r" -mindepth 1 \( -path '/opt/jupyterhub/*/releases/*' -o -path '/home/*/*' -o -path '/tmp/systemd-private-*'"
    r" -o -path '/var/tmp/systemd-private-*' -o -path '/opt/python_venv/cache'"
    r" -o -path '/root/.cache' -o -path '/root/.ansible' \)"
    r" -prune -o -printf '%p %y %m %u %g\n'"
)
# States to go back to and copies of the database depend on what has run before. What Ansible unpacks for a module stays
# where that is killed with -9, until the host boots; it holds no secrets.
HISTORY = re.compile(r"^/var/lib/jupyterhub/(history|backups)/|^/tmp/ansible_\S+_payload_")
# Which releases the processes of the hub and of its proxy have loaded.
LOADED = (
    "for unit in jupyterhub jupyterhub-proxy; do"
    " for process in $(cat /sys/fs/cgroup/system.slice/$unit.service/cgroup.procs"
    " /sys/fs/cgroup/*/system.slice/$unit.service/cgroup.procs 2>/dev/null | sort -u); do"
    r" grep --only-matching '/opt/jupyterhub/[a-z]*/releases/[^/]*' /proc/$process/maps; done; done | sort -u"
)


@dataclass(frozen=True)
class Cut:
    """One run that is cut off: to which inventory, how, after which part of a run's time, and what it has to build."""

    inventory: str
    manner: str
    part: float
    build: bool

    def __str__(self) -> str:
        built = "a release to build" if self.build else "releases there"
        return f"to {self.inventory:5}  {self.manner:10}  at {self.part:4.0%}  {built}"


def cuts(count: int, seed: int) -> list[Cut]:
    """The cuts of a seed. Each manner comes in turn, in an order of its own."""
    chance = random.Random(seed)
    manners = chance.sample(MANNERS, len(MANNERS))
    return [
        Cut(
            INVENTORIES[number % len(INVENTORIES)],
            manners[number % len(manners)],
            chance.random(),
            chance.random() < 0.5,
        )
        for number in range(count)
    ]


def ansible(*arguments: object) -> list[str]:
    containers = MOLECULE / "inventory/containers.py"
    return ["ansible-playbook", f"--inventory={containers}", *map(str, arguments)]


def deployment(inventory: str) -> list[str]:
    files = (MOLECULE / "inventory/hub.yml", MOLECULE / f"faults/inventory/{inventory}.yml")
    return ansible(*(f"--inventory={file}" for file in files), "nbops.jupyter.jupyterhub")


def finish(log: str, argv: list[str]) -> str:
    """Run a program to its end, and return its output, which stays as .cache/logs/interrupted-`log`.log."""
    done = subprocess.run(
        argv, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    path = LOGS / f"interrupted-{log}.log"
    path.write_text(done.stdout)
    if done.returncode != 0:
        raise Unhealed(f"{argv[-1]} failed (whole log: {path})\n" + "\n".join(done.stdout.splitlines()[-20:]))
    return done.stdout


class Unhealed(Exception):
    """What is not as it should be after one more run."""


def on_host(command: str) -> str:
    done = subprocess.run(["podman", "exec", NAME, "sh", "-c", command], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


def changes(output: str) -> int:
    return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


def cut_off(number: int, cut: Cut, seconds: float) -> str:
    """Begin a run and cut it off; returns the task that ran then."""
    if cut.build:
        on_host(forgetting(*(f"/opt/jupyterhub/{name}" for name in ENVIRONMENTS)))
    path = LOGS / f"interrupted-{number}-cut.log"
    with path.open("w") as log:
        run = subprocess.Popen(
            deployment(cut.inventory), env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(cut.part * seconds)
        if cut.manner == "power":
            subprocess.run(["podman", "kill", "--signal=KILL", NAME], stdout=subprocess.DEVNULL, check=True)
        elif cut.manner == "host":
            on_host("systemctl kill --signal=KILL 'session-*.scope'")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    if cut.manner == "power":
        wait_until(lambda: not is_running())
        start_again()
    text = path.read_text()
    # A run whose host went away before itself ends as well.
    if re.search(r"unreachable=0 +failed=0", text):
        return "after its end"
    tasks = re.findall(r"^TASK \[(?:nbops\.jupyter\.)?(.*?)\]", text, re.MULTILINE)
    return tasks[-1] if tasks else "before the first task"


def is_running() -> bool:
    asked = ["podman", "inspect", "--format={{.State.Running}}", NAME]
    # Of a host that is not there yet, podman complains.
    done = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return "true" in done.stdout


def start_again() -> None:
    """Boot the host again, and wait until it has started what it can."""
    subprocess.run(["podman", "start", NAME], stdout=subprocess.DEVNULL, check=True)
    # Until systemd answers, systemctl complains.
    wait_until(lambda: on_host("systemctl is-system-running 2>/dev/null").strip() in ("running", "degraded"), 120)


class Host:
    """The hub as a person finds it, and the host as root does."""

    def __init__(self) -> None:
        listing = subprocess.run(
            ["podman", "inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", NAME],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        at_address(HUB, listing.stdout.strip())
        self.trees: dict[str, set[str]] = {}
        self.kernel = ""

    @contextlib.contextmanager
    def person(self) -> Iterator[HubClient]:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as ca:
            ca.write(on_host(f"cat /etc/ssl/jupyter/{HUB}/fullchain.pem"))
            ca.flush()
            ada = HubClient(f"https://{HUB}/hub/", ca=ca.name)
            require(ada.login("ada", "correct horse battery"), "ada cannot log in")
            yield ada

    def begin_work(self) -> None:
        """Ada starts a kernel, which only the end of her server ends."""
        with self.person() as ada:
            server(ada).post("api/kernels", {"name": "python3"}).raise_for_status()
        wait_until(lambda: on_host(KERNEL))
        self.kernel = on_host(KERNEL)

    def check(self, inventory: str, power_failed: bool = False) -> None:
        """What has to be so after a run, whatever came before."""
        require(on_host(f"cat {NOTE}") == "mine\n", f"{NOTE} is not what ada wrote")
        require(on_host(f"stat --format=%U:%a {NOTE}") == "ada:640\n", f"{NOTE} has another owner or mode")
        if power_failed:
            self.begin_work()
        require(on_host(KERNEL) == self.kernel, "ada's kernel has ended")
        with self.person() as ada, server(ada).kernel() as kernel:
            require(kernel.run("6 * 7") == "42", "a cell does not run")
        failed = on_host("systemctl list-units --failed --plain --no-legend")
        require(not failed, f"failed units: {failed}")
        self.check_releases()
        self.check_tree(inventory)

    def check_releases(self) -> None:
        current = set()
        for name in ENVIRONMENTS:
            path = f"/opt/jupyterhub/{name}"
            current.add(on_host(f"realpath {path}/current").strip())
            found = on_host(f"ls -A {path}/releases").split()
            strange = [one for one in found if not re.fullmatch(r"[0-9a-f]{12}(-\d+)?", one)]
            unfinished = on_host(f"for one in {path}/releases/*; do [ -s $one/release.json ] || echo $one; done")
            require(not strange and not unfinished, f"{path}: left over: {strange} {unfinished}")
            # Beyond those to keep are only releases from which a process runs: ada's server may have begun long ago.
            used = on_host(f"grep --no-filename --only-matching '{path}/releases/[^/]*' /proc/[0-9]*/maps | sort -u")
            kept = [one for one in found if f"{path}/releases/{one}" not in used.split()]
            require(len(kept) <= 2, f"{path} keeps {found}")
        loaded = set(on_host(LOADED).split())
        require(bool(loaded) and loaded <= current, f"the hub runs from {loaded}; current are {current}")

    def check_tree(self, inventory: str) -> None:
        """The files that an undisturbed run leaves, and no others."""
        tree = {line for line in on_host(TREE).splitlines() if not HISTORY.match(line)}
        known = self.trees.setdefault(inventory, tree)
        drafts = [line for line in tree if re.search(r"\.(new|tmp|old|draft)\b", line.split()[0]) and line not in known]
        require(not drafts, f"drafts are left: {drafts}")
        require(tree == known, f"left over: {sorted(tree - known)[:10]}; missing: {sorted(known - tree)[:10]}")


def server(person: HubClient) -> NotebookClient:
    """A person's server, which may run already."""
    return person.enter(person.name) if person.state().get("ready") else person.start()


def require(condition: bool, message: str) -> None:
    if not condition:
        raise Unhealed(message)


def heal(number: int, cut: Cut, host: Host) -> int:
    """One more run, its check, and a run that has nothing to do; returns the changes of the first."""
    output = finish(f"{number}-heal", deployment(cut.inventory))
    host.check(cut.inventory, power_failed=cut.manner == "power")
    again = finish(f"{number}-again", deployment(cut.inventory))
    require(changes(again) == 0, f"the run after that changed {changes(again)}")
    return changes(output)


def try_all(planned: list[Cut]) -> int:
    """Make the host, cut all runs off, and return how many were healed."""
    # A host that --keep left is used again.
    if not is_running():
        finish("create", ansible(MOLECULE / "shared/create.yml"))
        for inventory in INVENTORIES:
            finish(f"first-{inventory}", deployment(inventory))
    host = Host()
    on_host(f"install --owner ada --group ada --mode 0640 /dev/null {NOTE} && echo mine >{NOTE}")
    host.begin_work()
    # What an undisturbed change takes, and leaves.
    seconds = {}
    for inventory in INVENTORIES:
        start = time.monotonic()
        finish(f"undisturbed-{inventory}", deployment(inventory))
        seconds[inventory] = time.monotonic() - start
        host.check(inventory)
        print(f"an undisturbed run to {inventory} takes {seconds[inventory]:.0f} s", flush=True)
    healed = 0
    ends: collections.Counter[str] = collections.Counter()
    for number, cut in enumerate(planned, 1):
        # A release that has to be built takes a run longer.
        task = cut_off(number, cut, seconds[cut.inventory] * (1.5 if cut.build else 1))
        try:
            changed = heal(number, cut, host)
        except (Unhealed, TimeoutError, AssertionError) as problem:
            print(f"{number:3}  {cut}  in '{task}'  NOT HEALED: {problem}", flush=True)
            return healed
        healed += 1
        ends[task] += 1
        print(f"{number:3}  {cut}  in '{task}'  healed by {changed} changes", flush=True)
    return healed


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/faults", description=__doc__)
    parser.add_argument("count", type=int, metavar="N", help="how many runs to cut off")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="which moments")
    parser.add_argument("--keep", action="store_true", help="leave the host")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    try:
        healed = try_all(cuts(arguments.count, arguments.seed))
    finally:
        if not arguments.keep:
            finish("destroy", ansible(MOLECULE / "shared/destroy.yml"))
    print(f"{healed} of {arguments.count} healed (seed {arguments.seed})")
    sys.exit(healed != arguments.count)


if __name__ == "__main__":
    main()

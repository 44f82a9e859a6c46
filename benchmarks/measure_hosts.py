"""An unchanged run for eight labs against an unchanged run for one of them."""

from __future__ import annotations

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import bench_host
from bench_host import LAB
from figure import RATIO, Figure
from rounds import in_turn, ratio

HOSTS = 8
ROUNDS = 3
FIRST_ADDRESS = 101  # last number of the first copy's address; the original's is below
IMAGE = f"localhost/{bench_host.NAME}-lab"


def copied(inventory: dict, number: int) -> dict:
    """The inventory of one host as a static one of `number` hosts, each with a name and an address of its own."""
    ((name, variables),) = inventory["_meta"]["hostvars"].items()
    network = variables["ansible_host"].rpartition(".")[0]
    hosts = {
        f"{name}-{index + 1}": {**variables, "ansible_host": f"{network}.{FIRST_ADDRESS + index}"}
        for index in range(number)
    }
    return {"all": inventory["all"], "instances": {"hosts": hosts}, "surroundings": {}}


@contextlib.contextmanager
def copies() -> Iterator[pathlib.Path]:
    """Stop the host, start copies of it, and give their inventory; remove them in the end."""
    bench_host.podman("stop", bench_host.NAME)
    bench_host.podman("commit", "--quiet", bench_host.NAME, IMAGE)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        hosts = pathlib.Path(directory, "hosts.json")
        hosts.write_text(json.dumps(copied(bench_host.inventory(), HOSTS)))
        ansible = ["ansible-playbook", "--inventory", hosts]
        try:
            create = bench_host.SHARED / "create.yml"
            bench_host.run("hosts-create", [*ansible, "--extra-vars", f"container_image={IMAGE}", create])
            yield hosts
        finally:
            names = json.loads(hosts.read_text())["instances"]["hosts"]
            bench_host.podman("rm", "--force", "--ignore", "--time", "0", *names)
            bench_host.podman("rmi", IMAGE)


def measure() -> Iterator[Figure]:
    bench_host.deploy_lab()
    with copies() as hosts, bench_host.own_connections() as connections:
        labs = replace(LAB, hosts=hosts)

        def rerun(limit: str) -> str:
            return bench_host.ansible("hosts", labs, limit, **connections)

        def seconds(limit: str) -> Callable[[], float]:
            return lambda: bench_host.cost_of(lambda: rerun(limit)).seconds

        # Opens the connections. The labs' files are noted anew, because an image keeps their times in whole seconds.
        rerun("instances")
        changed = bench_host.changed_tasks(rerun("instances"))
        ways = {"eight": seconds("instances"), "one": seconds(f"{bench_host.NAME}-1")}
        taken = in_turn(ways, ROUNDS)
    yield Figure("eight labs, unchanged: changed tasks", changed, most=0)
    yield Figure("eight labs / one, unchanged: wall time", ratio(taken["eight"], taken["one"]), RATIO, most=2.5)

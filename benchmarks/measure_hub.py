"""A JupyterHub behind nginx: its users and restart, the start of a server, memory, sandboxes, the cost of its proxy."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import bench_host
from figure import RATIO, Figure
from hub import at_address
from hub_client import HubClient
from rounds import in_turn, ratio
from waiting import wait_until

RUNS = 3
ROUNDS = 5
IDLE_SECONDS = 10
SITE = "hub.example.org"
CERTIFICATE = f"/etc/ssl/jupyter/{SITE}/fullchain.pem"
PERSON, PASSWORD = "ada", "correct horse battery"
HUB, PROXY, SERVER = "jupyterhub.service", "jupyterhub-proxy.service", f"jupyterhub-user-{PERSON}.service"
# Works without pause and counts what failed.
KERNEL_LOAD = bench_host.ROOT / "molecule/jupyterhub_restart/kernel_load.py"


def of_process(unit: str, file: str, pattern: str) -> str:
    """What a file in /proc tells of the main process of a unit."""
    search = f"grep --text --only-matching --perl-regexp '{pattern}'"
    process = f"$(systemctl show --value --property=MainPID {unit})"
    return bench_host.as_root("hub-process", f"{search} /proc/{process}/{file}", "").strip()


def resident_mb() -> float:
    """Of hub and proxy together, some time after their start."""
    bench_host.as_root("hub-start", f"systemctl restart {PROXY} {HUB}", "")
    time.sleep(IDLE_SECONDS)
    return sum(int(of_process(unit, "status", r"VmRSS:\s*\K\d+")) for unit in (HUB, PROXY)) / 1024


def exposure(unit: str) -> float:
    verdict = bench_host.as_root("hub-security", f"systemd-analyze security --no-pager {unit}", "")
    return float(re.search(r"Overall exposure level for .*: ([\d.]+)", verdict)[1])


def seconds_to_server(person: HubClient) -> float:
    start = time.monotonic()
    assert person.request("POST", f"users/{PERSON}/server").status_code in (201, 202)
    wait_until(lambda: person.state().get("ready"))
    seconds = time.monotonic() - start
    person.stop()
    return seconds


def seconds_without_pages(person: HubClient) -> float:
    """The longest time between two pages that the hub gave while it was restarted."""
    longest, last, is_over = 0.0, time.monotonic(), False
    with ThreadPoolExecutor() as pool:
        restart = pool.submit(bench_host.as_root, "hub-restart", f"systemctl restart {HUB}", "")
        while not is_over:
            is_restarted = restart.done()
            if person.get("home").ok:
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
                is_over = is_restarted
            time.sleep(0.02)
        restart.result()
    return longest


@contextlib.contextmanager
def kernel_load(certificate: pathlib.Path) -> Iterator[Callable[[], dict]]:
    """Somebody at work in a server that they started; gives what they have counted so far."""
    file = certificate.with_suffix(".json")
    address = bench_host.connection()["ansible_host"]
    process = subprocess.Popen([sys.executable, KERNEL_LOAD, address, certificate, file])

    def counted() -> dict:
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError, ValueError):  # not there yet, or just being written
                return json.loads(file.read_text())
            time.sleep(0.01)
        raise SystemExit(f"{KERNEL_LOAD.name} has ended")

    try:
        yield counted
    finally:
        process.terminate()
        process.wait()


def restarting(person: HubClient, certificate: pathlib.Path) -> Iterator[Figure]:
    with kernel_load(certificate) as counted:
        before = counted()["answers"]
        gaps = [seconds_without_pages(person) for dummy in range(RUNS)]
        count = counted()
    print(f"{count['answers'] - before} answers of a running server meanwhile", *count["failures"], file=sys.stderr)
    yield Figure("hub, restart: seconds without its pages", statistics.median(gaps), "s", most=5)
    yield Figure(f"hub, {RUNS} restarts: failures at a running server", len(count["failures"]), most=0)


def loading(person: HubClient) -> Iterator[Figure]:
    """All ways begin on the host, since a server listens nowhere else than on its socket there."""
    token = person.request("POST", f"users/{PERSON}/tokens", {"note": "benchmark"}).json()["token"]
    script = (bench_host.BENCHMARKS / "on_target/requests_per_second.py").read_text()
    shares = []

    def rate(site: str, socket: str = "") -> Callable[[], float]:
        def ask() -> float:
            command = f"python3 - {site}/user/{PERSON}/api/status {token} {socket}"
            found = json.loads(bench_host.as_root("hub-load", command, script))
            shares.append(found["share_of_core"])
            return found["rate"]

        return ask

    ways = {
        "alone": rate("http://localhost", f"/run/jupyterhub-sockets/{PERSON}/server.sock"),
        "proxy": rate("http://localhost", "/run/jupyterhub-proxy/proxy.sock"),
        "nginx": rate(f"https://{SITE}"),
    }
    rates = in_turn(ways, ROUNDS)
    yield Figure("hub, /api/status of a server, alone", statistics.median(rates["alone"]), "1/s")
    yield Figure("hub, /api/status, nginx with TLS and proxy", statistics.median(rates["nginx"]), "1/s")
    yield Figure("hub, /api/status, nginx and proxy / alone", ratio(rates["nginx"], rates["alone"]), RATIO, least=0.85)
    yield Figure("hub, /api/status, proxy / alone", ratio(rates["proxy"], rates["alone"]), RATIO)
    yield Figure("hub, /api/status, most that asking takes of a core", max(shares), most=0.5)


def many_users() -> Iterator[Figure]:
    """Leaves a hub that knows nobody else."""
    module = replace(bench_host.HUB, playbook=bench_host.BENCHMARKS / "hub_users.yml")
    bench_host.play("hub-users", module, ANSIBLE_KEEP_REMOTE_FILES="1")
    script = (bench_host.BENCHMARKS / "on_target/hub_users.py").read_text()
    # systemctl warns of sockets before it.
    times = json.loads(bench_host.as_root("hub-users-times", "python3 -", script).splitlines()[-1])
    yield Figure("hub, 1,000 users: new, with their accounts", statistics.median(times["whole"]), "s")
    yield Figure("hub, 1,000 users: new to the hub", statistics.median(times["records"]), "s", most=10)
    yield Figure("hub, 1,000 users: unchanged", statistics.median(times["unchanged"]), "s", most=2)


def measure() -> Iterator[Figure]:
    bench_host.deploy(bench_host.HUB)
    memory = statistics.median(resident_mb() for dummy in range(RUNS))
    yield Figure("hub, resident memory of idle hub and proxy", memory, "MB", most=220)
    at_address(SITE, bench_host.connection()["ansible_host"])
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        certificate = pathlib.Path(directory, "hub.pem")
        certificate.write_text(bench_host.as_root("hub-certificate", f"cat {CERTIFICATE}", ""))
        person = HubClient(f"https://{SITE}/hub/", ca=str(certificate))
        assert person.login(PERSON, PASSWORD)
        starts = statistics.median(seconds_to_server(person) for dummy in range(RUNS))
        yield Figure("hub, start of a server until it is ready", starts, "s", most=5)
        yield from restarting(person, certificate)  # leaves the server running
        for name, unit, target in (("hub", HUB, 3), ("proxy", PROXY, 1.5), ("a user's server", SERVER, 2)):
            yield Figure(f"hub, systemd-analyze security: {name}", exposure(unit), most=target)
        yield from loading(person)
    yield from many_users()

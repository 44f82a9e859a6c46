"""What one hub carries whose servers are jobs of Slurm: starts, a look at all jobs, a restart, people, requests."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import bench_host
import load
from figure import Figure
from hub import at_address
from hub_client import HubClient
from requests import Request
from requests.cookies import get_cookie_header
from waiting import wait_until

CLUSTER = replace(bench_host.HUB, playbook=bench_host.BENCHMARKS / "cluster.yml")
SITE = "hub.example.org"
HUB_URL = f"https://{SITE}/hub/"
CERTIFICATE = f"/etc/ssl/jupyter/{SITE}/fullchain.pem"
PASSWORD = "correct horse battery"  # of the inventory
# The first is the administrator.
PEOPLE = ["ada", *(f"student{number}" for number in range(1001, 2000))]
STARTS, FEW, SERVERS, BURST, MANY = 10, 5, 20, 50, 100
SLEEPING_JOBS = 500
# Of the hub's looks at its jobs, and so many of them are one measurement.
LOOK_SECONDS, LOOKS = 5, 12
HUB, PROXY, SLURM = "jupyterhub.service", "jupyterhub-proxy.service", "slurmctld.service"
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 300
Result = TypeVar("Result")


@dataclass(frozen=True)
class Process:
    """What the main process of a unit has used so far: its own processor time and that of the programs it ran, in
    seconds, and the memory that it has now, in MB.
    """

    own: float
    programs: float
    resident_mb: float


def process(unit: str) -> Process:
    """What a unit has used since it started."""
    place = f"/proc/$(systemctl show --value --property=MainPID {unit})"
    return told(bench_host.as_root("cluster-process", "sh", f"cat {place}/stat; grep VmRSS {place}/status"))


def told(text: str) -> Process:
    """What the file stat of a process says, and after it the line of its memory. The name may have any signs."""
    fields = text.rpartition(")")[2].split()
    # From utime on, see proc_pid_stat(5).
    user, system, waited_user, waited_system = (int(field) / TICKS for field in fields[11:15])
    return Process(user + system, waited_user + waited_system, int(fields[-2]) / 1024)


def spent(unit: str, action: Callable[[], Result]) -> tuple[Process, Result]:
    """What a unit used more after an action than before it, and what the action gave."""
    before = process(unit)
    result = action()
    after = process(unit)
    used = Process(after.own - before.own, after.programs - before.programs, after.resident_mb - before.resident_mb)
    return used, result


def at_once(action: Callable[[HubClient], object], people: Sequence[HubClient]) -> list:
    """What an action gives for each of some people, all at the same time."""
    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(action, people))


def log_in(certificate: pathlib.Path, name: str) -> HubClient:
    person = HubClient(HUB_URL, ca=str(certificate))
    person.patience = PATIENCE
    if not person.login(name, PASSWORD):
        raise SystemExit(f"{name} is not let in")
    return person


def seconds_to_server(person: HubClient) -> float:
    """From the request until the hub says that the server is ready, which it tells the page of a start by itself."""
    start = time.monotonic()
    answer = person.request("POST", f"users/{person.name}/server")
    if answer.status_code not in (201, 202):
        raise SystemExit(f"{person.name} gets no server: {answer.text}")
    progress = f"{person.url}api/users/{person.name}/server/progress"
    with person.http.get(progress, stream=True, timeout=PATIENCE) as events:
        for line in events.iter_lines(decode_unicode=True):
            event = json.loads(line.removeprefix("data: ") or "{}")
            if event.get("ready"):
                return time.monotonic() - start
            if event.get("failed"):
                break
    raise SystemExit(f"the server of {person.name} does not start: {line}")


def jobs() -> set[str]:
    """The numbers of the jobs that are the hub's servers."""
    name = "--name=jupyterhub@$(hostname --short)"
    return set(bench_host.as_root("cluster-jobs", "sh", f"squeue --noheader {name} --format=%i").split())


def ready(admin: HubClient) -> int:
    """How many servers the hub knows as ready."""
    users = admin.request("GET", "users?state=ready&limit=200").json()
    return sum(bool(user["server"]) for user in users)


def stop_all(people: Sequence[HubClient]) -> None:
    at_once(lambda person: person.stop(), people)


def restarting(people: Sequence[HubClient]) -> Iterator[Figure]:
    """The hub restarts while everybody keeps asking their server."""
    before, is_over = jobs(), threading.Event()

    def ask(person: HubClient) -> tuple[int, int]:
        server = person.enter(person.name)
        answers = failures = 0
        while not is_over.is_set():
            is_answered = server.get("api/status").ok
            answers, failures = answers + is_answered, failures + (not is_answered)
            time.sleep(0.05)  # twenty questions a second are the load
        return answers, failures

    with ThreadPoolExecutor(len(people)) as pool:
        asking = [pool.submit(ask, person) for person in people]
        try:
            for _restart in range(3):
                bench_host.as_root("cluster-restart", f"systemctl restart {HUB}", "")
                wait_until(lambda: ready(people[0]) == len(people), PATIENCE)
        finally:
            is_over.set()
        counts = [future.result() for future in asking]
    print(f"{sum(answers for answers, _failures in counts)} answers of servers meanwhile", file=sys.stderr)
    yield Figure(f"cluster, 3 restarts with {len(people)} servers: jobs lost", len(before - jobs()), most=0)
    failures = sum(failures for _answers, failures in counts)
    yield Figure(f"cluster, 3 restarts with {len(people)} servers: requests failed", failures, most=0)


def starting(people: Sequence[HubClient]) -> Iterator[Figure]:
    """Of one person after another, and of several at once, whose servers then outlive the hub."""
    one, several = people[0], people[:SERVERS]
    times = []
    for _start in range(STARTS):
        times.append(seconds_to_server(one))
        one.stop()
    yield Figure("cluster, a start until it is ready", statistics.median(times), "s", most=10)
    longest = max(at_once(seconds_to_server, several))
    yield Figure(f"cluster, {SERVERS} starts at once, the last ready", longest, "s", most=30)
    yield from restarting(several)
    stop_all(several)


def stand_in() -> None:
    """From now on, what starts as a server is a small program: the hub's work is the same, the machine's is not."""
    # Without what a start does not need.
    script = "#!/usr/bin/python3 -IS\n" + (bench_host.BENCHMARKS / "on_target/stand_in.py").read_text()
    bench_host.as_root("cluster-stand-in", "tee /opt/jupyterhub/user/current/bin/jupyterhub-singleuser", script)


def look() -> float:
    """Milliseconds of processor time in which the hub looks once at all its jobs, its programs included."""
    used, _nothing = spent(HUB, lambda: time.sleep(LOOK_SECONDS * LOOKS))
    return (used.own + used.programs) / LOOKS * 1000


def tunnels_mb() -> float:
    """Memory of the processes that lead to servers on other machines, each one's share of what they have in common."""
    script = "cat $(pgrep --full nbops_jupyterhub[.]tunnel | sed 's#.*#/proc/&/smaps_rollup#')"
    return sum(map(int, re.findall(r"^Pss: *(\d+)", bench_host.as_root("cluster-tunnels", "sh", script), re.M))) / 1024


def sleep(jobs_at_once: int) -> None:
    """Jobs of somebody else, who does nothing with them."""
    submit = "sbatch --uid=nobody --gid=nogroup --chdir=/tmp --output=/dev/null --mem=1M --wrap='exec sleep infinity'"
    bench_host.as_root("cluster-sleep", "sh", f"for job in $(seq {jobs_at_once}); do {submit}; done")


def looking(people: Sequence[HubClient]) -> Iterator[Figure]:
    """What servers cost the hub that are only there."""
    idle = look()
    before = process(HUB), process(PROXY)
    first, second = people[:BURST], people[BURST:MANY]
    used, times = spent(HUB, lambda: at_once(seconds_to_server, first))
    yield Figure(f"cluster, {BURST} starts at once, the last ready", max(times), "s")
    yield Figure("cluster, the hub's processor time for a start", used.own / BURST * 1000, "ms")
    yield Figure("cluster, that of the programs it runs for it", used.programs / BURST * 1000, "ms")
    # In fives, because one host is the hub's and all nodes at once.
    for several in range(0, len(second), FEW):
        at_once(seconds_to_server, second[several : several + FEW])
    for name, unit, former in (("hub", HUB, before[0]), ("proxy", PROXY, before[1])):
        memory = (process(unit).resident_mb - former.resident_mb) / MANY
        yield Figure(f"cluster, memory of the {name} for a server", memory * 1000, "kB")
    yield Figure("cluster, memory of what leads to a server", tunnels_mb() / MANY * 1000, "kB")
    yield Figure(f"cluster, a look at {MANY} servers, processor time", look() - idle, "ms", most=50)
    sleep(SLEEPING_JOBS)
    yield Figure(f"cluster, the same beside {SLEEPING_JOBS} jobs of others", look() - idle, "ms")
    bench_host.as_root("cluster-wake", "scancel --user=nobody", "")
    stop_all(people[:MANY])


def asking(people: Sequence[HubClient]) -> Iterator[Figure]:
    """What the hub answers to people who are logged in, and to their servers."""
    load.provide()
    site = f"https://{bench_host.connection()['ansible_host']}"
    cookies = [get_cookie_header(person.http.cookies, Request("GET", f"{HUB_URL}home")) for person in people]
    token = people[0].request("POST", f"users/{people[0].name}/tokens", {"note": "benchmark"}).json()["token"]
    ways = {
        "a page of a person": lambda: load.pages_per_second(site, "/hub/home", cookies),
        "who a server's visitor is": lambda: load.requests_per_second(site, ["/hub/api/user"], token),
    }
    for name, ask in ways.items():
        before = process(PROXY)
        used, rate = spent(HUB, ask)
        proxy = process(PROXY).own - before.own
        count = rate * load.SECONDS
        yield Figure(f"cluster, {name}: answers", rate, "1/s")
        yield Figure(f"cluster, {name}: the hub's processor time", used.own / count * 1000, "ms")
        yield Figure(f"cluster, {name}: the proxy's", proxy / count * 1000, "ms")


def measure() -> Iterator[Figure]:
    bench_host.deploy(CLUSTER)
    at_address(SITE, bench_host.connection()["ansible_host"])
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        certificate = pathlib.Path(directory, "hub.pem")
        certificate.write_text(bench_host.as_root("cluster-certificate", f"cat {CERTIFICATE}", ""))
        yield from measure_deployed(certificate)


def measure_deployed(certificate: pathlib.Path) -> Iterator[Figure]:
    def log_everybody_in() -> list[HubClient]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(functools.partial(log_in, certificate), PEOPLE))

    used, people = spent(HUB, log_everybody_in)
    count = len(people)
    yield Figure(f"cluster, {count} logins: the hub's processor time for one", used.own / count * 1000, "ms")
    yield Figure(f"cluster, {count} logins: memory of the hub for one", used.resident_mb / count * 1000, "kB")
    yield from asking(people)
    yield from starting(people)
    stand_in()
    yield from looking(people)

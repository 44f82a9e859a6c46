"""What Prometheus learns of people's servers, when it raises an alarm, and what the audit says."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hub import status_of
from hub_client import HubClient
from notebook_client import KernelDied
from playbook import changes, inventory_options, run_role
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
OPTIONS = inventory_options("inventory/hub.yml", "metrics/inventory/hosts.yml")
DASHBOARD = json.loads((ROOT / "files/prometheus/dashboard.json").read_text())
TEXTFILES = "/var/lib/prometheus/node-exporter"
METRICS_URL = "http://127.0.0.1:8081/hub/metrics"
TOKEN = "/etc/jupyterhub/secrets/metrics_token"
# Bytes that are written, not only promised; more than grace may have.
TAKE_TOO_MUCH = "greedy = bytearray(b'x') * (900 * 2**20)"
WORK = """
import time
begun, end = time.process_time(), time.monotonic() + 10
while time.monotonic() < end: pass
time.process_time() - begun
"""
# systemd takes the controllers for processor time for one, which they are not in a container where the machine has them
# apart; then it makes no group in the second. With the new kind of control groups there is nothing to do.
COUNT_TIME = """
group=$(systemctl show --property=ControlGroup --value {unit})
place=/sys/fs/cgroup/cpuacct$group
if [ -d /sys/fs/cgroup/cpuacct ]; then
    mkdir --parents $place
    for process in $(cat /sys/fs/cgroup/systemd$group/cgroup.procs); do echo $process >$place/cgroup.procs; done
fi
"""
AUDIT = "journalctl --no-pager --unit=jupyterhub --identifier=jupyterhub-audit --output=cat"


@pytest.fixture(autouse=True)
def token(host) -> None:
    """Prometheus may read the hub's metrics."""
    host.check_output(f"install -o prometheus -m 0400 {TOKEN} /etc/prometheus/jupyterhub-token")


@pytest.fixture
def measured(host) -> Callable[[], dict[str, float]]:
    """Measures now, and returns the textfile's values by series."""

    def measure() -> dict[str, float]:
        host.check_output("systemctl start nbops-servers-metrics.service")
        lines = host.check_output(f"cat {TEXTFILES}/nbops_servers.prom").splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    return measure


def series(metric: str, user: str, server: str = "") -> str:
    return f'nbops_server_{metric}{{hub="jupyterhub",user="{user}",server="{server}"}}'


def ask(host, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to a query."""
    url = "http://127.0.0.1:9090/api/v1/query"
    answer = json.loads(
        host.check_output(f"curl --silent --get {url} --data-urlencode {shlex.quote(f'query={query}')}")
    )
    assert answer["status"] == "success", (query, answer)
    return answer["data"]["result"]


@contextlib.contextmanager
def working(person: HubClient) -> Iterator[Any]:
    """A server of a person that runs, with a kernel."""
    server = person.start()
    try:
        with server.kernel() as kernel:
            yield kernel
    finally:
        person.stop()


def test_the_rules_mean_what_they_say(host) -> None:
    host.check_output("promtool check rules /etc/prometheus/nbops/rules.yml")
    host.check_output("promtool test rules /etc/prometheus/nbops/rule_tests.yml")


def test_nobody_elsewhere_reads(host, address: str) -> None:
    assert host.run("curl --silent --fail --output /dev/null http://127.0.0.1:9100/metrics").rc == 0
    with socket.socket() as visitor:
        visitor.settimeout(5)
        assert visitor.connect_ex((address, 9100)) != 0


def test_the_hub_tells_only_who_has_its_token(host) -> None:
    assert status_of(host, METRICS_URL) == "403"
    assert status_of(host, METRICS_URL, TOKEN) == "200"


def test_what_measures_has_few_rights(host) -> None:
    assert host.run("systemd-analyze security --no-pager --threshold=15 nbops-servers-metrics.service").rc == 0
    since = host.check_output("date '+%Y-%m-%d %H:%M:%S'")
    host.check_output("systemctl start nbops-servers-metrics.service")
    assert host.check_output("systemctl show --property=User --value nbops-servers-metrics.service") == "prometheus"
    assert host.check_output(f"journalctl --no-pager --output=cat --unit=nbops-servers-metrics --since='{since}'") == ""


def test_each_person_is_measured(host, person, measured) -> None:
    ada, other = person("ada"), person("ada-b")
    with working(ada), working(other):
        found = measured()
        assert found['nbops_servers{hub="jupyterhub"}'] == 2
        parts = sum(found[series("memory_bytes", user)] for user in ("ada", "ada-b"))
        whole = int(host.check_output("systemctl show --property=MemoryCurrent --value jupyterhub-user-ada.service"))
        whole += int(host.check_output("systemctl show --property=MemoryCurrent --value jupyterhub-user-ada-b.service"))
        assert 0.9 < parts / whole < 1.1
        assert found[series("tasks", "ada-b")] > 1
        assert abs(found[series("start_time_seconds", "ada")] - time.time()) < 600
        assert found[series("oom_kills_total", "ada")] == 0
        told = host.check_output("curl --silent http://127.0.0.1:9100/metrics")
        assert 'node_systemd_unit_state{name="jupyterhub.service",state="active"' in told
        assert "jupyterhub-user-" not in told
    left = measured()
    assert 'nbops_servers{hub="jupyterhub"}' in left
    assert not [name for name in left if 'user="ada' in name and "oom_kills" not in name]


def test_the_work_of_a_kernel_is_counted(host, person, measured) -> None:
    with working(person("ada")) as kernel:
        kernel.run("'it is there'")
        host.check_output(COUNT_TIME.format(unit="jupyterhub-user-ada.service"))
        before = measured()[series("cpu_seconds_total", "ada")]
        worked = float(kernel.run(WORK))
        counted = measured()[series("cpu_seconds_total", "ada")] - before
        # Beside the cell, server and kernel talk.
        assert 0.8 * worked < counted < 1.1 * worked + 3


def test_a_kill_raises_an_alarm_and_outlives_the_server(host, person, measured) -> None:
    with working(person("grace")) as kernel:
        before = measured()
        assert before[series("memory_limit_bytes", "grace")] == 400 * 2**20
        wait_until(lambda: ask(host, 'nbops_server_oom_kills_total{user="grace"}'))
        with pytest.raises(KernelDied):
            kernel.run(TAKE_TOO_MUCH)
        kills = measured()[series("oom_kills_total", "grace")]
        assert kills == before[series("oom_kills_total", "grace")] + 1
        wait_until(lambda: ask(host, 'ALERTS{alertname="ServerOOM",alertstate="firing",user="grace"}'))
    after = measured()
    assert after[series("oom_kills_total", "grace")] == kills
    assert series("memory_bytes", "grace") not in after
    assert not ask(host, 'ALERTS{alertname="ServerOOM",user="ada"}')


def test_a_person_is_shown_their_own_memory_and_limit(person, measured) -> None:
    """The number that the page of JupyterLab asks for, of hubs as of labs."""
    grace = person("grace")
    server = grace.start()
    shown, taken = server.get("api/metrics/v1").json(), measured()[series("memory_bytes", "grace")]
    grace.stop()
    assert shown["limits"]["memory"]["rss"] == 400 * 2**20
    assert 20 * 2**20 < shown["rss"] <= 1.1 * taken


def test_every_query_of_the_dashboard_answers(host, person, measured) -> None:
    # The visit goes by the name of the hub.
    host.check_output("grep --quiet hub.example.org /etc/hosts || echo 127.0.0.1 hub.example.org >>/etc/hosts")
    for service in ("nbops-certificates-guard", "nbops-backup", "nbops-probe"):
        host.check_output(f"systemctl start {service}.service")
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    with working(person("grace")):
        host.check_output(COUNT_TIME.format(unit="jupyterhub-user-grace.service"))
        measured()
        unanswered: list[str] = []

        def is_answered() -> bool:
            # Prometheus needs two readings for a rate.
            unanswered[:] = [query for query in queries if not ask(host, query)]
            return not unanswered

        with contextlib.suppress(TimeoutError):
            wait_until(is_answered, 90)
    assert unanswered == []
    assert ask(host, "nbops_probe_success")[0]["value"][1] == "1"
    rules = re.findall(r'"name":"(\w+)"', host.check_output("curl --silent http://127.0.0.1:9090/api/v1/rules"))
    assert "ServerOOM" in rules
    for rule in rules:
        assert rule in ("nbops", "ServerOOM") or not ask(host, f'ALERTS{{alertname="{rule}",alertstate="firing"}}'), (
            rule
        )


def test_digests_in_place_of_names(host, person, measured) -> None:
    with working(person("ada")):
        run_role("metrics", "--extra-vars=metrics_user_usage=hashed", *OPTIONS)
        measured()
        text = host.check_output(f"cat {TEXTFILES}/nbops_servers.prom")
        assert "nbops_server_memory_bytes{" in text
        assert "ada" not in text
        assert "grace" not in text
    run_role("metrics", *OPTIONS)
    assert changes(run_role("metrics", *OPTIONS)) == 0


def test_who_is_gone_is_forgotten(host, measured) -> None:
    host.check_output("useradd --no-create-home passing")
    state = "/var/lib/nbops-metrics/kills.json"
    entry = '{"hub": "jupyterhub", "user": "passing", "server": "", "invocation": "", "seen": 0, "total": 3}'
    host.check_output(
        f'python3 -c \'import json; path = "{state}"; found = json.load(open(path));'
        f' found["jupyterhub-user-passing.service"] = json.loads(r"""{entry}"""); json.dump(found, open(path, "w"))\''
    )
    assert measured()[series("oom_kills_total", "passing")] == 3
    host.check_output("userdel passing")
    assert series("oom_kills_total", "passing") not in measured()


def test_the_audit_says_who_did_what(host, person) -> None:
    since = host.check_output("date '+%Y-%m-%d %H:%M:%S'")
    assert not person().login("grace", "wrong")
    ada, grace = person("ada"), person("grace")
    grace.start()
    ada.enter("grace")
    ada.name, name = "grace", ada.name
    ada.stop()
    ada.name = name
    # Every process of the host may write with any identifier; the unit is what the journal itself has seen.
    host.check_output("""logger --tag jupyterhub-audit '{"event": "login", "user": "forged"}'""")
    events = [json.loads(line) for line in host.check_output(f"{AUDIT} --since='{since}'").splitlines()]
    told = [(one["event"], one.get("user") or one.get("by"), one.get("server_of")) for one in events]
    for wanted in (
        ("login_failed", "grace", None),
        ("login", "ada", None),
        ("login", "grace", None),
        ("server_start", "grace", None),
        ("entrance", "ada", "grace"),
        ("admin_action", "ada", None),
        ("server_stop", "grace", None),
    ):
        assert wanted in told, events
    assert "forged" not in str(events)
    (stopped,) = [one for one in events if one["event"] == "admin_action" and one["by"] == "ada"]
    assert (stopped["method"], stopped["path"]) == ("DELETE", "/hub/api/users/grace/server")
    assert "correct horse" not in str(events)

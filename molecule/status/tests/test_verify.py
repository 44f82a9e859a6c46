"""A visit to a hub and to a lab: when all is well, when one thing after the other is broken, and when it is cut off."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hub import HUB, status_of
from playbook import changes, inventory_options, run_ansible, run_role
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
OPTIONS = inventory_options("inventory/hub.yml", "status/inventory/hosts.yml")
VERIFY = ["nbops.jupyter.verify", "--extra-vars=jupyter_status_format=json", *OPTIONS]
LAB = ["page", "login", "kernel", "websocket", "cell", "files"]
VISIT = ["resolve", "chain", "page", "login", "start", "kernel", "websocket", "cell", "files", "stop"]
# What a visit must not leave behind.
TRACES = (
    "ls /run/systemd/transient | grep --invert-match ^session; getent passwd; getent group; cat /etc/subuid;"
    " ls -A /run /run/jupyterhub-sockets /run/jupyterhub-users /home /var/mail /home/alice;"
    " find /home/alice -name '*nbops-probe*';"
    " systemctl list-units --all --plain --no-legend 'nbops-*' 'jupyterhub-user-*' | cut -d' ' -f1"
)
API, TOKEN = "http://127.0.0.1:8081/hub/api/users/nbops-probe", "/etc/jupyterhub/secrets/users_token"
PAIR, SITE = f"/etc/ssl/jupyter/{HUB}", "/etc/nginx/conf.d/nbops-jupyterhub.conf"
REFUSE = "sed -i.kept '1i account requisite pam_deny.so' /etc/pam.d/login"
ADMIT = "mv /etc/pam.d/login.kept /etc/pam.d/login"
METRICS = "/var/lib/prometheus/node-exporter"
STARTUP = "/home/alice/.ipython/profile_default/startup"
# For hub and lab what breaks it, what heals it, the step that fails, and the likely cause. One of each breaks at once.
FAULTS = {
    "a name that nobody knows": (
        "jupyterhub", "sed -i.kept '/hub.example.org/d' /root/hosts && cat /root/hosts >/etc/hosts",
        "cat /root/hosts.kept >/etc/hosts", "resolve", f"{HUB} has no address here; add its record (A, AAAA) to DNS",
    ),
    "a certificate that has expired": (
        "jupyterhub",
        f"cp --archive {PAIR} /root/verify-pair && openssl req -x509 -newkey rsa:2048 -noenc -subj /CN={HUB}"
        f" -keyout {PAIR}/privkey.pem -out {PAIR}/fullchain.pem -not_before 20240101000000Z -not_after 20240201000000Z"
        " && systemctl reload nginx.service",
        f"cp --archive /root/verify-pair/*.pem {PAIR}/ && rm -r /root/verify-pair && systemctl reload nginx.service",
        "chain", "The certificate has expired; renew it",
    ),
    "a web server that stopped": (
        "jupyterhub", "systemctl stop nginx.service", "systemctl start nginx.service",
        "chain", f"Nobody listens on {HUB}:443; see systemctl status nginx.service",
    ),
    "a hub that stopped": (
        "jupyterhub", "systemctl stop jupyterhub.service", "systemctl start jupyterhub.service",
        "page", "jupyterhub.service does not run; see systemctl status jupyterhub.service",
    ),
    "a proxy that passes no websocket": (
        "jupyterhub",
        rf"cp {SITE} /root/site && sed -i 's/\(proxy_set_header Upgrade\) .*/\1 \"\";/' {SITE} && nginx -s reload",
        f"cp /root/site {SITE} && rm /root/site && nginx -s reload",
        "websocket", "a proxy in front passes no websocket; it has to pass Upgrade and Connection on",
    ),
}  # fmt: skip
LAB_FAULTS = {
    "a lab that stopped": (
        "lab", "systemctl stop jupyterlab-lab.socket jupyterlab-lab.service", "systemctl start jupyterlab-lab.service",
        "page", "jupyterlab-lab.service does not run; see",
    ),
    "a kernel that dies": (
        "lab",
        f"""runuser -u alice -- sh -c "mkdir -p {STARTUP} && echo 'import os; """
        f"""get_ipython().events.register(\\"pre_run_cell\\", lambda info: os._exit(9))' >{STARTUP}/die.py" """,
        f"rm {STARTUP}/die.py", "cell", "The kernel ended while it ran a cell: it is out of memory, or",
    ),
    "a home without rights": (
        "lab", "chmod 0500 /home/alice", "chmod 0700 /home/alice", "files", "rights are wrong; ls -ld ~alice",
    ),
}  # fmt: skip


class Visits(NamedTuple):
    """A run of the playbook: its exit code, its output, and its rows by what was visited."""

    code: int
    output: str
    rows: dict[str, list[dict[str, str]]]

    def steps(self, name: str) -> list[str]:
        return [row["check"] for row in self.rows.get(name, [])]

    def red(self, name: str) -> tuple[str, str]:
        """The step that failed, which is the last one but for that which takes away what was made."""
        (row,) = [row for row in self.rows[name] if row["state"] == "red"]
        return row["check"], row["text"]


def visit() -> Visits:
    """Runs the playbook. Whatever it meets, it changes nothing."""
    run = run_ansible(*VERIFY)
    assert re.search(r"changed=0 +unreachable=0", run.stdout), run.stdout + run.stderr
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("{")]
    rows: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(line)["rows"]:
        rows.setdefault(row["text"].partition(": ")[0], []).append(row)
    return Visits(run.returncode, run.stdout, rows)


@pytest.fixture(scope="module", autouse=True)
def traces(host) -> Iterator[str]:
    """The host with a name that it finds, and what is on it before the visits."""
    host.check_output(
        f"cp /etc/hosts /root/hosts.bare && echo 127.0.0.1 {HUB} >>/etc/hosts && cp /etc/hosts /root/hosts"
    )
    yield host.check_output(TRACES)
    host.check_output("cat /root/hosts.bare >/etc/hosts && rm /root/hosts*")


def require_nothing_left(host, traces: str) -> None:
    assert host.check_output(TRACES) == traces
    assert status_of(host, API, TOKEN) == "404"


def test_all_is_well(host, traces: str) -> None:
    visits = visit()
    assert visits.code == 0, visits.output
    assert visits.steps("lab") == LAB
    assert visits.steps("jupyterhub") == VISIT
    assert {row["state"] for rows in visits.rows.values() for row in rows} == {"ok"}
    require_nothing_left(host, traces)


def test_nobody_on_the_host_sees_a_password(host) -> None:
    """Neither of the hub's account, which nobody knows, nor of the lab."""
    journal = host.check_output("journalctl --no-pager --output=cat")
    assert "nbops-probe" in journal
    assert "correct horse battery" not in journal


def test_in_check_mode_nothing_is_made(host, traces: str) -> None:
    run = run_ansible(*VERIFY, "--check")
    assert run.returncode == 0, run.stdout
    assert '"check": "page"' in run.stdout
    assert '"check": "login"' not in run.stdout


@pytest.mark.parametrize(("hub", "lab"), [
    ("a name that nobody knows", "a lab that stopped"),
    ("a certificate that has expired", "a kernel that dies"),
    ("a web server that stopped", ""),
    ("a hub that stopped", "a home without rights"),
    ("a proxy that passes no websocket", ""),
])  # fmt: skip
def test_a_fault_is_named_with_its_likely_cause(host, traces: str, hub: str, lab: str) -> None:
    faults = [FAULTS[hub], *([LAB_FAULTS[lab]] if lab else [])]
    for _name, break_it, *_rest in faults:
        host.check_output(break_it)
    visits = visit()
    for _name, _break, heal_it, *_rest in faults:
        host.check_output(heal_it)
    assert visits.code == 2
    for name, _break, _heal, step, cause in faults:
        failed, text = visits.red(name)
        assert (failed, cause in text) == (step, True), visits.output
    wait_until(lambda: status_of(host, API, TOKEN) == "404")
    require_nothing_left(host, traces)


def test_the_timer_writes_metrics_and_raises_an_alarm(host, traces: str) -> None:
    text = "[Service]\\nType=oneshot\\nExecStart=/usr/bin/touch /run/alarm\\n"
    host.check_output(f"printf '{text}' >/run/systemd/system/alarm.service && install -d {METRICS} && {REFUSE}")
    assert host.run("systemctl start nbops-probe.service").rc != 0
    host.check_output(ADMIT)
    written = host.check_output(f"cat {METRICS}/nbops_probe.prom").splitlines()
    assert 'nbops_probe_success{kind="lab",name="lab"} 1' in written
    assert 'nbops_probe_success{kind="hub",name="jupyterhub"} 0' in written
    assert [line for line in written if line.startswith('nbops_probe_step_seconds{kind="lab",name="lab",step="cell"} ')]
    wait_until(lambda: host.file("/run/alarm").exists)
    told = host.check_output("journalctl --no-pager --output=cat --priority=err --unit=nbops-probe.service")
    assert (
        "login: red: jupyterhub: The hub did not let in nbops-probe, whose password is right, so PAM refuses it" in told
    )
    host.check_output("rm /run/alarm /run/systemd/system/alarm.service && systemctl daemon-reload")
    host.check_output("systemctl reset-failed nbops-probe.service")
    require_nothing_left(host, traces)


def test_a_visit_that_is_cut_off_leaves_nothing(host, traces: str) -> None:
    with subprocess.Popen(["ansible-playbook", *VERIFY], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        # The kernel is there for a moment, so it is looked for on the host itself.
        kernel = "until pgrep --euid nbops-probe --full ipykernel_launcher; do sleep 0.1; done"
        host.check_output(f"timeout 180 sh -c '{kernel}' && systemctl kill --signal=KILL nbops-verify.service")
        run.wait()
    wait_until(lambda: host.run("systemctl is-active nbops-verify.service").rc != 0)
    require_nothing_left(host, traces)


def test_the_timer_stays_as_it_is_and_goes(host) -> None:
    assert changes(run_role("probe", *OPTIONS)) == 0
    run_role("probe", "--extra-vars=probe_state=absent", *OPTIONS)
    left = "/usr/local/lib/nbops-probe /etc/nbops-probe.json /etc/systemd/system/nbops-probe.*"
    assert host.run(f"ls --directory {left} {METRICS}/nbops_probe.prom").stdout == ""
    host.check_output(f"rmdir {METRICS}")

"""The status of a host, compared with what other programs say, when all is well and when much is not."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone
from typing import NamedTuple

import pytest
from playbook import inventory_options, run_ansible
from waiting import wait_until

INVENTORIES = ("inventory/hub.yml", "status/inventory/hosts.yml")
STATE, USER = "/var/lib/jupyterhub", "/opt/jupyterhub/user"
MARKER = "/opt/jupyterhub/hub/current/release.json"
PAIR = "/etc/ssl/jupyter/hub.example.org"
PYTHON = f"{USER}/current/bin/python"
# Each breaks one thing, and what heals it.
FAULTS = {
    "a unit that stopped": ("systemctl stop nginx.service", "systemctl start nginx.service"),
    "a hub that stopped": ("systemctl stop jupyterhub.service", "systemctl start jupyterhub.service"),
    "a state directory that is full, and not the hub's": (
        f"mount -t tmpfs -o size=1m tmpfs {STATE} && ! head --bytes=2M /dev/zero >{STATE}/file",
        f"umount {STATE}",
    ),
    "an environment that is gone, and no inode": (
        "mount -t tmpfs -o nr_inodes=2 tmpfs /opt/jupyterhub/proxy && touch /opt/jupyterhub/proxy/file",
        "umount /opt/jupyterhub/proxy",
    ),
    "a certificate that is about to expire": (
        f"cp --archive {PAIR} /root/pair && openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=hub.example.org"
        f" -keyout {PAIR}/privkey.pem -out {PAIR}/fullchain.pem -not_before $(date -ud '-90 days' +%Y%m%d%H%M%SZ)"
        " -not_after $(date -ud '+74 hours' +%Y%m%d%H%M%SZ)",
        f"cp --archive /root/pair/*.pem {PAIR}/ && rm -r /root/pair",
    ),
    "a certificate that is none": (
        "install -d /etc/ssl/jupyter/broken && echo nothing >/etc/ssl/jupyter/broken/fullchain.pem",
        "rm -r /etc/ssl/jupyter/broken",
    ),
    "an interpreter that is gone": (
        f"mv {PYTHON} {PYTHON}.kept && ln -s /usr/bin/python3.9 {PYTHON}",
        f"mv {PYTHON}.kept {PYTHON}",
    ),
    "another version than the lock's": (
        f'cp --archive {MARKER} /root/marker && sed -i \'s/"jupyterhub": .*/"jupyterhub": "5.0.0",/\' {MARKER}',
        f"cp --archive /root/marker {MARKER} && rm /root/marker",
    ),
    "an environment that is newer than servers": (
        "touch /opt/jupyterlab/current/release.json",
        "systemctl restart jupyterlab-lab.service",
    ),
    "a package that asks for a reboot": (
        "touch /run/reboot-required && echo libc6 >/run/reboot-required.pkgs",
        "rm /run/reboot-required*",
    ),
    "a later release in apt's sources": (
        "echo 'deb [trusted=yes] http://archive.example.org/debian forky main' >/etc/apt/sources.list.d/later.list",
        "rm /etc/apt/sources.list.d/later.list",
    ),
    "a backup that is two days old": (
        """install -d /var/lib/nbops-backup && then=$(date -d '-2 days' +%s) && printf """
        """'{"last_backup": {"time": %s, "result": "ok"}, "last_check": {"time": %s, "result": "ok"}}' $then $then"""
        """ >/var/lib/nbops-backup/status.json""",
        "rm -r /var/lib/nbops-backup",
    ),
    "packages of a Python that is gone": (
        "runuser -u ada -- mkdir --parents /home/ada/.local/lib/python3.9/site-packages/wonder",
        "rm -r /home/ada/.local/lib/python3.9",
    ),
    "somebody in the hub's group whom nobody listed": (
        "useradd eve && gpasswd --add eve jupyterhub",
        "userdel eve",
    ),
    "what somebody writes in the name of systemd": (
        "printf 'MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef\\nUNIT=jupyterhub.service\\nMESSAGE=x\\n'"
        " | runuser -u ada -- logger --journald && journalctl --sync",
        "true",
    ),
    "memory that ran out, as systemd logs it": (
        "printf 'MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef\\nUNIT=jupyterlab-lab.service\\nMESSAGE=x\\n'"
        " | logger --journald && journalctl --sync",
        "true",
    ),
}
EXPECTED = {
    ("units", "red"): [
        "jupyterhub.service is inactive; see journalctl --unit=jupyterhub.service, then systemctl start "
        "jupyterhub.service.",
        "nginx.service is inactive; see journalctl --unit=nginx.service, then systemctl start nginx.service.",
    ],
    ("memory", "warn"): [
        "jupyterlab-lab.service: memory ran out once within 24 hours; raise its limit, or find what takes so much."
    ],
    ("versions", "red"): ["/opt/jupyterhub/proxy: nothing is deployed; run the playbook."],
    ("python", "red"): [f"{USER}: its Python, cpython-3.13, is gone; run the playbook, which builds it anew."],
    ("certificates", "red"): [
        "broken: cannot be read: ",
        "hub.example.org: only 3 days left; replace it, or let the role certbot renew it.",
    ],
    ("disk", "red"): [
        "/opt/jupyterhub/proxy: only 0% of the inodes free; remove files or enlarge it.",
        f"{STATE}: only 0% of the space free; remove files or enlarge it.",
    ],
    ("servers", "warn"): ["jupyterlab-lab.service has run for "],
    ("database", "red"): [f"jupyterhub: there is none at {STATE}/jupyterhub.sqlite; restore it, or run the playbook."],
    ("people", "warn"): ["jupyterhub: eve: may log in by the group jupyterhub, and not listed as present."],
    ("packages", "warn"): ["ada: what they installed into ~/.local/lib/python3.9 is read by no Python here; tell "],
    ("backup", "red"): ["The last backup was made 2 days ago; see journalctl --unit='nbops-backup*'."],
    ("backup", "ok"): ["The last check was well, 2 days ago."],
    ("system", "warn"): ["apt takes packages from forky, and trixie runs. That upgrade takes the Python of "],
    ("reboot", "warn"): ["A reboot is asked for by libc6; reboot when nobody works."],
}


class Status(NamedTuple):
    """A run of the playbook: its exit code, its output, and the rows in it."""

    code: int
    output: str
    rows: list[dict[str, str]]

    def texts(self, check: str, state: str) -> list[str]:
        return sorted(row["text"] for row in self.rows if (row["check"], row["state"]) == (check, state))

    def text(self, check: str) -> str:
        """The only row of a check, which is well."""
        (row,) = [row for row in self.rows if row["check"] == check]
        assert row["state"] == "ok", row
        return row["text"]


def ask(*arguments: str) -> Status:
    """Runs the playbook. Whatever it finds, it changes nothing."""
    run = run_ansible(*inventory_options(*INVENTORIES), "nbops.jupyter.status", *arguments)
    assert re.search(r"changed=0 +unreachable=0", run.stdout), run.stdout + run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return Status(run.returncode, run.stdout, found[0]["rows"] if found else [])


def ask_json(*arguments: str) -> Status:
    return ask("--extra-vars=jupyter_status_format=json", *arguments)


@pytest.fixture(scope="module")
def well(host) -> Status:
    """The host as it was deployed, with ada's server."""
    return ask_json()


def main_process(host, unit: str) -> str:
    """The number of the process of a unit that is up, empty for one that is not."""
    lines = host.check_output("systemctl show --property=ActiveState,MainPID %s", unit).splitlines()
    now = dict(line.split("=") for line in lines)
    return now["MainPID"] if now["ActiveState"] == "active" else ""


@pytest.fixture(scope="module")
def broken(host) -> Status:
    killed = main_process(host, "jupyterhub-proxy.service")
    host.check_output("systemctl kill --signal=KILL jupyterhub-proxy.service")
    # It comes back from an environment that the faults hide, and the hub with it.
    wait_until(lambda: main_process(host, "jupyterhub-proxy.service") not in ("", killed))
    wait_until(lambda: main_process(host, "jupyterhub.service"))
    for break_it, _heal in FAULTS.values():
        host.check_output(break_it)
    return ask_json()


def test_a_server_of_a_person_runs(person) -> None:
    """For the tests below."""
    person("ada").start()


def test_a_host_that_is_well(host, well: Status) -> None:
    assert well.code == 0
    assert {row["state"] for row in well.rows} == {"ok"}


def test_units(host, well: Status) -> None:
    patterns = "nginx.service jupyterhub.service jupyterhub-*.socket jupyterhub-proxy.service jupyterlab-lab.*"
    listed = host.check_output(f"systemctl list-units --plain --no-legend --state=active {patterns}").splitlines()
    assert well.text("units").startswith(f"{len(listed)} run, ")


def test_versions(host, well: Status) -> None:
    lab = host.check_output("/opt/jupyterlab/current/bin/jupyter-lab --version")
    hub = host.check_output("/opt/jupyterhub/hub/current/bin/jupyterhub --version")
    texts = " ".join(well.texts("versions", "ok"))
    assert f"/opt/jupyterlab: jupyterlab {lab}, " in texts
    assert f"/opt/jupyterhub/hub: jupyterhub {hub}, " in texts


def test_python(host, well: Status) -> None:
    assert well.text("python").startswith(host.check_output("readlink -f %s", PYTHON) + " (")


def test_certificate(host, well: Status) -> None:
    ending = host.check_output("openssl x509 -noout -enddate -dateopt iso_8601 -in %s", f"{PAIR}/fullchain.pem")
    moment = datetime.strptime(ending, "notAfter=%Y-%m-%d %H:%M:%SZ").replace(tzinfo=timezone.utc)
    days = int((moment.timestamp() - time.time()) // 86400)
    assert well.text("certificates") == f"hub.example.org: {days} days left, self-signed by the host."


def test_disk(host, well: Status) -> None:
    used, inodes = (
        int(host.check_output(f"df --output={field} / | tail -1").strip(" %")) for field in ("pcent", "ipcent")
    )
    (text,) = [text for text in well.texts("disk", "ok") if text.startswith("/: ")]
    said = [int(number) for number in re.findall(r"(\d+)%", text)]
    # df rounds up.
    assert said == [pytest.approx(100 - used, abs=1), pytest.approx(100 - inodes, abs=1)]


def test_servers(host, well: Status) -> None:
    users = host.check_output("systemctl list-units --plain --no-legend --state=active 'jupyterhub-user-*.service'")
    assert len(users.splitlines()) == 1
    assert re.fullmatch(r"2 run, the oldest for .+ \(jupyterlab-lab\.service\)\.", well.text("servers"))


def test_database(host, well: Status) -> None:
    question = f"import sqlite3; print(*sqlite3.connect('{STATE}/jupyterhub.sqlite').execute('{{}}').fetchone())"
    query = "SELECT version_num FROM alembic_version"
    revision = host.check_output("python3 -c %s", question.format(query))
    assert well.text("database").startswith(f"jupyterhub: SQLite, revision {revision}, ")


def test_people(well: Status) -> None:
    assert well.text("people") == "jupyterhub: 1 listed, who may log in, and nobody else."


def test_failed_logins_are_counted(well: Status, person) -> None:
    assert not person().login("ada", "wrong")
    before, after = (
        int(re.search(r"(\d+|none)", one.text("logins"))[1].replace("none", "0")) for one in (well, ask_json())
    )
    assert after == before + 1


def test_what_is_not_deployed_is_told(host) -> None:
    """Of a hub that the inventory names, and nobody has deployed."""
    status = ask_json("--extra-vars=jupyterhub_name=jupyterhub-other")
    assert status.code == 2
    (units,) = status.texts("units", "red")
    assert "jupyterhub-other.service" in units
    assert units.endswith(": not installed; run the playbook.")
    assert "/opt/jupyterhub-other/hub: nothing is deployed; run the playbook." in status.texts("versions", "red")
    assert len(status.texts("database", "red")) == 1


@pytest.mark.parametrize(("check", "state"), EXPECTED, ids=[f"{check}-{state}" for check, state in EXPECTED])
def test_faults(host, broken: Status, check: str, state: str) -> None:
    found = broken.texts(check, state)
    assert len(found) == len(EXPECTED[check, state])
    for text, beginning in zip(found, EXPECTED[check, state]):
        assert text.startswith(beginning)


def test_packages_that_differ(host, broken: Status) -> None:
    (text,) = broken.texts("versions", "warn")
    assert text.startswith("/opt/jupyterhub/hub: 1 of ")
    assert " packages differ from the lock, such as jupyterhub 5.0.0, which says " in text


def test_a_unit_that_came_back(host, broken: Status) -> None:
    assert broken.texts("units", "warn") == [
        "jupyterhub-proxy.service failed and came back once within 24 hours; see journalctl "
        "--unit=jupyterhub-proxy.service."
    ]


def test_the_playbook_fails_after_it_has_told_everything(host, broken: Status) -> None:
    assert broken.code == 2
    message = "Red: units, versions, python, certificates, disk, database, backup."
    assert broken.output.index('{"host": ') < broken.output.index(message)


def test_the_table(host, broken: Status) -> None:
    status = ask()
    assert status.code == 2
    words = " ".join(status.output.split())
    for row in broken.rows:
        if row["check"] not in ("disk", "servers"):
            assert " ".join(f"{row['check']} {row['state']} {row['text']}".split()) in words


def test_a_host_that_was_healed(host, broken: Status) -> None:
    for _break, heal_it in reversed(FAULTS.values()):
        host.check_output(heal_it)
    status = ask_json()
    assert status.code == 0
    # What failed within a day is told.
    assert {row["check"] for row in status.rows if row["state"] != "ok"} == {"units", "memory"}


def test_a_hub_whose_memory_ran_out_comes_back_and_servers_go_on(host, person) -> None:
    """Something else in its group takes what is left, and Linux ends the largest there: the hub."""
    ada = person("ada")
    lab = ada.enter("ada") if ada.state().get("ready") else ada.start()
    before = main_process(host, "jupyterhub-user-ada.service")
    with lab.kernel() as kernel:
        kernel.run("held = 41")
        killed = main_process(host, "jupyterhub.service")
        taken = int(host.check_output("systemctl show --property=MemoryCurrent --value jupyterhub.service"))
        host.check_output(f"systemctl set-property --runtime jupyterhub.service MemoryMax={taken + 45 * 2**20}")
        group = host.check_output("systemctl show --property=ControlGroup --value jupyterhub.service")
        # By cgroups of version 1, or else of version 2.
        join = " || ".join(f"echo $$ >/sys/fs/cgroup{kind}{group}/cgroup.procs" for kind in ("/memory", ""))
        take = f"{{ {join}; }} && exec tail --bytes=90M"
        host.run("head --bytes=90M /dev/zero | sh -c %s >/dev/null", take)
        wait_until(lambda: main_process(host, "jupyterhub.service") not in ("", killed))
        host.check_output("systemctl set-property --runtime jupyterhub.service MemoryMax=infinity")
        assert kernel.run("held + 1") == "42"
    assert main_process(host, "jupyterhub-user-ada.service") == before
    with person("ada").enter("ada").kernel() as kernel:
        assert kernel.run("6*7") == "42"
    told = ask_json().texts("units", "warn")
    assert any(text.startswith("jupyterhub.service failed and came back once within 24 hours") for text in told), told

"""What happens to a hub and its host, and what somebody does about it: one fault after the other.

Each fault is made, meets a run that has something to do everywhere, and is mended as its message says. Then one more
run heals, the run after that changes nothing, and nothing of a person is lost.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from hub_client import HubError
from playbook import changes, cut_off, run_playbook
from releases import forgetting
from waiting import wait_until

NOTE = "/home/ada/note.txt"
DATABASE = "/var/lib/jupyterhub/jupyterhub.sqlite"
SECRETS = "/etc/jupyterhub/secrets"
USER = "/opt/jupyterhub/user"
FORGET = forgetting("/opt/jupyterhub/hub", "/opt/jupyterhub/user")
# Whether a release is being built.
BUILDING = "ls -d /opt/jupyterhub/*/releases/* | while read -r one; do [ -s $one/release.json ] || echo $one; done"


class Fault(NamedTuple):
    """What makes a fault, what its message says, and what mends it before one more run.

    Without a message, the run itself heals the fault. `serves`: the hub answers meanwhile. `variables`: of that run.
    `told`: what a run says that heals by itself. `same`: the run has nothing to do but to heal.
    """

    make: str
    message: str = ""
    mend: str = "true"
    serves: bool = True
    variables: Mapping[str, str] = MappingProxyType({})
    told: str = ""
    same: bool = False


def full(path: str, message: str = "", before: str = "true") -> Fault:
    """A directory on a full file system."""
    return Fault(
        f"{before}; ! cat /dev/zero >{path}/ballast",
        message or f"Its file system is full: make room (df -h {path}",
        f"rm {path}/ballast",
    )


def read_only(path: str, before: str = "true") -> Fault:
    return Fault(
        f"{before}; mount -o remount,ro {path}",
        "Its file system is read-only: dmesg says why; then mount -o remount,rw it, and run again.",
        f"mount -o remount,rw {path}",
    )


FAULTS = {
    "disk full: environments": full("/opt/jupyterhub", "MB: make room, or keep fewer", before=FORGET),
    "disk full: configuration": full("/etc/jupyterhub"),
    "disk full: state": full("/var/lib/jupyterhub")._replace(serves=False),
    "disk full: units": full("/etc/systemd/system"),
    "disk full: sites": full("/etc/nginx"),
    "read-only: environments": read_only("/opt/jupyterhub", before=FORGET),
    "read-only: configuration": read_only("/etc/jupyterhub"),
    "read-only: sites": read_only("/etc/nginx"),
    # Nobody listens there.
    "index away": Fault(
        FORGET, "The package index did not answer", variables={"python_venv_index_url": "https://127.0.0.1:9/simple"}
    ),
    "database locked": Fault(
        "systemd-run --unit=locker --quiet python3 -c 'import signal, sqlite3;"
        f' connection = sqlite3.connect("{DATABASE}", isolation_level=None); connection.execute("BEGIN EXCLUSIVE");'
        " signal.pause()'",
        "database is locked. Another program holds it: `fuser --verbose",
        "systemctl stop locker.service",
        serves=False,
    ),
    "lost secrets": Fault(f"rm {SECRETS}/*", told=f"{SECRETS}/cookie_secret was lost"),
    "half-written configuration": Fault("truncate --size=100 /etc/jupyterhub/config.json", same=True),
    "half-written unit": Fault("truncate --size=100 /etc/systemd/system/jupyterhub.service", same=True),
    "release with a part lost": Fault(
        f"rm -r {USER}/current/lib/python3*/site-packages/jupyter_server",
        told="has lost files",
        same=True,
    ),
    "release without its marker": Fault(f"truncate --size=0 {USER}/current/release.json", same=True),
    # What a clock that was ahead leaves, once it is right.
    "clock was ahead by a day": Fault(
        "find /etc/jupyterhub /etc/nginx /etc/ssl/jupyter /etc/systemd/system/jupyterhub*"
        " /opt/jupyterhub/*/releases/*/release.json /var/lib/jupyterhub -exec touch --date='1 day' {} +"
    ),
    "proxy killed": Fault("systemctl kill --signal=KILL jupyterhub-proxy.service"),
    "hub killed": Fault("systemctl kill --signal=KILL jupyterhub.service"),
    "wrong owner of a home": Fault(
        "chown root:root /home/ada", "where it is ada's, run `chown ada: /home/ada`", "chown ada: /home/ada"
    ),
}

# One of each kind: all take half an hour, and are for TEST_FAULTS=all.
USUAL = ("disk full: configuration", "index away", "lost secrets", "half-written unit", "wrong owner of a home")
CHOSEN = FAULTS if os.environ.get("TEST_FAULTS") == "all" else USUAL


@pytest.fixture(scope="module", autouse=True)
def note(host) -> None:
    """What a person has written, and must find."""
    host.check_output(f"install --owner=ada --group=ada --mode=0640 /dev/null {NOTE} && echo mine >{NOTE}")


def inventories(host, same: bool = False) -> list[str]:
    """Those of the state that the host is not in, so that a run has something to do everywhere; or of the same."""
    is_rich = host.run("ls -d /opt/jupyterhub/user/current/lib/python3*/site-packages/cowsay").rc == 0
    return ["inventory/hub.yml", f"faults/inventory/{'rich' if is_rich == same else 'plain'}.yml"]


def require_well(host, person) -> None:
    """Ada finds her file, and works."""
    assert host.check_output(f"cat {NOTE}; stat --format=%U:%a {NOTE}") == "mine\nada:640"
    ada = person("ada")
    # JupyterHub refuses who waits where a start takes just as long as it waits itself, ten seconds; the server comes.
    with contextlib.suppress(HubError):
        ada.start()
    wait_until(lambda: ada.state().get("ready"), 120)
    with ada.enter("ada").kernel() as kernel:
        assert kernel.run("open('/home/ada/note.txt').read()") == "'mine\\n'"
    ada.stop()


@pytest.mark.parametrize("name", CHOSEN)
def test_a_fault_is_told_and_mended_and_one_more_run_heals(host, person, name: str) -> None:
    fault = FAULTS[name]
    inventory = inventories(host, fault.same)
    host.check_output(fault.make)
    run = run_playbook(host, "jupyterhub", inventory, **fault.variables)
    assert fault.told in run.stdout + run.stderr
    if fault.message:
        ask = "curl --silent --fail --max-time 10 --unix-socket /run/jupyterhub-proxy/proxy.sock"
        answer = host.run(f"{ask} http://localhost/hub/api/").rc == 0
        host.check_output(fault.mend)
        assert (run.returncode, answer) == (2, fault.serves), run.stdout
        assert fault.message in run.stdout
        run = run_playbook(host, "jupyterhub", inventory)
    assert run.returncode == 0, run.stdout
    require_well(host, person)
    again = run_playbook(host, "jupyterhub", inventory)
    assert (again.returncode, changes(again)) == (0, 0), again.stdout


def test_two_runs_at_once(host, person) -> None:
    """From two controllers that know nothing of each other."""
    host.check_output(FORGET)
    inventory = inventories(host)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(run_playbook, host, "jupyterhub", inventory) for _run in range(2)]
    for run in runs:
        assert run.result().returncode == 0, run.result().stdout
    require_well(host, person)
    again = run_playbook(host, "jupyterhub", inventory)
    assert (again.returncode, changes(again)) == (0, 0), again.stdout


def test_a_controller_that_is_cut_off_while_a_release_is_built(host, person) -> None:
    """What it has begun on the host may go on by itself meanwhile."""
    host.check_output(FORGET)
    inventory = inventories(host)
    with cut_off(host, "jupyterhub", inventory):
        wait_until(lambda: host.check_output(BUILDING), 120)
    run = run_playbook(host, "jupyterhub", inventory)
    assert run.returncode == 0, run.stdout
    require_well(host, person)
    again = run_playbook(host, "jupyterhub", inventory)
    assert (again.returncode, changes(again)) == (0, 0), again.stdout

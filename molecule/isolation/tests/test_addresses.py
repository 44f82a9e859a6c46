"""Mallory wants to answer in the place of a hub, a proxy, a lab or somebody's server."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hub import HUB
from hub_client import HubClient
from playbook import changes, run_playbook
from waiting import wait_until

PORTS = {"hub": 8081, "proxy-api": 8001, "lab": 8888}
PROXY, PAGES = "/run/jupyterhub-proxy/proxy.sock", "/run/jupyterhub-proxy/hub.sock"
# Those of the hubs of before, or with jupyterhub_listen.
FORMER = 8000
INVENTORIES = ["inventory/hub.yml", "isolation/inventory/hosts.yml"]
PROGRAMS = ("jupyterhub.service", "jupyterhub-proxy.service", "jupyterlab-port.service")
# Takes each address that is free for a moment, and says so.
GRAB = """
import socket, sys, time
ports, taken = [int(port) for port in sys.argv[1:]], []
log = open("/home/mallory/grab.log", "w", buffering=1)
while True:
    # A loop without a pause would take the processor from what it attacks; a gap of a restart is much longer.
    time.sleep(0.001)
    for port in ports[:]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            listener.close()
        else:
            taken.append(listener)
            ports.remove(port)
            print(port, file=log)
"""


@pytest.fixture
def mallory(host) -> Callable[..., str]:
    """Runs a command as mallory; the answer begins with its status."""

    def run(command: str) -> str:
        result = host.run("runuser -u mallory -- sh -c %s", command)
        return f"{result.rc} {result.stdout}{result.stderr}"

    return run


@pytest.fixture
def grabbed(host) -> Iterator[Callable[..., contextlib.AbstractContextManager[list[str]]]]:
    """While it runs, mallory tries to take ports; afterwards the list has those that she got."""
    host.check_output("printf %%s %s > /home/mallory/grab.py; chmod 0644 /home/mallory/grab.py", GRAB)

    @contextlib.contextmanager
    def run(*ports: int) -> Iterator[list[str]]:
        host.run("rm --force /home/mallory/grab.log")
        grab = f"python3 /home/mallory/grab.py {' '.join(map(str, ports))}"
        host.check_output(f"systemd-run --quiet --unit=grab --uid=mallory --collect {grab}")
        wait_until(lambda: host.file("/home/mallory/grab.log").exists)
        got: list[str] = []
        yield got
        host.run("systemctl stop grab")
        got += host.file("/home/mallory/grab.log").content_string.splitlines()

    yield run
    host.run("systemctl stop grab; rm --force /home/mallory/grab.py /home/mallory/grab.log")


def test_who_waits_for_a_free_port_gets_it(grabbed) -> None:
    """The attack works where nobody holds the address."""
    with grabbed(8999) as got:
        pass
    assert got == ["8999"]


@pytest.mark.parametrize("how", ["restart", "kill --signal=KILL", "stop"])
def test_nobody_takes_an_address_while_its_program_is_away(host, grabbed, how: str) -> None:
    with grabbed(*PORTS.values()) as got:
        for unit in PROGRAMS:
            host.check_output(f"systemctl {how} {unit}")
        host.check_output(f"systemctl start {' '.join(PROGRAMS)}")
    assert got == []


def test_nobody_takes_an_address_while_a_run_changes_the_hub(host, grabbed) -> None:
    started = "systemctl show --property=ActiveEnterTimestampMonotonic --value jupyterhub"
    before = host.check_output(started)
    with grabbed(*PORTS.values()) as got:
        change = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_announcement="soon")
        assert change.returncode == 0, change.stdout
        assert host.check_output(started) != before
        assert run_playbook(host, "jupyterhub", INVENTORIES).returncode == 0
    assert got == []


@pytest.fixture
def answers(host) -> Iterator[Callable[[], list[str]]]:
    """The status of each answer of the hub to a visitor who asks nginx up to ten times a second."""
    ask = f"curl --silent --insecure --max-time 30 --resolve {HUB}:443:127.0.0.1 https://{HUB}/hub/api/"
    loop = f"while sleep 0.1; do {ask} --output /dev/null --write-out '%{{http_code}}\\n'; done >/root/answers"
    host.check_output("systemd-run --quiet --unit=answers --collect sh -c %s", loop)
    yield lambda: host.check_output("cat /root/answers").split()
    host.run("systemctl stop answers; rm --force /root/answers")


def test_a_hub_of_before_moves_to_its_socket_in_one_run(host, kate: HubClient, grabbed, answers) -> None:
    """Whoever gets the address once it is left, which she does, has no visitors; servers go on."""
    server = "systemctl show --property=MainPID --value jupyterhub-user-kate"
    process = host.check_output(server)
    back = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_listen=f"127.0.0.1:{FORMER}")
    assert back.returncode == 0, back.stdout
    assert host.check_output(f"curl --silent --fail http://127.0.0.1:{FORMER}/hub/api/")
    with grabbed(FORMER) as got:
        wait_until(lambda: answers()[-1:] == ["200"])
        before = len(answers())
        move = run_playbook(host, "jupyterhub", INVENTORIES)
        assert move.returncode == 0, move.stdout
        wait_until(lambda: host.file("/home/mallory/grab.log").content_string)
        after = len(answers())
        wait_until(lambda: len(answers()) > after + 3)
    assert host.check_output(server) == process
    assert kate.enter("kate").get("api/status").status_code == 200
    assert got == [str(FORMER)]
    # While the proxy restarted, nginx may have said that it was away, and it had no routes until the hub told it some.
    assert set(answers()[before:]) <= {"200", "404", "502", "503"}
    assert set(answers()[after:]) == {"200"}
    again = run_playbook(host, "jupyterhub", INVENTORIES)
    assert (again.returncode, changes(again)) == (0, 0), again.stdout


def test_who_is_stopped_stays_stopped_and_who_asks_waits(host) -> None:
    host.check_output("systemctl stop jupyterlab-port")
    ask = "curl --silent --output /dev/null --write-out %{http_code}"
    assert host.run(f"{ask} --max-time 2 http://127.0.0.1:8888/login").rc == 28
    assert not host.service("jupyterlab-port").is_running
    host.check_output("systemctl start jupyterlab-port")
    assert host.check_output(f"{ask} http://127.0.0.1:8888/login") == "200"


@pytest.mark.parametrize(
    "socket",
    [*(f"jupyterhub-{part}" for part in ("hub", "hub-pages", "proxy-unix", "proxy-api")), "jupyterlab-port"],
)
def test_addresses_are_held_before_anybody_logs_in(host, socket: str) -> None:
    assert host.check_output(f"systemctl is-enabled {socket}.socket") == "enabled"
    assert socket in host.check_output("systemctl list-dependencies --plain sockets.target")
    before = host.check_output(f"systemctl show --property=Before --value {socket}.socket").split()
    assert {"sockets.target"} <= set(before)


def test_a_program_that_fails_again_and_again_keeps_its_address(host, grabbed) -> None:
    """An address of a unit that reached its limit of starts would be let go."""
    drop_in = "/run/systemd/system/jupyterlab-port.service.d/broken.conf"
    host.check_output(f"mkdir --parents $(dirname {drop_in})")
    host.check_output(f"printf '[Service]\\nExecStartPre=/bin/false\\nRestartSec=10ms\\n' > {drop_in}")
    host.check_output("systemctl daemon-reload")
    with grabbed(PORTS["lab"]) as got:
        host.run("systemctl restart jupyterlab-port")
        restarts = "systemctl show --property=NRestarts --value jupyterlab-port"
        wait_until(lambda: int(host.check_output(restarts)) > 10)
    host.check_output(f"rm {drop_in}; systemctl daemon-reload; systemctl restart jupyterlab-port")
    assert got == []


def test_who_begins_with_the_host_gets_no_address(host, grabbed) -> None:
    """The port that nobody holds shows that the attack ran."""
    ports = " ".join(map(str, [8999, *PORTS.values()]))
    host.check_output(f"echo '@reboot python3 /home/mallory/grab.py {ports}' | crontab -u mallory -")
    host.run("rm --force /home/mallory/grab.log")
    subprocess.run(["podman", "restart", "--time=10", host.backend.host], stdout=subprocess.DEVNULL, check=True)

    def taken() -> list[str]:
        try:
            return host.run("cat /home/mallory/grab.log").stdout.split()
        except RuntimeError:  # it does not let us in yet
            return []

    wait_until(taken)
    for page in (f"--unix-socket {PROXY} http://localhost/hub/login", f"http://127.0.0.1:{PORTS['lab']}/login"):
        ask = f"curl --silent --fail --output /dev/null {page}"
        wait_until(lambda ask=ask: host.run(ask).rc == 0, 120)
    assert taken() == ["8999"]
    host.check_output("crontab -u mallory -r; pkill --uid mallory --full grab.py")


@pytest.fixture
def kate(person) -> Iterator[HubClient]:
    client = person("kate")
    client.start()
    yield client
    client.stop()


def test_a_server_of_somebody_has_no_port(host, kate: HubClient, person) -> None:
    kate.start("second")
    for unit in ("jupyterhub-user-kate", "jupyterhub-user-kate:second"):
        process = host.check_output(f"systemctl show --property=MainPID --value {unit}")
        assert f"pid={process}," not in host.check_output("ss --listening --tcp --numeric --processes")
    kate.stop("second")


def test_the_way_to_a_socket_is_kept_between_requests(host, kate: HubClient) -> None:
    token = kate.request("POST", "users/kate/tokens", {"note": "test"}).json()["token"]
    server = "http://localhost/user/kate/api/status"
    ask = f"curl --silent --fail --unix-socket {PROXY} --header 'Authorization: token {token}'"
    lines = host.check_output(f"{ask} --write-out '\\n%{{num_connects}}\\n' {server} {server}").splitlines()
    assert lines[1::2] == ["1", "0"]


def test_nobody_else_reaches_a_socket(host, kate: HubClient, mallory) -> None:
    for path in (
        "/run/jupyterhub-sockets/kate/server.sock",
        "/run/jupyterlab/lab.sock",
        "/run/jupyterhub-sockets/kate",
        PROXY,
        PAGES,
    ):
        assert host.file(path).exists
        assert mallory(f"curl --silent --unix-socket {path} http://localhost/").startswith("7 ")
        assert not mallory(f"ls {path}/.").startswith("0 ")
        assert not mallory(f"mv {path} /home/mallory/").startswith("0 ")
        assert not mallory(f"mkdir {path.rsplit('/', 1)[0]}/mallory").startswith("0 ")


def test_nobody_on_the_host_tries_passwords_past_the_web_server(host, kate: HubClient, mallory) -> None:
    """Neither an account with a shell nor somebody's notebook."""
    login = "curl --silent --output /dev/null --write-out %{http_code} --data 'username=ada&password=guess'"
    # What root gets is the hub's answer to a form of another site.
    for path in (PROXY, PAGES):
        assert host.check_output(f"{login} --unix-socket {path} http://localhost/hub/login") == "403"
    doors = {
        f"--unix-socket {PROXY} http://localhost/hub/login": "7 000",
        f"--unix-socket {PAGES} http://localhost/hub/login": "7 000",
        f"http://127.0.0.1:{FORMER}/hub/login": "7 000",
        f"http://127.0.0.1:{PORTS['hub']}/hub/login": "0 404",
        "--unix-socket /run/jupyterhub/hub.sock http://localhost/hub/login": "0 404",
    }
    assert {door: mallory(f"{login} {door}") for door in doors} == doors
    with kate.enter("kate").kernel() as kernel:
        kernel.run("import subprocess")
        ask = "print(subprocess.run({!r}, shell=True, capture_output=True, text=True).stdout)"
        found = {door: kernel.run(ask.format(f"{login} {door}")) for door in doors}
    assert found == {door: answer.split()[1] for door, answer in doors.items()}


def test_a_link_in_the_place_of_a_socket_leads_root_nowhere(host, person) -> None:
    before = host.check_output("stat --format='%n %U %G %a' /etc/shadow /usr/bin/sudo")
    client = person("carol")
    client.start()
    path = "/run/jupyterhub-sockets/carol/server.sock"
    host.check_output(f"runuser -u carol -- ln --symbolic --force /etc/shadow {path}")
    client.stop()
    host.run(f"runuser -u carol -- ln --symbolic --force /usr/bin/sudo {path}")
    assert client.request("POST", "users/carol/server").status_code in (201, 202)
    journal = "journalctl --boot --output=cat --unit=jupyterhub-user-carol.service"
    wait_until(lambda: "exists and is not a socket" in host.check_output(journal), client.patience)
    assert host.check_output("stat --format='%n %U %G %a' /etc/shadow /usr/bin/sudo") == before
    host.run(f"rm --force {path}")
    host.check_output("systemctl stop jupyterhub-user-carol.service")
    wait_until(lambda: not client.state(), client.patience)
    # A lab's person writes to no directory in which root or systemd make the socket.
    assert host.check_output("stat --format='%U %a' /run/jupyterlab") == "root 755"


def test_a_stranger_on_an_address_is_named_and_nothing_is_changed(host, grabbed) -> None:
    socket = {"Unit": {"Description": "A test"}, "Socket": {"ListenStream": "127.0.0.1:8998", "Service": "new.service"}}
    service = {"Service": {"User": "mallory", "ExecStart": "/bin/sleep infinity"}}
    units = [
        {"name": "new.socket", "sections": socket},
        {"name": "new.service", "sections": service, "sandbox": "none", "started": False},
    ]
    with grabbed(8998) as got:
        wait_until(lambda: "8998" in host.check_output("ss --listening --tcp --numeric"))
        result = host.ansible("nbops.jupyter.systemd_units", json.dumps({"units": units}), check=False, become=True)
    assert got == ["8998"]
    assert "new.socket: 127.0.0.1:8998 is taken by python3 (process " in result["msg"]
    assert " of mallory, grab.service)" in result["msg"]
    assert not host.file("/etc/systemd/system/new.socket").exists

"""The hub with traefik in the place of the proxy that the role installs; what people see of it is tested in tests/."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from waiting import wait_until

API = "http://127.0.0.1:8001/api/overview"
ROUTES = "/var/lib/jupyterhub/traefik/routes.toml"
# Ada's server, its port, and what leads from there to its socket.
SERVER, ADDRESS, FORWARDER = "jupyterhub-user-ada", "jupyterhub-port-ada.socket", "jupyterhub-port-ada.service"


def test_traefik_runs_and_the_other_proxy_is_gone(host) -> None:
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-proxy")
    assert host.check_output(f"readlink /proc/{pid}/exe").endswith("/bin/traefik")
    assert not host.file("/opt/jupyterhub/proxy").exists


def test_its_api_wants_a_password(host) -> None:
    code = "curl --silent --output /dev/null --write-out '%{http_code}' --config -"
    assert host.check_output(f"echo 'url = {API}' | {code}") == "401"
    login = "printf 'url = %s\\nuser = hub:%s\\n'"
    assert host.check_output(f"{login} {API} $(cat /etc/jupyterhub/secrets/proxy_token) | {code}") == "200"


def test_nobody_else_on_the_host_reads_the_routes(host) -> None:
    assert "http.routers" in host.check_output(f"cat {ROUTES}")
    assert host.run(f"runuser -u ada -- cat {ROUTES}").rc != 0


# Waits until systemd is told of Ada's server, takes every port that is free then, and answers whoever comes.
GRAB = """
import os, pathlib, resource, selectors, signal, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
print("waiting", flush=True)
while not pathlib.Path("/run/systemd/transient/jupyterhub-user-ada.service").exists():
    pass
# No process may have as many files as there are ports.
parts = range(first, last + 1, 10000)
print("parts", len(parts), flush=True)
for first in parts:
    if not os.fork():
        break
else:
    signal.pause()
taken = selectors.DefaultSelector()
for port in range(first, min(first + 10000, last + 1)):
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        listener.close()
    else:
        taken.register(listener, selectors.EVENT_READ)
print("taken", flush=True)
while True:
    for ready, _events in taken.select():
        visitor, _address = ready.fileobj.accept()
        visitor.settimeout(5)
        print("visitor", visitor.recv(65536)[:200], flush=True)
        visitor.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 7\\r\\nConnection: close\\r\\n\\r\\nmallory")
        visitor.close()
"""


@pytest.fixture
def mallory(host) -> Iterator[Callable[[], str]]:
    """Waits for Ada's server and takes all ports; says what she wrote until now."""
    # A server that another test killed is still known to systemd.
    host.run(f"systemctl reset-failed {SERVER}")
    host.check_output("printf %%s %s > /run/grab.py; chmod 0644 /run/grab.py", GRAB)
    host.check_output("systemd-run --quiet --unit=grab --collect --property=DynamicUser=yes python3 /run/grab.py")

    def log() -> str:
        run = host.check_output("systemctl show --property=InvocationID --value grab")
        return host.check_output(f"journalctl _SYSTEMD_INVOCATION_ID={run} --output=cat --no-pager")

    wait_until(lambda: "waiting" in log())
    yield log
    host.run("systemctl stop grab; rm /run/grab.py")


def test_who_takes_all_free_ports_while_a_server_starts_has_no_visitor(person, mallory: Callable[[], str]) -> None:
    ada = person("ada")
    lab = ada.start()
    wait_until(lambda: f"parts {mallory().count('taken')}" in mallory())
    with lab.kernel() as kernel:
        assert kernel.run("6*7") == "42"
    assert "visitor" not in mallory()
    ada.stop()


def held(host) -> set[str]:
    """The units that have ports for servers, or lead from there to their sockets."""
    units = host.check_output("systemctl list-units --all --plain --no-legend 'jupyterhub-port-*'")
    return {line.split()[0] for line in units.splitlines()}


def test_a_server_has_no_port_of_its_own_and_outlives_the_hub(host, person) -> None:
    lab = person("ada").start()
    assert held(host) == {ADDRESS, FORWARDER}
    process = host.check_output(f"systemctl show --property=MainPID --value {SERVER}")
    assert f"pid={process}," not in host.check_output("ss --listening --tcp --numeric --processes")
    # Only its own socket is there for what leads to it.
    forwarder = host.check_output(f"systemctl show --property=MainPID --value {FORWARDER}")
    assert host.check_output(f"ls /proc/{forwarder}/root/run/jupyterhub-sockets") == "ada"
    assert host.check_output(f"stat --format=%u /proc/{forwarder}") != "0"
    with lab.kernel() as kernel:
        kernel.run("held = 41")
        host.check_output("systemctl restart jupyterhub")
        ada = person("ada")
        with ada.enter("ada").attach(kernel.identity) as again:
            assert again.run("held + 1") == "42"
    ada.stop()
    assert held(host) == set()


def test_a_port_stays_until_nobody_is_sent_there(host, person) -> None:
    """Of a server that ends by itself; the hub learns of it some seconds later."""
    ada = person("ada")
    ada.start()
    host.check_output(f"systemctl kill --signal=KILL {SERVER}")
    wait_until(lambda: not host.service(SERVER).is_running)
    assert ADDRESS in held(host)
    wait_until(lambda: not held(host), seconds=120)
    assert not ada.state()


def test_a_port_of_a_server_that_ended_while_the_hub_was_away_goes_with_the_next(host, person) -> None:
    person("ada").start()
    host.check_output("systemctl stop jupyterhub")
    host.check_output(f"systemctl kill --signal=KILL {SERVER}")
    host.check_output("systemctl start jupyterhub")
    ada = person("ada")
    wait_until(lambda: not ada.state())
    assert ADDRESS in held(host)
    with ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    ada.stop()
    assert held(host) == set()


def test_a_proxy_whose_addresses_are_new_as_at_boot_sends_nobody_to_a_port_that_is_free(host) -> None:
    host.check_output("systemctl stop jupyterhub jupyterhub-proxy")
    assert host.file(ROUTES).exists
    host.check_output("systemctl restart jupyterhub-proxy-api.socket; systemctl start jupyterhub-proxy")
    assert not host.file(ROUTES).exists
    host.check_output("systemctl start jupyterhub")
    wait_until(lambda: host.file(ROUTES).exists)

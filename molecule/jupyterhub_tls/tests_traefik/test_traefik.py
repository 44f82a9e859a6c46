"""The hub with traefik in the place of the proxy that the role installs; what people see of it is tested in tests/."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from waiting import wait_until

API = "http://127.0.0.1:8001/api/overview"


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
    routes = "/var/lib/jupyterhub/traefik/routes.toml"
    assert "http.routers" in host.check_output(f"cat {routes}")
    assert host.run(f"runuser -u ada -- cat {routes}").rc != 0


# Waits until systemd is told of Ada's server, takes every port that is free then, and answers whoever comes.
GRAB = """
import os, pathlib, resource, selectors, signal, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
print("waiting", flush=True)
while not pathlib.Path("/run/systemd/transient/jupyterhub-user-ada.service").exists():
    pass
# No process may have as many files as there are ports.
for first in range(first, last + 1, 10000):
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
    wait_until(lambda: mallory().count("taken") == 3)
    with lab.kernel() as kernel:
        assert kernel.run("6*7") == "42"
    assert "visitor" not in mallory()
    ada.stop()

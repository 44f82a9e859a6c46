"""A server of the hub is a job on another machine, and nobody but its person gets there."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hub_client import HubClient, HubError
from notebook_client import NotebookClient
from playbook import changes, inventory_options, run_ansible
from waiting import wait_until

# While servers start and end, time passes for that.
pytestmark = pytest.mark.usefixtures("overdue")
OPTIONS = inventory_options("inventory/hub.yml", "slurm/inventory/hosts.yml")
CONTROLLER, NODE = "slurm-debian-13", "slurm-node1"
# Answers over TLS at a port, with the files of its directory.
TAKER = (
    'import http.server as h, ssl, sys; taker = h.HTTPServer(("", int(sys.argv[1])), h.SimpleHTTPRequestHandler); '
    'tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); tls.load_cert_chain("certificate", "key"); '
    "taker.socket = tls.wrap_socket(taker.socket, server_side=True); taker.serve_forever()"
)
CURL = "curl --silent --insecure --max-time 10"


def job_of(host, name: str) -> str:
    """The number of the job that is a person's server, or is to be; empty without one."""
    return host.check_output(
        "squeue --noheader --states=PENDING,RUNNING --name=jupyterhub@$(hostname --short) --user=%s --format=%%i", name
    )


def port_of(host) -> str:
    """The port of ada's server on its node."""
    command = host.check_output("systemctl show --property=ExecStart --value jupyterhub-tunnel-ada.service")
    return re.search(r"tunnel [0-9.]+ ([0-9]+) ", command)[1]


@pytest.fixture
def node(other):
    return other(NODE)


@pytest.fixture
def ada(person) -> HubClient:
    """Somebody whose server, once it runs, is there for one test after the other."""
    return person("ada")


def server_of(person: HubClient) -> NotebookClient:
    """The person's server, started where it does not run."""
    return person.enter(person.name) if person.state().get("ready") else person.start()


@pytest.fixture
def drained(host) -> Iterator[Callable[[], None]]:
    """No job gets a place until the call."""

    def resume() -> None:
        host.run(f"scontrol update nodename={NODE} state=resume")

    host.check_output(f"scontrol update nodename={NODE} state=drain reason=test")
    yield resume
    resume()


def test_a_cell_runs_on_the_node_in_a_job_of_its_person(host, ada: HubClient) -> None:
    with server_of(ada).kernel() as kernel:
        told = kernel.run("import os, socket; print(socket.gethostname(), os.getuid(), os.environ['SLURM_JOB_ID'])")
        assert told == f"{NODE} 2001 {job_of(host, 'ada')}"
        # The hub may restart meanwhile, and nobody is cut off.
        assert kernel.run("six = 6") == ""
        host.check_output("systemctl restart jupyterhub")
        assert kernel.run("six * 7") == "42"
    wait_until(lambda: ada.state().get("ready"))


def test_a_visit_shows_that_a_notebook_runs_on_a_node(host, node, ada: HubClient) -> None:
    if ada.state():
        ada.stop()
    log = "/home/ada/.jupyterhub-server.log"
    node.check_output(f"rm --force {log}")
    # The host finds its own name, as by DNS.
    host.check_output("grep --quiet hub.example.org /etc/hosts || echo 127.0.0.1 hub.example.org >>/etc/hosts")
    named = ("-e", "jupyter_verify_user=ada", "-e", "{jupyter_verify_password: correct horse battery}")
    visit = run_ansible("nbops.jupyter.verify", *OPTIONS, *named)
    assert visit.returncode == 0, visit.stdout
    assert re.search(r"cell +ok", visit.stdout), visit.stdout
    assert node.file(log).size > 0


def test_the_status_says_which_node_has_other_packages_than_the_hub(node) -> None:
    def told() -> str:
        return run_ansible("nbops.jupyter.status", *OPTIONS).stdout

    assert re.search(r"nodes +ok +1 node with the packages of the hub's host\.", told())
    marker = "/opt/jupyterhub/user/current/release.json"
    node.check_output(f'sed --in-place=.before \'s/"jupyterlab": "[0-9.]*"/"jupyterlab": "4.0.0"/\' {marker}')
    try:
        assert re.search(rf"nodes +warn +{NODE}: 1 package of servers differs .* such as jupyterlab 4\.0\.0", told())
    finally:
        node.check_output(f"mv {marker}.before {marker}")


def test_no_secret_is_in_slurm_nor_in_the_home_nor_in_a_log(host, node, ada: HubClient) -> None:
    server_of(ada)
    job = job_of(host, "ada")
    # In files, because the journal has the commands of this test.
    pid = node.check_output("pgrep --uid ada --full bin/jupyterhub-singleuser | tail --lines=1")
    node.check_output(f"tr '\\0' '\\n' < /proc/{pid}/environ | sed --quiet 's/^JUPYTERHUB_API_TOKEN=//p' > /root/token")
    assert node.file("/root/token").size == 33
    subprocess.run(["podman", "cp", f"{NODE}:/root/token", f"{CONTROLLER}:/root/token"], check=True)
    host.check_output("sed --quiet 3p /var/lib/jupyterhub/tunnels/ada/pair > /root/key")
    program = node.check_output("pgrep --uid ada --full nbops_slurm | head --lines=1")
    node.check_output(f"sed --quiet 3p /proc/{program}/root/tmp/jupyter-*/pair.pem > /root/key")
    for one in (host, node):
        one.check_output("echo nbops_slurm > /root/program")
        assert one.file("/root/key").size > 20
    seen = {
        host: f"(scontrol show job --details {job}; scontrol write batch_script {job} -; journalctl; "
        "cat $(find /var/lib/slurm /var/log/slurm /home/ada -type f))",
        # Beside the job's own /tmp, which nobody else enters.
        node: "(journalctl; ps -A --format args; cat $(pgrep slurmstepd | sed 's,.*,/proc/&/environ,'); "
        "cat $(find /var/lib/slurm /var/log/slurm /home/ada -path '*/job_container' -prune -o -type f -print))",
    }
    for one, command in seen.items():
        found = f"{command} | grep --text --quiet --fixed-strings --file=/root/"
        # What is there is found.
        assert one.run(found + "program").rc == 0
        assert one.run(found + "token").rc == 1
        assert one.run(found + "key").rc == 1


def test_nobody_reaches_a_server_but_through_the_hub(host, node, ada: HubClient) -> None:
    server_of(ada)
    port = port_of(host)
    # It is there, and says so to nobody without the hub's certificate: on the wire, and on its own machine.
    for one, name in ((host, NODE), (node, "localhost")):
        assert one.run(f"timeout 10 bash -c '< /dev/tcp/{name}/{port}'").rc == 0
        assert one.run(f"runuser -u bob -- {CURL} https://{name}:{port}/user/ada/api").rc != 0
        assert one.run(f"runuser -u bob -- {CURL} http://{name}:{port}/user/ada/api").rc != 0
    # Nor at the socket of the hub's tunnel.
    tunnel = "/run/jupyterhub-sockets/ada@/server.sock"
    assert host.file(tunnel).exists
    assert host.run(f"runuser -u bob -- {CURL} --unix-socket {tunnel} http://a/").rc == 7


def test_whoever_takes_the_port_of_a_server_that_has_ended_gets_no_visitor(host, node, ada: HubClient) -> None:
    server = server_of(ada)
    port = port_of(host)
    # Nobody tells the hub.
    host.check_output("systemctl stop slurmctld")
    node.check_output("pkill --signal=KILL --uid ada --full 'nbops_slurm|jupyterhub-singleuser'")
    wait_until(lambda: not node.check_output(f"ss --listening --no-header --tcp 'sport = :{port}'"))
    # For a minute, connections that have ended keep the port as well; nobody has to wait for that.
    node.check_output(f"ss --kill --all --tcp 'sport = :{port}'")
    taken = "systemd-run --unit=taken --uid=bob --collect --property=WorkingDirectory=/home/bob sh -c"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -subj /CN=nbops 2>/dev/null"
    node.check_output(f"{taken} %s", f"{make}; echo of bob > page; exec python3 -c '{TAKER}' {port}")
    try:
        # He does answer whoever asks there.
        wait_until(lambda: node.run(f"{CURL} https://localhost:{port}/page").stdout.strip() == "of bob", 20)
        answer = server.http.get(f"{server.url}page", timeout=30)
        assert answer.status_code == 503
        assert "of bob" not in answer.text
    finally:
        node.check_output("systemctl stop taken")
        host.check_output("systemctl start slurmctld")
        wait_until(lambda: not ada.state())


def test_a_job_is_claimed_by_its_person_alone(
    host, node, address: str, ada: HubClient, drained: Callable[[], None]
) -> None:
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    job = wait_until(lambda: job_of(host, "ada"))
    said = f'{{"job": {job}, "account": "ada", "port": 20000, "directory": "/tmp", "certificate": ""}}'
    node.check_output("echo %s | runuser -u bob -- munge --restrict-uid=0 > /tmp/proof", said)
    claim = f"{CURL} --output /dev/null --write-out %{{http_code}} --data-binary @/tmp/proof"
    assert node.check_output(f"{claim} https://{address}:8082/hub/api/nbops/claim") == "403"
    assert f"uid 2002 has no job {job} that the hub waits for" in host.check_output("journalctl --unit=jupyterhub")
    # Its own job does.
    drained()
    wait_until(lambda: ada.state().get("ready"))
    ada.stop()


def test_nodes_reach_of_the_hub_what_servers_ask_for(node, address: str) -> None:
    status = f"{CURL} --output /dev/null --write-out %{{http_code}} https://{address}:8082/hub/"
    assert node.check_output(f"{status}api/") == "200"
    assert [node.check_output(status + path) for path in ("login", "api/users", "metrics")] == ["404"] * 3


@contextlib.contextmanager
def renamed(node) -> Iterator[None]:
    """bob's number is another account on the node."""
    node.check_output("usermod --login carol bob")
    try:
        yield
    finally:
        node.check_output("usermod --login bob carol")


@pytest.mark.parametrize("arguments", [["nbops.jupyter.cluster", "--tags=jupyterhub_node"], ["nbops.jupyter.upgrade"]])
def test_where_a_number_is_another_person_no_hub_is_deployed_or_upgraded(node, arguments: list[str]) -> None:
    with renamed(node):
        run = run_ansible(*arguments, *OPTIONS)
    assert run.returncode != 0
    assert f"This is not so for bob (2002 on {CONTROLLER}, none on {NODE})." in run.stdout
    assert changes(run) == 0


def test_where_a_number_is_another_person_no_server_starts(host, node, person) -> None:
    with renamed(node):
        bob = person("bob")
        with pytest.raises(HubError):
            bob.start()
        told = f"on {NODE}, the number 2002 is the account carol, so your files would be another person"
        assert told in host.check_output("journalctl --unit=jupyterhub")

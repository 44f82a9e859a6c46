"""Three servers on one host, seen from outside and felt from inside."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess

import pytest
import requests
from notebook_client import NotebookClient

CAROL_TOKEN = "0123456789abcdef0123456789abcdef"
SOCKET = "/run/jupyterlab/bob.sock"


@pytest.fixture
def alice(tunnel) -> NotebookClient:
    client = NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/alice/")
    assert client.login("correct horse battery")
    return client


@pytest.fixture
def carol(tunnel) -> NotebookClient:
    return NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8889')}/", token=CAROL_TOKEN)


@pytest.mark.parametrize("password", ["", "wrong", "correct horse batterY"])
def test_a_wrong_password_is_refused(tunnel, password: str) -> None:
    client = NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/alice/")
    assert not client.login(password)
    assert client.get("api/contents").status_code == 403


def test_the_configuration_in_the_home_is_ignored(tunnel) -> None:
    url = f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/alice/"
    assert NotebookClient(url, token="the-old-token-of-the-tutorial").get("api/contents").status_code == 403
    answer = NotebookClient(url).get("login")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_person_logs_in_and_runs_cells(alice: NotebookClient) -> None:
    with alice.kernel() as kernel:
        assert kernel.run("6*7") == "42"
        assert kernel.run("import numpy; print(int(numpy.arange(7).sum()))") == "21"
        assert kernel.run("import os; print(os.environ['GREETING'])") == '100% "hello" \\ world'
        assert kernel.run("print(os.getcwd())") == "/home/alice/notebooks"


def test_a_hook_in_python_acts(alice: NotebookClient) -> None:
    cell = {"cell_type": "code", "source": "6*7", "metadata": {}, "execution_count": 1, "id": "one"}
    stream = {"output_type": "stream", "name": "stdout", "text": "42"}
    content = {"cells": [cell | {"outputs": [stream]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    body = {"type": "notebook", "format": "json", "content": content}
    alice.put("api/contents/hooked.ipynb", body).raise_for_status()
    [saved] = alice.get("api/contents/hooked.ipynb").json()["content"]["cells"]
    assert (saved["source"], saved["outputs"], saved["execution_count"]) == ("6*7", [], None)


def test_a_person_installs_packages_for_herself(alice: NotebookClient) -> None:
    with alice.kernel() as kernel:
        kernel.run("import subprocess, sys")
        kernel.run("subprocess.run([sys.executable, '-m', 'pip', 'install', '--user', 'cowsay'], check=True)")
        assert "numpy" in kernel.run("print(subprocess.run(['pip', 'list'], capture_output=True, text=True).stdout)")
    with alice.kernel() as kernel:
        assert kernel.run("import cowsay; print(cowsay.__file__)").startswith("/home/alice/.local/lib/python3")


def test_the_server_does_not_import_what_its_user_installs(host) -> None:
    foreign = "import sys; print([entry for entry in sys.path if 'home' in entry or 'dist-packages' in entry])"
    assert host.check_output("runuser -u alice -- /opt/jupyterlab/current/bin/python -c %s", foreign) == "[]"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("write below /etc", "open('/etc/mine', 'w')"),
        ("write into the environment", "import sys; open(sys.prefix + '/mine', 'w')"),
        ("see another home", "import os; os.listdir('/home/bob')"),
        ("read another server's configuration", "open('/etc/jupyterlab/bob/config.json')"),
        ("read its own stored password hash", "open('/etc/jupyterlab/alice/config.json')"),
        ("reach another server's socket", f"import socket; socket.socket(socket.AF_UNIX).connect('{SOCKET}')"),
        ("reach the cloud's metadata", "import socket; socket.create_connection(('169.254.169.254', 80), timeout=5)"),
        ("become root", "import subprocess; subprocess.run(['sudo', '-n', 'true'], check=True)"),
        ("mount", "import subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'none', '/mnt'], check=True)"),
    ],
)
def test_the_sandbox_holds(alice: NotebookClient, what: str, code: str) -> None:
    with alice.kernel() as kernel, pytest.raises(RuntimeError, match=r"Error|CalledProcessError|timeout"):
        kernel.run(code)


def test_other_processes_and_other_temporary_files_are_invisible(host, alice: NotebookClient) -> None:
    host.run("touch /tmp/of-the-host")
    with alice.kernel() as kernel:
        assert kernel.run("import os; print(os.path.exists('/tmp/of-the-host'))") == "False"
        owners = "{os.stat(f'/proc/{pid}').st_uid for pid in os.listdir('/proc') if pid.isdigit()}"
        assert kernel.run(f"print({owners} == {{os.getuid()}})") == "True"


def test_memory_and_tasks_are_limited(host, alice: NotebookClient) -> None:
    """A kernel that takes too much ends alone."""
    shown = host.check_output("systemctl show --property=MemoryMax,OOMPolicy,TasksMax jupyterlab-alice")
    assert set(shown.splitlines()) == {"MemoryMax=1073741824", "OOMPolicy=continue", "TasksMax=200"}


def test_configuration_settings_and_limits_arrive(alice: NotebookClient) -> None:
    theme = alice.get("lab/api/settings/@jupyterlab/apputils-extension:themes").json()
    assert theme["schema"]["properties"]["theme"]["default"] == "JupyterLab Dark"
    alice.put("api/contents/.hidden.txt", {"type": "file", "format": "text", "content": "x"}).raise_for_status()
    too_large = {"type": "file", "format": "text", "content": "x" * 70 * 1024 * 1024}
    with pytest.raises((requests.HTTPError, requests.ConnectionError)):
        alice.put("api/contents/large.txt", too_large).raise_for_status()


def test_a_token_opens_the_server_with_its_own_packages(carol: NotebookClient) -> None:
    with carol.kernel() as kernel:
        assert "moo" in kernel.run("import cowsay; print(cowsay.get_output_string('cow', 'moo'))")
        with pytest.raises(RuntimeError, match="ModuleNotFoundError"):
            kernel.run("import numpy")


def test_profiles_differ_in_what_can_be_reached(address: str, alice: NotebookClient, carol: NotebookClient) -> None:
    knock = f"import socket; socket.create_connection(('{address}', 22), timeout=5).close()"
    with alice.kernel() as kernel:
        assert kernel.run(knock) == ""
    with carol.kernel() as kernel, pytest.raises(RuntimeError, match=r"timed out|Operation not permitted"):
        kernel.run(knock)


def test_the_deployment_leaves_nothing_in_the_temporary_directories(host) -> None:
    """Of root; systemd's are those of services that run."""
    left = "find /tmp /var/tmp -mindepth 1 -maxdepth 1 -user root -not -name 'systemd-private-*' -not -name '.*-unix'"
    assert host.check_output(f"{left} -not -name of-the-host") == ""


def test_files_have_the_same_modes_whatever_the_umask_of_the_login(host) -> None:
    """The umask of this host's logins is 027 where the platform has Debian 13; what people read stays open to them."""
    show = r"-not -type l -printf '%m %u:%g %P\n'"
    found = host.check_output(f"cd /etc/jupyterlab && find alice bob carol {show} | sort --unique")
    assert {tuple(line.split()[:2]) for line in found.splitlines()} == {
        ("755", "root:root"),
        ("600", "root:root"),
        ("644", "root:root"),
    }
    places = "/etc/jupyterlab /run/jupyterlab /var/lib/jupyterlab /opt/jupyterlab /opt/jupyterlab/releases"
    assert set(host.check_output(f"stat --format='%a %U' {places} /opt/jupyterlab/current/").splitlines()) == {
        "755 root"
    }
    units = host.check_output("stat --format='%a %U' /etc/systemd/system/jupyterlab-*")
    assert set(units.splitlines()) == {"644 root"}
    private = host.check_output("stat --format='%a' /var/lib/jupyterlab/alice /run/jupyterlab/alice")
    assert set(private.splitlines()) == {"700"}
    open_to_all = "find /opt/jupyterlab/current/ -not -type l -not -perm -o=r"
    assert host.check_output(open_to_all) == ""


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("--tags=jupyterlab_service", ""),
        ("--start-at-task=service | Write, verify and start the units of the servers", "has no attribute 'units'"),
    ],
)
def test_a_run_that_leaves_tasks_out_changes_nothing(host, chosen: str, message: str) -> None:
    """Units depend on the accounts of the host; a run that has not read them must not write units without them."""
    scenario = pathlib.Path(__file__).resolve().parents[1]
    inventory = f"--inventory={scenario.parent}/inventory/containers.py"
    command = ["ansible-playbook", inventory, f"--limit={host.backend.host}", scenario / "tagged.yml", chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "changed=0" in done.stdout, done.stdout
    assert (done.returncode == 0) == (not message), done.stdout
    assert message in done.stdout + done.stderr


def test_without_its_token_the_server_refuses(tunnel) -> None:
    client = NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8889')}/", token="f" * 32)
    assert client.get("api/contents").status_code == 403


def test_a_socket_answers_the_web_server_and_nobody_else(host) -> None:
    ask = f"curl --silent --output /dev/null --write-out %{{http_code}} --unix-socket {SOCKET} http://localhost/login"
    assert host.check_output(f"runuser -u www-data -- {ask}") == "200"
    assert host.run(f"runuser -u alice -- {ask}").rc == 7
    assert (
        host.run("ss --listening --tcp --no-header '( sport = :8888 or sport = :8889 )'").stdout.count("127.0.0.1") == 2
    )


def test_a_server_without_a_network_runs_cells(host, tunnel) -> None:
    """Kernels speak over UNIX sockets, so not even a loopback port is needed."""
    client = NotebookClient(f"http://127.0.0.1:{tunnel(SOCKET)}/")
    assert client.login("bob's own secret")
    with client.kernel() as kernel:
        assert kernel.run("6*7") == "42"
        assert kernel.run("import socket; print(socket.if_nameindex())") == "[(1, 'lo')]"
    assert client.post("api/terminals").status_code == 404


@pytest.mark.parametrize(("path", "directory"), [("static/lab", "lab/static"), ("lab/extensions", "labextensions")])
def test_files_that_a_web_server_may_send_are_open_to_everybody(host, tunnel, path: str, directory: str) -> None:
    """The playbook has nginx send them without asking Jupyter: Jupyter has to send the same without a login."""
    find = f"cd /opt/jupyterlab/current/share/jupyter/{directory} && find -L . -type f -exec sha256sum {{}} +"
    digests = dict(reversed(line.split(maxsplit=1)) for line in host.check_output(find).splitlines())
    assert {pathlib.PurePath(name).suffix for name in digests} >= {".js", ".gz", ".br"}
    stranger = NotebookClient(f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/alice/")
    assert stranger.get("api/contents").status_code == 403
    for name, digest in digests.items():
        assert hashlib.sha256(stranger.get(f"{path}/{name}").content).hexdigest() == digest, name


def test_no_secret_is_readable_or_printed(host) -> None:
    for name in ("alice", "bob", "carol"):
        assert host.run(f"runuser -u nobody -- cat /etc/jupyterlab/{name}/config.json").rc != 0
        unit = host.check_output(f"systemctl cat jupyterlab-{name}; systemctl show jupyterlab-{name}")
        journal = host.check_output(f"journalctl --unit=jupyterlab-{name} --output=cat --no-pager")
        for secret in ("correct horse", "argon2", "sha256:", CAROL_TOKEN):
            assert secret not in unit + journal


def test_the_units_are_enabled_and_score_well(host) -> None:
    for name, limit in (("alice", 15), ("bob", 6), ("carol", 12)):
        assert host.service(f"jupyterlab-{name}").is_enabled
        report = host.run(f"systemd-analyze security --no-pager --threshold={limit} jupyterlab-{name}.service")
        assert report.rc == 0, report.stdout.splitlines()[-1]

"""Ways out of a server's sandbox, tried from a notebook: services of the host, other homes, metadata of clouds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hub_client import HubClient
from notebook_client import Kernel

# Asks for a door as a person would, and says what came of it.
RUN = """
import subprocess
result = subprocess.run({command!r}, shell=True, capture_output=True, text=True, timeout=60)
print(f"{{result.returncode}};", result.stdout, result.stderr)
"""
KNOCK = """
import socket
try:
    socket.socket(socket.AF_UNIX).connect({path!r})
except OSError as error:
    print(type(error).__name__)
else:
    print("open")
"""


ASK = """
import socket
asking = socket.socket(socket.AF_INET6 if ":" in {address!r} else socket.AF_INET, socket.SOCK_DGRAM)
try:
    asking.connect(({address!r}, 80))
    asking.send(b"x")
except OSError as error:
    print(error)
"""
METADATA = (
    "169.254.169.254",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
)


@pytest.fixture
def kernel_of(person) -> Iterator[Callable[..., Kernel]]:
    """Gives a kernel in the server of a person, which may run since an earlier test."""
    opened = []

    def start(name: str, is_new: bool = False) -> Kernel:
        client: HubClient = person(name)
        if is_new and client.state():
            client.stop()
        context = (client.enter(name) if client.state().get("ready") else client.start()).kernel()
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def shell(kernel_of) -> Callable[[str], str]:
    """Runs a shell command in the server of kate; the answer begins with its status."""
    kernel = kernel_of("kate")
    return lambda command: kernel.run(RUN.format(command=command))


@pytest.fixture
def people(host) -> Iterator[None]:
    """Two people whose homes are elsewhere, open to everybody as useradd makes them; olga may log in to the hub."""
    host.check_output("install --directory --mode=0755 /srv/people")
    for name, options in (("olga", "--groups jupyterhub"), ("pavel", "")):
        home = f"/srv/people/{name}"
        host.check_output(f"id {name} || useradd --create-home --home-dir {home} {options} {name}")
        host.check_output(f"chmod 0755 {home} && echo {name} > {home}/letter && chmod 0644 {home}/letter")
    host.check_output("echo 'olga:correct horse battery' | chpasswd")
    yield
    for name in ("olga", "pavel"):
        host.run(f"pkill --signal KILL --uid {name}; userdel --remove {name}")
    host.run("rmdir /srv/people")


def test_no_socket_of_the_host_is_seen(host, kernel_of) -> None:
    kernel = kernel_of("kate")
    sockets = host.check_output("find /run -type s -not -path '/run/jupyter*'").splitlines()
    assert "/run/dbus/system_bus_socket" in sockets
    messages = ("/run/systemd/journal/", "/run/systemd/notify")
    kept = (*messages, "/run/systemd/resolve/", "/run/nscd/", "/run/nslcd/", "/run/samba/winbindd/")
    refused = ("FileNotFoundError", "PermissionError")
    reached = [path for path in sockets if kernel.run(KNOCK.format(path=path)) not in refused]
    assert [path for path in reached if not path.startswith(kept)] == []


def test_systemd_runs_nothing_for_a_server(host, shell) -> None:
    """A lingering user would have a manager outside of the sandbox, which runs what the home says."""
    for command in (
        "loginctl enable-linger",
        "systemd-run --user --wait true",
        "busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager SetUserLinger ubb "
        "$(id -u) true false",
    ):
        assert not shell(command).startswith("0;"), command
    assert not host.file("/var/lib/systemd/linger/kate").exists


def test_cron_and_at_run_nothing_for_a_server(host, shell) -> None:
    assert not shell("echo '* * * * * touch /tmp/escaped' | crontab -").startswith("0;")
    assert not shell("echo 'touch /tmp/escaped' | at now").startswith("0;")
    assert host.run("crontab -l -u kate").rc != 0


def test_the_processes_of_the_same_person_outside_are_no_way_out(host, kernel_of) -> None:
    kernel = kernel_of("kate")
    host.check_output("systemd-run --quiet --unit=kate-outside --uid=kate sleep infinity")
    try:
        outside = host.check_output("systemctl show --property=MainPID --value kate-outside")
        with pytest.raises(RuntimeError, match=r"PermissionError|FileNotFoundError"):
            kernel.run(f"import os; print(os.listdir('/proc/{outside}/root/run/dbus'))")
    finally:
        host.check_output("systemctl stop kate-outside")


def test_shared_memory_is_a_servers_own_and_ends_with_it(host, kernel_of) -> None:
    host.check_output("install -m 666 /dev/null /dev/shm/of-the-host")
    mine, theirs = kernel_of("kate"), kernel_of("ada")
    seen = "import os; print(os.listdir('/dev/shm'))"
    mine.run("open('/dev/shm/of-kate', 'w').close(); import os; os.chmod('/dev/shm/of-kate', 0o666)")
    assert mine.run(seen) == "['of-kate']"
    assert "of-kate" not in theirs.run(seen)
    assert host.check_output("ls /dev/shm") == "of-the-host"
    assert mine.run("import multiprocessing; multiprocessing.Lock(); print('made')") == "made"
    host.check_output("rm /dev/shm/of-the-host")


def test_labs_see_no_bus_either(host) -> None:
    listed = host.check_output("systemctl list-units --plain --no-legend --state=running 'jupyterlab-*.service'")
    units = [line.split()[0] for line in listed.splitlines()]
    assert len(units) > 1
    for unit in units:
        process = host.check_output("systemctl show --property=MainPID --value %s", unit)
        seen = host.check_output("nsenter --target %s --mount -- find /run -type s", process)
        assert "system_bus_socket" not in seen
        assert "/io.systemd.DynamicUser" not in seen


def test_a_home_elsewhere_is_seen_by_its_own_server_alone(people: None, kernel_of) -> None:
    mine = kernel_of("olga")
    assert mine.run("print(open('/srv/people/olga/letter').read().strip())") == "olga"
    assert mine.run("import os; print(os.listdir('/srv/people'))") == "['olga']"
    assert mine.run("open('/srv/people/olga/new', 'w').close()") == ""
    # What is hidden is found out when a server starts.
    theirs = kernel_of("kate", is_new=True)
    with pytest.raises(RuntimeError, match=r"PermissionError|FileNotFoundError"):
        theirs.run("print(open('/srv/people/pavel/letter').read())")


def test_metadata_of_clouds_is_out_of_reach(kernel_of) -> None:
    """Refused by the sandbox, or without a route; never asked."""
    kernel = kernel_of("kate")
    for metadata in METADATA:
        said = kernel.run(ASK.format(address=metadata))
        assert said.endswith(("Operation not permitted", "Network is unreachable")), metadata


def test_work_goes_on_inside(host, shell) -> None:
    """Names, logs, the own account and the own directory below /run."""
    assert shell("getent hosts localhost && id --user --name && test -w $JUPYTER_RUNTIME_DIR").startswith("0;")
    assert "kate" in shell("whoami")
    assert shell("logger --tag sandbox-test hello").startswith("0;")
    assert "hello" in host.check_output("journalctl --no-pager --output=cat --identifier=sandbox-test")
    assert shell("cat /etc/resolv.conf").startswith("0;")
    assert shell("ssh -V").startswith("0;")


def test_an_application_on_loopback_is_reached(kernel_of) -> None:
    """What jupyter-server-proxy does."""
    kernel = kernel_of("kate")
    assert (
        kernel.run(
            "import socket\n"
            "listening = socket.create_server(('127.0.0.1', 0))\n"
            "socket.create_connection(listening.getsockname()).send(b'hello')\n"
            "print(listening.accept()[0].recv(9).decode())"
        )
        == "hello"
    )

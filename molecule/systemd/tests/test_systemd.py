"""Units as the role leaves them: they run, in sandboxes that hold, within limits that bite."""

import json
import re

import pytest
from waiting import wait_until

SCORES = {"standard": 1.4, "daemon": 1.1, "no_internet": 1.2, "no_loopback": 1.4, "air_gapped": 0.5, "gpu": 1.6}
PROFILES = tuple(SCORES)
CONNECT = """
import socket, sys
address, port, kind = sys.argv[1], int(sys.argv[2]), getattr(socket, sys.argv[3])
connection = socket.socket(socket.AF_INET, kind)
connection.settimeout(3)
connection.connect((address, port))
connection.send(b"x")
print("sent")
"""
WRITABLE_CODE = "import mmap as m; m.mmap(-1, 4096, prot=m.PROT_READ | m.PROT_WRITE | m.PROT_EXEC)"


@pytest.fixture
def inside(host):
    """Runs a shell command inside the sandbox of a profile; returns its output, errors included."""

    def run(profile, command):
        path = f"/run/probe-{profile}/probe.sock"
        answer = host.run("curl --silent --unix-socket %s --data-binary %s http://probe/", path, command)
        assert answer.rc == 0, host.check_output("journalctl --no-pager -n 30 -u probe-%s", profile)
        return json.loads(answer.stdout)["output"]

    return run


@pytest.fixture
def connect(inside):
    def run(profile, address, port, kind="SOCK_STREAM"):
        return inside(profile, f"python3 - {address} {port} {kind} <<'END'\n{CONNECT}\nEND")

    return run


def show(host, unit, name):
    return host.check_output("systemctl show --value --property=%s %s", name, unit)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_exposure_is_low(host, profile):
    report = host.check_output("systemd-analyze security --no-pager probe-%s.service", profile)
    score = float(re.search(r"Overall exposure level for \S+ ([0-9.]+)", report).group(1))
    assert score <= SCORES[profile]


@pytest.mark.parametrize("profile", PROFILES)
def test_files_and_privileges(inside, profile):
    said = inside(profile, "id -un; umask; cat /home/bob/diary; touch /usr/x /etc/x; sudo -n true")
    assert said.startswith("alice\n0077\n")
    assert "diary: No such file" in said
    assert said.count("Read-only file system") == 2
    assert "no new privileges" in said


def test_the_home_that_was_asked_for(inside):
    said = inside("standard", "cat /home/alice/notes; ls /home; touch /home/alice/new && echo done")
    assert said == "minealice\ndone\n"


@pytest.mark.parametrize("profile", PROFILES)
def test_other_processes_are_invisible(inside, profile):
    assert inside(profile, "cat /proc/[0-9]*/comm | grep -c -e sshd -e systemd").strip() == "0"


@pytest.mark.parametrize("profile", ["standard", "daemon", "gpu"])
def test_the_metadata_service_of_clouds_is_unreachable(connect, profile):
    assert "Operation not permitted" in connect(profile, "169.254.169.254", 80, "SOCK_DGRAM")
    assert "sent" in connect(profile, "169.254.169.253", 80, "SOCK_DGRAM")


def test_no_internet_reaches_loopback_only(host, connect):
    own = host.check_output("hostname -I").split()[0]
    assert "sent" in connect("standard", own, 22)
    assert "sent" not in connect("no_internet", own, 22)
    assert "sent" in connect("no_internet", "127.0.0.1", 22)


def test_no_loopback_reaches_everything_else(host, connect):
    own = host.check_output("hostname -I").split()[0]
    assert "sent" in connect("no_loopback", own, 22)
    assert "Operation not permitted" in connect("no_loopback", "127.0.0.1", 9, "SOCK_DGRAM")
    assert "sent" in connect("no_loopback", "127.0.0.53", 53, "SOCK_DGRAM")


@pytest.mark.parametrize("profile", PROFILES)
def test_run_is_its_own(inside, profile):
    seen = set(inside(profile, "cd /run && ls").split())
    assert seen <= {f"probe-{profile}", "credentials", "systemd", "user", "nscd", "nslcd", "resolvconf", "samba"}
    assert "dev-log" in inside(profile, "ls /run/systemd/journal")
    assert "Read-only file system" in inside(profile, "touch /run/mine")


def test_air_gapped_has_no_network(inside, connect):
    assert "not supported" in connect("air_gapped", "127.0.0.1", 22)
    devices = inside("air_gapped", "tail -n +3 /proc/net/dev | cut -d: -f1").split()
    assert devices == ["lo"]


def test_devices(inside):
    assert "initctl" not in inside("standard", "ls /dev")
    assert "initctl" in inside("gpu", "ls /dev")


def test_gpu_may_use_graphics_devices_only(host):
    allowed = set(show(host, "probe-gpu", "DeviceAllow").split())
    assert allowed == {"char-nvidia*", "char-drm", "char-kfd", "rw", "char-rtc", "r"}
    assert show(host, "probe-gpu", "DevicePolicy") == "closed"


def test_only_daemons_lose_writable_code(inside):
    command = f'python3 -c "{WRITABLE_CODE}" && echo mapped'
    assert inside("standard", command) == "mapped\n"
    assert "PermissionError" in inside("daemon", command)


def test_a_profile_of_the_inventory_applies(host, inside):
    assert show(host, "probe-own", "ProtectSystem") == "full"
    assert show(host, "probe-own", "NoNewPrivileges") == "no"
    assert "bob" in inside("own", "ls /home")


def test_single_directives_override_the_profile(host, inside):
    assert inside("changed", "umask") == "0027\n"
    assert show(host, "probe-changed", "PrivateDevices") == "no"
    assert show(host, "probe-changed", "ProtectSystem") == "strict"


def test_steps_before_the_start_may_still_be_root(host):
    assert host.file("/run/probe-changed/root-step").content_string == "0\n"
    assert host.file("/etc/probe-changed.step").user == "root"


def test_credentials_are_for_the_service_alone(host, inside):
    assert inside("standard", "cat $CREDENTIALS_DIRECTORY/secret") == "sesame"
    assert "sesame" not in inside("daemon", "cat /run/credentials/probe-standard.service/secret")
    assert "sesame" not in host.check_output("systemctl cat probe-standard")


@pytest.mark.parametrize("unit", ["probe-standard.service", "worker@one.service", "worker@two.service", "echo.socket"])
def test_enabled_and_running(host, unit):
    assert show(host, unit, "ActiveState") == "active"
    assert show(host, unit, "UnitFileState") == "enabled"


def test_ready_means_ready(host):
    """The unit became active only after the probe had answered."""
    unit = "_SYSTEMD_UNIT=probe-standard.service"
    asked = host.check_output("journalctl --no-pager --output=cat %s | grep GET", unit)
    answered_seconds = float(re.search(r"\[([0-9.]+)\]", asked).group(1))
    active_microseconds = int(show(host, "probe-standard", "ActiveEnterTimestampMonotonic"))
    assert active_microseconds >= answered_seconds * 1_000_000


def test_files_are_root_owned_and_readable(host):
    for path in ("/etc/systemd/system/worker@.service", "/usr/local/lib/nbops-wait-ready.py"):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_drop_ins(host):
    assert show(host, "ssh", "LimitNOFILE") == "65536"
    assert show(host, "foreign", "TasksMax") == "7"
    host.check_output("systemctl is-active person-1 || systemd-run --quiet --unit=person-1 sleep infinity")
    assert show(host, "person-1", "TasksMax") == "9"


def test_foreign_unit_was_not_restarted(host):
    assert show(host, "ssh", "MainPID") == host.file("/run/ssh-process").content_string.strip()


def test_each_owner_was_notified_once(host):
    for name in ("probes", "workers"):
        assert host.file(f"/run/{name}-notified").content_string == "\n"


ECHO = "import socket; s = socket.create_connection(('127.0.0.1', 7007)); s.send(b'hello'); print(s.recv(9))"


def test_socket_starts_its_service(host):
    assert "hello" in host.check_output("python3 -c %s", ECHO)


def test_timer_fired(host):
    assert host.file("/var/lib/private/tick/fired").exists


def test_path_is_watched(host):
    host.check_output("touch /run/inbox-letter")
    wait_until(lambda: host.file("/run/inbox-read").exists)


def test_mount_slice_and_target(host):
    assert host.mount_point("/mnt/scratch").filesystem == "tmpfs"
    assert show(host, "notebooks.target", "ActiveState") == "active"
    assert show(host, "notebooks.slice", "TasksMax") == "100"


def test_memory_limit_kills(host):
    host.run("systemctl start hungry")
    wait_until(lambda: show(host, "hungry", "Result") in ("oom-kill", "signal"))
    assert show(host, "hungry", "MemoryMax") == str(50 * 1024 * 1024)


def test_task_limit_refuses(host):
    host.run("systemctl start forking")
    wait_until(lambda: "Cannot fork" in host.check_output("journalctl --no-pager -o cat -u forking"))
    assert show(host, "forking", "CPUQuotaPerSecUSec") == "500ms"
    assert show(host, "forking", "LimitNOFILE") == "128"

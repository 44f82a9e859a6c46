"""What sshd says of its configuration is understood."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd as sshd_host
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import (
    Sshd,
    SshdError,
    admits,
    differences,
    key_files,
    keywords,
)

# Ends as sshd does without its directory, which has to belong to root; then shows what it sees and is asked.
SSHD = """#!/bin/sh
cd {run}/sshd 2>/dev/null && test -O . || {{ echo 'Missing privilege separation directory: {run}/sshd' >&2; exit 255; }}
echo "arguments $*"
cat {run}/other/socket {configuration}/*.conf
"""


def run_command(argv: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def runtime(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The place of /run, with something of another service."""
    runtime = tmp_path / "run"
    (runtime / "other").mkdir(parents=True)
    (runtime / "other" / "socket").write_text("other yes\n")
    monkeypatch.setattr(sshd_host, "_RUNTIME_DIRECTORY", str(runtime / "sshd"))
    return runtime


@pytest.fixture
def sshd(tmp_path: pathlib.Path, runtime: pathlib.Path) -> Sshd:
    for name in ("configuration", "staged"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.conf").write_text(f"from {name}\n")
    executable = tmp_path / "sshd"
    executable.write_text(SSHD.format(run=runtime, configuration=tmp_path / "configuration"))
    executable.chmod(0o755)
    return Sshd(run_command, str(executable))


@pytest.mark.parametrize("is_there", [True, False])
def test_sshd_is_asked_without_making_its_directory(sshd, runtime, tmp_path, is_there):
    if is_there:
        (runtime / "sshd").mkdir()
    before = sorted(runtime.rglob("*"))
    stage = {str(tmp_path / "configuration"): str(tmp_path / "staged")}
    condition = "user=ada,host=192.0.2.7,addr=192.0.2.7"
    assert sshd.effective(stage, "ada", "192.0.2.7") == {
        "arguments": (f"-T -C {condition}",),
        "other": ("yes",),
        "from": ("staged",),
    }
    assert sshd.alone("/a.conf")["arguments"] == ("-T -f /a.conf",)
    assert sorted(runtime.rglob("*")) == before


def test_what_sshd_refuses_is_an_error_with_its_reason(runtime):
    with pytest.raises(SshdError, match=r"^wrong line$"):
        Sshd(lambda _argv: (255, "", "wrong line\n"), "sshd").alone("/a.conf")


def test_other_values_are_seen() -> None:
    text = "# Port 1\nPasswordAuthentication no\nMaxAuthTries=4\n  X11Forwarding no\n"
    assert keywords(text) == ["passwordauthentication", "maxauthtries", "x11forwarding"]
    ours = {"passwordauthentication": ("no",), "maxauthtries": ("4",), "x11forwarding": ("no",), "port": ("22",)}
    assert differences(ours, text, {**ours, "port": ("2222",)}) == []
    assert differences(ours, text, {**ours, "maxauthtries": ("6",)}) == ["maxauthtries"]


@pytest.mark.parametrize(
    ("effective", "user", "answer"),
    [
        ({}, "ada", True),
        ({"pubkeyauthentication": ("no",)}, "ada", False),
        ({"permitrootlogin": ("no",)}, "root", False),
        ({"permitrootlogin": ("no",)}, "ada", True),
        ({"permitrootlogin": ("without-password",)}, "root", True),
        ({"allowusers": ("bob", "a*@10.0.0.0/8")}, "ada", True),
        ({"allowusers": ("bob",)}, "ada", False),
        ({"allowgroups": ("staff",)}, "ada", True),
        ({"allowgroups": ("wheel",)}, "ada", False),
        ({"denyusers": ("ada",)}, "ada", False),
        ({"denygroups": ("st*",), "allowusers": ("ada",)}, "ada", False),
    ],
)
def test_lists_of_users_and_groups_are_understood(effective: dict, user: str, answer: bool) -> None:
    assert admits(effective, user, {user, "staff"}) == answer


def test_files_of_keys_are_found() -> None:
    effective = {"authorizedkeysfile": (".ssh/authorized_keys /etc/ssh/keys/%u %h/keys none",)}
    assert key_files(effective, "ada", "/home/ada") == [
        "/home/ada/.ssh/authorized_keys",
        "/etc/ssh/keys/ada",
        "/home/ada/keys",
    ]


@pytest.mark.parametrize(("is_behind_socket", "verb"), [(True, "restart"), (False, "reload")])
def test_sshd_behind_a_socket_of_systemd_does_not_survive_a_reload(monkeypatch, is_behind_socket, verb):
    answers = {
        ("show", "--property=MainPID", "--value", "ssh.service"): (0, "1\n"),
        ("show", "--property=ActiveState", "--value", "ssh.service"): (0, "active\n"),
        ("is-active", "--quiet", "ssh.socket"): (0 if is_behind_socket else 3, ""),
        (verb, "ssh.service"): (0, ""),
    }
    ran = []

    def run(argv: list[str]) -> tuple[int, str, str]:
        ran.append(tuple(argv[1:]))
        return (*answers[ran[-1]], "")

    monkeypatch.setattr(sshd_host, "_listening", lambda _pid: {str((verb, "ssh.service") in ran)})
    assert Sshd(run, "/usr/sbin/sshd").reload()
    assert ran[-1] == (verb, "ssh.service")

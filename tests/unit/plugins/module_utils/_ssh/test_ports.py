"""SSH is where sshd and its socket listen."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.ports import listening_ports

SETTINGS = "port 22\nport 2222\naddressfamily any\nlistenaddress [::]:22\nlistenaddress 192.0.2.1:8022\n"
LISTEN = "Listen=[::]:2200 (Stream)\nListen=0.0.0.0:2201 (Stream)\nListen=/run/ssh.sock (Stream)\n"


@pytest.mark.parametrize(
    ("program", "settings", "socket", "ports"),
    [
        ("/usr/sbin/sshd", (0, SETTINGS, ""), "inactive", {22, 2222, 8022}),
        ("/usr/sbin/sshd", (255, "", "wrong line"), "inactive", set()),
        ("/usr/sbin/sshd", (0, "port 22\n", ""), "active", {22, 2200, 2201}),
        (None, (0, SETTINGS, ""), "active", {2200, 2201}),
    ],
)
def test_all_ports_are_found(tmp_path: pathlib.Path, monkeypatch, program, settings, socket, ports):
    def run(argv: list[str]) -> tuple[int, str, str]:
        if argv[0] == "systemctl":
            return 0, f"{socket}\n" if argv[1] == "is-active" else LISTEN, ""
        assert argv == [program, "-T"]
        return settings

    monkeypatch.setattr(sshd, "_RUNTIME_DIRECTORY", str(tmp_path))
    assert listening_ports(run, program) == ports

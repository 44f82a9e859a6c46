"""After refusals, an interruption and the removal of one site."""

from __future__ import annotations

import json
import socket

import pytest
from visitor import Visitor


@pytest.fixture
def visitor(host, address) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/lab.example.org/fullchain.pem").content_string)


def test_files_of_others_are_untouched(host):
    assert host.run("cd /etc/nginx && sha256sum --check --quiet /root/strangers.sha256").rc == 0
    assert host.file("/etc/nginx/conf.d/stranger.conf").mode == 0o600


def test_the_stranger_was_served_throughout(host):
    count = json.loads(host.file("/run/http-load.json").content_string)
    assert count["served"] > 100
    assert count["failed"] == 0


def test_nginx_was_never_restarted(host):
    before = host.file("/root/nginx.pid").content_string.strip()
    assert host.check_output("systemctl show --property=MainPID nginx") == before


def test_the_interrupted_change_is_live(visitor):
    assert visitor.ask("lab.example.org").headers["Strict-Transport-Security"] == "max-age=2"


def test_nothing_is_left_of_the_removed_site(host, address):
    assert not host.file("/etc/nginx/conf.d/nbops-ports.conf").exists
    assert not host.file("/etc/ssl/jupyter/ports.example.org").exists
    for port in 8080, 8443:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=30)


def test_nothing_is_left_of_the_attempts(host):
    names = {"00-nbops.conf", "nbops-foreign.conf", "stranger.conf"}
    names |= {f"nbops-{site}.conf" for site in ("kinds", "lab", "own-certificate")}
    assert set(host.file("/etc/nginx/conf.d").listdir()) == names
    assert not host.file("/run/nginx-config.pending").exists
    assert not host.file("/var/log/nginx/nowhere.access.log").exists

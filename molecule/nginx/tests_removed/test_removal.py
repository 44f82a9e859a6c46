"""After the removal of every site."""

from __future__ import annotations

from visitor import ask_plain


def test_nothing_of_ours_is_left(host):
    assert set(host.file("/etc/nginx/conf.d").listdir()) == {"nbops-foreign.conf", "stranger.conf"}
    assert host.run("grep --recursive --files-with-matches jupyter /etc/nginx").stdout == ""
    assert not host.file("/etc/nginx/nbops").exists
    assert not host.file("/etc/ssl/jupyter/lab.example.org").exists


def test_nothing_of_others_is_lost(host, address):
    assert host.run("cd /etc/nginx && sha256sum --check --quiet /root/strangers.sha256").rc == 0
    assert host.run("sha256sum --check --quiet /root/own.sha256").rc == 0
    assert ask_plain(address, "stranger.example.org", port=8000).body == b"stranger"
    assert host.service("nginx").is_running

"""Removal takes everything of ours, the shared tools with the last application, and nothing of others."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host) -> None:
    for path in ("/opt/locked", "/srv/apps/listed", "/opt/python_venv"):
        assert not host.file(path).exists


def test_nothing_of_others_is_lost(host) -> None:
    assert host.check_output("ls -A /opt/offline").split() == ["notes.txt"]
    assert host.file("/srv/apps").is_directory
    assert host.file("/opt/foreign/current").is_directory

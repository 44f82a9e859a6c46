"""After a password was rotated, a wrong option refused and a server removed."""

from __future__ import annotations

from notebook_client import NotebookClient


def test_the_new_password_opens_and_the_old_does_not(tunnel) -> None:
    url = f"http://127.0.0.1:{tunnel('127.0.0.1:8888')}/alice/"
    assert not NotebookClient(url).login("correct horse battery")
    client = NotebookClient(url)
    assert client.login("a new battery staple")
    with client.kernel() as kernel:
        assert kernel.run("6*7") == "42"


def test_python_that_is_not_listed_any_more_is_gone(host) -> None:
    assert not host.file("/etc/jupyterlab/alice/python_config").exists
    assert "python_config" not in host.file("/etc/systemd/system/jupyterlab-alice.service").content_string


def test_nothing_of_the_removed_server_is_left_but_what_is_the_persons(host) -> None:
    assert not host.service("jupyterlab-carol").exists
    for path in (
        "/etc/jupyterlab/carol",
        "/var/lib/jupyterlab/carol",
        "/var/lib/jupyterlab/.healthy/carol.json",
        "/run/jupyterlab/carol",
        "/opt/jupyterlab-carol",
    ):
        assert not host.file(path).exists
    assert host.user("carol").exists
    assert host.file("/home/carol").is_directory


def test_the_others_still_serve(host) -> None:
    assert host.service("jupyterlab-bob").is_running
    assert host.file("/opt/jupyterlab/current/bin/jupyter-lab").exists

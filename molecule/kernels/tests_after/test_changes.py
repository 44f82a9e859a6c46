"""After kernels changed hands, and some were left out."""

from __future__ import annotations

from notebook_client import NotebookClient

TOKEN = "0123456789abcdef0123456789abcdef"


def names(tunnel, person: str) -> set[str]:
    port = tunnel(f"/run/jupyterlab/{person}.sock")
    return set(NotebookClient(f"http://127.0.0.1:{port}/", token=TOKEN).get("api/kernelspecs").json()["kernelspecs"])


def test_the_servers_show_the_change_without_a_restart(host, tunnel) -> None:
    large = {"bookworm": "ir", "trixie": "octave"}[host.system_info.codename]
    assert names(tunnel, "bob") == {"python3", "six", "foreign", large}
    assert names(tunnel, "alice") == {"python3", "six", "foreign", "bash", large}


def test_the_environments_were_removed_with_their_kernels(host) -> None:
    assert not host.file("/opt/jupyter-kernels/five").exists
    assert not host.file("/opt/another").exists
    assert host.run("runuser -u bob -- test -x /opt/jupyter-kernels/bash/current/bin/python").rc == 1
    assert host.run("runuser -u bob -- test -x /opt/jupyter-kernels/six/current/bin/python").rc == 0


def test_environments_of_others_stay(host) -> None:
    assert host.file("/srv/venvs/old/bin/python").exists
    assert host.file("/opt/miniforge/bin/python").exists

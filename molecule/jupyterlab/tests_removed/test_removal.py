"""After the last server was removed."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host) -> None:
    assert (
        host.check_output("find / -xdev -not -path '/proc/*' -iname '*jupyterlab*' -not -path '/home/*' -print") == ""
    )
    assert host.check_output("systemctl list-units --all --plain --no-legend 'jupyterlab-*'") == ""
    for path in ("/opt/python_venv", "/usr/local/lib/nbops-wait-ready.py"):
        assert not host.file(path).exists


def test_nothing_of_the_persons_is_lost(host) -> None:
    assert host.file("/home/alice/notebooks/.hidden.txt").content_string == "x"
    assert host.file("/home/alice/.jupyter/jupyter_server_config.json").exists
    assert host.user("bob").exists

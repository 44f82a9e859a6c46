"""After the last kernel was removed."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host) -> None:
    for path in ("/opt/jupyter-kernels", "/opt/miniforge", "/opt/python_venv"):
        assert not host.file(path).exists
    assert host.check_output("find / -xdev -name '.nbops*' -o -xdev -path '/opt/.*'") == ""


def test_nothing_of_others_is_lost(host) -> None:
    assert (
        host.check_output("find /usr/local/share/jupyter -type f")
        == "/usr/local/share/jupyter/kernels/foreign/kernel.json"
    )
    assert host.run("/srv/venvs/old/bin/python -c 'import ipykernel'").rc == 0
    assert host.user("alice").exists
    assert host.group("analysts").exists

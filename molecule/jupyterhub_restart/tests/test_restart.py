"""A hub after a restart, a changed option, one more user, an upgrade that failed and one that did not."""

from __future__ import annotations

import json
import os
import pathlib

COUNTS = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def test_a_restart_interrupts_no_work(host) -> None:
    """One kernel, one websocket, one server and no failed request through all of it."""
    count = json.loads((COUNTS / f"{host.backend.host}.json").read_text())
    assert count["failures"] == []
    assert count["answers"] > 100


def test_the_hub_is_the_newest_and_its_database_with_it(host) -> None:
    hub = json.loads(host.check_output("curl --silent http://127.0.0.1:8081/hub/api/"))
    assert hub["version"].split(".")[0] == "6"
    assert host.check_output("ls /var/lib/jupyterhub/backups").startswith("5.")
    assert not host.file("/var/lib/jupyterhub/upgrade.json").exists


def release_of_adas_server(host) -> str:
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-user-ada")
    return host.check_output(f"cut --delimiter=/ --fields=1-6 < /proc/{pid}/cmdline")


def test_a_running_server_keeps_its_release_and_the_next_one_has_the_new(host, person) -> None:
    ada = person("ada")
    before, current = release_of_adas_server(host), host.check_output("realpath /opt/jupyterhub/user/current")
    assert before != current
    assert host.file(f"{before}/release.json").exists
    with ada.enter("ada").kernel() as kernel:
        assert kernel.run("6*7") == "42"
    # The hub that started it reached no socket; systemd has its port, until it stops.
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-user-ada")
    assert f"pid={pid}," not in host.check_output("ss --listening --tcp --numeric --processes")
    assert host.socket("unix:///run/jupyterhub-sockets/ada/server.sock").is_listening
    port = "jupyterhub-port-ada.socket"
    assert host.check_output(f"systemctl is-active {port}") == "active"
    ada.stop()
    assert host.run(f"systemctl is-active {port}").stdout.strip() == "inactive"
    with ada.start().kernel() as kernel:
        assert kernel.run("import jupyterhub, cowsay; print(jupyterhub.__version__[0])") == "6"
    assert release_of_adas_server(host) == current
    ada.stop()


def test_a_user_added_meanwhile_can_work(host, person) -> None:
    grace = person("grace")
    with grace.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    grace.stop()

"""A hub goes back on demand, from an upgrade that succeeded: to the state before, and over a change of the schema."""

from __future__ import annotations

import json
import re
import subprocess

from hub import status_of
from playbook import changes, run_playbook

# Whom a database knows.
KNOWN = (
    "python3 -c 'import sqlite3, sys; "
    'print(sqlite3.connect(sys.argv[1]).execute("select name from users").fetchall())\' %s'
)
STATE = re.compile(r"until (\w+): JupyterHub (\d)[.\d]+(?:, with the database of \w+ .*=(\w+)\))?")


def roll_back(host, **variables: str) -> subprocess.CompletedProcess[str]:
    inventories = ["inventory/hub.yml", "jupyterhub_restart/inventory/hosts.yml"]
    return run_playbook(host, "rollback", inventories, **variables)


def states(host) -> list[tuple[str, str, str]]:
    """Of each state its time, the major version of JupyterHub, and the time since which it loses things."""
    run = roll_back(host)
    assert (run.returncode, changes(run)) == (0, 0), run.stdout
    return STATE.findall(run.stdout)


def major(host) -> str:
    return json.loads(host.check_output("curl --silent http://127.0.0.1:8081/hub/api/"))["version"][0]


def has_cowsay(host) -> bool:
    return host.run("ls -d /opt/jupyterhub/user/current/lib/python3*/site-packages/cowsay").rc == 0


def test_back_to_the_state_before_and_a_server_runs_on(host, person) -> None:
    assert (has_cowsay(host), states(host)[0][1:]) == (True, ("6", ""))
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert kernel.run("answer = 42; answer") == "42"
        assert changes(roll_back(host, jupyter_rollback_to="previous")) == 1
        assert not has_cowsay(host)
        assert kernel.run("answer") == "42"
    assert (major(host), ada.state()["ready"]) == ("6", True)


def test_over_a_change_of_the_schema_only_with_the_loss_named(host, person) -> None:
    until, _version, lost = next(state for state in states(host) if state[1] == "5")
    assert lost
    host.check_output("useradd late")
    users = "http://127.0.0.1:8081/hub/api/users"
    assert status_of(host, f"{users}/late", "/etc/jupyterhub/secrets/users_token", "POST") == "201"
    run = roll_back(host, jupyter_rollback_to=until)
    assert (run.returncode, changes(run), major(host)) == (2, 0, "6"), run.stdout
    assert f"If that is meant, say so: lose_since: {lost}." in run.stdout

    run = roll_back(host, jupyter_rollback_to=until, jupyter_rollback_lose_since=lost)
    assert (run.returncode, changes(run), major(host)) == (0, 1, "5"), run.stdout
    kept = re.search(r"The database of until now is kept as (\S+sqlite)\.", run.stdout)[1]
    assert "late" in host.check_output(KNOWN, kept)
    assert "late" not in host.check_output(KNOWN, "/var/lib/jupyterhub/jupyterhub.sqlite")
    # Her server started since, and the hub of then would not know it.
    assert host.run("pgrep --euid ada --full jupyterhub-singleuser").rc != 0
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert kernel.run("import jupyterhub; jupyterhub.__version__[0]") == "'5'"
    ada.stop()


def test_forward_again_loses_nothing(host, person) -> None:
    until, version, lost = states(host)[0]
    assert (version, lost) == ("6", "")
    run = roll_back(host, jupyter_rollback_to=until)
    assert (run.returncode, major(host)) == (0, "6"), run.stdout
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    ada.stop()

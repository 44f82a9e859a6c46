"""A visit to hubs whose people log in elsewhere: where no form lets anybody but a person in, and by a named account."""

from __future__ import annotations

import json
import pathlib

import yaml
from playbook import inventory_options, run_ansible

HERE = pathlib.Path(__file__).resolve().parents[1]
# The hubs as the scenario deploys them, by their plays.
WEB, HOUSE = range(2)
AT_WORK = ["start", "kernel", "websocket", "cell", "files", "stop"]


def variables(play: int) -> dict[str, object]:
    """What a play of the scenario says of its hub."""
    told = yaml.safe_load((HERE / "converge.yml").read_text())[play]
    files = [yaml.safe_load((HERE / file).read_text()) for file in told["vars_files"]]
    (task,) = told["tasks"]
    return {name: value for part in (*files, task["vars"]) for name, value in part.items()}


def visit(host, directory: pathlib.Path, play: int, **named: str) -> tuple[int, dict[str, dict[str, str]], str]:
    """The exit code of the playbook, its rows by their steps, and all that it said."""
    hub = {"hosts": {host.backend.host: {}}, "vars": {**variables(play), **named}}
    inventory = directory / "hub.json"
    inventory.write_text(json.dumps({"jupyterhub": hub}))
    run = run_ansible(
        "nbops.jupyter.verify", "--extra-vars=jupyter_status_format=json", *inventory_options(str(inventory))
    )
    rows = [json.loads(line)["rows"] for line in run.stdout.splitlines() if line.startswith("{")]
    return run.returncode, {row["check"]: row for found in rows for row in found}, run.stdout


def test_a_hub_with_a_provider_is_used_by_a_token_and_followed_to_the_provider_s_page(host, tmp_path) -> None:
    code, rows, output = visit(host, tmp_path, WEB)
    assert code == 0, output
    assert [rows.pop(step)["state"] for step in AT_WORK] == ["ok"] * len(AT_WORK)
    login = rows["login"]
    assert login["state"] == "skip"
    assert "people log in at a provider (generic_oauth); a token of the hub for nbops-probe is used." in login["text"]
    assert login["text"].endswith("The page of hub.example.org:9443 comes.")
    assert not host.user("nbops-probe").exists


def test_a_person_of_the_directory_is_visited_under_the_name_of_their_account(host, resident, tmp_path) -> None:
    """Whom the directory calls countess is ada here."""
    named = {"jupyter_verify_user": "countess", "jupyter_verify_password": "correct horse battery"}
    code, rows, output = visit(host, tmp_path, HOUSE, **named)
    assert code == 0, output
    assert rows["login"]["text"] == "jupyterhub-house: As ada, by the login page."
    assert {rows[step]["state"] for step in AT_WORK} == {"ok"}
    assert resident("countess").state() == {}, "the server has stopped"

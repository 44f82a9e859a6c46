"""The same host as Debian 13: nothing starts until the playbook has run, and then everything is there."""

from __future__ import annotations

import json

from playbook import changes, inventory_options, run_ansible, run_playbook

INVENTORIES = ["inventory/hub.yml", "os_upgrade/inventory/hosts.yml"]


def rows(host) -> tuple[int, list[dict[str, str]]]:
    """The exit code of the status, and its rows."""
    options = [f"--limit={host.backend.host}", *inventory_options(*INVENTORIES)]
    run = run_ansible("nbops.jupyter.status", "--extra-vars=jupyter_status_format=json", *options)
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert found, run.stdout
    return run.returncode, found[0]["rows"]


def test_the_status_says_why_nothing_starts_and_what_to_do(host) -> None:
    assert "trixie" in host.file("/etc/os-release").content_string
    code, found = rows(host)
    assert code == 2
    texts = [row["text"] for row in found if (row["check"], row["state"]) == ("python", "red")]
    environments = [f"/opt/jupyterhub/{one}" for one in ("hub", "proxy", "user")]
    assert sorted(text.partition(":")[0] for text in texts) == environments
    assert all(text.endswith("run the playbook, which builds it anew.") for text in texts)


def test_one_run_heals_the_host(host) -> None:
    run = run_playbook(host, "jupyterhub", INVENTORIES)
    assert run.returncode == 0, run.stdout
    code, found = rows(host)
    assert (code, [row for row in found if row["state"] == "red"]) == (0, [])


def test_a_second_run_changes_nothing(host) -> None:
    run = run_playbook(host, "jupyterhub", INVENTORIES)
    assert (run.returncode, changes(run)) == (0, 0), run.stdout


def test_the_environments_hold_what_the_lock_says_for_the_new_python(host) -> None:
    _code, found = rows(host)
    assert [row["state"] for row in found if row["check"] == "versions"] == ["ok"] * 3
    (text,) = [row["text"] for row in found if row["check"] == "python"]
    assert "cpython-3.13" in text


def test_people_have_their_files_and_a_kernel_of_the_new_python(person) -> None:
    with person("ada").start().kernel() as kernel:
        assert kernel.run("import sys; print(open('work.txt').read(), sys.version_info[:2])") == "kept (3, 13)"
    assert person("grace").start()

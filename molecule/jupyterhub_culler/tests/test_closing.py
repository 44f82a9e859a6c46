"""Before maintenance, the hub starts no more servers, and says why; who works goes on."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator

import pytest
from playbook import inventory_options, run_role

INVENTORIES = inventory_options("inventory/hub.yml", "jupyterhub_culler/inventory/hosts.yml")
WHY = "Maintenance until noon & not longer."
# Without profiles to choose from, the page that starts a server does it at once.
CLOSED = {"jupyterhub_closed": WHY, "jupyterhub_profiles": []}


@pytest.fixture
def closing() -> Iterator[Callable[[], None]]:
    """Closes the hub, which is open again after the test."""
    yield lambda: run_role("jupyterhub", f"--extra-vars={json.dumps(CLOSED)}", *INVENTORIES)
    run_role("jupyterhub", *INVENTORIES)


def test_a_hub_that_is_closed_starts_nobody_and_stops_nobody(host, person, closing: Callable[[], None]) -> None:
    ada, grace = person("ada"), person("grace")
    with ada.start().kernel() as kernel:
        kernel.run("kept = 1")
        closing()
        page = grace.get("spawn")
        assert page.status_code == 403
        assert page.text.count(html.escape(WHY)) == 2  # above every page, and as the answer
        answer = grace.request("POST", "users/grace/server")
        assert WHY in answer.json()["message"]
        assert html.escape(WHY) in grace.get("home").text
        assert kernel.run("print(kept)") == "1"
    ada.stop()
    assert not host.service("jupyterhub-user-grace").is_running


def test_a_hub_that_is_open_again_starts_servers(person) -> None:
    grace = person("grace")
    assert grace.start()
    grace.stop()

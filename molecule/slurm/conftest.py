"""People at the controller, and the nodes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from slurm_jobs import Person


@pytest.fixture
def other(host) -> Callable:
    """Another host of the scenario, by its name."""
    inventory = host.backend.ansible_runner.inventory_file
    return lambda name: host.get_host(f"ansible://{name}", ansible_inventory=inventory, sudo=True)


_submitted: list[str] = []


@pytest.fixture(scope="module")
def overdue(host) -> str:
    """A job that is going to take longer than it may. Slurm counts minutes, so it begins with the first test of all."""
    if not _submitted:
        _submitted.append(Person(host, "ada").submit("sleep infinity", "--time=1", "--mem=100M"))
    return _submitted[0]


@pytest.fixture
def ada(host) -> Person:
    return Person(host, "ada")


@pytest.fixture
def bob(host) -> Person:
    return Person(host, "bob")

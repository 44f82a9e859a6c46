"""What the status says of a hub's database in PostgreSQL."""

from __future__ import annotations

import json

import pytest
from playbook import run_playbook

INVENTORIES = ["inventory/hub.yml", "jupyterhub_postgres/inventory/hosts.yml"]
CONFIGURATION = "/etc/postgresql/15/main/postgresql.conf"
# As Debian's upgrade leaves it: of the server before, its data and its configuration.
OLD_CLUSTER = (
    f"cp --archive /etc/postgresql/17 /etc/postgresql/15 && sed -i 's/^port = .*/port = 5433/' {CONFIGURATION}"
)


def database_rows(host) -> list[tuple[str, str]]:
    run = run_playbook(host, "status", INVENTORIES, jupyter_status_format="json")
    (found,) = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return [(row["state"], row["text"]) for row in found["rows"] if row["check"] == "database"]


def test_the_revision_of_a_database(host) -> None:
    question = (
        "runuser -u postgres -- psql --no-align --tuples-only --command='SELECT version_num FROM alembic_version'"
    )
    revision = host.check_output(f"cd / && {question} jupyterhub")
    ((state, text),) = database_rows(host)
    assert state == "ok"
    assert text.startswith(f"jupyterhub: PostgreSQL, revision {revision}, ")


@pytest.fixture
def old_cluster(host):
    host.check_output(OLD_CLUSTER)
    yield
    host.check_output("rm --recursive /etc/postgresql/15")


def test_a_cluster_of_the_debian_before_gets_words(host, old_cluster) -> None:
    _database, (state, text) = database_rows(host)
    assert state == "warn"
    assert text.startswith("PostgreSQL 17 main answers, and 15 main of before an upgrade is still there.")

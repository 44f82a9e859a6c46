"""After the removal of both hubs."""

from __future__ import annotations


def test_local_servers_have_ended_with_their_hub(host) -> None:
    assert host.run("pgrep --euid marie").rc != 0


def test_the_database_of_the_role_is_gone_and_the_one_from_elsewhere_is_not(host) -> None:
    databases = host.check_output(
        "runuser -u postgres -- psql --no-align --tuples-only --command='SELECT datname FROM pg_database'"
    )
    assert {"physics", "jupyterhub"} & set(databases.splitlines()) == {"physics"}

"""The team after people came and went, without a restart of anything."""

from __future__ import annotations

import pytest
from hub import status_of


def test_a_new_user_works_and_became_an_administrator(host, person) -> None:
    linus = person("linus")
    assert linus.request("GET", "users").status_code == 200
    with linus.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    shown = host.check_output("systemctl show --property=MemoryMax --value jupyterhub-user-linus")
    assert shown == str(2**30), "the group that raised the limit was left"
    linus.stop()


def test_python_that_is_not_listed_any_more_is_gone(host) -> None:
    assert not host.file("/etc/jupyterhub/python_config").exists
    assert host.service("jupyterhub-user-ada").is_running


@pytest.mark.parametrize("name", ["grace", "mary", "hedy"])
def test_a_removed_user_cannot_log_in(host, person, name: str) -> None:
    assert not person().login(name, "correct horse battery")
    assert not host.service(f"jupyterhub-user-{name}").is_running


def test_accounts_stay_and_homes_go_as_asked(host) -> None:
    assert host.user("grace").exists
    assert "jupyterhub" not in host.user("grace").groups
    assert not host.file("/home/mary").exists
    archive = host.check_output("ls /var/backups/jupyterhub/")
    assert archive.startswith("mary-")
    assert "thesis" in host.check_output("tar --list --file=/var/backups/jupyterhub/%s", archive)
    assert not host.file("/home/hedy").exists
    # Nobody else gets their uids.
    for name in ("mary", "hedy"):
        assert host.check_output("getent shadow %s", name).split(":")[7] == "1"
        assert host.user(name).groups == [name]


def test_the_token_of_a_removed_user_is_void(host) -> None:
    assert status_of(host, "http://127.0.0.1:8081/hub/api/user", "/root/token-of-hedy") == "403"

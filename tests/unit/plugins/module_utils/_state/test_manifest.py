"""What a snapshot may say, and what of it keeps it from a host."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Group, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._state import manifest
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import Manifest, ManifestError, Person

ADA = Person(
    name="ada",
    uid=1001,
    gid=1001,
    group="ada",
    comment="Ada",
    home="/home/ada",
    login_shell="/bin/bash",
    local=True,
    groups={"jupyterhub": 993, "team": 2000},
    password="$6$salt$" + "a" * 40,
    data="/home/ada",
)
MADE = Manifest(
    host="old",
    time=1.0,
    hub="jupyterhub",
    database="sqlite",
    labs=("lab",),
    versions={"system": "debian 13"},
    people=(ADA,),
    paths=("/srv/shared",),
    locks={"/opt/jupyterhub/hub": "locks/0.txt"},
    files={
        "locks/0.txt": "0" * 64,
        "database": "1" * 64,
        "files/etc/jupyterhub/secrets/cookie_secret": "2" * 64,
        "files/var/lib/jupyterlab/lab/cookie_secret": "3" * 64,
    },
)
EMPTY = Host({}, {})


def with_ada(**changes: Any) -> Manifest:
    return dataclasses.replace(MADE, people=(dataclasses.replace(ADA, **changes),))


def with_file(path: str, digest: str = "4" * 64) -> Manifest:
    return dataclasses.replace(MADE, files={**MADE.files, path: digest})


def test_it_comes_back_as_it_was_written() -> None:
    assert manifest.parse(MADE.text().encode()) == MADE


@pytest.mark.parametrize(
    ("made", "message"),
    [
        # Names and numbers that would make somebody root, or lead root elsewhere.
        (with_ada(name="../ada"), "has a name"),
        (with_ada(uid=0), "has a number"),
        (with_ada(gid=27), "has a number"),
        (with_ada(group="sudo"), "has a group"),
        (with_ada(groups={"docker": 2001}), "has a group"),
        (with_ada(groups={"postgres": 105}), "has a group"),
        (with_ada(comment="Ada:0:0"), "has a comment"),
        (with_ada(comment="Ada\nroot"), "has a comment"),
        (with_ada(home="/etc/cron.d"), "has a home"),
        (with_ada(home="/home/../etc/x"), "has a home"),
        (with_ada(home="/home"), "has a home"),
        (with_ada(data="/root/.ssh"), "has a home"),
        (with_ada(login_shell="/bin/sh -c id"), "has a shell"),
        (with_ada(password="plain text"), "has a password"),
        (with_ada(expires="never"), "has a expiry"),
        (with_file("files/../../etc/passwd"), "where no backup puts one"),
        (with_file("etc/passwd"), "where no backup puts one"),
        (with_file("locks/1.txt", "short"), "hashes that are none"),
        (dataclasses.replace(MADE, locks={"../hub": "locks/0.txt"}), "where no environment is"),
        (dataclasses.replace(MADE, locks={"/opt/jupyterhub/hub": "locks/9.txt"}), "where no environment is"),
        (dataclasses.replace(MADE, paths=("/srv/../etc",)), "is no path"),
    ],
)
def test_what_no_backup_says_is_refused(made: Manifest, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        manifest.parse(made.text().encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        (json.dumps({**json.loads(MADE.text()), "layout": 2}), "has the layout 2"),
        (json.dumps({**json.loads(MADE.text()), "more": 1}), "damaged"),
    ],
)
def test_a_damaged_or_newer_one_is_refused(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        manifest.parse(text.encode())


def test_an_account_fits_a_host_where_nobody_has_its_name_or_number() -> None:
    same = Host({"ada": Account("ada", 1001, 1001)}, {"ada": Group("ada", 1001), "team": Group("team", 2000)})
    for host in (EMPTY, same):
        assert manifest.account_problems((ADA,), host) == []


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (Host({"ada": Account("ada", 1002, 1002)}, {}), "ada has the number 1001 in the snapshot, and 1002 here"),
        (Host({"bob": Account("bob", 1001, 1002)}, {}), "the number 1001 of ada belongs to bob here"),
        (Host({}, {"ada": Group("ada", 1002)}), "the group ada has the number 1001 in the snapshot, and 1002 here"),
        (Host({}, {"bob": Group("bob", 1001)}), "the number 1001 of the group ada belongs to bob here"),
        (Host({}, {"bob": Group("bob", 2000)}), "the number 2000 of the group team belongs to bob here"),
    ],
)
def test_a_collision_is_told(host: Host, message: str) -> None:
    (problem,) = manifest.account_problems((ADA,), host)
    assert problem.startswith(message)


def test_a_person_of_a_directory_service_has_to_be_known() -> None:
    person = dataclasses.replace(ADA, local=False)
    assert "this host does not know it" in manifest.account_problems((person,), EMPTY)[0]
    assert manifest.account_problems((person,), Host({"ada": Account("ada", 1001, 1001, local=False)}, {})) == []


def test_root_places_only_what_belongs_to_the_inventory() -> None:
    assert manifest.strangers(MADE, "jupyterhub", ["lab"], ["/srv/shared"]) == []
    assert len(manifest.strangers(MADE, "", ["lab"], ["/srv/shared"])) == 2
    assert len(manifest.strangers(MADE, "jupyterhub", [], ["/srv/shared"])) == 1
    assert "backup_paths" in manifest.strangers(MADE, "jupyterhub", ["lab"], [])[0]
    for path in ("files/etc/cron.d/job", "files/etc/jupyterhub/config.json", "files/var/lib/jupyterhub/x/y"):
        assert len(manifest.strangers(with_file(path), "jupyterhub", ["lab"], ["/srv/shared"])) == 1


def test_groups_of_the_system_do_not_follow_an_account() -> None:
    groups = {"jupyterhub": 993, "sudo": 27, "postgres": 105, "team": 2000, "docker": 2001}
    assert manifest.kept_groups(groups, "jupyterhub") == {"jupyterhub": 993, "team": 2000}

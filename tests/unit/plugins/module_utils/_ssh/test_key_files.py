"""Which files of keys change, and that they do."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, AccountPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.home import KEYS, MORE_KEYS
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.key_files import KeyPlan, apply_keys, plan_keys

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOa0ySrhcJVHrS2pZX0vcTzJW0EpYQ2wQbYq0Qp1Zt4L ada@laptop"
NOTHING = KeyPlan({}, [])


@pytest.fixture
def ada(tmp_path: pathlib.Path) -> Account:
    home = tmp_path / "ada"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    return Account("ada", os.geteuid(), os.getegid(), home=str(home))


def person(**more: Any) -> dict[str, Any]:
    return {"name": "ada", "state": "present", "authorized_keys": [KEY], "exclusive_keys": True, **more}


def put(ada: Account, name: str, text: str, mode: int = 0o600) -> None:
    path = pathlib.Path(ada.home, ".ssh", name)
    path.write_text(text)
    path.chmod(mode)


def files(ada: Account) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(pathlib.Path(ada.home, ".ssh").iterdir())}


def plan(who: dict[str, Any], ada: Account, **account_plan: Any) -> KeyPlan:
    return plan_keys([who], {"ada": ada}, AccountPlan(**account_plan))


@pytest.mark.parametrize(
    ("who", "before", "mode", "after"),
    [
        ({}, None, 0o600, KEY),
        ({}, KEY, 0o600, None),
        ({}, KEY, 0o644, KEY),
        ({}, "# mine", 0o600, KEY),
        ({"exclusive_keys": False}, "# mine", 0o600, f"# mine\n{KEY}"),
        ({"authorized_keys": []}, KEY, 0o600, ""),
        ({"authorized_keys": []}, None, 0o600, None),
        ({"authorized_keys": [], "exclusive_keys": False}, KEY, 0o644, KEY),
    ],
)
def test_a_file_that_differs_is_written_once(ada, who, before, mode, after):
    if before is not None:
        put(ada, KEYS, f"{before}\n", mode)
    found = plan(person(**who), ada)
    text = f"{after}\n" if after else after
    assert found == (NOTHING if after is None else KeyPlan({"ada": text}, []))
    assert found.changed() == ([] if after is None else ["ada"])
    apply_keys(found, {"ada": ada})
    if after is not None:
        assert files(ada) == {KEYS: text}
    assert plan(person(**who), ada) == NOTHING


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_second_file_goes_where_keys_are_exclusive(ada, exclusive):
    put(ada, KEYS, f"{KEY}\n")
    put(ada, MORE_KEYS, "more\n")
    found = plan(person(exclusive_keys=exclusive), ada)
    assert found == KeyPlan({}, [("ada", MORE_KEYS)] if exclusive else [])
    apply_keys(found, {"ada": ada})
    assert (MORE_KEYS in files(ada)) == (not exclusive)


def test_a_home_that_is_made_anew_is_not_looked_at(ada, tmp_path):
    (tmp_path / "ada" / ".ssh").rmdir()
    (tmp_path / "ada").rmdir()
    assert plan(person(), ada, homes=["ada"]) == KeyPlan({"ada": f"{KEY}\n"}, [])
    assert plan_keys([person(authorized_keys=[])], {}, AccountPlan(homes=["ada"])) == NOTHING


def test_who_leaves_loses_both_files(ada):
    put(ada, KEYS, "one\n")
    put(ada, MORE_KEYS, "two\n")
    leaving = person(state="absent")
    found = plan(leaving, ada)
    assert found == KeyPlan({}, [("ada", KEYS), ("ada", MORE_KEYS)])
    assert found.changed() == ["ada"]
    apply_keys(found, {"ada": ada})
    assert files(ada) == {}
    assert plan(leaving, ada) == NOTHING


def test_who_leaves_with_the_home_or_has_no_home_or_account_loses_no_files(ada):
    put(ada, KEYS, "one\n")
    leaving = person(state="absent")
    assert plan(leaving, ada, remove={"ada": False}) == NOTHING
    assert plan_keys([leaving], {}, AccountPlan()) == NOTHING
    assert plan(leaving, Account("ada", 1000, 1000)) == NOTHING


def test_an_error_begins_with_the_name(ada, tmp_path):
    (tmp_path / "ada" / ".ssh").rmdir()
    (tmp_path / "ada" / ".ssh").symlink_to(tmp_path)
    message = r"^ada: .*/\.ssh is a link or no directory"
    with pytest.raises(ValueError, match=message):
        plan(person(), ada)
    with pytest.raises(ValueError, match=message):
        apply_keys(KeyPlan({"ada": KEY}, []), {"ada": ada})
    with pytest.raises(ValueError, match=r"^ada: \[Errno 2\]"):
        plan(person(), Account("ada", 1000, 1000, home=str(tmp_path / "nowhere")))

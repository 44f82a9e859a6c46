"""Users as they are declared and accounts as a host has them, for the tests of this folder."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Group, Host, mark

HUB = "jupyterhub"
HASH = "$y$j9T$abcdefgh$ijklmnop"


def user(name: str = "ada", **values: object) -> dict:
    defaults = {
        "state": "present",
        "admin": False,
        "groups": [],
        "unix_groups": [],
        "password": "",
        "password_hash": "",
        "home": "keep",
    }
    return {"name": name, **defaults, **values}


def ours(name: str = "ada", **values: object) -> Account:
    return Account(name, 1001, 1001, **{"comment": mark(HUB), "home": f"/home/{name}", **values})


def strangers(name: str = "ada", **values: object) -> Account:
    return ours(name, **{"comment": "Ada", **values})


def host(*accounts: Account, **groups: tuple[str, ...]) -> Host:
    found = {name: Group(name, number, members) for number, (name, members) in enumerate(groups.items(), 2000)}
    return Host({account.name: account for account in accounts}, found)

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounting of a cluster: its daemon, its database, and the accounts on whose behalf people work."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.slurm_config import IPV6

CONFIGURATION = "/etc/slurm/slurmdbd.conf"
DATABASE = "slurm_acct_db"
KEPT_PACKAGES = ["mariadb-server"]
# Slurm writes names of accounts in lower case.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
# The login is the account of the host, so there is no password.
LOGIN = "`slurm`@`localhost`"
GRANTS = [
    f"GRANT USAGE ON *.* TO {LOGIN} IDENTIFIED VIA unix_socket",
    f"GRANT ALL PRIVILEGES ON `{DATABASE}`.* TO {LOGIN}",
]
DAEMON = {
    "AuthType": "auth/munge",
    "SlurmUser": "slurm",
    "StorageType": "accounting_storage/mysql",
    "StorageHost": "localhost",
    "StorageUser": "slurm",
    "StorageLoc": DATABASE,
    # The account slurm may write there, and not in /run itself.
    "PidFile": "/run/slurmdbd/slurmdbd.pid",
    "PrivateData": "accounts,events,jobs,reservations,usage,users",
}
# What the daemon forgets after a time; all of it says what people have done, or when.
FORGOTTEN = ("Event", "Job", "Resv", "Step", "Suspend", "TXN", "Usage")
# The clusters as each controller notes its own; sacctmgr does not tell the numbers.
NUMBERS = "SELECT CONCAT(name, '|', id) FROM slurm_acct_db.cluster_table WHERE deleted = 0"
MARIADB = ["/usr/bin/mariadb", "--no-defaults", "--user=root", "--batch", "--skip-column-names", "--execute"]
ASKING = ["/usr/bin/sacctmgr", "--noheader", "--parsable2", "show"]
SACCTMGR = ["/usr/bin/sacctmgr", "--immediate"]


def problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the accounts, and with the time for which jobs are remembered."""
    if settings["accounting_months"] < 0:
        yield "slurm_accounting_months is how many months jobs are remembered, such as 12, or 0 for no end."
    accounts = settings["accounts"]
    if accounts and not settings["accounting"]:
        yield "slurm_accounts: without accounting there are none; write slurm_accounting: true, or leave them out."
    for name, count in collections.Counter(account["name"] for account in accounts).items():
        if count > 1:
            yield f"slurm_accounts: {count} accounts are named '{name}'; one is enough."
    for account in accounts:
        name = account["name"]
        if not NAME.fullmatch(name) or name == "root":
            yield f"slurm_accounts: '{name}' must be lower-case letters, digits, - and _, such as vision, and not root."
        for user in account["users"]:
            if not ACCOUNT.fullmatch(user) or user == "root":
                yield f"slurm_accounts: {name}: '{user}' must be the name of a person's account, such as ada."


def controller_keys(settings: Mapping[str, Any], address: str) -> dict[str, str]:
    """What slurm.conf says of the accounting."""
    if not settings["accounting"]:
        return {}
    return {"AccountingStorageType": "accounting_storage/slurmdbd", "AccountingStorageHost": address}


def plan(settings: Mapping[str, Any], associations: Iterable[str], *, has_ipv6: bool) -> dict[str, Any]:
    """Its database, its daemon, and what it does not know yet; empty without accounting.

    `associations` are lines `ACCOUNT|USER` of `sacctmgr show associations`, of which a known cluster has some. With
    `has_ipv6`, hosts of the cluster have addresses of IPv6.
    """
    cluster = settings["cluster"]
    if not settings["accounting"]:
        return {}
    statements = [
        f"CREATE USER IF NOT EXISTS {LOGIN} IDENTIFIED VIA unix_socket",
        f"ALTER USER {LOGIN} IDENTIFIED VIA unix_socket",
        GRANTS[-1],
    ]
    return {
        "path": CONFIGURATION,
        "daemon": {**DAEMON, **(IPV6 if has_ipv6 else {}), **_forgetting(settings["accounting_months"])},
        "grants": GRANTS,
        "ask_grants": [*MARIADB, f"SHOW GRANTS FOR {LOGIN}"],
        "grant": [*MARIADB, "; ".join(statements)],
        "ask": [*ASKING, "associations", f"cluster={cluster}", "format=account,user"],
        "ask_numbers": [*MARIADB, NUMBERS],
        "missing": [[*SACCTMGR, "add", *words] for words in _missing(cluster, settings["accounts"], associations)],
    }


def _forgetting(months: int) -> dict[str, str]:
    """When the daemon forgets; never where `months` is 0."""
    return {f"Purge{what}After": f"{months}months" for what in FORGOTTEN} if months else {}


def _missing(cluster: str, accounts: Iterable[Mapping[str, Any]], associations: Iterable[str]) -> Iterator[list[str]]:
    """What is added, cluster first. What others have added stays."""
    known = {tuple(line.split("|", 1)) for line in associations}
    if not known:
        yield ["cluster", cluster]
    for account in accounts:
        name = account["name"]
        if (name, "") not in known:
            yield ["account", name, f"cluster={cluster}"]
        users = [user for user in account["users"] if (name, user) not in known]
        if users:
            yield ["user", f"name={','.join(users)}", f"account={name}", f"cluster={cluster}"]

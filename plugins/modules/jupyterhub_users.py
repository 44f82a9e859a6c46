#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterhub_users
short_description: Manage the users of a JupyterHub and their Unix accounts
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Creates, changes and removes any number of users in one run, with their records in a running JupyterHub and their
    Unix accounts. Uses the hub's REST API, and restarts nothing.
  - Leaves users alone that the list does not name.
  - Checks every name and asks the hub before the first change. The next run completes an interrupted one.
  - Marks each account that it creates as ours by the account's comment. An account without this comment belongs to
    somebody else. The module only adds it to groups and sets a declared password hash, but never locks or removes it.
    Whoever changes the comment of an account of ours takes the account over.
  - Refuses accounts of the system, which have a uid below 1000, and accounts whose home belongs to somebody else or has
    the homes of others in it.
options:
  users:
    description: The users, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the user, and of the Unix account, as the hub writes it, which is in lower case.
        type: str
        required: true
      state:
        description:
          - V(present) creates the record and the account. A new account has a private home with the files of
            C(/etc/skel), the shell C(/bin/bash) and no password. An account that O(users[].home=keep) has locked is
            unlocked, and gets a new home where it has none any more.
          - V(absent) stops the user's servers, also named ones, waits for their end, and removes the record together
            with all tokens. For an account of ours O(users[].home) applies, and its processes are ended. An account of
            somebody else only leaves O(account_group).
        type: str
        choices: [present, absent]
        default: present
      admin:
        description: Whether the user administers the hub.
        type: bool
        default: false
      groups:
        description:
          - The hub's groups that the user is in, and no others. Missing groups are created, and none is removed.
        type: list
        elements: str
        default: []
      unix_groups:
        description:
          - Unix groups of the account besides O(account_group). Missing groups are created.
          - An account of ours leaves all other groups, apart from C(jupyterhub) and C(jupyterhub-...), which belong to
            other hubs of the host. An account of somebody else leaves none.
        type: list
        elements: str
        default: []
      password:
        description:
          - Password of the account. The host hashes it, anew only where the account's hash is of another one.
          - It is never shown, and never on a command line.
        type: str
        default: ""
      password_hash:
        description:
          - Password hash of the account in C(/etc/shadow), in the form of crypt(5). An empty text leaves the password
            as it is.
          - It is never shown, and never on a command line.
        type: str
        default: ""
      home:
        description:
          - What happens to an account of ours when its user is V(absent).
          - V(keep) locks the account and lets it expire. The home stays.
          - V(archive) packs the home, together with mail and crontab, into a file in O(archive_directory), and then
            does as V(delete) does.
          - V(delete) locks the account, and removes its home, mail, crontab and jobs of C(at).
          - The account itself stays, so that nobody else gets its uid and with it the files that it has outside of
            the home. These stay; C(find / -user NAME) tells them. C(userdel NAME) removes the account.
          - The module refuses to remove a home that contains the homes of others, is or contains a mount point, or
            belongs to somebody else.
        type: str
        choices: [keep, archive, delete]
        default: keep
  api_url:
    description: URL of the hub's REST API, from the target.
    type: str
    default: http://127.0.0.1:8081/hub/api
  token_file:
    description: File on the target with the token of a service that may change users. See the notes.
    type: path
    required: true
  service:
    description: The hub's unit. Messages name it.
    type: str
    default: jupyterhub.service
  accounts:
    description: Whether the users have Unix accounts. Otherwise only the hub's records are managed.
    type: bool
    default: true
  account_group:
    description:
      - Unix group of all accounts. The hub starts servers only for its members. A missing group is created.
      - The comment of our accounts contains it, so that several hubs of a host leave the accounts of the others alone.
    type: str
    default: jupyterhub
  manage_groups:
    description:
      - Set it to false where the hub's authenticator manages the groups. Groups are left alone then, and
        O(users[].groups) has to be empty.
    type: bool
    default: true
  manage_admins:
    description:
      - Set it to false where the hub's authenticator decides at each login who administers the hub, such as by
        C(admin_groups). Existing records stay as they are then, and O(users[].admin) has to be left out.
    type: bool
    default: true
  privileged_groups:
    description:
      - Whether accounts may be in groups whose members may become root, such as C(sudo) and C(docker). Whoever enters
        the server of such a user, as administrators of the hub may, can become root then.
    type: bool
    default: false
  archive_directory:
    description: Directory for the packed homes of removed users. A missing one is created, and only root can read it.
    type: path
    default: /var/backups/jupyterhub
  archive_limit_gb:
    description:
      - The largest home, in GiB on disk, that O(users[].home=archive) packs; 0 is for no limit. Holes in files take
        nothing.
      - The account of a larger one is locked all the same, everything else is done, and the run fails with the name.
    type: int
    default: 50
  stop_timeout:
    description: Seconds to wait for the servers of one user to stop.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    details: A hub that is not installed yet, or does not answer, counts as one without users.
  diff_mode:
    support: full
    details: Shows each changed user before and after, without passwords.
notes:
  - The token's service has to be in the hub's role C(admin), because a hub lets only administrators create and change
    administrators. If no user is an administrator, a role with the scopes C(admin:users), C(read:servers),
    C(delete:servers) and, with O(manage_groups), C(admin:groups) is enough.
  - The service must not have the name of a user.
  - The module ignores proxies of the environment.
requirements:
  - JupyterHub 5 or newer, and the package passwd on the target
"""

EXAMPLES = r"""
- name: A course and its teacher
  nbops.jupyter.jupyterhub_users:
    token_file: /etc/jupyterhub/secrets/users_token
    users:
      - {name: ada, admin: true, groups: [staff], unix_groups: [gpu], password_hash: "{{ vault_ada_hash }}"}
      - {name: charles, groups: [course-2026]}
      - {name: mallory, state: absent, home: archive}

- name: Let them in by their accounts elsewhere, without any on the host
  nbops.jupyter.jupyterhub_users:
    token_file: /etc/jupyterhub/secrets/users_token
    accounts: false
    manage_groups: false
    users:
      - {name: ada@example.org}
"""

RETURN = r"""
users:
  description: Names of the users whose records were or would be created, changed or removed.
  returned: success, and after a failure that came after the first change
  type: dict
  contains:
    created: {description: Names of new ones., type: list, elements: str}
    changed: {description: Names of those that exist before and after., type: list, elements: str}
    removed: {description: Names of removed ones., type: list, elements: str}
  sample: {created: [ada], changed: [], removed: [mallory]}
accounts:
  description: The same for Unix accounts. To lock or unlock one, its groups, password and home count as changes.
  returned: success, and after a failure that came after the first change
  type: dict
  contains:
    created: {description: Names of new ones., type: list, elements: str}
    changed: {description: Names of those that exist before and after., type: list, elements: str}
    removed: {description: Names of those whose homes were removed., type: list, elements: str}
groups:
  description: Groups of the hub that were or would be created.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
unix_groups:
  description: Unix groups that were or would be created, apart from those that useradd creates with an account.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
archives:
  description: Paths of the packed homes.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
  sample: [/var/backups/jupyterhub/mallory-20261125T184500Z.tar.gz]
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import passwords
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import (
    HostChanges,
    HostError,
    home_problem,
    read_host,
    shown_home_judge,
    useradd_default,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import AccountPlan, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.plan import plan_accounts, with_hashes
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.problems import (
    host_problems,
    input_problems,
    privilege_problems,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.client import REFUSED, ApiError, HubClient
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import (
    GROUP_SCOPES,
    SCOPES,
    HubState,
    RecordPlan,
    plan_records,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.users import UsersPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.users_diff import users_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

USERS_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "admin": {"type": "bool", "default": False},
    "groups": {"type": "list", "elements": "str", "default": []},
    "unix_groups": {"type": "list", "elements": "str", "default": []},
    "password": {"type": "str", "default": "", "no_log": True},
    "password_hash": {"type": "str", "default": "", "no_log": True},
    "home": {"type": "str", "choices": ["keep", "archive", "delete"], "default": "keep"},
}
ARGUMENT_SPEC = {
    "users": {"type": "list", "elements": "dict", "required": True, "options": USERS_SPEC},
    "api_url": {"type": "str", "default": "http://127.0.0.1:8081/hub/api"},
    "token_file": {"type": "path", "required": True, "no_log": False},
    "service": {"type": "str", "default": "jupyterhub.service"},
    "accounts": {"type": "bool", "default": True},
    "account_group": {"type": "str", "default": "jupyterhub"},
    "manage_groups": {"type": "bool", "default": True},
    "manage_admins": {"type": "bool", "default": True},
    "privileged_groups": {"type": "bool", "default": False},
    "archive_directory": {"type": "path", "default": "/var/backups/jupyterhub"},
    "archive_limit_gb": {"type": "int", "default": 50},
    "stop_timeout": {"type": "int", "default": 120},
}


class UsersError(Exception):
    """The users cannot be established; the text says why, and what to do about it."""


def require_input(params: dict) -> None:
    """Raises UsersError where the parameters are wrong on any host."""
    options = (params[key] for key in ("account_group", "accounts", "manage_groups", "manage_admins"))
    require_none(input_problems(params["users"], *options))


def require_none(problems: list[str]) -> None:
    if problems:
        raise UsersError("\n".join(problems))


# The present state


def present_host(params: dict) -> Host | None:
    """The host's accounts and groups; None where accounts are not managed. Raises OSError."""
    if not params["accounts"]:
        return None
    groups = {group for user in params["users"] for group in user["unix_groups"]}
    return read_host([user["name"] for user in params["users"]], [params["account_group"], *groups])


def connect(params: dict, check_mode: bool) -> HubClient | None:
    """The hub with the token. In check mode None without a token, because the hub may not be installed yet."""
    try:
        with open(params["token_file"], encoding="utf-8") as file:
            return HubClient(params["api_url"], file.read().strip())
    except FileNotFoundError:
        if check_mode:
            return None
        raise UsersError(f"{params['token_file']}, the hub's token for this module, is not there.") from None


def present_hub(params: dict, client: HubClient | None, module: AnsibleModule) -> HubState:
    """The hub's records of the users. In check mode a hub that does not answer counts as one without users."""
    if client is None:
        return HubState()
    try:
        return read_hub(params, client)
    except ApiError as error:
        if error.status or not module.check_mode:
            raise
        module.warn(f"{explained(error, params)} The prediction is that of a hub without users.")
        return HubState()


def read_hub(params: dict, client: HubClient) -> HubState:
    """Raises ApiError, and UsersError where the token lacks a scope."""
    is_admin, scopes = client.permissions()
    missing = (SCOPES | GROUP_SCOPES if params["manage_groups"] else SCOPES) - scopes
    if missing:
        raise UsersError(
            f"The token in {params['token_file']} may not do enough. The role of its service lacks: "
            f"{', '.join(sorted(missing))}."
        )
    users = params["users"]
    records = client.records([user["name"] for user in users])
    groups = {group for record in records.values() for group in record.groups}
    # Only the list of all groups, which is long, has the groups without users.
    if any(user["state"] == "present" and not groups.issuperset(user["groups"]) for user in users):
        groups = client.group_names()
    return HubState(records, frozenset(groups), is_admin)


# The plan


def account_changes(params: dict, host: Host | None) -> AccountPlan:
    """Raises UsersError where the users cannot have accounts on the host, or a home cannot be removed."""
    if host is None:
        return AccountPlan()
    users, group, homes = params["users"], params["account_group"], useradd_default("HOME", "/home")
    found = host_problems(
        *(users, host, group, lambda name: f"{homes}/{name}", os.path.lexists),
        shown_home_judge(host),
    )
    require_none(found if params["privileged_groups"] else found + privilege_problems(users, host, group))
    users = with_hashes(users, host, passwords.matches, passwords.hashed)
    plan = plan_accounts(users, host, group, os.path.lexists)
    problems = {name: home_problem(host.accounts[name], host) for name in plan.remove}
    require_none([f"{name}: its home cannot be removed: {problem}." for name, problem in problems.items() if problem])
    return plan


def archive_paths(directory: str, plan: AccountPlan, host: Host | None) -> dict[str, str]:
    """The files into which homes are packed, by the name of the account."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return {
        name: os.path.join(directory, f"{name}-{stamp}.tar.gz")
        for name, is_packed in plan.remove.items()
        if is_packed and os.path.isdir(host.accounts[name].home)
    }


def record_changes(params: dict, hub: HubState) -> RecordPlan:
    """Raises UsersError where the token may not change administrators, and there are some to change."""
    manages = params["manage_groups"], params["manage_admins"]
    plan = plan_records(params["users"], hub.records, hub.groups, *manages)
    admins = plan.admins()
    if admins and not hub.is_admin:
        raise UsersError(
            f"Only an administrator may make or change administrators ({', '.join(admins)}): "
            f"the service of {params['token_file']} has to be in the hub's role `admin`."
        )
    return plan


def make_plan(params: dict, host: Host | None, hub: HubState, accounts: AccountPlan) -> UsersPlan:
    """The changes of accounts, which are known before the hub is asked, and those of records."""
    return UsersPlan(
        hub=hub,
        records=record_changes(params, hub),
        host=host,
        accounts=accounts,
        account_group=params["account_group"],
        archives=archive_paths(params["archive_directory"], accounts, host),
    )


# The changes


def apply(plan: UsersPlan, client: HubClient, changes: HostChanges, stop_seconds: int) -> None:
    """Removes users first, and then creates and changes the others.

    Errors of removals are raised at the end, as one UsersError; other errors, which are ApiError and HostError, at
    once.
    """
    failures = remove_records(plan, client, stop_seconds)
    remove_accounts(plan, changes, failures)
    if plan.host is not None:
        changes.establish(plan.accounts, plan.host)
    client.carry_out(plan.records)
    if failures:
        text = "\n".join(failures.values())
        raise UsersError(f"{text}\nEverything else is done.")


def remove_records(plan: UsersPlan, client: HubClient, stop_seconds: int) -> dict[str, str]:
    """Returns errors by name. Raises ApiError if the hub removes nobody."""
    failures = {}
    for name in plan.records.remove:
        try:
            client.remove(name, stop_seconds)
        except ApiError as error:
            if error.status not in (400, 500):
                raise
            failures[name] = f"{name}: the hub could not remove the user: {error}"
    return failures


def remove_accounts(plan: UsersPlan, changes: HostChanges, failures: dict[str, str]) -> None:
    """Locks accounts, removes homes, and adds errors to `failures`."""
    for name in [*plan.accounts.lock, *plan.accounts.remove]:
        account = plan.host.accounts[name]
        try:
            # A server that did not stop may still write into the home.
            if name in plan.accounts.lock or name in failures:
                changes.lock(account)
            else:
                changes.clear(account, plan.archives.get(name, ""))
        except HostError as error:
            failures[name] = f"{failures.get(name, '')}\n{error}".strip()


def explained(error: Exception, params: dict) -> str:
    """An error as a message for people."""
    if not isinstance(error, ApiError):
        return str(error)
    if error.status == 0:
        return (
            f"The hub does not answer at {params['api_url']} ({error}). "
            f"Look at: systemctl status {params['service']}; journalctl --unit {params['service']}"
        )
    if error.status in REFUSED:
        return f"The hub refuses the token in {params['token_file']} ({error})."
    return f"The hub refuses: {error}"


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    params = module.params
    try:
        require_input(params)
        host = present_host(params)
        accounts = account_changes(params, host)
        client = connect(params, module.check_mode)
        plan = make_plan(params, host, present_hub(params, client, module), accounts)
    except (ApiError, OSError, passwords.PasswordError, UsersError) as error:
        module.fail_json(msg=f"{explained(error, params)}\nNothing was changed.")

    diff = users_diff([user["name"] for user in params["users"]], plan)
    if plan.changes() and not module.check_mode:
        limit = params["archive_limit_gb"] * 2**30
        changes = HostChanges(module.run_command, params["account_group"], params["archive_directory"], limit)
        try:
            apply(plan, client, changes, params["stop_timeout"])
        except (ApiError, HostError, OSError, UsersError) as error:
            message = f"{explained(error, params)}\nThe next run goes on from here."
            module.fail_json(msg=message, changed=True, **plan.report())

    module.exit_json(changed=plan.changes(), diff=diff, **plan.report())


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterhub_users
short_description: The users of a JupyterHub, with their Unix accounts
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Brings a whole list of users, their records in a running JupyterHub and their Unix accounts, to what is declared, in
    one call. It asks the hub's REST API, and restarts nothing.
  - Users that the list does not name are left alone.
  - Every name is checked, and the hub has answered, before the first change. An interrupted run is completed by the
    next one.
  - An account that this module made is ours; its comment says so. One that was there before is a stranger's. It is only
    added to groups, given the password hash if one is declared, and never locked or removed. Whoever changes the
    comment of an account takes it over.
  - Accounts of the system, with a uid below 1000, are refused.
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
          - V(present) makes the record, and the account, with a private home that begins as C(/etc/skel), with
            C(/bin/bash) and without password. It lets in again whom O(users[].home=keep) has locked out.
          - V(absent) stops the user's servers, also named ones, waits for their end, and removes the record together
            with all tokens. An account of ours is treated as O(users[].home) says, and its processes are ended. A
            stranger's only leaves O(account_group).
        type: str
        choices: [present, absent]
        default: present
      admin:
        description: Whether the user administers the hub.
        type: bool
        default: false
      groups:
        description:
          - The hub's groups that the user is in, and no others. Missing ones are made, and none is removed.
        type: list
        elements: str
        default: []
      unix_groups:
        description:
          - Unix groups of the account besides O(account_group). Missing ones are made.
          - An account of ours is in no others, apart from those that are named C(jupyterhub) or C(jupyterhub-...),
            which other hubs of the host have. A stranger's account stays in what it is in.
        type: list
        elements: str
        default: []
      password_hash:
        description:
          - What C(/etc/shadow) has for the account, in the form of crypt(5). An empty text leaves it as it is.
          - It is never shown, nor on a command line.
        type: str
        default: ""
      home:
        description:
          - What becomes of our account when its user is V(absent).
          - V(keep) locks it and lets it expire; the home stays.
          - V(archive) packs the home, together with mail and crontab, into a file in O(archive_directory), and then
            removes it with the account.
          - V(delete) removes both.
          - A home that others have theirs in, that is mounted, has mounts in it, or belongs to somebody else is
            refused.
        type: str
        choices: [keep, archive, delete]
        default: keep
  api_url:
    description: URL of the hub's REST API, from the target.
    type: str
    default: http://127.0.0.1:8081/hub/api
  token_file:
    description: File on the target with the token of a service that may change users; see the notes.
    type: path
    required: true
  service:
    description: The hub's unit, which messages name.
    type: str
    default: jupyterhub.service
  accounts:
    description: Whether the users have Unix accounts. Otherwise only the hub's records are dealt with.
    type: bool
    default: true
  account_group:
    description:
      - Unix group of all accounts, by which the hub knows whom it may start servers for. A missing one is made.
      - It is also part of the mark of our accounts, so that hubs of one host keep off each other's.
    type: str
    default: jupyterhub
  manage_groups:
    description:
      - Set it to false where the hub's authenticator manages the groups. They are left alone then, and
        O(users[].groups) has to be empty.
    type: bool
    default: true
  manage_admins:
    description:
      - Set it to false where the hub's authenticator says at each login who administers the hub, such as by
        C(admin_groups). Users that have a record keep what it says then, and O(users[].admin) has to be left out.
    type: bool
    default: true
  archive_directory:
    description: Directory for the homes of removed users; made for root alone when it is missing.
    type: path
    default: /var/backups/jupyterhub
  stop_timeout:
    description: Seconds to wait for the servers of one user to stop.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: A hub that is not installed yet, or does not answer, counts as one without users.
  diff_mode:
    support: full
    description: Shows each changed user before and after, without passwords.
notes:
  - The token's service has to be in the hub's role C(admin), because the hub lets nobody else make or change
    administrators. Where no user is one, a role with the scopes C(admin:users), C(read:servers), C(delete:servers) and,
    with O(manage_groups), C(admin:groups) is enough.
  - The service must not have the name of a user.
  - Proxies of the environment are not used.
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
  description: Names of the users whose records were made, changed or removed; in check mode, would be.
  returned: success, and after a failure that came after the first change
  type: dict
  contains:
    created: {description: Names that are new., type: list, elements: str}
    changed: {description: Names that were there and stay., type: list, elements: str}
    removed: {description: Names that are gone., type: list, elements: str}
  sample: {created: [ada], changed: [], removed: [mallory]}
accounts:
  description: The same of Unix accounts. Locking and unlocking one, its groups, password and home count as changes.
  returned: success, and after a failure that came after the first change
  type: dict
  contains:
    created: {description: Names that are new., type: list, elements: str}
    changed: {description: Names that were there and stay., type: list, elements: str}
    removed: {description: Names that are gone., type: list, elements: str}
groups:
  description: Groups of the hub that were made.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
unix_groups:
  description: Unix groups that were made, apart from those that come with an account.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
archives:
  description: Packed homes.
  returned: success, and after a failure that came after the first change
  type: list
  elements: str
  sample: [/var/backups/jupyterhub/mallory-20261125T184500Z.tar.gz]
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import (
    HostChanges,
    HostError,
    home_problem,
    read_host,
    useradd_default,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Host,
    host_problems,
    input_problems,
    is_ours,
    plan_accounts,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.client import REFUSED, ApiError, HubClient
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import (
    GROUP_SCOPES,
    SCOPES,
    Record,
    RecordPlan,
    plan_records,
)


class Failure(Exception):
    """What went wrong, and what to do about it."""


class Job:
    """One run over the list: what is, what should be, and the changes in between."""

    def __init__(self, module: AnsibleModule):
        self.module = module
        self.parameters = module.params
        self.users = module.params["users"]
        self.account_group = module.params["account_group"]
        self.records: dict[str, Record] = {}
        self.host = Host({}, {})
        self.record_plan = RecordPlan()
        self.account_plan = AccountPlan()
        self.archives: dict[str, str] = {}
        self.begun = False

    def run(self) -> None:
        given = (self.account_group, *(self.parameters[key] for key in ("accounts", "manage_groups", "manage_admins")))
        refuse(input_problems(self.users, *given))
        if self.parameters["accounts"]:
            self.plan_accounts()
        client = self.client()
        try:
            self.plan_records(client)
            if self.changed() and not self.module.check_mode:
                self.begun = True
                self.apply(client)
        except ApiError as error:
            raise Failure(self.explained(error)) from None
        except HostError as error:
            raise Failure(str(error)) from None

    def plan_accounts(self) -> None:
        wanted = {group for user in self.users for group in user["unix_groups"]}
        self.host = read_host([user["name"] for user in self.users], [self.account_group, *wanted])
        base = useradd_default("HOME", "/home")
        refuse(host_problems(self.users, self.host, self.account_group, lambda name: f"{base}/{name}", os.path.lexists))
        plan = self.account_plan = plan_accounts(self.users, self.host, self.account_group, os.path.lexists)
        found = {name: home_problem(self.host.accounts[name], self.host) for name in plan.remove}
        refuse([f"{name}: its home cannot be removed: {problem}." for name, problem in found.items() if problem])
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for name, archive in plan.remove.items():
            if archive and os.path.isdir(self.host.accounts[name].home):
                self.archives[name] = os.path.join(self.parameters["archive_directory"], f"{name}-{stamp}.tar.gz")

    def client(self) -> HubClient | None:
        """None in check mode, where the hub may not be installed yet."""
        try:
            with open(self.parameters["token_file"], encoding="utf-8") as file:
                return HubClient(self.parameters["api_url"], file.read().strip())
        except FileNotFoundError:
            if self.module.check_mode:
                return None
            raise Failure(f"{self.parameters['token_file']}, the hub's token for this module, is not there.") from None

    def plan_records(self, client: HubClient | None) -> None:
        is_admin, groups = True, set()
        manage_groups = self.parameters["manage_groups"]
        try:
            if client:
                is_admin, scopes = client.permissions()
                self.require((SCOPES | GROUP_SCOPES if manage_groups else SCOPES) - scopes)
                self.records = client.records([user["name"] for user in self.users])
                groups = {group for record in self.records.values() for group in record.groups}
                # A group without users can only be seen in the list of groups, which is long.
                if any(user["state"] == "present" and not groups.issuperset(user["groups"]) for user in self.users):
                    groups = client.group_names()
        except ApiError as error:
            if error.status or not self.module.check_mode:
                raise
            self.module.warn(f"{self.explained(error)} The prediction is that of a hub without users.")
        manage_admins = self.parameters["manage_admins"]
        self.record_plan = plan_records(self.users, self.records, groups, manage_groups, manage_admins)
        admins = self.record_plan.admins()
        if admins and not is_admin:
            raise Failure(
                f"Only an administrator may make or change administrators ({', '.join(admins)}): "
                f"the service of {self.parameters['token_file']} has to be in the hub's role `admin`."
            )

    def require(self, missing: set[str]) -> None:
        if missing:
            raise Failure(
                f"The token in {self.parameters['token_file']} may not do enough. The role of its service lacks: "
                f"{', '.join(sorted(missing))}."
            )

    def explained(self, error: ApiError) -> str:
        if error.status == 0:
            service = self.parameters["service"]
            return (
                f"The hub does not answer at {self.parameters['api_url']} ({error}). "
                f"Look at: systemctl status {service}; journalctl --unit {service}"
            )
        if error.status in REFUSED:
            return f"The hub refuses the token in {self.parameters['token_file']} ({error})."
        return f"The hub refuses: {error}"

    def apply(self, client: HubClient) -> None:
        """Who has to go goes first. One who cannot does not keep the others from it, nor new ones from coming."""
        failures = {}
        for name in self.record_plan.remove:
            try:
                client.remove(name, self.parameters["stop_timeout"])
            except ApiError as error:
                if error.status not in (400, 500):
                    raise
                failures[name] = f"{name}: the hub could not remove the user: {error}"
        changes = HostChanges(self.module.run_command, self.account_group, self.parameters["archive_directory"])
        for name in [*self.account_plan.lock, *self.account_plan.remove]:
            try:
                # A server that does not stop may write into the home still.
                if name in self.account_plan.lock or name in failures:
                    changes.lock(self.host.accounts[name])
                else:
                    changes.remove(self.host.accounts[name], self.archives.get(name, ""))
            except HostError as error:
                failures[name] = f"{failures.get(name, '')}\n{error}".strip()
        changes.establish(self.account_plan, self.host)
        client.carry_out(self.record_plan)
        if failures:
            text = "\n".join(failures.values())
            raise Failure(f"{text}\nEverything else is done.")

    def changed(self) -> bool:
        results = self.results()
        parts = [results["groups"], results["unix_groups"], *results["users"].values(), *results["accounts"].values()]
        return any(parts)

    def results(self) -> dict:
        return {
            "users": names(self.record_plan),
            "accounts": names(self.account_plan),
            "groups": self.record_plan.new_groups,
            "unix_groups": list(self.account_plan.groups),
            "archives": list(self.archives.values()),
        }

    def diff(self) -> list[dict]:
        if not self.changed():
            return []
        results = self.results()
        changed = {name for part in ("users", "accounts") for kind in results[part].values() for name in kind}
        before, after = [], []
        if results["unix_groups"]:
            after.append(f"new Unix groups: {flow(results['unix_groups'])}")
        if results["groups"]:
            after.append(f"new groups: {flow(results['groups'])}")
        memberships = self.host.groups_of()
        for user in self.users:
            if user["name"] in changed:
                now, then = self.pictures(user, memberships.get(user["name"], set()))
                before += [f"{user['name']}:", *(f"  {key}: {value}" for key, value in now.items())]
                after += [f"{user['name']}:", *(f"  {key}: {value}" for key, value in then.items())]
        texts = {key: "".join(f"{line}\n" for line in lines) for key, lines in (("before", before), ("after", after))}
        return [{"before_header": "users", "after_header": "users", **texts}]

    def pictures(self, user: dict, unix_groups: set[str]) -> tuple[dict, dict]:
        """A user before and after, as lines."""
        name, plan = user["name"], self.account_plan
        record, account = self.records.get(name), self.host.accounts.get(name)
        is_present = user["state"] == "present"
        groups = user["groups"] if self.parameters["manage_groups"] else record.groups if record else ()
        admin = user["admin"] if self.parameters["manage_admins"] or not record else record.admin
        now = record_lines(record)
        then = record_lines(Record(name, admin, frozenset(groups)) if is_present else None)
        if not self.parameters["accounts"]:
            return now, then

        now["account"] = self.account_text(account)
        then["account"] = now["account"]
        if name in plan.remove:
            then["account"] = "none, home packed" if name in self.archives else "none"
        elif name in plan.lock:
            then["account"] = "ours, locked"
        elif name in plan.create or name in plan.unlock:
            then["account"] = "ours"
        if account:
            now["unix_groups"] = flow(unix_groups)
        if name not in plan.remove and (account or is_present):
            joined = [group for group, members in plan.join.items() if name in members]
            left = {group for group, members in plan.leave.items() if name in members}
            then["unix_groups"] = flow({*unix_groups, *plan.create.get(name, []), *joined} - left)
        if name in plan.homes and account:
            now["home"], then["home"] = "missing", account.home
        if name in plan.passwords:
            now["password"], then["password"] = "another one" if account else "none", "as declared"
        return now, then

    def account_text(self, account: Account | None) -> str:
        if account is None:
            return "none"
        if not is_ours(account, self.account_group):
            return "of the host"
        return "ours, locked" if account.retired else "ours"


def record_lines(record: Record | None) -> dict:
    if record is None:
        return {"record": "none"}
    return {"admin": str(record.admin).lower(), "groups": flow(record.groups)}


def flow(items) -> str:
    return f"[{', '.join(sorted(items))}]"


def names(plan: RecordPlan | AccountPlan) -> dict[str, list[str]]:
    return {"created": plan.created(), "changed": plan.changed(), "removed": list(plan.remove)}


def refuse(problems: list[str]) -> None:
    if problems:
        raise Failure("\n".join(problems))


USER_SPECIFICATION = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "admin": {"type": "bool", "default": False},
    "groups": {"type": "list", "elements": "str", "default": []},
    "unix_groups": {"type": "list", "elements": "str", "default": []},
    "password_hash": {"type": "str", "default": "", "no_log": True},
    "home": {"type": "str", "choices": ["keep", "archive", "delete"], "default": "keep"},
}
SPECIFICATION = {
    "users": {"type": "list", "elements": "dict", "required": True, "options": USER_SPECIFICATION},
    "api_url": {"type": "str", "default": "http://127.0.0.1:8081/hub/api"},
    "token_file": {"type": "path", "required": True, "no_log": False},
    "service": {"type": "str", "default": "jupyterhub.service"},
    "accounts": {"type": "bool", "default": True},
    "account_group": {"type": "str", "default": "jupyterhub"},
    "manage_groups": {"type": "bool", "default": True},
    "manage_admins": {"type": "bool", "default": True},
    "archive_directory": {"type": "path", "default": "/var/backups/jupyterhub"},
    "stop_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPECIFICATION, supports_check_mode=True)
    os.umask(0o022)
    job = Job(module)
    try:
        job.run()
    except (Failure, OSError) as error:
        if not job.begun:
            module.fail_json(msg=f"{error}\nNothing was changed.")
        module.fail_json(msg=f"{error}\nThe next run goes on from here.", changed=True, **job.results())
    module.exit_json(changed=job.changed(), diff=job.diff(), **job.results())


if __name__ == "__main__":
    main()

"""Spawners whose servers have an account of their own and limits, and survive the hub.

The sandbox of the systemd units is a drop-in for all of them (`<hub>-user-.service.d`), written by the role.
"""

from __future__ import annotations

import asyncio
import pwd

from jupyterhub.spawner import LocalProcessSpawner
from systemdspawner import SystemdSpawner
from traitlets import Bool, Dict, Unicode
from traitlets.config import Configurable

from nbops_jupyterhub.accounts import Refusal, account_of, creation
from nbops_jupyterhub.homes import hiding, is_person, taken_away
from nbops_jupyterhub.limits import limits_of


class AccountMixin(Configurable):
    """Starts servers only for accounts that are the hub's to use."""

    account_group = Unicode("", help="Unix group of the accounts that may have a server; empty for all people's.")
    create_accounts = Bool(False, help="Make the account of a user who has none, at their first start.")
    for trait in (account_group, create_accounts):
        trait.tag(config=True)

    async def account(self) -> pwd.struct_passwd:
        """The user's account, made if that is wanted. Raises Refusal with a sentence for the user."""
        name = self.user.name
        try:
            return account_of(name, self.account_group)
        except KeyError:
            if not self.create_accounts:
                raise Refusal(f"This host has no account {name}. Ask the administrator to add it.") from None
        process = await asyncio.create_subprocess_exec(
            *creation(name, self.account_group), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _nothing = await process.communicate()
        if process.returncode != 0:
            self.log.error("useradd for %s failed: %s", name, output.decode(errors="replace").strip())
            raise Refusal(f"An account {name} could not be made on this host. Ask the administrator.")
        return account_of(name, self.account_group)

    def making_directory(self, home: str) -> list[str]:
        """The command that makes the directory in which the server starts; empty where that is the home."""
        directory = self.notebook_dir.replace("~", home, 1)
        return ["/usr/bin/mkdir", "--parents", directory] if directory else []

    def get_env(self) -> dict[str, str]:
        """The server's environment; JupyterLab's own files stay in the home where people look for them."""
        environment = super().get_env()
        home = pwd.getpwnam(self.user.name).pw_dir
        environment["JUPYTERLAB_SETTINGS_DIR"] = f"{home}/.jupyter/lab/user-settings"
        environment["JUPYTERLAB_WORKSPACES_DIR"] = f"{home}/.jupyter/lab/workspaces"
        return environment


class BoundedSystemdSpawner(AccountMixin, SystemdSpawner):
    """Each server is a unit: `<prefix>-<user>`, or `<prefix>-<user>:<server>` for a named one."""

    unit_prefix = Unicode("jupyterhub-user", help="What the names of the units begin with.").tag(config=True)
    runtime_directory = Unicode("jupyterhub-users", help="Directory below /run with one for each server.").tag(
        config=True
    )
    limits = Dict(help="memory_max, cpu_quota and tasks_max of everybody.").tag(config=True)
    group_limits = Dict(help="The same by the hub's groups.").tag(config=True)
    user_limits = Dict(help="The same by user.").tag(config=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # A colon is in no account's name, so no user's unit can be taken for another's named server.
        self.unit_name = f"{self.unit_prefix}-{self.user.name}" + (f":{self.name}" if self.name else "")

    async def start(self) -> tuple[str, int] | None:
        account = await self.account()
        groups = [group.name for group in self.user.groups]
        limits = limits_of(self.user.name, groups, self.limits, self.group_limits, self.user_limits)
        self.mem_limit = limits.get("memory_max")
        self.cpu_limit = limits["cpu_quota"] / 100 if "cpu_quota" in limits else None
        making = self.making_directory(account.pw_dir)
        files = await self._visible_files(account.pw_dir)
        self.unit_extra_properties = {
            "Description": f"Notebook server of {self.user.name}",
            **{name: " ".join(paths) for name, paths in files.items()},
            "RuntimeDirectory": self._runtime_directory(),
            **({"ExecStartPre": " ".join(making)} if making else {}),
            **({"TasksMax": str(limits["tasks_max"])} if "tasks_max" in limits else {}),
        }
        return await super().start()

    def get_env(self) -> dict[str, str]:
        environment = super().get_env()
        environment["JUPYTER_RUNTIME_DIR"] = f"/run/{self._runtime_directory()}/runtime"
        return environment

    async def _visible_files(self, home: str) -> dict[str, list[str]]:
        """Directives by which a server sees, of all homes, this one alone, and what the administrator adds."""
        # A host that takes its accounts from a directory may need seconds to list them.
        accounts = await asyncio.to_thread(pwd.getpwall)
        people = [account.pw_dir for account in accounts if is_person(account.pw_uid)]
        # Only what is hidden: bound as well, a path such as / would show everything again.
        writable = taken_away(map(self._expand_user_vars, self.readwrite_paths or []), [home, *people])
        readable = taken_away(map(self._expand_user_vars, self.readonly_paths or []), [home, *people])
        return {
            "BindPaths": [home, *writable],
            "ReadWritePaths": [home],
            **({"BindReadOnlyPaths": readable} if readable else {}),
            **hiding(home, people, [*writable, *readable]),
        }

    def _runtime_directory(self) -> str:
        return f"{self.runtime_directory}/{self.user.name}" + (f",{self.name}" if self.name else "")


class SurvivingLocalSpawner(AccountMixin, LocalProcessSpawner):
    """Each server is a process beside the hub's; the hub's unit leaves them alone when it stops (KillMode=process)."""

    async def start(self) -> tuple[str, int]:
        account = await self.account()
        command = self.making_directory(account.pw_dir)
        if command:
            ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            await (await asyncio.create_subprocess_exec(*command, **ids)).wait()
        return await super().start()

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
from nbops_jupyterhub.limits import limits_of
from nbops_jupyterhub.sockets import SocketMixin


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


class BoundedSystemdSpawner(SocketMixin, AccountMixin, SystemdSpawner):
    """Each server is a unit: `<prefix>-<user>`, or `<prefix>-<user>:<server>` for a named one."""

    unit_prefix = Unicode("jupyterhub-user", help="What the names of the units begin with.").tag(config=True)
    limits = Dict(help="memory_max, cpu_quota and tasks_max of everybody.").tag(config=True)
    group_limits = Dict(help="The same by the hub's groups.").tag(config=True)
    user_limits = Dict(help="The same by user.").tag(config=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # A colon is in no account's name, so no user's unit can be taken for another's named server.
        self.unit_name = f"{self.unit_prefix}-{self.user.name}" + (f":{self.name}" if self.name else "")

    async def start(self) -> str | tuple[str, int] | None:
        account = await self.account()
        groups = [group.name for group in self.user.groups]
        limits = limits_of(self.user.name, groups, self.limits, self.group_limits, self.user_limits)
        self.mem_limit = limits.get("memory_max")
        self.cpu_limit = limits["cpu_quota"] / 100 if "cpu_quota" in limits else None
        making = self.making_directory(account.pw_dir)
        of_socket = self.socket_properties(account.pw_uid)
        before = [*of_socket.pop("ExecStartPre", []), *([" ".join(making)] if making else [])]
        paths = [account.pw_dir, *of_socket.pop("BindPaths", [])]
        self.unit_extra_properties = {
            "Description": f"Notebook server of {self.user.name}",
            # Of all homes the sandbox shows this one alone.
            "BindPaths": paths,
            "ReadWritePaths": paths,
            "RuntimeDirectory": self.directory.removeprefix("/run/"),
            "ExecStartPre": before,
            **of_socket,
            **({"TasksMax": str(limits["tasks_max"])} if "tasks_max" in limits else {}),
        }
        address = await super().start()
        return self.socket_url if address and self.has_socket else address

    def get_env(self) -> dict[str, str]:
        environment = super().get_env()
        environment["JUPYTER_RUNTIME_DIR"] = f"{self.directory}/runtime"
        return environment

    def _expand_user_vars(self, value: str | list[str]) -> str | list[str]:
        """Lists of commands name nobody by a placeholder."""
        return value if isinstance(value, list) else super()._expand_user_vars(value)


class SurvivingLocalSpawner(SocketMixin, AccountMixin, LocalProcessSpawner):
    """Each server is a process beside the hub's; the hub's unit leaves them alone when it stops (KillMode=process)."""

    async def start(self) -> str | tuple[str, int]:
        account = await self.account()
        command = self.making_directory(account.pw_dir)
        if command:
            ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            await (await asyncio.create_subprocess_exec(*command, **ids)).wait()
        if self.has_socket:
            self.make_socket_directory(account.pw_uid)
        address = await super().start()
        return self.socket_url if self.has_socket else address

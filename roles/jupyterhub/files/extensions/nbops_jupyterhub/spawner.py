"""Spawners whose servers have an account of their own and limits, and survive the hub.

The sandbox of the systemd units is a drop-in for all of them (`<hub>-user-.service.d`), written by the role.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import signal
from collections.abc import Collection
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from systemdspawner import SystemdSpawner
from traitlets import Bool, Dict, List, Unicode
from traitlets.config import Configurable

from nbops_jupyterhub import environments, names, units
from nbops_jupyterhub.accounts import (
    AccountError,
    creation,
    inspection,
    is_listed,
    privilege,
    privileged,
    require_inspected,
    require_person,
)
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.homes import hiding, taken_away
from nbops_jupyterhub.inspection import make_directory
from nbops_jupyterhub.limits import amount, limits_of
from nbops_jupyterhub.people import is_person
from nbops_jupyterhub.profiles import ProfilesMixin
from nbops_jupyterhub.programs import run
from nbops_jupyterhub.sockets import SocketMixin

# Sandboxes in which a server finds the hub at its socket alone.
WITHOUT_LOOPBACK = ("no_loopback", "air_gapped")


class AccountMixin(Configurable):
    """Starts servers only for accounts that are the hub's to use."""

    account_group = Unicode(help="Unix group of the people who are listed.").tag(config=True)
    create_accounts = Bool(False, help="Make the account of a user who has none, at their first start.").tag(
        config=True
    )
    privileged_groups = List(help="Unix groups whose members may become root.").tag(config=True)
    closed = Unicode("", help="Why nobody starts a server; empty where people do.").tag(config=True)
    privileged_people = Bool(False, help="Whether people who are listed may be such members.").tag(config=True)

    async def account(self, directory: str = "", group: str = "", paths: Collection[str] = ()) -> pwd.struct_passwd:
        """The user's account, made if that is wanted; the one place that says who may have a server.

        Whoever chooses the name of an identity elsewhere must not become somebody else on this host, and an
        administrator of the hub not root. Who may have one gets `directory` for its socket, which `group` enters too,
        unless it is empty. `paths` have to be there. Raises AccountError with a sentence for the user.
        """
        if self.closed:
            raise AccountError(self.closed)
        name = self.user.name
        if problem := names.problem(name):
            raise AccountError(problem)
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            account = await self._made(name)
        require_person(account, name)
        if not await self.authenticator.covers(name):
            raise AccountError(
                f"The account {name} of this host is not for the hub. Ask the administrator to list you as user."
            )
        may_be_privileged = self.privileged_people and is_listed(name, self.account_group)
        found = "" if may_be_privileged else privilege(account, self.privileged_groups)
        if found:
            raise AccountError(privileged(name, f"it is in the group {found}"))
        status, answer = await run(inspection(name, may_be_privileged, directory, group, paths))
        if status != 0:
            self.log.error("The inspection of %s failed: %s", name, answer.decode(errors="replace").strip())
        require_inspected(name, answer, may_be_privileged)
        return account

    async def _made(self, name: str) -> pwd.struct_passwd:
        if not self.create_accounts:
            raise AccountError(f"This host has no account {name}. Ask the administrator to add it.")
        # A record in the hub is no permission: an administrator of the hub makes one for any name.
        if name not in self.authenticator.admitted:
            raise AccountError(
                f"This host has no account {name} yet. It is made for {name} after a login; log in again."
            )
        status, output = await run(creation(name, self.account_group))
        if status != 0:
            self.log.error("useradd for %s failed: %s", name, output.decode(errors="replace").strip())
            raise AccountError(f"An account {name} could not be made on this host. Ask the administrator.")
        return pwd.getpwnam(name)

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
        if "PATH" in environment:
            places = environment["PATH"].split(":")
            environment["PATH"] = ":".join(re.sub(r"^~(?=/)", lambda _tilde: home, place) for place in places)
        return environment


class BoundedSystemdSpawner(SocketMixin, AccountMixin, ProfilesMixin, SystemdSpawner):
    """Each server is a unit, see names.py: `<prefix>-<user>`, or `<prefix>-<user>:<server>` for a named one."""

    unit_prefix = Unicode("jupyterhub-user", help="What the names of the units begin with.").tag(config=True)
    limits = Dict(help="memory_max, cpu_quota and tasks_max of everybody.").tag(config=True)
    group_limits = Dict(help="The same by the hub's groups.").tag(config=True)
    user_limits = Dict(help="The same by user.").tag(config=True)
    shared_folders = List(help="Directories that servers may write to as far as their people may.").tag(config=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.unit_name = self._own_unit()
        self._start: asyncio.Task | None = None

    def load_state(self, state: dict[str, Any]) -> None:
        """A server that runs is asked after and stopped by the name that it was started under."""
        super().load_state(state)
        self.unit_name = names.stored(self.unit_name, self.unit_prefix, self.user.name, self.name)

    async def start(self) -> str:
        self.unit_name = self._own_unit()
        account = await self._account_with_directory()
        groups = [group.name for group in self.user.groups]
        limits = limits_of(self.user.name, groups, self.limits, self.group_limits, self.user_limits)
        limits |= {name: amount(value) for name, value in self.profile().get("limits", {}).items()}
        self.mem_limit = limits.get("memory_max")
        self.cpu_limit = limits["cpu_quota"] / 100 if "cpu_quota" in limits else None
        making = self.making_directory(account.pw_dir)
        files = await self._visible_files(account.pw_dir, [self.socket_directory])
        closing = self._closing()
        self.unit_extra_properties = {
            "Description": f"Notebook server of {self.user.name}",
            **closing,
            **{name: " ".join([*paths, *closing.get(name, "").split()]) for name, paths in files.items()},
            "RuntimeDirectory": self.directory.removeprefix("/run/"),
            "RuntimeDirectoryMode": "0700",
            **({"ExecStartPre": " ".join(making)} if making else {}),
            **({"TasksMax": str(limits["tasks_max"])} if "tasks_max" in limits else {}),
        }
        address = await self.address()
        await units.forget(self.unit_name)
        # A stop that overtakes this start asks as well, and gets its answer.
        self._start = asyncio.current_task()
        await super().start()
        await self.wait_until_it_listens()
        return address

    async def poll(self) -> int | None:
        """None while the unit runs. Raises StartError in a start, which would ask again until its time is over."""
        status = await super().poll()
        if status is not None and asyncio.current_task() is self._start:
            raise self.ended()
        return status

    async def run_post_stop_hook(self) -> None:
        """Forgets the environment. The hub calls this however a server ended."""
        environments.forget(self.directory, self.unit_name)
        await super().run_post_stop_hook()

    @property
    def journal(self) -> str:
        return f"journalctl --unit={self.unit_name}"

    def _closing(self) -> dict[str, str]:
        """What the chosen profile closes beside the hub's sandbox. Raises StartError where no server would start."""
        closing = self.profile().get("closing", {})
        if self.profile().get("sandbox") in WITHOUT_LOOPBACK and not self.speaks_sockets():
            raise StartError("This profile needs JupyterHub 6 or newer in both environments. Choose another one.")
        return closing

    async def _account_with_directory(self) -> pwd.struct_passwd:
        """The account, and the directory of its socket, because the hub itself may not give files away."""
        named = map(self._expand_user_vars, [*(self.readwrite_paths or []), *(self.readonly_paths or [])])
        # One with a hyphen may be missing.
        needed = [path.lstrip("+") for path in named if not re.match(r"\+?-", path)]
        return await self.account(self.socket_directory, self.servers_group, needed)

    async def _visible_files(self, home: str, own: list[str]) -> dict[str, list[str]]:
        """Directives by which a server sees, of all homes, this one alone, what is its own, and what is added."""
        # A host that takes its accounts from a directory may need seconds to list them.
        accounts = await asyncio.to_thread(pwd.getpwall)
        people = [account.pw_dir for account in accounts if is_person(account.pw_uid)]
        # Only what is hidden: bound as well, a path such as / would show everything again.
        # A folder that is away, such as one on another machine, keeps nobody from their server.
        shared = [f"-{path}" for path in self.shared_folders]
        named = map(self._expand_user_vars, self.readwrite_paths or [])
        writable = taken_away([*shared, *named], [home, *people])
        readable = taken_away(map(self._expand_user_vars, self.readonly_paths or []), [home, *people])
        return {
            "BindPaths": [home, *own, *writable],
            "ReadWritePaths": [home, *shared],
            **({"BindReadOnlyPaths": readable} if readable else {}),
            **hiding(home, people, [*writable, *readable]),
        }

    def _own_unit(self) -> str:
        return names.unit(self.unit_prefix, self.user.name, self.name)


class SurvivingLocalSpawner(SocketMixin, AccountMixin, ProfilesMixin, LocalProcessSpawner):
    """Each server is a process beside the hub's; the hub's unit leaves them alone when it stops (KillMode=process)."""

    async def start(self) -> str:
        account = await self.account()
        command = self.making_directory(account.pw_dir)
        if command:
            ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            await (await asyncio.create_subprocess_exec(*command, **ids)).wait()
        # A home may have a path that is too long for a kernel's socket.
        make_directory(self.directory, account.pw_uid, account.pw_gid, 0o700)
        self.make_socket_directory(account.pw_uid)
        address = await self.address()
        await super().start()
        await self.wait_until_it_listens()
        return address

    async def _signal(self, sig: int) -> bool:
        """Whether the server's process is there, which gets the signal.

        Of a server that an earlier hub started, only the number of its process is known. When it has ended, another
        process of the host may have the number, and the hub is root.
        """
        try:
            process = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if os.stat(f"/proc/{self.pid}").st_uid != pwd.getpwnam(self.user.name).pw_uid:
                return False
            signal.pidfd_send_signal(process, sig)
        except (ProcessLookupError, FileNotFoundError):
            return False
        finally:
            os.close(process)
        return True

"""A host with labs, with real files and releases; systemd is played."""

from __future__ import annotations

import os
import pathlib
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import notes
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import MARKER, ReleaseStore

OLD, NEW, OLDER = "a" * 12, "b" * 12, "c" * 12
# When things happened, in seconds since 1970.
WRITTEN, STARTED, CHANGED, RESTARTED, NOW = 1000, 2000, 3000, 4000, 5000
FILES = ("config.json", "hooks.py", "service", "socket")


class World:
    """A host on which the labs ada and bob share an environment, and eve has one of her own. All serve."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.calls: list[str] = []
        self.broken: set[str] = set()
        self.started: dict[str, float | None] = {}
        for environment in ("shared", "own"):
            store = self.store(environment)
            for name in (OLDER, NEW, OLD):
                assert store.begin(name) == name
                store.finish(name, {})
            self.switch(environment, OLD, WRITTEN)
        for name in ("ada", "bob", "eve"):
            (root / name).mkdir()
            self.write(name, "old", WRITTEN, *FILES)
            self.started[name] = STARTED

    def store(self, environment: str) -> ReleaseStore:
        return ReleaseStore(str(self.root / environment))

    def lab(self, name: str) -> dict[str, Any]:
        environment, units = self.root / ("own" if name == "eve" else "shared"), [f"{name}.service", f"{name}.socket"]
        paths = [self.path(name, file) for file in FILES]
        holder = f"address@{name}.service"
        return dict(
            name=name, environment=str(environment), service=units[0], socket=units[1], holder=holder,
            files=[str(path) for path in paths],
        )  # fmt: skip

    def path(self, name: str, file: str) -> pathlib.Path:
        return self.root / name / (f"{name}.{file}" if file in ("service", "socket") else file)

    def write(self, name: str, text: str, time: float, *files: str) -> None:
        for file in files:
            path = self.path(name, file)
            path.write_text(text)
            path.chmod(0o600)
            os.utime(path, (time, time))

    def switch(self, environment: str, release: str, time: float) -> None:
        self.store(environment).activate(release)
        os.utime(self.root / environment / "current", (time, time), follow_symlinks=False)

    def state(self) -> dict[str, tuple[str, int]]:
        """All files and links that labs read, with their times."""
        found = {}
        for path in self.root.rglob("*"):
            if path.is_symlink() or (path.is_file() and path.name != MARKER and ".healthy" not in path.parts):
                text = os.readlink(path) if path.is_symlink() else path.read_text()
                found[str(path.relative_to(self.root))] = (text, path.lstat().st_mtime_ns)
        return found

    def run(self, command: list[str], **_options: Any) -> tuple[int, str, str]:
        """Takes the place of run_command."""
        units = command[command.index("--") + 1 :] if "--" in command else []
        names = [name.removesuffix(".service") for name in units]
        if command[:2] == ["systemctl", "show"]:
            return 0, "\n\n".join(self.properties(name) for name in names), ""
        if command[0] == "journalctl":
            return 0, "" if "--sync" in command else f"words to {command[1]}\n", ""
        if command[1] != "reset-failed":
            self.calls.append(" ".join(command))
        for name in names if command[1] in ("stop", "start") else ():
            self.started[name] = NOW if command[1] == "start" and name not in self.broken else None
        return 0, "", ""

    def properties(self, name: str) -> str:
        moment = self.started.get(name)
        if moment is None:
            return "ActiveState=failed\nResult=exit-code\nExecMainStartTimestamp=\nInactiveExitTimestamp="
        text = datetime.fromtimestamp(moment, timezone.utc).strftime("Sun %Y-%m-%d %H:%M:%S.%f UTC")
        return f"ActiveState=active\nResult=success\nExecMainStartTimestamp={text}\nInactiveExitTimestamp={text}"


def play(monkeypatch: pytest.MonkeyPatch, root: pathlib.Path, module: Any) -> World:
    """The host, which a module finds."""
    monkeypatch.setattr(notes, "NOTES", str(root / ".healthy"))
    world = World(root)
    played = module.AnsibleModule
    monkeypatch.setattr(played, "run_command", lambda _self, *command, **options: world.run(*command, **options))
    return world

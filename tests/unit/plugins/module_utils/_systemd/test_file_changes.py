"""Which files of units differ from the host, and whether systemd has to read them."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import file_changes, manager, unit
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import needs_reload
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import write
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import PROPERTIES, SystemdError
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import render

SERVICE = {
    "name": "a.service",
    "state": "present",
    "drop_in": "",
    "sections": {"Service": {"ExecStart": "/bin/x"}},
    "sandbox": "none",
}
READY = {**SERVICE, "name": "b.service", "ready": {"url": "http://127.0.0.1:1"}}
STATE = {**dict.fromkeys(PROPERTIES, ""), "LoadState": "loaded"}


@pytest.fixture(autouse=True)
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for module in (file_changes, unit):
        monkeypatch.setattr(module, "WAIT_READY", str(tmp_path / "wait.py"))
    monkeypatch.setattr(manager, "ROOT", str(tmp_path))
    monkeypatch.setattr(file_changes, "is_protected", lambda path: not path.endswith("open.service"))
    return tmp_path


def changes(*units: dict) -> dict[str, tuple[bool, bool]]:
    """For each file that differs, whether there is an old and a new one."""
    found = file_changes.file_changes(list(units), {})
    return {pathlib.Path(path).name: (old is not None, new is not None) for path, (old, new) in found.items()}


def test_only_files_that_differ(root: pathlib.Path) -> None:
    assert changes(SERVICE) == {"a.service": (False, True)}
    write(f"{root}/a.service", render(SERVICE, {}))
    assert changes(SERVICE) == {}
    assert changes({**SERVICE, "sections": {"Service": {"ExecStart": "/bin/y"}}}) == {"a.service": (True, True)}
    assert changes({**SERVICE, "state": "absent"}) == {"a.service": (True, False)}
    # Others can write to this file.
    write(f"{root}/open.service", render({**SERVICE, "name": "open.service"}, {}))
    assert changes({**SERVICE, "name": "open.service"}) == {"open.service": (True, True)}


def test_the_readiness_check_is_there_as_long_as_a_unit_uses_it(root: pathlib.Path) -> None:
    assert list(changes(SERVICE, READY)) == ["wait.py", "a.service", "b.service"]
    write(f"{root}/b.service", render(READY, {}))
    assert list(changes(SERVICE)) == ["wait.py", "a.service"]
    write(f"{root}/wait.py", "old")
    assert changes({**READY, "state": "absent"}) == {"b.service": (True, False), "wait.py": (True, False)}


def test_a_link_is_refused(root: pathlib.Path) -> None:
    (root / "a.service").symlink_to("/dev/null")
    with pytest.raises(SystemdError, match="a masked unit is a link"):
        changes(SERVICE)


def test_when_systemd_has_to_reload(root: pathlib.Path) -> None:
    path = str(root / "a.service")
    loaded = {"a.service": {**STATE, "FragmentPath": path}}
    assert not needs_reload([SERVICE], {}, loaded)
    assert not needs_reload([SERVICE], {str(root / "wait.py"): (None, "text")}, loaded)
    assert needs_reload([SERVICE], {path: (None, "text")}, loaded)
    assert needs_reload([SERVICE], {}, {"a.service": {**loaded["a.service"], "NeedDaemonReload": "yes"}})
    assert needs_reload([{**SERVICE, "drop_in": "50-x"}], {}, loaded)
    assert not needs_reload([SERVICE], {}, {"a.service": {**STATE, "LoadState": "not-found"}})

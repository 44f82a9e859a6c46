"""The configuration of a server is where the server can read it."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import jupyter_config


@pytest.fixture
def strict_umask() -> None:
    umask = os.umask(0o027)
    yield
    os.umask(umask)


@pytest.mark.usefixtures("strict_umask", "capsys")
def test_new_directories_are_open_under_a_strict_umask(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "jupyterhub/singleuser/config.json"
    entry = {"path": str(path), "config": {}, "mode": "0644"}
    with patch_module_args({"files": [entry]}), pytest.raises(SystemExit):
        jupyter_config.main()
    assert {oct(place.stat().st_mode & 0o777) for place in path.parents[:2]} == {"0o755"}
    assert path.stat().st_mode & 0o777 == 0o644

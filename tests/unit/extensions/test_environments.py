"""Where the environment of a server is written: beside what belongs to people."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

import pytest

UNIT = "jupyterhub-user-ada.service"


@pytest.fixture
def environments(hub: None) -> Any:
    return importlib.import_module("nbops_jupyterhub.environments")


def test_a_link_in_the_directory_of_a_person_leads_nowhere(environments: Any, tmp_path: pathlib.Path) -> None:
    own, precious = tmp_path / "ada", tmp_path / "precious"
    own.mkdir()
    precious.write_text("precious")
    (own / f"{UNIT}.env").symlink_to(precious)
    path = pathlib.Path(environments.systemd.make_environment_file(str(own), UNIT, {"TOKEN": "new"}))
    assert own not in path.parents
    assert path.read_text() == "TOKEN=new\n"
    assert precious.read_text() == "precious"


def test_each_start_writes_it_anew_and_the_end_removes_it(environments: Any, tmp_path: pathlib.Path) -> None:
    own = str(tmp_path / "ada")
    for value in ("old", "new"):
        path = pathlib.Path(environments.make_environment_file(own, UNIT, {"TOKEN": value}))
    assert path.read_text() == "TOKEN=new\n"
    environments.forget(own, UNIT)
    assert not path.exists()
    environments.forget(own, UNIT)

"""A lab and a hub beside each other, as people find them; the second run is the scenario's own step."""

from __future__ import annotations

import pytest
from notebook_client import NotebookClient


@pytest.mark.parametrize("name", ["alice", "ada"])
def test_a_person_runs_a_cell(request: pytest.FixtureRequest, name: str) -> None:
    client: NotebookClient = request.getfixturevalue(name)
    with client.kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())", timeout=600) == name


@pytest.mark.parametrize(
    ("unit", "limit"),
    [("jupyterlab-lab", 14), ("jupyterhub", 19), ("jupyterhub-proxy", 14), ("jupyterhub-user-ada", 14)],
)
def test_exposure(host, ada: NotebookClient, unit: str, limit: int) -> None:
    report = host.run(f"systemd-analyze security --no-pager --threshold={limit} {unit}.service")
    assert report.rc == 0, report.stdout

"""An upgrade after which a lab comes up, and does not work: it goes back to what it ran before."""

from __future__ import annotations

import json
import subprocess

from playbook import changes, inventory_options, run_ansible

LAB = {"name": "lab", "user": "alice", "password": "correct horse battery"}
# The server starts and shows its pages. That nobody gets a kernel is seen by a person only.
WITHOUT_KERNELS = {**LAB, "config": {"KernelProvisionerFactory": {"default_provisioner_name": "none-of-these"}}}


def upgrade(host, directory, lab: dict[str, object]) -> subprocess.CompletedProcess[str]:
    variables = {"jupyter_web_server": False, "jupyterlab_instances": [lab]}
    inventory = directory / "lab.json"
    inventory.write_text(json.dumps({"jupyterlab": {"hosts": {host.backend.host: {}}, "vars": variables}}))
    return run_ansible("nbops.jupyter.upgrade", *inventory_options(str(inventory)))


def test_a_lab_that_comes_up_and_fails_its_visit_goes_back(host, tmp_path) -> None:
    run = upgrade(host, tmp_path, WITHOUT_KERNELS)
    assert run.returncode == 2, run.stdout
    assert "is not well after its upgrade, and no further host was touched" in run.stdout, run.stdout
    assert "Red: kernel" in run.stdout, run.stdout
    assert "The lab lab runs again as until 2" in run.stdout, run.stdout

    again = upgrade(host, tmp_path, LAB)
    assert again.returncode == 0, again.stdout
    assert changes(again) == 0, "the lab is what it was, and a person works there"

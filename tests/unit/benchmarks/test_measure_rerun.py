"""What an unchanged run consists of, and the playbook that it is compared with."""

from __future__ import annotations

import yaml
from measure_rerun import Counts, counts, pings

OUTPUT = """
PLAY [Deploy JupyterLab] *****

TASK [nbops.jupyter.jupyterlab : validate | Validate the input] ***
ok: [bench-debian-12]

TASK [nbops.jupyter.jupyterlab : install | Create the account] ***
changed: [bench-debian-12]

RUNNING HANDLER [nbops.jupyter.jupyterlab : Restart] ***
changed: [bench-debian-12]

PLAY RECAP *****
bench-debian-12            : ok=3    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""
MODULE_LOG = (
    "bench-debian-12\tansible.builtin.user\tCreate the account\n"
    "localhost\tansible.builtin.file\tMake a directory on the controller\n"
    "bench-debian-12\tansible.builtin.systemd_service\tRestart\n"
)


def test_counts_come_from_the_output_and_the_module_log() -> None:
    assert counts(OUTPUT, MODULE_LOG) == Counts(tasks=3, module_executions=2, changed=2)


def test_every_ping_is_a_task_of_its_own_and_runs_as_root() -> None:
    (play,) = yaml.safe_load(pings(3))
    assert play["become"] is True
    assert play["gather_facts"] is False
    assert ["ansible.builtin.ping" in task for task in play["tasks"]] == [True] * 3

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import cProfile
import functools
import json
import os
import pathlib
import resource
import time

from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: worker_profiles
type: aggregate
short_description: Profile the processor time of the workers that Ansible forks
version_added: "0.1.0"
author:
  - nbops contributors (@nbops)
description:
  - Ansible forks a worker for every task and host. This writes a profile of each, with the processor time of its
    functions.
  - At the end, it writes the processor time of the main process and of all its children.
options:
  directory:
    description: Where to write the profiles C(NUMBER-TASK.prof) and the file C(usage.json).
    type: path
    required: true
    env:
      - name: BENCH_PROFILES
"""


def profiled(run, directory):
    """The method TaskExecutor.run, with a profile of every call, written before the main process may end the worker."""

    @functools.wraps(run)
    def run_profiled(executor):
        profile = cProfile.Profile(time.process_time)
        result = profile.runcall(run, executor)
        name = executor._task.get_name().replace("/", "-")
        profile.dump_stats(directory / f"{os.getpid()}-{name}.prof")
        return result

    return run_profiled


def processor_seconds(whose):
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


class CallbackModule(CallbackBase):
    """Wraps the method in the main process: every worker is forked from it, and inherits the wrapper."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "worker_profiles"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        self.directory = pathlib.Path(self.get_option("directory"))
        TaskExecutor.run = profiled(TaskExecutor.run, self.directory)

    def v2_playbook_on_stats(self, stats):
        usage = {
            "main": processor_seconds(resource.RUSAGE_SELF),
            "workers": processor_seconds(resource.RUSAGE_CHILDREN),
        }
        (self.directory / "usage.json").write_text(json.dumps(usage), encoding="utf-8")

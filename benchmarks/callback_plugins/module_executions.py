# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import functools
import pathlib

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: module_executions
type: aggregate
short_description: Count the modules that really run on every host
version_added: "0.1.0"
author:
  - nbops contributors (@nbops)
description:
  - A task is not a module execution. A skipped one, an include or an assert costs the host nothing, a loop costs one
    for each item, and a template two.
  - This counts what C(ActionBase._execute_module) sends to a host, and prints the total of every host at the end.
options:
  log:
    description: File to which every execution appends a line with the host, the module and the task, separated by tabs.
    type: path
    required: true
    env:
      - name: BENCH_MODULE_LOG
"""


def counted(execute, log):
    """The method ActionBase._execute_module, with a line in the file `log` for every call."""

    @functools.wraps(execute)
    def execute_module(action, module_name=None, module_args=None, tmp=None, task_vars=None, **options):
        task = action._task
        host = task.delegate_to or task_vars["inventory_hostname"]
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{host}\t{module_name or task.action}\t{task.get_name()}\n")
        return execute(action, module_name, module_args, tmp, task_vars, **options)

    return execute_module


class CallbackModule(CallbackBase):
    """Wraps the method in the controller process: every worker is forked from it, and inherits the wrapper."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_executions"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        self.log = pathlib.Path(self.get_option("log"))
        self.log.write_text("", encoding="utf-8")
        ActionBase._execute_module = counted(ActionBase._execute_module, self.log)

    def v2_playbook_on_stats(self, stats):
        hosts = collections.Counter(line.split("\t")[0] for line in self.log.read_text(encoding="utf-8").splitlines())
        for host, number in sorted(hosts.items()):
            self._display.display(f"{host}: {number} module executions")

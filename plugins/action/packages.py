# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.packages import ARGUMENT_SPEC

# An index that is older than this is fetched again before something is installed.
CACHE_SECONDS = 3600
# What policy-rc.d answers to whoever wants to start a service.
FORBIDDEN = 101


class ActionModule(ActionBase):
    """Installs packages of Debian that are missing: by apt, which is not started where nothing is."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        given = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        extra = {} if given["start"] else {"policy_rc_d": FORBIDDEN}
        found = self._module("nbops.jupyter.packages", given, task_vars)
        if found.get("failed"):
            return {**result, **found}
        told = {name: found[name] for name in ("missing", "noted")}
        missing = told["missing"]
        if not missing:
            return {**result, "changed": False, **told}
        # In check mode a host that never fetched the index knows no package, and nothing could be predicted.
        state = self._fetch_index(task_vars, CACHE_SECONDS) if self._task.check_mode else {}
        if not state.get("failed"):
            state = self._install(missing, extra, task_vars)
            if state.get("failed") and not self._fetch_index(task_vars, 0).get("failed"):
                # The index may have been empty, as on an image that was cleaned, or name versions that are gone.
                state = self._install(missing, extra, task_vars)
        return {**result, **state, **told}

    def _fetch_index(self, task_vars: dict[str, Any] | None, valid_seconds: int) -> dict[str, Any]:
        with self._for_real():
            arguments = {"update_cache": True, "cache_valid_time": valid_seconds}
            return self._module("ansible.builtin.apt", arguments, task_vars)

    def _install(self, names: list[str], extra: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {
            "name": names,
            "install_recommends": False,
            "update_cache": True,
            "cache_valid_time": CACHE_SECONDS,
            **extra,
        }
        return self._module("ansible.builtin.apt", arguments, task_vars)

    def _module(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        environment = self._task.environment
        # dpkg refuses to work without the directories of the administrator's programs.
        self._task.environment = [*(environment or []), {"PATH": surroundings.complete("")}]
        try:
            return self._execute_module(name, module_args=arguments, task_vars=task_vars)
        finally:
            self._task.environment = environment

    @contextlib.contextmanager
    def _for_real(self) -> Iterator[None]:
        check_mode, self._task.check_mode = self._task.check_mode, False
        try:
            yield
        finally:
            self._task.check_mode = check_mode

"""Runs a module with its arguments in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


def result_of(
    main: Callable[[], None], arguments: Mapping[str, Any], capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """What a module answers. It runs under the usual umask, and may change it."""
    before = os.umask(0o022)
    try:
        with patch_module_args(dict(arguments)), pytest.raises(SystemExit):
            main()
    finally:
        os.umask(before)
    return json.loads(capsys.readouterr().out)

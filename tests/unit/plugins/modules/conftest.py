"""What tests of modules share."""

from __future__ import annotations

import pytest
from ansible.module_utils.basic import AnsibleModule


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first line of each warning. Without it, a warning goes to the controller's display where one is loaded."""
    said: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text, **_options: said.append(text.split("\n")[0]))
    return said

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test plugin adds to plugin_utils; the filter's tests run it in a playbook."""

from __future__ import annotations

import sys

import pytest
from ansible.errors import AnsibleTemplatePluginError
from ansible_collections.nbops.jupyter.plugins.test.jupyter_password_match import TestModule as Plugin

jupyter_password_match = Plugin().tests()["jupyter_password_match"]
STORED = "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a"


@pytest.mark.parametrize(
    ("stored", "password", "verdict"),
    [(STORED, "mypassword", True), (STORED, "mypassworD", False), ("garbage", "mypassword", False)],
)
def test_verdicts(stored: str, password: str, verdict: bool) -> None:
    assert jupyter_password_match(stored, password) is verdict


@pytest.mark.parametrize(
    ("stored", "password", "message"),
    [
        (None, "mypassword", "the stored hash must be a string, not NoneType"),
        (STORED, 12345678, "the password must be a string, not int"),
        (STORED, "", "the password is empty"),
    ],
)
def test_errors_are_those_of_ansible(stored: object, password: object, message: str) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=message):
        jupyter_password_match(stored, password)


def test_missing_library_is_an_error_of_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "passlib.hash", None)
    with pytest.raises(AnsibleTemplatePluginError, match="argon2 needs libpass and argon2-cffi on the controller"):
        jupyter_password_match("argon2:$argon2id$", "mypassword")

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filter adds to plugin_utils, and filter and test together in a real playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleTemplatePluginError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.nbops.jupyter.plugins.filter import jupyter_password_hash as plugin
from ansible_collections.nbops.jupyter.plugins.plugin_utils._jupyter_password import ALGORITHMS, MAX_CHARACTERS
from jupyter_server.auth.security import passwd_check

jupyter_password_hash = plugin.FilterModule().filters()["jupyter_password_hash"]
PASSWORD = "correct hörse 😀"

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    wrong: "{{ password ~ 'x' }}"
  tasks:
    - name: Hash
      ansible.builtin.set_fact:
        argon2: "{{ password | nbops.jupyter.jupyter_password_hash }}"
        again: "{{ password | nbops.jupyter.jupyter_password_hash(current=nothing_stored | default('')) }}"
        sha512: "{{ password | nbops.jupyter.jupyter_password_hash(algorithm='sha512') }}"
      no_log: true

    - name: Compare
      ansible.builtin.assert:
        that:
          - argon2 is nbops.jupyter.jupyter_password_match(password)
          - sha512 is nbops.jupyter.jupyter_password_match(password)
          - argon2 is not nbops.jupyter.jupyter_password_match(wrong)
          - again != argon2
          - password | nbops.jupyter.jupyter_password_hash(current=argon2) == argon2
          - password | nbops.jupyter.jupyter_password_hash('sha512', sha512) == sha512
          - wrong | nbops.jupyter.jupyter_password_hash(current=argon2) != argon2

    - name: Refuse a number
      ansible.builtin.debug:
        msg: "{{ number | nbops.jupyter.jupyter_password_hash }}"
      register: number_refused
      ignore_errors: true

    - name: Refuse a swapped call
      ansible.builtin.debug:
        msg: "{{ 'argon2' | nbops.jupyter.jupyter_password_hash(password) }}"
      register: swap_refused
      ignore_errors: true

    - name: Refuse a match with a number
      ansible.builtin.assert:
        that: sha512 is nbops.jupyter.jupyter_password_match(number)
      register: match_refused
      ignore_errors: true

    - name: Save
      ansible.builtin.copy:
        content: "{{ {'hashes': hashes, 'errors': errors} | to_json }}"
        dest: "{{ report }}"
        mode: "0600"
      vars:
        hashes: ["{{ argon2 }}", "{{ again }}", "{{ sha512 }}"]
        errors: ["{{ number_refused.msg }}", "{{ swap_refused.msg }}", "{{ match_refused.msg }}"]
      no_log: true
"""


def test_playbook_hashes_a_vaulted_password_and_shows_nothing(tmp_path: Path) -> None:
    vaulted = VaultLib([("default", VaultSecret(b"sesame"))]).encrypt(PASSWORD).decode()
    tmp_path.joinpath("vault-password").write_text("sesame")
    tmp_path.joinpath("variables.yml").write_text(
        f"number: 20262027\nreport: {tmp_path}/report.json\npassword: !vault |\n  " + vaulted.replace("\n", "\n  ")
    )
    tmp_path.joinpath("playbook.yml").write_text(PLAYBOOK)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(Path(plugin.__file__).parents[5]),
        "ANSIBLE_DISPLAY_TRACEBACK": "always",
        "ANSIBLE_HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-vvv", "--inventory=localhost,", "--connection=local"]
    command += ["--extra-vars=@variables.yml", "--extra-vars=ansible_python_interpreter={{ansible_playbook_python}}"]
    run = subprocess.run(
        [*command, "--vault-password-file=vault-password", "playbook.yml"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    report = json.loads(tmp_path.joinpath("report.json").read_text())

    for stored in report["hashes"]:
        assert passwd_check(stored, PASSWORD)
        assert stored not in run.stdout
    for error, name, text in zip(
        report["errors"],
        ["jupyter_password_hash", "jupyter_password_hash", "jupyter_password_match"],
        ["the password must be a string, not int", "unknown algorithm, use one of argon2", "must be a string, not int"],
        strict=True,
    ):
        assert f"nbops.jupyter.{name}" in error
        assert text in error
    for secret in ("hörse", "h\\u00f6rse", "20262027"):
        assert secret not in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12345678,), "the password must be a string, not int"),
        (("",), "the password is empty"),
        (("argon2", PASSWORD), "unknown algorithm, use one of argon2, sha1"),
        ((PASSWORD, "argon2", []), "the current hash must be a string, not list"),
    ],
)
def test_errors_are_those_of_ansible(arguments: tuple, message: str) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=message):
        jupyter_password_hash(*arguments)


def test_missing_library_is_an_error_of_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "passlib.hash", None)
    with pytest.raises(AnsibleTemplatePluginError, match="argon2 needs libpass and argon2-cffi on the controller"):
        jupyter_password_hash(PASSWORD)


def test_documentation_tells_the_algorithms_and_the_limit() -> None:
    options = yaml.safe_load(plugin.DOCUMENTATION)["options"]
    assert tuple(options["algorithm"]["choices"]) == ALGORITHMS
    assert f"1 to {MAX_CHARACTERS} characters" in options["_input"]["description"]

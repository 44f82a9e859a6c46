# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of a playbook sees of a plan, and what its output shows."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

from ansible_collections.nbops.jupyter.plugins.action import plan

PASSWORD_HASH = "$6$salt$" + "nobody/may/read/" * 5 + "this.."
PLAYBOOK = f"""
- hosts: localhost
  gather_facts: false
  vars:
    jupyterhub_users: [{{name: ada}}]
    jupyter_domain: hub.example.org
    jupyter_sites:
      - name: wiki
        server_names: [wiki.example.org]
        basic_auth: [{{user: ada, password_hash: "{PASSWORD_HASH}"}}]
        locations: [{{path: /, upstream: "127.0.0.1:8080"}}]
  tasks:
    - name: Validate the input
      nbops.jupyter.plan:
        playbook: jupyterhub
      register: front

    - name: Use the plan
      ansible.builtin.debug:
        msg: "sites: {{{{ front.sites | map(attribute='name') | join(' ') }}}}"

    - name: Validate several
      nbops.jupyter.plan:
        playbook: "{{{{ item }}}}"
      loop: [jupyterhub, status]
"""


def test_the_plan_of_a_playbook_is_there_for_tasks_and_hidden_from_the_output(tmp_path: pathlib.Path) -> None:
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    # Other than the default, this callback shows whatever it is given.
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(pathlib.Path(plan.__file__).parents[5]),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-vvv", "--inventory=localhost,", "--connection=local"]
    run = subprocess.run([*command, str(playbook)], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "sites: jupyterhub wiki" in run.stdout
    assert '"item": "status"' in run.stdout
    assert PASSWORD_HASH not in run.stdout + run.stderr

#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Order, make or copy certificates, and deploy them at a stable path
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Deploys every certificate to C(<directory>/<name>/fullchain.pem) and C(privkey.pem), and makes services load it.
  - Orders certificates from an ACME authority with certbot if they are missing, or if their domains or settings
    changed. Sends the authority no request about a certificate that is as described.
  - Installs certbot's deploy hook and a program that deploys renewed certificates without Ansible, which the role's
    units run.
  - If one certificate fails, it stays as it was, or is a self-signed placeholder if there was none before. The others
    are deployed all the same.
options:
  certificates:
    description: The certificates, as the role P(nbops.jupyter.certbot#role) completes them.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Name of its directory., type: str, required: true}
      state: {description: Whether it exists., type: str, choices: [present, absent], default: present}
      domains: {description: Names and addresses that it is valid for., type: list, elements: str, default: []}
      method:
        description: Where it comes from.
        type: str
        choices: [webroot, standalone, dns, self_signed, provided]
        default: webroot
      webroot: {description: Directory that a web server serves on port 80., type: path, default: /var/lib/nginx-acme}
      key_type: {description: Kind of the key., type: str, choices: [ecdsa, rsa], default: ecdsa}
      profile: {description: Profile of the authority., type: str, default: ""}
      dns:
        description: How certbot creates a record in the DNS.
        type: dict
        default: {}
        suboptions:
          plugin: {description: Name of certbot's plugin., type: str}
          credentials: {description: Keys and values of the plugin's file of credentials., type: dict}
          propagation_seconds: {description: Seconds until everybody can see the record., type: int}
          auth_hook: {description: Program that creates the record instead of a plugin., type: path}
          cleanup_hook: {description: Program that removes it., type: path}
      days: {description: Life of a self-signed certificate in days., type: int, default: 90}
      authority: {description: Sign it by this host's own authority., type: bool, default: false}
      certificate: {description: Text of a provided certificate with its chain., type: str}
      key: {description: Text of a provided key., type: str}
      certificate_path: {description: File on the host with a provided certificate., type: path}
      key_path: {description: File on the host with a provided key., type: path}
      group: {description: Group that may read the key., type: str, default: root}
      reload: {description: Units to reload for a new certificate., type: list, elements: str, default: [nginx.service]}
      restart: {description: Units to restart for a new certificate., type: list, elements: str, default: []}
      revoke: {description: Revoke an absent certificate., type: bool, default: false}
  program:
    description: Text of the program that deploys certificates without Ansible, C(files/certificates.py) of the role.
    type: str
    required: true
  directory:
    description: Contains a directory for each certificate.
    type: path
    default: /etc/ssl/jupyter
  certbot:
    description: The program certbot.
    type: path
    default: /usr/bin/certbot
  server:
    description: V(production) or V(staging) of Let's Encrypt, or the URL of another authority's directory.
    type: str
    default: production
  email:
    description: Address for the authority's messages.
    type: str
    default: ""
  ca_bundle:
    description: File on the host with the authorities that sign the ACME server's own certificate.
    type: path
    default: ""
  eab_kid:
    description: Id of an account with the authority, if it needs one.
    type: str
    default: ""
  eab_hmac_key:
    description: Key of that account.
    type: str
    default: ""
  preflight:
    description: Check whether an order can succeed before it is sent.
    type: bool
    default: true
  on_failure:
    description: What a certificate that failed does once all others are deployed. RV(failures) lists it in any case.
    type: str
    choices: [fail, warn, ignore]
    default: fail
  alarm_share:
    description: Share of a certificate's life below which the guard reports it.
    type: float
    default: 0.25
  textfile_directory:
    description: Directory in which node_exporter reads metrics. If it does not exist, none are written.
    type: path
    default: /var/lib/prometheus/node-exporter
attributes:
  check_mode:
    support: full
    details: Sends the authority no request. Errors are warnings, because an earlier task may create what is missing.
  diff_mode:
    support: none
    details: Keys are never shown.
requirements:
  - the command C(openssl) on the target, and certbot where certificates are ordered
"""

EXAMPLES = r"""
- name: A certificate that a load balancer reads
  nbops.jupyter.certificates:
    program: "{{ lookup('ansible.builtin.file', 'certificates.py') }}"
    email: admin@example.org
    certificates:
      - name: www.example.org
        domains: [www.example.org, example.org]
        method: standalone
        group: haproxy
        reload: [haproxy.service]
"""

RETURN = r"""
ordered:
  description: Maps the names of certificates that were or would be ordered to the reason.
  returned: always
  type: dict
  sample: {lab.example.org: its domains are others}
deployed:
  description: Names of the certificates that were or would be put in place or loaded.
  returned: always
  type: list
  elements: str
  sample: [lab.example.org]
removed:
  description: Names of the certificates that were or would be removed.
  returned: always
  type: list
  elements: str
declared:
  description: All certificates that are deployed on the host afterwards, also those of earlier runs, without secrets.
  returned: always
  type: list
  elements: dict
distribution_timer:
  description: Whether the distribution's certbot is installed, with its timer that renews certificates.
  returned: always
  type: bool
failures:
  description: Errors by the name of the certificate. Empty in check mode.
  returned: always
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.reconcile import CertificateRun, SettingsError
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run_by_module

DISTRIBUTION_TIMER = "/usr/lib/systemd/system/certbot.timer"
CONSEQUENCE = "What was served before is served still; the next run tries again."

ARGUMENT_SPEC = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "domains": {"type": "list", "elements": "str", "default": []},
            "method": {
                "type": "str",
                "choices": ["webroot", "standalone", "dns", "self_signed", "provided"],
                "default": "webroot",
            },
            "webroot": {"type": "path", "default": "/var/lib/nginx-acme"},
            "key_type": {"type": "str", "choices": ["ecdsa", "rsa"], "default": "ecdsa", "no_log": False},
            "profile": {"type": "str", "default": ""},
            "dns": {
                "type": "dict",
                "default": {},
                "options": {
                    "plugin": {"type": "str"},
                    "credentials": {"type": "dict", "no_log": True},
                    "propagation_seconds": {"type": "int"},
                    "auth_hook": {"type": "path"},
                    "cleanup_hook": {"type": "path"},
                },
            },
            "days": {"type": "int", "default": 90},
            "authority": {"type": "bool", "default": False},
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": True},
            "certificate_path": {"type": "path"},
            "key_path": {"type": "path", "no_log": False},
            "group": {"type": "str", "default": "root"},
            "reload": {"type": "list", "elements": "str", "default": ["nginx.service"]},
            "restart": {"type": "list", "elements": "str", "default": []},
            "revoke": {"type": "bool", "default": False},
        },
    },
    "program": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/ssl/jupyter"},
    "certbot": {"type": "path", "default": "/usr/bin/certbot"},
    "server": {"type": "str", "default": "production"},
    "email": {"type": "str", "default": ""},
    "ca_bundle": {"type": "path", "default": ""},
    "eab_kid": {"type": "str", "default": ""},
    "eab_hmac_key": {"type": "str", "default": "", "no_log": True},
    "preflight": {"type": "bool", "default": True},
    "on_failure": {"type": "str", "choices": ["fail", "warn", "ignore"], "default": "fail"},
    "alarm_share": {"type": "float", "default": 0.25},
    "textfile_directory": {"type": "path", "default": "/var/lib/prometheus/node-exporter"},
}


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    run_by_module(module)
    try:
        run = CertificateRun(module.params, module.run_command, module.check_mode)
        outcome = run.run()
    except (OSError, SettingsError) as error:
        module.fail_json(msg=f"{error}. The certificates that existed are unchanged.")
    problems = [f"{name}: {text}" for name, text in outcome.failures.items()]
    # In check mode nothing has failed: what is missing may be what an earlier task would create.
    on_failure = "warn" if module.check_mode else module.params["on_failure"]
    result = {
        "changed": bool(outcome.ordered or outcome.deployed or outcome.removed or run.files.changed),
        "ordered": outcome.ordered,
        "deployed": outcome.deployed,
        "removed": outcome.removed,
        "declared": run.declared(),
        "distribution_timer": os.path.exists(DISTRIBUTION_TIMER),
        "failures": {} if module.check_mode else outcome.failures,
    }
    if problems and on_failure == "fail":
        module.fail_json(msg="\n".join([*problems, CONSEQUENCE]), **result)
    if on_failure == "warn":
        for problem in problems:
            module.warn(f"{problem}\n{CONSEQUENCE}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()

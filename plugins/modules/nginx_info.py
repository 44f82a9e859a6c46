#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_info
short_description: Tell what the host's nginx can do, and what it serves already
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
  - nbops.jupyter._mark
description:
  - Tells whether nginx is installed, its version, the version of the OpenSSL library it runs with, and whether the
    kernel knows IPv6, so that a configuration can be written that this nginx accepts.
  - Tells of the host's whole configuration what a site has to know that lives beside others.
options:
  fail2ban_jail:
    description: Name of a jail of fail2ban to look for.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look at nginx
  nbops.jupyter.nginx_info:
    mark: written by the pages playbook
  register: nginx

- name: Say whether key exchange is safe from quantum computers
  ansible.builtin.debug:
    msg: "{{ nginx.openssl_version is version('3.5', '>=') }}"
"""

RETURN = r"""
installed:
  description: Whether there is an nginx executable.
  returned: success
  type: bool
  sample: true
version:
  description: Version of nginx; V(0) without nginx.
  returned: success
  type: str
  sample: 1.26.3
openssl_version:
  description: Version of the OpenSSL library that nginx runs with; V(0) without nginx, or with another library.
  returned: success
  type: str
  sample: 3.5.7
ipv6:
  description: Whether the kernel offers IPv6 sockets.
  returned: success
  type: bool
  sample: true
packaged_by_debian:
  description: Whether it is the nginx of Debian or Ubuntu, which their packages of modules fit.
  returned: success
  type: bool
  sample: true
complaint:
  description:
    - Why nginx refuses the configuration that the host has; empty where it does not.
    - Where it does, nothing is known of what follows.
  returned: success
  type: str
  sample: ""
listeners:
  description:
    - What server blocks listen on, each with the keys C(file), C(endpoint) (C(*:80), C([::]:80), C(192.0.2.1:80)),
      C(default) and C(ssl), and with C(ours), whether O(mark) is in the file.
  returned: success
  type: list
  elements: dict
  sample: [{file: /etc/nginx/sites-enabled/default, endpoint: "*:80", default: true, ssl: false, ours: false}]
group:
  description: Group of the worker processes.
  returned: success
  type: str
  sample: www-data
reads_main_files:
  description: Whether files in C(/etc/nginx/modules-enabled) are read outside of the block for HTTP.
  returned: success
  type: bool
  sample: true
shutdown_timeout_elsewhere:
  description: Whether a file without O(mark) sets C(worker_shutdown_timeout).
  returned: success
  type: bool
  sample: false
brotli:
  description: Whether files compressed with Brotli can be served.
  returned: success
  type: bool
  sample: true
fail2ban:
  description:
    - What there is of fail2ban, which reads nginx's logs. C(installed), whether it is, with nftables; C(jail), whether
      O(fail2ban_jail) is in its configuration; C(auth_log), whether there is the log that its jail for SSH reads on
      Debian 12.
  returned: success
  type: dict
  sample: {installed: true, jail: true, auth_log: false}
"""

import dataclasses
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.parser import listeners, parse, values

# Exists exactly where sockets of the family AF_INET6 can be opened.
IPV6_ADDRESSES = "/proc/net/if_inet6"
# The package that nginx.org does not have.
DEBIAN_PACKAGE = "/var/lib/dpkg/info/nginx-common.list"
MAIN_FILES = "/etc/nginx/modules-enabled/*.conf"


def versions(description):
    """Versions of nginx and of OpenSSL, from what C(nginx -V) says."""
    nginx = re.search(r"^nginx version: nginx/([\d.]+)", description, re.MULTILINE)
    # The library that it runs with stands after the one that it was built with, and only if they differ.
    libraries = re.findall(r"(?:built|running) with OpenSSL ([\d.]+)", description)
    return nginx.group(1) if nginx else "0", libraries[-1] if libraries else "0"


def describe(files, mark):
    """What the files of a configuration say."""
    account = next((arguments for _file, arguments in values(files, "user")), ["www-data"])
    modules = [arguments[0] for _file, arguments in values(files, "load_module")]
    return {
        "listeners": [
            {**dataclasses.asdict(listener), "ours": mark in file.text}
            for file in files
            for listener in listeners(file)
        ],
        "group": account[-1],
        "reads_main_files": any(arguments == [MAIN_FILES] for _file, arguments in values(files, "include")),
        "shutdown_timeout_elsewhere": any(
            mark not in file.text for file, _arguments in values(files, "worker_shutdown_timeout")
        ),
        "brotli": any("brotli_static" in module for module in modules),
    }


def main():
    module = AnsibleModule(
        argument_spec={"mark": {"type": "str", "required": True}, "fail2ban_jail": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    executable = module.get_bin_path("nginx")
    description, dump, complaint = "", "", ""
    if executable:
        description = module.run_command([executable, "-V"], check_rc=True)[2]
        rc, dump, messages = module.run_command([executable, "-T", "-q"])
        if rc != 0:
            dump, complaint = "", messages.strip()
    version, openssl_version = versions(description)
    module.exit_json(
        installed=executable is not None,
        version=version,
        openssl_version=openssl_version,
        ipv6=os.path.exists(IPV6_ADDRESSES),
        packaged_by_debian=os.path.exists(DEBIAN_PACKAGE),
        complaint=complaint,
        fail2ban={
            "installed": bool(module.get_bin_path("fail2ban-client") and module.get_bin_path("nft")),
            "jail": os.path.exists(f"/etc/fail2ban/jail.d/{module.params['fail2ban_jail']}.conf"),
            "auth_log": os.path.exists("/var/log/auth.log"),
        },
        **describe(parse(dump), module.params["mark"]),
    )


if __name__ == "__main__":
    main()

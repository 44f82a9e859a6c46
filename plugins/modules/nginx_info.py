#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_info
short_description: Describe the host's nginx and what it serves
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
  - nbops.jupyter._mark
description:
  - Returns the versions of nginx and of its OpenSSL library, and whether the kernel supports IPv6, so that a
    configuration can be written which this nginx accepts.
  - Returns what a new site has to know of the host's whole configuration and of the sites in it.
options:
  fail2ban_jail:
    description: Name of a jail of fail2ban whose existence is returned.
    type: str
    default: ""
  addresses:
    description: Where nginx is to listen, such as V(0.0.0.0:80); who else does is returned.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Read the configuration of nginx
  nbops.jupyter.nginx_info:
    mark: written by the pages playbook
  register: nginx

- name: Show whether key exchange is safe from quantum computers
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
  description: Version of the OpenSSL library that nginx runs with; V(0) without nginx or with another library.
  returned: success
  type: str
  sample: 3.5.7
ipv6:
  description: Whether the kernel offers IPv6 sockets.
  returned: success
  type: bool
  sample: true
packaged_by_debian:
  description: Whether it is the nginx of Debian or Ubuntu, for which they package modules.
  returned: success
  type: bool
  sample: true
complaint:
  description:
    - Why nginx refuses the host's present configuration; empty if it accepts it.
    - If it refuses it, the values below describe an empty configuration.
  returned: success
  type: str
  sample: ""
listeners:
  description:
    - What server blocks listen on, each with the keys C(file), C(endpoint) (C(*:80), C([::]:80), C(192.0.2.1:80)),
      C(default) and C(ssl), C(names) (those of the block), and C(ours), whether the file contains O(mark).
  returned: success
  type: list
  elements: dict
  sample: [{file: /etc/nginx/sites-enabled/default, endpoint: "*:80", ssl: false, names: [_], ours: false}]
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
strangers:
  description: What has one of O(addresses) and is no nginx, each with the C(address) and the C(process) in words.
  returned: success
  type: list
  elements: dict
  sample: [{address: "0.0.0.0:80", process: "apache2 (process 812 of root, apache2.service)"}]
fail2ban:
  description:
    - C(installed) says whether fail2ban and nftables are installed; C(jail) whether O(fail2ban_jail) is configured;
      C(auth_log) whether the log exists that fail2ban's jail for SSH reads on Debian 12.
  returned: success
  type: dict
  sample: {installed: true, jail: true, auth_log: false}
"""

import dataclasses
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.parser import listeners, parse, values
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.listeners import listening_on

# Exists if and only if sockets of the family AF_INET6 can be opened.
IPV6_ADDRESSES = "/proc/net/if_inet6"
# nginx.org's packages do not include this one.
DEBIAN_PACKAGE = "/var/lib/dpkg/info/nginx-common.list"
MAIN_FILES = "/etc/nginx/modules-enabled/*.conf"

ARGUMENT_SPEC = {
    "mark": {"type": "str", "required": True},
    "fail2ban_jail": {"type": "str", "default": ""},
    "addresses": {"type": "list", "elements": "str", "default": []},
}


def versions(description):
    """The versions of nginx and OpenSSL in the output of `nginx -V`; "0" for what is not there."""
    nginx = re.search(r"^nginx version: nginx/([\d.]+)", description, re.MULTILINE)
    # The library that it runs with follows the one that it was built with, and only if they differ.
    libraries = re.findall(r"(?:built|running) with OpenSSL ([\d.]+)", description)
    return nginx.group(1) if nginx else "0", libraries[-1] if libraries else "0"


def describe(files, mark):
    """What a new site has to know of the files of a configuration."""
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


def strangers(addresses):
    """Of each address that nginx could not have, the first process that does; the host's nginx takes new sites up."""
    found = []
    for address in addresses:
        others = [one for one in listening_on(address) if one.name != "nginx" and one.unit != "nginx.service"]
        # A web server has many processes on one address.
        found += [{"address": address, "process": str(process)} for process in others[:1]]
    return found


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
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
        strangers=strangers(module.params["addresses"]),
        fail2ban={
            "installed": bool(module.get_bin_path("fail2ban-client") and module.get_bin_path("nft")),
            "jail": os.path.exists(f"/etc/fail2ban/jail.d/{module.params['fail2ban_jail']}.conf"),
            "auth_log": os.path.exists("/var/log/auth.log"),
        },
        **describe(parse(dump), module.params["mark"]),
    )


if __name__ == "__main__":
    main()

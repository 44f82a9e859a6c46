#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_info
short_description: Tell what the host's nginx can do
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Tells whether nginx is installed, its version, the version of the OpenSSL library it runs with, and whether the
    kernel knows IPv6, so that a configuration can be written that this nginx accepts.
attributes:
  check_mode:
    support: full
    description: Only looks.
  diff_mode:
    support: none
    description: Nothing changes.
"""

EXAMPLES = r"""
- name: Look at nginx
  nbops.jupyter.nginx_info:
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
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule

# Exists exactly where sockets of the family AF_INET6 can be opened.
IPV6_ADDRESSES = "/proc/net/if_inet6"


def versions(description):
    """Versions of nginx and of OpenSSL, from what C(nginx -V) says."""
    nginx = re.search(r"^nginx version: nginx/([\d.]+)", description, re.MULTILINE)
    # The library that it runs with stands after the one that it was built with, and only if they differ.
    libraries = re.findall(r"(?:built|running) with OpenSSL ([\d.]+)", description)
    return nginx.group(1) if nginx else "0", libraries[-1] if libraries else "0"


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    executable = module.get_bin_path("nginx")
    version, openssl_version = versions(module.run_command([executable, "-V"], check_rc=True)[2] if executable else "")
    module.exit_json(
        installed=executable is not None,
        version=version,
        openssl_version=openssl_version,
        ipv6=os.path.exists(IPV6_ADDRESSES),
    )


if __name__ == "__main__":
    main()

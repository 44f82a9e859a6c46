# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the head of a request, its first line and headers, may be on the whole way to a server."""

from __future__ import annotations

KIB = 1024
# What tornado takes for the hub and for servers, which have no option for it, in bytes.
SERVER = 64 * KIB
# What the hub's proxy takes, in bytes: it adds headers of its own.
PROXY = SERVER - KIB
# Buffers of nginx, and their size in KiB. One holds the first line or a header, such as the cookies of several
# services; together with the first one of 1 KiB, and with what nginx adds, they fit the proxy.
NGINX = (3, 20)

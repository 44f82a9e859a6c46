# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What texts may look like that several roles take."""

from __future__ import annotations

import re

# An account of the host, as useradd makes it.
ACCOUNT = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
# A directory below /etc/ssl/jupyter.
CERTIFICATE = re.compile(r"(?!.{254})[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
# A group of a hub, which may come from elsewhere.
HUB_GROUP = re.compile(r"(?! )[^\x00-\x1f\x7f,]{1,255}(?<! )")
ONE_LINE = re.compile(r"[^\x00-\x1f\x7f]*")
# A path of URLs, and a page below one.
BASE_URL = re.compile(r"/([A-Za-z0-9._~-]+/)*")
PAGE = re.compile(r"/[^\s\"'<>\\]*")

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns for `--diff`."""

from __future__ import annotations


def file_diff(path: str, before: str | None, after: str | None) -> dict[str, str]:
    """The diff of a file; None stands for a file that does not exist. Secrets must not come in here."""
    return {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}

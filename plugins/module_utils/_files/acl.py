# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access control lists as Linux stores them, in extended attributes; no program is needed to read or set them.

The form is that of `struct posix_acl_xattr_header` and its entries in include/uapi/linux/posix_acl_xattr.h.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Collection

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
ALL, READ, NOTHING = 7, 5, 0

_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_OWNER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def shared(writers: Collection[int], readers: Collection[int]) -> bytes:
    """A list by which these groups, by their gids, write and read, and the owning group and others do nothing.

    Of a group in both, writing counts.
    """
    groups = {**dict.fromkeys(readers, READ), **dict.fromkeys(writers, ALL)}
    entries = [
        (_OWNER, ALL, _NO_ID),
        (_OWNING_GROUP, NOTHING, _NO_ID),
        *((_GROUP, groups[gid], gid) for gid in sorted(groups)),
        (_MASK, ALL, _NO_ID),
        (_OTHERS, NOTHING, _NO_ID),
    ]
    return _VERSION + b"".join(_ENTRY.pack(*entry) for entry in entries)


def with_bits(acl: bytes, bits: int) -> bytes:
    """The same list with other bits of the owner, and the mask by which nobody goes beyond them."""
    entries = _ENTRY.iter_unpack(acl[len(_VERSION) :])
    return _VERSION + b"".join(
        _ENTRY.pack(tag, bits if tag in (_OWNER, _MASK) else allowed, who) for tag, allowed, who in entries
    )


def get(file: int | str, name: str) -> bytes:
    """The list of an open file or a path; empty where there is none. Raises OSError."""
    try:
        return os.getxattr(file, name)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return b""
        raise


def put(file: int | str, name: str, acl: bytes) -> None:
    """Sets the list of an open file or a path; an empty one removes it. Raises ValueError where none can be kept."""
    try:
        if acl:
            os.setxattr(file, name, acl)
        elif get(file, name):
            os.removexattr(file, name)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise ValueError(
                "its file system keeps no access control lists; one such as ext4, XFS or Btrfs does"
            ) from None
        raise

"""What a user's server is called on the host: different users and servers never share a unit or a directory."""

from __future__ import annotations

import base64
import hashlib
import re

LONGEST_NAME = 255
# SystemdSpawner adds `.env` to the name of the unit for a file, which has at most 255 bytes as well.
LONGEST_UNIT = 250
LONGEST_DIRECTORY = 25
# What Linux takes as the path of a socket, in bytes, and what Jupyter calls a kernel's.
LONGEST_SOCKET = 107
KERNEL_SOCKET = f"kernel-{'0' * 36}-ipc-5"
SUFFIX = ".service"

_SOUND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\\-]*")
# systemd takes a name with one of these for the name of a unit.
_OF_UNITS = re.compile(
    r".*\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope|snapshot|busname)"
)


def problem(name: str) -> str:
    """Why a name can be no account's, as a sentence for its bearer; empty where it can.

    Accounts of directories have dots, digits, `@` and `\\` in their names. What is not ASCII is refused before it is
    lower-cased: the Kelvin sign would become a k.
    """
    if len(name) <= LONGEST_NAME and _SOUND.fullmatch(name) and not _OF_UNITS.fullmatch(name.lower()):
        return ""
    return f"{name[:LONGEST_NAME]!a} is no name of an account of this host. Ask the administrator for another name."


def unit(prefix: str, user: str, server: str = "") -> str:
    """The name of the unit of a user's server, which systemd neither expands nor completes.

    An `@` would make it an instance of a template, whose drop-ins are others than those of the sandbox.
    """
    key = _key(user, server, ":")
    return f"{prefix}-{key if len(f'{prefix}-{key}{SUFFIX}') <= LONGEST_UNIT else _digest(key)}{SUFFIX}"


def directory(user: str, server: str = "") -> str:
    """The name of the directory of a user's server, below the one of all."""
    return _short(user, server, LONGEST_DIRECTORY)


def kernels_directory(parent: str, user: str, server: str = "") -> str:
    """The path of the directory of a user's server below `parent` that has its kernels' sockets.

    A hub's name is in `parent`, so the longer it is, the fewer bytes are left.
    """
    left = LONGEST_SOCKET - len(f"{parent}//{KERNEL_SOCKET}")
    return f"{parent}/{_short(user, server, min(LONGEST_DIRECTORY, left))}"


def _short(user: str, server: str, longest: int) -> str:
    # A colon separates paths in RuntimeDirectory=.
    key = _key(user, server, ",")
    return key if len(key) <= longest else _digest(key)[:longest]


def stored(name: str, prefix: str, user: str, server: str = "") -> str:
    """The unit of a server that runs, by the name that the hub stored when it started it.

    An earlier version wrote names as they were. One that could be the unit of another user does not count.
    """
    former = f"{prefix}-{user}" + (f":{server}" if server else "")
    if name != former or problem(user) or user != user.lower():
        return unit(prefix, user, server)
    return former if former.endswith(SUFFIX) else f"{former}{SUFFIX}"


def _key(user: str, server: str, separator: str) -> str:
    return _escape(user) + (separator + _escape(server) if server else "")


def _escape(text: str) -> str:
    """Writes all but small letters, digits, `_`, `-` and `.` as X and two digits.

    An X, unlike the backslash of systemd-escape, means nothing to shells and to systemd's properties.
    """
    found = "".join(chr(byte) if byte in _PLAIN else f"X{byte:02x}" for byte in text.encode(errors="surrogatepass"))
    return re.sub(r"^\.", "X2e", found)


_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.")


def _digest(key: str) -> str:
    """120 bits in place of a long key; 85 are left below the longest name of a hub. No key has an H in it."""
    return "H" + base64.b32encode(hashlib.sha256(key.encode()).digest()[:15]).decode().lower()

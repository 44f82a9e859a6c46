# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements locks: one line `name==version ; marker --hash=...` for each package. Pure functions."""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
EXTRAS = r"(?:\s*\[[^\]]*\])?"

_PIN = re.compile(
    rf"(?P<name>{NAME}){EXTRAS}\s*==\s*(?P<version>[^\s;,*]+)\s*(?:;\s*(?P<marker>.+?))?(?P<hashes>(?:\s+--hash=\w+:[0-9a-f]+)+)"
)
_SPECIFIER = re.compile(rf"(?P<name>{NAME}){EXTRAS}\s*(?P<rest>(?:\(?\s*[<>=!~][^;@]*)?(?:;.*)?)")

_OPERATORS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_VERSION_VARIABLES = ("python_version", "python_full_version", "implementation_version")


@dataclass(frozen=True)
class Pin:
    """One package of a lock; `marker` is empty where the package always applies, `text` is its line with hashes."""

    name: str
    version: str
    marker: str
    text: str

    @property
    def constraint(self) -> str:
        """The pin without hashes, as a resolver's constraint."""
        return f"{self.name}=={self.version}" + (f" ; {self.marker}" if self.marker else "")


def normalise_name(name: str) -> str:
    """The normalised name of a package, as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_lock(text: str) -> list[Pin]:
    """The pins of a lock, in its order.

    Raises ValueError naming the first line that is not `name==version` with at least one hash.
    """
    pins = []
    for line in text.replace("\\\n", " ").splitlines():
        line = " ".join(re.sub(r"(^|\s)#.*", "", line).split())
        if not line:
            continue
        match = _PIN.fullmatch(line)
        if not match:
            raise ValueError(f"a lock holds only lines of the form name==version --hash=sha256:..., not: {line[:80]}")
        pins.append(Pin(normalise_name(match["name"]), match["version"], match["marker"] or "", line))
    return pins


def split_specifier(specifier: str) -> tuple[str, str]:
    """Name and the rest (versions, marker; may be empty) of a requirement such as `pandas>=2`.

    Raises ValueError for anything else, such as a URL, a path or an installer's option.
    """
    match = _SPECIFIER.fullmatch(specifier.strip())
    if not match:
        raise ValueError(f"not a package name with an optional version, such as pandas>=2: {specifier}")
    return normalise_name(match["name"]), match["rest"].strip()


def marker_applies(marker: str, environment: dict[str, str]) -> bool:
    """Whether an environment marker holds. One that is not understood counts as holding.

    Written here, because `packaging` is missing on a fresh Debian, where check mode predicts packages too.
    """
    if not marker:
        return True
    try:
        return _evaluate(ast.parse(marker, mode="eval").body, environment)
    except (KeyError, SyntaxError, ValueError):
        return True


def _evaluate(node: ast.expr, environment: dict[str, str]) -> bool:
    if isinstance(node, ast.BoolOp):
        combine = all if isinstance(node.op, ast.And) else any
        return combine(_evaluate(value, environment) for value in node.values)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        raise ValueError("not a comparison")
    left, right = node.left, node.comparators[0]
    compare = _OPERATORS[type(node.ops[0])]
    sides = [environment[side.id] if isinstance(side, ast.Name) else _text(side) for side in (left, right)]
    if any(isinstance(side, ast.Name) and side.id in _VERSION_VARIABLES for side in (left, right)):
        return compare(*_version_keys(*sides))
    return compare(*sides)


def _text(node: ast.expr) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise ValueError("not a string")
    return node.value


def _version_keys(left: str, right: str) -> list[tuple[int, ...]]:
    """Comparable keys of two versions: of equal length, cut to the prefix where one ends in `.*`."""
    keys = [tuple(int(part) for part in re.match(r"\d+(?:\.\d+)*", side)[0].split(".")) for side in (left, right)]
    wildcard = [len(key) for key, side in zip(keys, (left, right)) if side.endswith(".*")]
    length = wildcard[0] if wildcard else max(map(len, keys))
    return [(key + (0,) * length)[:length] for key in keys]


def applicable(pins: list[Pin], environment: dict[str, str]) -> dict[str, str]:
    """Version by name of the pins that apply in an environment."""
    return {pin.name: pin.version for pin in pins if marker_applies(pin.marker, environment)}


def extend_lock(pins: list[Pin], resolved: list[Pin]) -> str:
    """A lock of all `pins`, which keep their own hashes, and of those resolved packages that they do not name."""
    locked = {pin.name for pin in pins}
    lines = [pin.text for pin in pins] + [pin.text for pin in resolved if pin.name not in locked]
    return "".join(f"{line}\n" for line in sorted(lines))


def compare_packages(before: dict[str, str], after: dict[str, str]) -> dict[str, dict]:
    """What changes from one set of packages (version by name) to another."""
    return {
        "added": {name: after[name] for name in sorted(after.keys() - before.keys())},
        "removed": {name: before[name] for name in sorted(before.keys() - after.keys())},
        "changed": {
            name: {"before": before[name], "after": after[name]}
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        },
    }

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernels of a host must fulfil before it is touched. Pure: the entries have all their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

NAME = re.compile(r"[a-z][a-z0-9._-]{0,62}")
# Jupyter answers to these names with the kernel of the server's own environment.
OF_THE_BASE = re.compile(r"python[0-9]*")
PART = r"/(?!\.\.?(/|$))[A-Za-z0-9_.+@-]+"
PREFIX = re.compile(rf"({PART})+")
PLACE = re.compile(rf"({PART}){{2,}}")
# A server sees nothing of other people's homes, and has a /tmp of its own.
UNSEEN = re.compile(r"/(home|root|run|tmp|var/tmp|proc|sys|dev)(/.*)?")
OF_THE_SYSTEM = re.compile(r"/(bin|boot|dev|etc|lib|lib32|lib64|proc|run|sbin|sys|tmp|usr(?!/local/)|var/tmp)(/.*)?")
GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ADDRESS = re.compile(r"(https?://[^/@\s]+|file:/)/[^\s]+")
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")

# Languages that the role knows how to give, and the keys that each understands beside those of every kernel.
LANGUAGES = {
    "python": ("packages", "lock", "python", "prefix"),
    "octave": ("system_packages",),
    "r": ("system_packages",),
    "bash": (),
}
OF_AN_ARGV = ("system_packages", "interrupt_mode")
OF_SOME = ("packages", "lock", "python", "prefix", "system_packages", "interrupt_mode")


def problems(kernels: list[dict], installers: list[dict], path: str) -> list[str]:
    """Every broken rule, each with the entry's name, the rule and what to write instead.

    `path` is the directory of the environments.
    """
    found = [*_path(path), *_names(kernels), *_installers(installers)]
    for kernel in kernels:
        if kernel["state"] == "present":
            rules = (*_language(kernel), *_places(kernel), *_values(kernel))
            found += [f"kernels_specs: {kernel['name']}: {text}" for text in rules]
    return found


def _path(path: str) -> Iterator[str]:
    if not _can_be_ours(path):
        yield (
            f"kernels_path: '{path}' must be an absolute path of at least two parts that every server sees, of "
            "letters, digits and _ . + @ - only; write for example /opt/jupyter-kernels."
        )


def _names(kernels: list[dict]) -> Iterator[str]:
    names = [kernel["name"] for kernel in kernels]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"kernels_specs: the name '{name}' must begin with a small letter, hold small letters, digits and . _ "
                "- only, at most 63 of them, and stand in one entry only."
            )
        elif OF_THE_BASE.fullmatch(name):
            yield (
                f"kernels_specs: {name}: this name belongs to the servers' own environment and would be hidden by it; "
                f"write for example {name}-analysis."
            )


def _language(kernel: dict) -> Iterator[str]:
    language, argv = kernel["language"], kernel["argv"]
    if not language or (not argv and language not in LANGUAGES):
        yield (
            f"language must be one of {', '.join(LANGUAGES)}; for any other language, say with argv how its kernel "
            "is started."
        )
        return
    understood = OF_AN_ARGV if argv else LANGUAGES[language]
    for key in OF_SOME:
        if key not in understood and kernel[key] not in ("", [], "signal"):
            meant = "with argv it means nothing, as what is started is there already" if argv else _whose(key)
            yield f"{key} is given, but {meant}; leave it out."
    if argv and (argv[0] in ("", "{connection_file}") or sum("{connection_file}" in word for word in argv) != 1):
        yield (
            "argv must begin with a program and hold {connection_file} once, in quotes, such as "
            '[/opt/julia/bin/julia, /opt/julia/kernel.jl, "{connection_file}"].'
        )
    if kernel["prefix"] and (kernel["packages"] or kernel["lock"] or kernel["python"]):
        yield (
            "a prefix is taken as it is; leave out packages, lock and python, or leave out the prefix to have an "
            "environment made."
        )
    if kernel["group"] and language == "r" and not argv:
        yield "Debian's package shows R to everybody, so a group cannot have it for itself; leave group out."


def _whose(key: str) -> str:
    languages = [language for language, keys in LANGUAGES.items() if key in keys]
    return f"only {' and '.join(languages)} can have it" if languages else "only an entry with argv can have it"


def _places(kernel: dict) -> Iterator[str]:
    prefix, python = kernel["prefix"], kernel["python"]
    if prefix and (not PREFIX.fullmatch(prefix) or UNSEEN.fullmatch(prefix)):
        yield (
            f"prefix '{prefix}' must be the absolute path of an environment that every server sees, and homes and /tmp "
            "are hidden from servers; write for example /srv/venvs/analysis."
        )
    if python.startswith("/") and UNSEEN.fullmatch(python):
        yield (
            f"python '{python}' must be an interpreter that every server sees, and homes and /tmp are hidden from "
            "servers; write for example /usr/local/bin/python3.13."
        )


def _values(kernel: dict) -> Iterator[str]:
    if kernel["group"] and not GROUP.fullmatch(kernel["group"]):
        yield f"group '{kernel['group']}' must be the name of a Unix group, such as analysts."
    for package in kernel["system_packages"]:
        if not DEBIAN_PACKAGE.fullmatch(package):
            yield f"system_packages: '{package}' must be the name of a package of Debian, such as r-cran-ggplot2."
    for variable, value in kernel["env"].items():
        if not VARIABLE.fullmatch(str(variable)) or not isinstance(value, str):
            yield (
                f"env: '{variable}' must be the name of a variable, of letters, digits and _, and its value a text; "
                'put numbers in quotes, such as OMP_NUM_THREADS: "2".'
            )


def _installers(installers: list[dict]) -> Iterator[str]:
    paths = [installer["path"] for installer in installers]
    for installer in installers:
        path = installer["path"]
        if not _can_be_ours(path) or paths.count(path) > 1:
            yield (
                f"kernels_installers: the path '{path}' must be absolute, of at least two parts that every server "
                "sees, not one of the system, and stand in one entry only; write for example /opt/miniforge."
            )
        if installer["state"] == "absent":
            continue
        if not ADDRESS.fullmatch(installer["url"]):
            yield (
                f"kernels_installers: {path}: url must be the address of an installer without a password in it, such "
                "as https://downloads.example.org/Miniforge3-Linux-x86_64.sh, or file:/// for one on the target."
            )
        if not SHA256.fullmatch(installer["sha256"]):
            yield (
                f"kernels_installers: {path}: sha256 must be the 64 hexadecimal digits that the installer's publisher "
                "names; it runs as root, so nothing runs without."
            )


def _can_be_ours(path: str) -> bool:
    """Whether a directory may be made and removed, and every server sees it."""
    return bool(PLACE.fullmatch(path)) and not UNSEEN.fullmatch(path) and not OF_THE_SYSTEM.fullmatch(path)

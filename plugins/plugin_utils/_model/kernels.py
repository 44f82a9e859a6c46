# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of a host: what their entries must be, and the environments and kernel.json files that they become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import python_venv
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.variables import VARIABLE

USES = ("python_venv",)
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


# What the languages need of Debian. Octave draws with gnuplot, whose pictures need Ghostscript; both need a font.
PACKAGES = {
    "octave": ("octave", "gnuplot-nox", "ghostscript", "fonts-freefont-otf"),
    "r": ("r-base-core", "r-cran-irkernel"),
}
# Languages whose kernel is a Python program: its module and its lock.
PROGRAMS = {
    "python": ("ipykernel_launcher", "ipykernel"),
    "octave": ("octave_kernel", "octave"),
    "bash": ("bash_kernel", "bash"),
}
TITLES = {"octave": "Octave", "r": "R", "bash": "Bash"}


def problems(given: Given) -> list[str]:
    """What is wrong with the entries: each with the entry's name, the rule and what to write instead."""
    settings = given.settings
    found = [*_path(settings["path"]), *_names(settings["specs"]), *_installers(settings["installers"])]
    for kernel in _present(given):
        rules = (*_language(kernel), *_places(kernel), *_values(kernel))
        found += [f"kernels_specs: {kernel['name']}: {text}" for text in rules]
    for kernel in _present(given) if not found else []:
        if _has_environment(kernel):
            changes = _environment(kernel, settings["path"])
            found += python_venv.release_problems({**given.others["python_venv"], **changes})
    return found


def plan(given: Given) -> dict[str, Any]:
    """Installers, packages of the system, environments and kernels."""
    path, kernels, installers = given.settings["path"], _present(given), given.settings["installers"]
    releases = [
        python_venv.release(given.others["python_venv"], **_environment(kernel, path))
        for kernel in kernels
        if _has_environment(kernel)
    ]
    install = python_venv.install_plan(releases, given.host)
    wanted = {package for kernel in kernels for package in _system_packages(kernel)}
    return {
        "path": path,
        "prefixes": [entry for entry in installers if entry["state"] == "present"],
        "absent_prefixes": [entry for entry in installers if entry["state"] == "absent"],
        "install": {**install, "system_packages": sorted(wanted.union(install["system_packages"]))},
        "kernels": [_kernel(kernel, path) for kernel in kernels],
    }


def _present(given: Given) -> list[dict[str, Any]]:
    return [kernel for kernel in given.settings["specs"] if kernel["state"] == "present"]


def _has_environment(kernel: dict[str, Any]) -> bool:
    """Whether an environment is made for a kernel."""
    return not kernel["argv"] and not kernel["prefix"] and kernel["language"] in PROGRAMS


def _system_packages(kernel: dict[str, Any]) -> tuple[str, ...]:
    own = () if kernel["argv"] else PACKAGES.get(kernel["language"], ())
    return (*own, *kernel["system_packages"])


def _environment(kernel: dict[str, Any], path: str) -> dict[str, Any]:
    """What python_venv makes for a kernel."""
    module, lock = PROGRAMS[kernel["language"]]
    # Octave would warn at each first plot about what it draws with.
    files = {"share/octave/startup.m": 'warning ("off", "Octave:gnuplot-graphics");\n'}
    return {
        "path": f"{path}/{kernel['name']}",
        "state": "present",
        "lock": kernel["lock"] or str(COLLECTION / f"roles/kernels/files/{lock}.txt"),
        "packages": kernel["packages"],
        "python": kernel["python"] or "python3",
        "files": files if kernel["language"] == "octave" else {},
        "smoke_commands": [["bin/python", "-c", f"import {module}"]],
        "setup_commands": [],
        "overlay": False,
        "compress": [],
    }


def _kernel(kernel: dict[str, Any], path: str) -> dict[str, Any]:
    """A kernel with the content of its kernel.json, for the module jupyter_kernels."""
    language, environment = kernel["language"], f"{path}/{kernel['name']}/current"
    title = f"Python ({kernel['name']})" if language == "python" else TITLES.get(language, language)
    logos = {
        "python": f"{environment}/share/jupyter/kernels/python3",
        "octave": f"{environment}/share/jupyter/kernels/octave/images",
        "r": "/usr/share/jupyter/kernels/ir",
    }
    metadata = {"debugger": True} if language == "python" and not kernel["argv"] else {}
    return {
        "name": kernel["name"],
        "group": kernel["group"],
        "environment": _has_environment(kernel),
        "packaged": bool(_system_packages(kernel)),
        "prefix": kernel["prefix"],
        # Root copies nothing from an environment that others own.
        "logos": "" if kernel["argv"] or kernel["prefix"] else logos.get(language, ""),
        "spec": {
            "argv": _argv(kernel, environment),
            "display_name": kernel["display_name"] or title,
            "language": "R" if language == "r" else language,
            "interrupt_mode": kernel["interrupt_mode"],
            "env": {**_variables(kernel, environment), **kernel["env"]},
            "metadata": {**metadata, **kernel["metadata"]},
        },
    }


def _argv(kernel: dict[str, Any], environment: str) -> list[str]:
    language = kernel["language"]
    if kernel["argv"]:
        return kernel["argv"]
    if language == "r":
        return ["/usr/bin/R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    options = ["-Xfrozen_modules=off"] if language == "python" else []
    start = [*options, "-m", PROGRAMS[language][0], "-f", "{connection_file}"]
    if kernel["prefix"]:
        return [f"{kernel['prefix']}/bin/python", *start]
    # A running kernel keeps its release when another becomes current, because it imports nothing through the link.
    # Programs that a cell of Python starts are those of its environment.
    path = "PATH=$release/bin:$PATH && " if language == "python" else ""
    return [
        "/bin/sh",
        "-c",
        f'release=$(readlink -f "$0") && {path}exec "$release/bin/python" "$@"',
        environment,
        *start,
    ]


def _variables(kernel: dict[str, Any], environment: str) -> dict[str, str]:
    if kernel["prefix"]:
        return {"PATH": f"{kernel['prefix']}/bin:${{PATH}}"}
    if kernel["language"] == "octave" and not kernel["argv"]:
        return {"OCTAVE_VERSION_INITFILE": f"{environment}/share/octave/startup.m"}
    return {}


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
                "names; nothing else is run."
            )


def _can_be_ours(path: str) -> bool:
    """Whether a directory may be made and removed, and every server sees it."""
    return bool(PLACE.fullmatch(path)) and not UNSEEN.fullmatch(path) and not OF_THE_SYSTEM.fullmatch(path)

# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings of the role python_venv must fulfil before a host is touched. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

TOOLS = "/opt/python_venv"
PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9_.+@-]+){2,}")
INSIDE = re.compile(r"(?!\.\.?(/|$))[A-Za-z0-9_.+@-]+(/(?!\.\.?(/|$))[A-Za-z0-9_.+@-]+)*")
PLAIN_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
NAME = PLAIN_NAME + r"(\[[^\]]*\])?"
PACKAGE = re.compile(NAME + r"\s*([<>=!~][^;@]*)?(;.*)?")
LOCKED = re.compile(NAME + r"\s*==\s*[^\s;*]+(\s*;.+?)?(\s+--hash=\w+:[0-9a-f]+)+")
INTERPRETER = re.compile(r"[A-Za-z0-9._-]+|/[^\s]+")
VERSION = re.compile(r"3(\.[0-9]+){1,2}")
INDEX = re.compile(r"https?://[^\s]+")
PROXY = re.compile(r"(https?|socks5h?)://[^\s]+")
MARKER = "release.json"
SHOWN_OF_A_LINE = 80
SECRETS = ("index_url", "proxy")


def problems(given: Given) -> list[str]:
    """What is wrong with the settings: each with the path, the rule and what to write instead.

    The addresses of index and proxy may hold a password and are never repeated.
    """
    return release_problems(given.settings)


def plan(given: Given) -> dict[str, Any]:
    """What to install for one application."""
    return install_plan([release(given.settings)], given.host)


def secrets(given: Given) -> dict[str, str]:
    """Addresses that may hold a password."""
    return {name: given.settings[name] for name in SECRETS}


def release(settings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The arguments of the module python_release, without secrets, for the role's settings with some changes."""
    sources = {*settings["source_packages"], *changes.pop("source_packages", ())}
    settings = {name: value for name, value in {**settings, **changes}.items() if name not in SECRETS}
    return {
        **settings,
        "source_packages": sorted(sources),
        "lock": read(settings["lock"]) or "",
        "uv_lock": read(str(COLLECTION / "roles/python_venv/files/uv.txt")),
    }


def install_plan(releases: list[dict[str, Any]], host: dict[str, Any]) -> dict[str, Any]:
    """The releases by their paths, and the packages of the system that they need; `tasks/install.yml` takes both."""
    present = [one for one in releases if one["state"] == "present"]
    # The pip of Ubuntu 22.04 needs distutils, which comes with python3-venv there.
    uv = "python3-venv" if host.get("distribution_release") == "jammy" else "python3-pip-whl"
    needs = {{"uv": uv, "pip": "python3-venv"}[one["installer"]] for one in present}
    needs |= {"brotli" for one in present if one["compress"]}
    # By path, because Ansible prints the whole item of a failed loop.
    return {"releases": {one["path"]: one for one in releases}, "system_packages": sorted(needs)}


def read(path: str) -> str | None:
    """The text of a file on the controller, None where there is none that can be read."""
    try:
        return Path(path).read_text(encoding="utf-8") if path else None
    except (OSError, ValueError):
        return None


def release_problems(settings: dict[str, Any]) -> list[str]:
    """What is wrong with one release."""
    path = settings["path"]
    if not PATH.fullmatch(path) or path == TOOLS:
        return [
            f"python_venv_path: '{path}' must be an absolute path of at least two parts, of letters, digits and "
            f"_ . + @ - only, and not {TOOLS}, where the role keeps its own tools; write for example /opt/jupyterlab."
        ]
    if settings["state"] == "absent":
        return []
    packages = (*_packages(settings), *_source_packages(settings), *_lock(settings["lock"]))
    rules = (*packages, *_interpreter(settings), *_source(settings))
    return [f"{path}: {text}" for text in (*rules, *_build(settings))]


def _packages(settings: dict) -> Iterator[str]:
    if not settings["lock"] and not settings["packages"]:
        yield "nothing to install; set python_venv_lock, python_venv_packages or both."
    for package in settings["packages"]:
        if not PACKAGE.fullmatch(package):
            yield (
                f"python_venv_packages: '{package}' must be the name of a package with an optional version, such as "
                "pandas>=2; for a package that is a file or an address, use python_venv_wheelhouse or "
                "python_venv_index_url."
            )


def _source_packages(settings: dict) -> Iterator[str]:
    for package in settings["source_packages"]:
        if not re.fullmatch(PLAIN_NAME, package):
            yield (
                f"python_venv_source_packages: '{package}' must be the name of a package alone, such as pandas; "
                "versions belong into python_venv_packages or the lock."
            )


def _lock(path: str) -> Iterator[str]:
    text = read(path)
    if path and (text is None or not path.startswith("/")):
        yield (
            f"python_venv_lock: '{path}' must be the absolute path of a file on the controller; begin it with "
            "playbook_dir or inventory_dir if it lies beside those."
        )
        return
    loose = _loose_line(text or "")
    if loose:
        yield (
            "python_venv_lock: each line must pin a package as name==version with --hash, but one reads "
            f"'{loose[:SHOWN_OF_A_LINE]}'; make the lock with `uv pip compile --generate-hashes`."
        )


# A lock is long, and judged again for each role that uses it.
@functools.cache
def _loose_line(lock: str) -> str:
    """The first line of a lock that pins nothing; empty where each pins a package."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lock.replace("\\\n", " ").splitlines())
    return next((line for line in lines if line and not LOCKED.fullmatch(line)), "")


def _interpreter(settings: dict) -> Iterator[str]:
    if not INTERPRETER.fullmatch(settings["python"]):
        yield (
            f"python_venv_python: '{settings['python']}' must be the name or the absolute path of an interpreter on "
            "the target, such as python3 or /usr/local/bin/python3.13."
        )
    if not VERSION.fullmatch(str(settings["python_floor"])):
        yield (
            f"python_venv_python_floor: '{settings['python_floor']}' must be a version of Python 3 in quotes, such as "
            '"3.10".'
        )


def _source(settings: dict) -> Iterator[str]:
    for path in (settings["ca_bundle"], settings["wheelhouse"]):
        if path and not path.startswith("/"):
            yield (
                f"python_venv_ca_bundle and python_venv_wheelhouse must be absolute paths on the target, not '{path}'."
            )
    index, proxy = settings["index_url"], settings["proxy"]
    if (index and not INDEX.fullmatch(index)) or (proxy and not PROXY.fullmatch(proxy)):
        yield (
            "python_venv_index_url must begin with https:// or http://, and python_venv_proxy with http://, https:// "
            "or socks5://."
        )
    registry = settings["npm_registry"]
    if registry and (not INDEX.fullmatch(registry) or "@" in registry):
        yield (
            f"python_venv_npm_registry: '{registry.rpartition('@')[2]}' must begin with https:// or http:// and hold "
            "no user or password, such as https://mirror.example.org/npm/."
        )
    if index and settings["wheelhouse"]:
        yield "with python_venv_wheelhouse no index is asked; leave python_venv_index_url empty, or the wheelhouse."


def _build(settings: dict) -> Iterator[str]:
    if int(settings["keep"]) < 2:
        yield (
            f"python_venv_keep: {settings['keep']} must be at least 2; running services import from the previous "
            "release until they restart."
        )
    commands = [*settings["setup_commands"], *settings["smoke_commands"]]
    if not all(_is_command(command) for command in commands):
        yield (
            "python_venv_setup_commands and python_venv_smoke_commands must list commands, each a list of texts that "
            'begins with the program, such as [bin/python, -c, "import jupyterlab"]; put numbers in quotes.'
        )
    for file, text in settings["files"].items():
        if not INSIDE.fullmatch(str(file)) or file == MARKER:
            yield (
                f"python_venv_files: '{file}' must be the path of a file inside the release, relative to it, without . "
                f"or .. and not {MARKER}, such as share/app/settings.json."
            )
        if not isinstance(text, str):
            yield f"python_venv_files: what '{file}' holds must be text; put it in quotes."
    for directory in settings["compress"]:
        if not INSIDE.fullmatch(directory):
            yield (
                f"python_venv_compress: '{directory}' must be the path of a directory inside the release, relative to "
                "it and without . or .., such as share/jupyter/lab/static."
            )


def _is_command(command: object) -> bool:
    return isinstance(command, list) and bool(command) and all(isinstance(argument, str) for argument in command)

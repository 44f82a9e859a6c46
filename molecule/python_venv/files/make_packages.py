"""Makes the scenario's packages and locks in a directory: make_packages.py DIRECTORY LOCK…

The directory already holds wheels of the packages (uv, pip) whose pins are taken over from the locks.
"""

from __future__ import annotations

import hashlib
import io
import pathlib
import re
import sys
import tarfile
import zipfile

YEAR_DOT = (2026, 1, 1, 0, 0, 0)  # wheels of the same content have the same hash

# What a bad package would do: leave a mark of each account that runs its code, wherever that may write.
MARK = "touch /srv/rogue/$(id -u) 2>/dev/null"
ROGUE = f"import os; os.system('{MARK}')\n"
# Builds itself, without build tools.
BACKEND = """
import zipfile

def build_wheel(directory, settings=None, metadata=None):
    info = "demo_source-1.0.dist-info"
    files = {
        "demo_source.py": "VERSION = '1.0'\\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: demo-source\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: scenario\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(f"{directory}/demo_source-1.0-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return "demo_source-1.0-py3-none-any.whl"
"""


def make_source(directory: pathlib.Path) -> None:
    """Writes the package demo-source, which has no wheel."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "demo-source"\nversion = "1.0"\n',
        "backend.py": ROGUE + BACKEND,
        "PKG-INFO": "Metadata-Version: 2.1\nName: demo-source\nVersion: 1.0\n",
    }
    with tarfile.open(directory / "wheels" / "demo_source-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"demo_source-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def make_wheel(directory: pathlib.Path, name: str, version: str, requires: str = "", shares: str = "") -> str:
    """Writes a wheel with one module, and with the text that it shares as static/demo.js; returns its pin."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{module}.py": f"VERSION = {version!r}\n{ROGUE}",
        f"{module}.pth": ROGUE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: scenario\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    # Under the names of programs that root starts.
    for program in ("systemd-run", "timeout"):
        files[f"{module}-{version}.data/scripts/{program}"] = f'#!/bin/sh\n{MARK}\nexec /usr/bin/{program} "$@"\n'
    if shares:
        files[f"{module}-{version}.data/data/share/demo/static/demo.js"] = shares
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    wheel = directory / "wheels" / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, YEAR_DOT)
            entry.external_attr = 0o100666 << 16  # a careless author: everybody may write
            archive.writestr(entry, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def pin_of(name: str, lock: pathlib.Path) -> str:
    """The lines of a package in a lock."""
    return re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock.read_text(), re.MULTILINE)[0]


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    pip = pin_of("pip", pathlib.Path(sys.argv[2]))
    beta = make_wheel(directory, "demo-beta", "1.0", "demo-alpha", "let answer = 42;\n" * 100)
    make_wheel(directory, "demo-gamma", "1.0")
    make_source(directory)
    elsewhere = f"demo-windows==1.0 ; sys_platform == 'win32' --hash=sha256:{'0' * 64}\n"
    for number, version in enumerate(["1.0", "2.0"], start=1):
        alpha = make_wheel(directory, "demo-alpha", version)
        (directory / f"lock-{number}.txt").write_text(alpha + beta + pip + elsewhere)


if __name__ == "__main__":
    main()

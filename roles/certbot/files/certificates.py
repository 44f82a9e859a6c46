"""Keeps the certificates of this host without Ansible, see roles/certbot/README.md of the collection nbops.jupyter.

`deploy` brings what was renewed or is due to its place and has it loaded, `guard` tells what is about to expire.
Exit status 1 and a line for each problem where there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy as certificate_keeper
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner


def run(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def main() -> int:
    os.umask(0o022)
    runner.run_by(run)
    with open(certificate_keeper.SETTINGS, encoding="utf-8") as file:
        settings = json.load(file)
    if sys.argv[1:] == ["deploy"]:
        deployed, failures = certificate_keeper.deploy(settings)
        for name in deployed:
            print(f"{name}: in place and loaded")
        problems = [f"{name}: {text}" for name, text in failures.items()]
    else:
        problems = certificate_keeper.guard(settings)
    for problem in problems:
        # The journal knows a line that begins so as an error.
        print("<3>" + problem.replace("\n", " "), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

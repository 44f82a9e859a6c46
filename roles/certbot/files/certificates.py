"""Deploys and guards the certificates of this host without Ansible, for the role certbot of nbops.jupyter.

`deploy` puts renewed certificates in place and makes servers load them; `guard` reports those that are about to expire.
Prints a line for each problem and exits with status 1 if there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy as certificates
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner


def run(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def main() -> int:
    os.umask(0o022)
    runner.run_by(run)
    with open(certificates.SETTINGS, encoding="utf-8") as file:
        settings = json.load(file)
    if sys.argv[1:] == ["deploy"]:
        deployed, failures = certificates.deploy(settings)
        for name in deployed:
            print(f"{name}: in place and loaded")
        problems = [f"{name}: {text}" for name, text in failures.items()]
    else:
        problems = certificates.guard(settings)
    for problem in problems:
        # The journal takes a line with this prefix for an error.
        print("<3>" + problem.replace("\n", " "), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

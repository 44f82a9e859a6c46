"""Makes backups of this host and checks them without Ansible, for the role backup of nbops.jupyter.

`backup` makes a snapshot; `check` reads a share of the repository. Prints a line for what failed, and exits with status
1 then. The secrets are systemd's credentials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._state import backup as state
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import (
    SECRETS,
    SETTINGS,
    Repository,
    RepositoryError,
)


def run(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    # restic names here the files that it could not read.
    sys.stderr.buffer.write(done.stderr)
    return done.returncode, done.stdout, done.stderr


def main() -> int:
    os.umask(0o077)
    runner.run_by(run)
    with open(SETTINGS, encoding="utf-8") as file:
        settings = json.load(file)
    try:
        repository = Repository(settings["repository"], os.environ.get("CREDENTIALS_DIRECTORY", SECRETS))
        {"backup": state.backup, "check": state.check}[sys.argv[1]](settings, repository)
    except (state.BackupError, RepositoryError, OSError, ValueError) as error:
        # The journal takes a line with this prefix for an error.
        print("<3>" + str(error).replace("\n", " "), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

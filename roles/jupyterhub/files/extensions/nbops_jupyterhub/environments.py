"""Files with the environments of people's servers, which hold tokens: where nobody but root writes.

systemdspawner puts them into the runtime directory of a server, which is its person's. A person who also runs programs
outside of the server can keep that directory when the server ends, and put a link in the file's place: then the hub
would write, and systemd would read, where the link leads.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Mapping

from systemdspawner import systemd

# Beside the directories of servers, none of which begins with a dot.
DIRECTORY = ".environments"

_make = systemd.make_environment_file


def make_environment_file(runtime_directory: str, unit: str, variables: Mapping[str, str]) -> str:
    """Writes the file of a unit whose server has this runtime directory, and returns its path."""
    # One that is there can be read only: the hub may not write it again.
    forget(runtime_directory, unit)
    return _make(str(_path(runtime_directory, unit).parent), unit, variables)


def forget(runtime_directory: str, unit: str) -> None:
    """Removes the file of a unit that has ended, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _path(runtime_directory, unit).unlink()


def _path(runtime_directory: str, unit: str) -> pathlib.Path:
    return pathlib.Path(runtime_directory).parent / DIRECTORY / f"{unit}.env"


systemd.make_environment_file = make_environment_file

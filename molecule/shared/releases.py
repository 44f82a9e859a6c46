"""Releases of environments on a host of the tests."""

from __future__ import annotations


def forgetting(*paths: str) -> str:
    """A command that removes all but the current release below each path, so that another one has to be built."""
    return (
        f"for path in {' '.join(paths)}; do cd $path; for one in releases/*; do"
        ' [ "$one" = "$(readlink current)" ] || rm -r "$one"; done; done'
    )

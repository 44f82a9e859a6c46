"""Requests per second over 16 connections, by Debian's wrk."""

from __future__ import annotations

import pathlib
import re
import shutil
import tempfile

import bench_host

SECONDS = 5
# Asks for the paths in turn.
SCRIPT = """
local paths = {{{paths}}}
local number = 0
request = function()
  number = number % #paths + 1
  return wrk.format("GET", paths[number])
end
"""


def provide() -> None:
    """Install the load generator on the controller where it is missing."""
    if not shutil.which("wrk"):
        bench_host.run("apt-update", ["apt-get", "-q", "update"])
        bench_host.run("apt-install", ["apt-get", "-q", "install", "--yes", "--no-install-recommends", "wrk"])


def requests_per_second(site: str, paths: list[str], token: str) -> float:
    """The rate at which a site answers; ends the measurement where an answer is an error."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        script = pathlib.Path(directory) / "paths.lua"
        script.write_text(SCRIPT.format(paths=", ".join(f'"{path}"' for path in paths)))
        headers = [f"--header=Authorization: token {token}", "--header=Accept-Encoding: gzip, br"]
        wrk = ["wrk", "--threads=1", "--connections=16", f"--duration={SECONDS}s", f"--script={script}", *headers]
        output = bench_host.run("load", [*wrk, site])
    errors = re.search(r"Socket errors:.*|Non-2xx.*", output)
    if errors:
        raise SystemExit(f"wrk at {site}{paths[0]}: {errors[0]}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])

"""Requests per second over 16 connections, by Debian's wrk."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import tempfile
from collections.abc import Sequence

import bench_host

SECONDS = 5
# Sends the requests in turn.
SCRIPT = """
local requests = {{{requests}}}
local number = 0
request = function()
  number = number % #requests + 1
  return wrk.format("GET", requests[number][1], {{["{header}"] = requests[number][2]}})
end
"""


def provide() -> None:
    """Install the load generator on the controller where it is missing."""
    if not shutil.which("wrk"):
        bench_host.run("apt-update", ["apt-get", "-q", "update"])
        bench_host.run("apt-install", ["apt-get", "-q", "install", "--yes", "--no-install-recommends", "wrk"])


def requests_per_second(site: str, paths: list[str], token: str) -> float:
    """The rate at which a site answers; ends the measurement where an answer is an error."""
    return _rate(site, "Authorization", [(path, f"token {token}") for path in paths])


def pages_per_second(site: str, path: str, cookies: list[str]) -> float:
    """The same for one page, by people who ask for it in turn, each with cookies of their own."""
    return _rate(site, "Cookie", [(path, cookie) for cookie in cookies])


def _rate(site: str, header: str, requests: Sequence[tuple[str, str]]) -> float:
    """For requests of a path and the value of a header."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        script = pathlib.Path(directory) / "requests.lua"
        listed = ", ".join(f"{{{json.dumps(path)}, {json.dumps(value)}}}" for path, value in requests)
        script.write_text(SCRIPT.format(requests=listed, header=header))
        wrk = ["wrk", "--threads=1", "--connections=16", f"--duration={SECONDS}s", f"--script={script}"]
        output = bench_host.run("load", [*wrk, "--header=Accept-Encoding: gzip, br", site])
    errors = re.search(r"Socket errors:.*|Non-2xx.*", output)
    if errors:
        raise SystemExit(f"wrk at {site}{requests[0][0]}: {errors[0]}")
    return float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])

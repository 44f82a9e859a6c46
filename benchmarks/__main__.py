"""The measurements of script/bench: all of them, or those named on the command line."""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import re

import bench_host
import figure
import measure_certificates
import measure_deploy
import measure_hub
import measure_proxy
import measure_rerun
import measure_unit
import measure_venv
from ansible.release import __version__ as ansible_version

MEASUREMENTS = {
    "deploy": measure_deploy.measure,
    "rerun": measure_rerun.measure,
    "venv": measure_venv.measure,
    "unit": measure_unit.measure,
    "certificates": measure_certificates.measure,
    "proxy": measure_proxy.measure,
    "hub": measure_hub.measure,
}


def circumstances() -> str:
    """The day and the machine, and how busy it was with other things."""
    day = datetime.datetime.now(datetime.timezone.utc).date()
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores ({processor[1] if processor else 'unknown'})"
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"{day}, {cores}, {load}, ansible-core {ansible_version}, target {bench_host.PLATFORM}"


def keep(lines: list[str]) -> None:
    """Put the result of a complete run in the place of the previous one, at the end of README.md."""
    readme = bench_host.BENCHMARKS / "README.md"
    heading = "## Last measured\n"
    explanation = readme.read_text().split(heading)[0]
    readme.write_text("\n".join([explanation + heading, *lines, ""]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=MEASUREMENTS, metavar="name", help=", ".join(MEASUREMENTS))
    names = parser.parse_args().names
    lines = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    say(f"{circumstances()}\n\n{figure.HEADING}")
    try:
        for name in names or MEASUREMENTS:
            for row in MEASUREMENTS[name]():
                say(str(row))
    finally:
        bench_host.destroy()
    if not names:
        keep(lines)


if __name__ == "__main__":
    main()

"""The measurements of script/bench: all of them, or those named on the command line."""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import re
from collections.abc import Iterable

import bench_host
import figure
import measure_certificates
import measure_cluster
import measure_deploy
import measure_hosts
import measure_hub
import measure_lifecycle
import measure_proxy
import measure_rerun
import measure_unit
import measure_venv
import profile_rerun
from ansible.release import __version__ as ansible_version

MEASUREMENTS = {
    "deploy": measure_deploy.measure,
    "rerun": measure_rerun.measure,
    "hosts": measure_hosts.measure,
    "venv": measure_venv.measure,
    "unit": measure_unit.measure,
    "certificates": measure_certificates.measure,
    "proxy": measure_proxy.measure,
    "hub": measure_hub.measure,
    "lifecycle": measure_lifecycle.measure,
    "cluster": measure_cluster.measure,
}


def circumstances() -> str:
    """The day and the machine, and how busy it is with other work."""
    day = datetime.datetime.now(datetime.timezone.utc).date()
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    cores = f"{os.cpu_count()} cores ({processor[1] if processor else 'unknown'})"
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    return f"{day}, {cores}, {load}, ansible-core {ansible_version}, target {bench_host.PLATFORM}"


def measure(names: Iterable[str]) -> list[str]:
    """Print the table of the named measurements row by row, and return its lines."""
    lines = ["", circumstances(), "", *figure.HEADING.splitlines()]
    print("\n".join(lines), flush=True)
    for name in names:
        for row in MEASUREMENTS[name]():
            lines.append(str(row))
            print(row, flush=True)
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=MEASUREMENTS, metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--profile", action="store_true", help="profile an unchanged run instead of measuring")
    arguments = parser.parse_args()
    try:
        if arguments.profile:
            profile_rerun.run()
        elif arguments.names:
            measure(arguments.names)
        else:
            readme = bench_host.BENCHMARKS / "README.md"
            table = measure(MEASUREMENTS)
            readme.write_text(figure.with_results(readme.read_text(), table))
    finally:
        bench_host.destroy()


if __name__ == "__main__":
    main()

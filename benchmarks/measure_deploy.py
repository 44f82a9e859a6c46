"""From a fresh container to the login page over TLS: the playbook against the ways by hand, in turn."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator

import bench_host
from figure import Figure

ROUNDS = 3
TARGET = 0.60
# A proxy that intercepts TLS has its authority in the system's bundle, of which the pip of Debian 12 knows nothing.
# Elsewhere the bundle is as good as pip's own.
CERTIFICATES = "PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
BY_HAND = "by hand"
PLAYBOOK = "playbook"


def by_hand(installation: str, environment: str = "") -> None:
    parts = [installation, "serve.sh"]
    script = "".join((bench_host.BENCHMARKS / "by_hand" / part).read_text() for part in parts)
    bench_host.as_root("by-hand", f"env {CERTIFICATES} {environment} sh -s", script)


WAYS: dict[str, Callable[[], object]] = {
    BY_HAND: lambda: by_hand("install_pip.sh"),
    PLAYBOOK: lambda: bench_host.play("deploy"),
    "by hand, without python3-pip": lambda: by_hand("install_pip.sh", "PACKAGES='python3 python3-venv nginx'"),
    "by hand, with uv": lambda: by_hand("install_uv.sh"),
}


def seconds_of(way: Callable[[], object]) -> float:
    """The time that a way takes on a fresh host, from its command on the controller to the login page."""
    bench_host.renew()
    start = time.monotonic()
    way()
    bench_host.wait_for_login_page()
    return time.monotonic() - start


def measure() -> Iterator[Figure]:
    """The medians of the times and of the ratios, each ratio of two runs of the same round; the order alternates."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(ROUNDS):
        for name, way in list(WAYS.items())[:: -1 if number % 2 else 1]:
            times[name].append(seconds_of(way))
            print(f"round {number + 1}, {name}: {times[name][-1]:.1f} s", file=sys.stderr)
    for name, taken in times.items():
        yield Figure(f"fresh container to login page, {name}", statistics.median(taken), "s")
    for name in (name for name in WAYS if name != PLAYBOOK):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(times[PLAYBOOK], times[name], strict=True))
        yield Figure(f"playbook / {name}", ratio, target=TARGET if name == BY_HAND else None)

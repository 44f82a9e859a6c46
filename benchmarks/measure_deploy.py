"""From a fresh container to the login page over TLS: the playbook against the ways by hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import bench_host
from figure import RATIO, Figure
from rounds import in_turn, ratio

ROUNDS = 3
# A proxy that intercepts TLS has its authority in the system's bundle, of which the pip of Debian 12 knows nothing.
# Elsewhere the bundle is as good as pip's own.
CERTIFICATES = "PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
BY_HAND, WITH_UV = "by hand", "by hand, with uv"
PLAYBOOK = "playbook"
TARGETS = {BY_HAND: 0.65, WITH_UV: 1.6}


def by_hand(installation: str, environment: str = "") -> None:
    parts = [installation, "serve.sh"]
    script = "".join((bench_host.BENCHMARKS / "by_hand" / part).read_text() for part in parts)
    bench_host.as_root("by-hand", f"env {CERTIFICATES} {environment} sh -s", script)


WAYS: dict[str, Callable[[], object]] = {
    BY_HAND: lambda: by_hand("install_pip.sh"),
    PLAYBOOK: lambda: bench_host.play("deploy", bench_host.LAB),
    "by hand, without python3-pip": lambda: by_hand("install_pip.sh", "PACKAGES='python3 python3-venv nginx'"),
    WITH_UV: lambda: by_hand("install_uv.sh"),
}


def seconds_of(way: Callable[[], object]) -> float:
    """The time that a way takes on a fresh host, from its command on the controller to the login page."""
    bench_host.renew()
    start = time.monotonic()
    way()
    bench_host.wait_for_login_page()
    return time.monotonic() - start


def measure() -> Iterator[Figure]:
    times = in_turn({name: lambda way=way: seconds_of(way) for name, way in WAYS.items()}, ROUNDS)
    for name, taken in times.items():
        yield Figure(f"fresh container to login page, {name}", statistics.median(taken), "s")
    for name in (name for name in WAYS if name != PLAYBOOK):
        yield Figure(f"playbook / {name}", ratio(times[PLAYBOOK], times[name]), RATIO, most=TARGETS.get(name))

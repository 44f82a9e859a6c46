"""JupyterLab behind nginx against JupyterLab alone: a visit with a browser, and requests per second."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace

import bench_host
import load
from figure import RATIO, Figure
from rounds import in_turn, ratio
from visit import Visit, visits

ROUNDS = 5
TOKEN = "0123456789abcdef0123456789abcdef"
CERTIFICATE = f"/etc/ssl/jupyter/{bench_host.LAB_SITE}/fullchain.pem"
# What Chromium compares a key with.
DIGEST = "openssl x509 -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64"
STATUS = "api/status"
SERVERS = replace(bench_host.LAB, playbook=bench_host.BENCHMARKS / "proxy.yml")


def deploy() -> None:
    bench_host.renew()
    bench_host.play("proxy", SERVERS, BENCH_TOKEN=TOKEN)


def key_digest() -> str:
    certificate = bench_host.as_root("proxy-certificate", f"cat {CERTIFICATE}", "")
    return subprocess.run(
        ["sh", "-c", DIGEST], input=certificate, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()


def visiting(alone: list[tuple[Visit, Visit]], behind: list[tuple[Visit, Visit]]) -> Iterator[Figure]:
    for number, which, target in ((0, "first", 0.5), (1, "second", None)):
        theirs, ours = ([both[number].seconds for both in way] for way in (alone, behind))
        yield Figure(f"{which} visit to the launcher, alone", statistics.median(theirs), "s")
        yield Figure(f"{which} visit to the launcher, behind nginx", statistics.median(ours), "s")
        yield Figure(f"{which} visit, behind nginx / alone", ratio(ours, theirs), RATIO, most=target)
    theirs, ours = (statistics.median(first.megabytes for first, _second in way) for way in (alone, behind))
    yield Figure("first visit, on the wire, alone", theirs, "MB")
    yield Figure("first visit, on the wire, behind nginx", ours, "MB", most=3.7)


def measure() -> Iterator[Figure]:
    load.provide()
    deploy()
    address = bench_host.connection()["ansible_host"]
    alone, behind = f"http://{address}:8889", f"https://{address}"
    key = key_digest()
    seen = in_turn(
        {
            "visit, alone": lambda: visits(f"{alone}/alone/", TOKEN),
            "visit, behind nginx": lambda: visits(f"{behind}/behind/", TOKEN, key),
        },
        ROUNDS,
    )
    yield from visiting(seen["visit, alone"], seen["visit, behind nginx"])

    def rate(site: str, *paths: str) -> Callable[[], float]:
        return lambda: load.requests_per_second(site, list(paths), TOKEN)

    rates = in_turn(
        {
            "alone": rate(alone, f"/alone/{STATUS}"),
            "TCP": rate(behind, f"/alone/{STATUS}"),
            "UNIX socket": rate(behind, f"/behind/{STATUS}"),
        },
        ROUNDS,
    )
    yield Figure("/api/status, alone", statistics.median(rates["alone"]), "1/s")
    yield Figure("/api/status, nginx with TLS, UNIX socket", statistics.median(rates["UNIX socket"]), "1/s")
    yield Figure("/api/status, UNIX socket / alone", ratio(rates["UNIX socket"], rates["alone"]), RATIO, least=0.95)
    yield Figure("/api/status, TCP / alone", ratio(rates["TCP"], rates["alone"]), RATIO)

    paths = sorted(set(seen["visit, behind nginx"][0][0].paths.values()))
    files = [path for path in paths if path.startswith(("/behind/static/lab/", "/behind/lab/extensions/"))]
    same = [path.replace("/behind/", "/alone/", 1) for path in files]
    rates = in_turn({"alone": rate(alone, *same), "behind nginx": rate(behind, *files)}, ROUNDS)
    yield Figure(f"the {len(files)} files of a first visit, alone", statistics.median(rates["alone"]), "1/s")
    yield Figure(f"the {len(files)} files of a first visit, nginx", statistics.median(rates["behind nginx"]), "1/s")
    yield Figure("files, behind nginx / alone", ratio(rates["behind nginx"], rates["alone"]), RATIO, least=5)

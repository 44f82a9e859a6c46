"""A person's first and second visit to a JupyterLab server, in headless Chromium on a line of 30 Mbit/s and 20 ms."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, sync_playwright

BYTES_PER_SECOND = 30_000_000 / 8
LINE = {
    "offline": False,
    "latency": 20,  # ms
    "downloadThroughput": BYTES_PER_SECOND,
    "uploadThroughput": BYTES_PER_SECOND,
}
PATIENCE = 120_000  # ms


@dataclass
class Visit:
    """The seconds until the launcher can be clicked, and what came over the line until nothing more came."""

    seconds: float = 0
    received: dict[str, float] = field(default_factory=dict)  # bytes, headers included, by request
    paths: dict[str, str] = field(default_factory=dict)  # by request

    @property
    def megabytes(self) -> float:
        return sum(self.received.values()) / 1_000_000


def visits(base: str, token: str, key: str = "") -> tuple[Visit, Visit]:
    """Two visits with one browser, whose cache is empty before the first.

    `key` is the digest of a certificate's key that the browser takes for trusted: what comes over a connection that is
    not, it does not keep.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-background-networking", f"--ignore-certificate-errors-spki-list={key}"],
        )
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{base}api/status?token={token}").finished()  # leaves nothing but the cookie
        page.close()
        found = _visit(context, base), _visit(context, base)
        chromium.close()
    return found


def _visit(context: BrowserContext, base: str) -> Visit:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    visit = _watched(context, page)
    start = time.monotonic()
    page.goto(f"{base}lab", wait_until="commit")
    page.wait_for_selector(".jp-LauncherCard")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    visit.seconds = time.monotonic() - start
    page.wait_for_load_state("networkidle")
    page.close()
    return visit


def _watched(context: BrowserContext, page: Page) -> Visit:
    visit = Visit()
    session = context.new_cdp_session(page)

    def sent(event: dict) -> None:
        visit.paths[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def finished(event: dict) -> None:
        visit.received[event["requestId"]] = event["encodedDataLength"]

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    return visit

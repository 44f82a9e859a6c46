"""A person's browser, which finds a name at an address without any DNS."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

LOGS = pathlib.Path(__file__).resolve().parents[2] / ".cache/logs"


@contextlib.contextmanager
def browser(address: str, name: str) -> Iterator[Page]:
    """Chromium; it does not know who signed the certificate, which other tests check. A failure leaves a picture."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-background-networking", f"--host-resolver-rules=MAP {name} {address}"],
        )
        page = chromium.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(60_000)
        try:
            yield page
        except Exception:
            page.screenshot(path=LOGS / f"browser-{name}.png")
            raise
        finally:
            chromium.close()

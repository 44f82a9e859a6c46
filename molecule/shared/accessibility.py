"""Whether people who listen to a page, or use a keyboard, can use it, as far as a program can tell."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def barriers(page: Page, within: str = "html") -> list[str]:
    """What axe finds in an open page, or in the part of it that a selector names: each rule, and where it is broken."""
    found = Axe().run(page, context=within).response["violations"]
    return [f"{rule['help']}: {node['html']}" for rule in found for node in rule["nodes"]]

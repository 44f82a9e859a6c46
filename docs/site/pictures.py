"""Takes the pictures of the documentation, of the lab and the hub that `script/demo` has deployed."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
LAB, HUB = "https://localhost:8443", "https://localhost:8444"
WIDTH = 1000
# Each picture, and how high a window shows all that matters.
HEIGHTS = {"launcher": 720, "login": 360, "profiles": 400, "home": 150, "admin": 600, "status": 390}
COLUMNS = 100  # of the terminal in a picture


def password(scenario: str, person: str) -> str:
    return (ROOT / f".cache/{scenario}/password-{person}").read_text().strip()


@contextmanager
def visit(browser: Browser) -> Iterator[Page]:
    """A page of somebody who has not been there before, and who accepts the certificate."""
    context = browser.new_context(ignore_https_errors=True, viewport={"width": WIDTH, "height": 600})
    yield context.new_page()
    context.close()


def take(page: Page, name: str) -> None:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHTS[name]})
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    print(f"pictures: docs/pictures/{name}.png")


def lab(page: Page) -> None:
    page.goto(f"{LAB}/lab")
    page.fill("#password_input", password("demo", "lab"))
    page.click("#login_submit")
    page.locator(".jp-LauncherCard").first.wait_for()
    take(page, "launcher")


def hub(page: Page) -> None:
    page.goto(HUB)
    page.locator("#username_input").wait_for()
    take(page, "login")
    page.fill("#username_input", "ada")
    page.fill("#password_input", password("demo_hub", "ada"))
    page.click("#login_submit")
    page.get_by_role("group", name="Your server").wait_for()
    take(page, "profiles")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/user/ada/lab")
    page.goto(f"{HUB}/hub/home")
    page.get_by_role("button", name="Stop My Server").wait_for()
    take(page, "home")
    page.goto(f"{HUB}/hub/admin")
    page.get_by_role("button", name="Stop Server").wait_for()
    take(page, "admin")


def status(page: Page) -> None:
    """The table of a hub as a terminal shows it, from the host's name to the last row."""
    inventories = ("examples/jupyterhub/hosts.yml", ".cache/demo_hub/hosts.json")
    command = ["ansible-playbook", *(f"--inventory={ROOT / path}" for path in inventories), "nbops.jupyter.status"]
    colours = {"ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    printed = subprocess.run(command, env={**os.environ, **colours}, check=True, capture_output=True, text=True).stdout
    table = re.search(r"^hub\.example\.org\n(?:\x1b\[[\d;]+m {2}[^\x1b]+\x1b\[0m\n)+", printed, re.MULTILINE)
    if not table:
        raise SystemExit(f"the playbook prints no table:\n{printed}")
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text.from_ansi(table.group()))
    page.set_content(console.export_html(theme=MONOKAI))
    take(page, "status")


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for pictures_of in lab, hub, status:
            with visit(browser) as page:
                pictures_of(page)
        browser.close()


if __name__ == "__main__":
    main()

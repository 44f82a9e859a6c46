"""A person's browser, which finds a name at an address without any DNS."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

LOGS = pathlib.Path(__file__).resolve().parents[2] / ".cache/logs"
PROGRAM = pathlib.Path(__file__).with_name("programs") / "chromium_beside"


@contextlib.contextmanager
def browser(container: str, address: str, name: str) -> Iterator[Page]:
    """Chromium, for which the name and all names below it are there. A failure leaves a picture.

    It does not know who signed the certificate, which other tests check.
    """
    places = f"MAP {name} {address}, MAP *.{name} {address}"
    with network_of(container) as network, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=PROGRAM,
            args=["--no-sandbox", "--disable-background-networking", f"--host-resolver-rules={places}"],
            env={**os.environ, "BROWSER_NETWORK": network},
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


def log_in(page: Page, name: str, password: str = "correct horse battery") -> None:
    """Send the hub's login form, where the page shows it."""
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.click("#login_submit")


@contextlib.contextmanager
def network_of(container: str) -> Iterator[str]:
    """The path of a network namespace of a neighbour of the container.

    On the machine itself other scenarios' networks come and go; Chromium gives up what it loads whenever one does.
    """
    networks = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"
    network, image = podman("inspect", "--format", f"{networks} {{{{.Image}}}}", container).split()
    # A second after an interface comes up, its IPv6 address does, which would be such a change.
    quiet = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=1")
    neighbour = podman("run", "--detach", *quiet, "--network", network, "--entrypoint", "sleep", image, "infinity")
    try:
        yield podman("inspect", "--format", "{{.NetworkSettings.SandboxKey}}", neighbour)
    finally:
        podman("rm", "--force", "--time", "0", neighbour)


def podman(*arguments: str) -> str:
    """What podman answers."""
    return subprocess.run(["podman", *arguments], check=True, capture_output=True, text=True).stdout.strip()

"""The site that script/docs has built, in a browser, from files."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

HTML = pathlib.Path(__file__).resolve().parents[2] / ".cache/docs/html"


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        yield page
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        browser.close()


@pytest.mark.parametrize("words", ["jupyterhub_shared_folders", "login comes back", "systemd_units"])
def test_search_finds_words_from_files(page: Page, words: str) -> None:
    page.goto((HTML / "index.html").as_uri())
    page.locator("input[name=q]").first.fill(words)
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results ul.search li a")
    page.locator("#search-results ul.search li a").first.click()
    page.wait_for_load_state()
    assert words.split()[0] in page.locator("article").inner_text()


def test_every_page_is_in_the_contents() -> None:
    text = (HTML / "index.html").read_text()
    pages = [str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if path.parent.name != "collection"]
    unlisted = {"index.html", "search.html", "genindex.html"}
    assert [name for name in pages if f'href="{name}' not in text and name not in unlisted] == []

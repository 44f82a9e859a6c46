"""The site that script/docs has built, in a browser, from files."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

DOCS = pathlib.Path(__file__).resolve().parents[1]
HTML = DOCS.parent / ".cache/docs/html"


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


def test_diagrams_are_drawn_and_have_words_for_who_cannot_see_them(page: Page) -> None:
    page.goto((HTML / "architecture.html").as_uri())
    drawn = page.locator("object[type='image/svg+xml']")
    assert drawn.count() == (DOCS / "architecture.md").read_text().count("```mermaid")
    assert all(text.strip() for text in drawn.all_text_contents())
    for path in drawn.evaluate_all("all => all.map(one => one.data)"):
        page.goto(path)
        assert page.locator("svg text").count() > 5

"""The pages of the documentation: which files they are, where a link in them leads, and what the site is built from.

A page is read in two places. In the repository, its links lead to files; on the site, they lead to pages, or to the
repository for what is no page. So links are written for the repository, and translated here.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
from collections.abc import Iterator

import diagrams

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/nbops/ansible-collection-jupyter"
# Pages beside those of docs/ and of the roles.
OTHERS = {
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "MAINTAINERS.md": "maintainers.md",
    "SECURITY.md": "reporting.md",
    "benchmarks/README.md": "benchmarks.md",
}
CODE = re.compile(r"^(```+|~~~+).*?^\1$|`[^`\n]+`|<!--.*?-->", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def pages() -> dict[str, str]:
    """For each page of the repository, its place in the site's sources."""
    found = {str(path.relative_to(ROOT)): "" for path in sorted((ROOT / "docs").rglob("*.md"))}
    found = {path: path.removeprefix("docs/") for path in found}
    for readme in sorted((ROOT / "roles").glob("*/README.md")):
        found[str(readme.relative_to(ROOT))] = f"roles/{readme.parent.name}.md"
    return found | {path: place for path, place in OTHERS.items() if (ROOT / path).exists()}


def pictures() -> dict[str, str]:
    """For each picture of the repository, its place in the site's sources."""
    found = sorted((ROOT / "docs/pictures").iterdir())
    return {f"docs/pictures/{path.name}": f"pictures/{path.name}" for path in found}


def without_code(text: str) -> str:
    """The text with blanks in the place of code and comments, so that positions stay."""
    return CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def links(text: str) -> Iterator[re.Match[str]]:
    """Links to something in the repository."""
    return (match for match in LINK.finditer(without_code(text)) if "://" not in match.group())


def anchors(text: str) -> set[str]:
    """Names by which headings are linked to, made as the forge makes them."""
    plain = CODE.sub(lambda match: "" if match.group().startswith(("```", "~~~", "<!--")) else match.group(), text)
    headings = re.findall(r"^#+ +(.+?)\s*$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def target(page: str, link: str) -> tuple[str, str]:
    """The file of the repository that a link of a page leads to, and the heading in it."""
    path, _hash, anchor = link.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page, anchor


def problems(page: str) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for match in links((ROOT / page).read_text()):
        path, anchor = target(page, match.group())
        if path.startswith("..") or not (ROOT / path).exists():
            found.append(f"{page}: {match.group()} is not there")
        elif anchor and anchor not in anchors((ROOT / path).read_text()):
            found.append(f"{page}: {path} has no heading #{anchor}")
    return found


def for_site(page: str) -> str:
    """The text of a page with the links that it has on the site."""
    places = pages() | pictures()

    def translate(match: re.Match[str]) -> str:
        path, anchor = target(page, match.group())
        anchor = f"#{anchor}" if anchor else ""
        if path == page:
            return anchor
        if path in places:
            return posixpath.relpath(places[path], posixpath.dirname(places[page]) or ".") + anchor
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/main/{path}{anchor}"

    text = (ROOT / page).read_text()
    parts, end = [], 0
    for match in links(text):
        parts += [text[end : match.start()], translate(match)]
        end = match.end()
    return diagrams.drawn("".join([*parts, text[end:]]))

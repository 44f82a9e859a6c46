"""Diagrams of the documentation: written in Mermaid, which the forge draws, and drawn by Graphviz for the site.

Of Mermaid's language, the pages use flowcharts whose lines are a title, or an arrow between two boxes:

    graph LR
      accTitle: What the picture shows, for who cannot see it
      nginx -->|"its socket"| lab["JupyterLab"]
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

BLOCK = re.compile(r"^```mermaid\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DIRECTIONS = {"LR": "LR", "TD": "TB"}
BOX = r'(?P<{0}>[\w.]+)(?:\["(?P<{0}_title>[^"]+)"\])?'
ARROW = re.compile(BOX.format("tail") + r' -->(?:\|"(?P<words>[^"]+)"\|)? ' + BOX.format("head"))
LOOK = (
    'graph [bgcolor=white, fontname="sans-serif", nodesep=0.3]',
    'node [shape=box, style="rounded,filled", fillcolor="#eef3f8"]',
    'node [color="#46627f", fontname="sans-serif", fontsize=11]',
    'edge [color="#46627f", fontname="sans-serif", fontsize=9]',
)


def drawn(page: str) -> str:
    """The text of a page with each flowchart as a directive of Sphinx. Raises ValueError for what is not drawn."""
    return BLOCK.sub(lambda match: _directive(match["text"]), page)


def _directive(text: str) -> str:
    head, title, *arrows = (line.strip() for line in text.splitlines())
    kind, _blank, direction = head.partition(" ")
    name, _colon, alternative = title.partition(": ")
    if kind != "graph" or direction not in DIRECTIONS or name != "accTitle":
        raise ValueError(f"a diagram begins with its direction and an accTitle, not with {head!r} and {title!r}")
    lines = [f"rankdir={DIRECTIONS[direction]}", *LOOK, *(part for arrow in arrows for part in _statements(arrow))]
    return "\n".join(["```{graphviz}", f":alt: {alternative}", "digraph {", *lines, "}", "```"])


def _statements(arrow: str) -> Iterator[str]:
    """One line of a flowchart in Graphviz's words."""
    match = ARROW.fullmatch(arrow)
    if not match:
        raise ValueError(f"a line of a diagram is an arrow between two boxes, not {arrow!r}")
    for side in "tail", "head":
        if match[f"{side}_title"]:
            yield f"{json.dumps(match[side])} [label={json.dumps(match[f'{side}_title'])}]"
    words = f" [label={json.dumps(match['words'])}]" if match["words"] else ""
    yield f"{json.dumps(match['tail'])} -> {json.dumps(match['head'])}{words}"

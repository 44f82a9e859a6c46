"""The constructs behind nginx's advisories of 2026 are in none of our templates."""

from __future__ import annotations

import pathlib
import re

import pytest

TEMPLATES = pathlib.Path(__file__).parents[2] / "roles/nginx/templates"
TEXTS = {str(path.relative_to(TEMPLATES)): path.read_text() for path in TEMPLATES.rglob("*.conf.j2")}


@pytest.mark.parametrize(
    "construct",
    [
        r"^\s*rewrite\b",
        r"^\s*(if|set)\b",
        r"\$[0-9]",  # what an expression captured
        r"\(\?<",
        r"^\s*(ssi|slice|charset|sub_filter)\b",
        r"\bquic\b|http3",
        r"proxy_protocol\s+v2|grpc_pass",
        r"ssl_stapling|ssl_dhparam",
        # The pattern of a location's pages captures nothing.
        r"^\s*location\s+~(?! \{\{ location\.pages \}\} )",
    ],
)
def test_a_construct_is_nowhere(construct: str) -> None:
    assert len(TEXTS) > 4
    found = [name for name, text in TEXTS.items() if re.search(construct, text, re.MULTILINE)]
    assert found == []


def test_an_expression_in_a_map_captures_nothing() -> None:
    expressions = [found for text in TEXTS.values() for found in re.findall(r'^\s*"~(.*?)"', text, re.MULTILINE)]
    assert expressions
    assert not any("(" in expression for expression in expressions)

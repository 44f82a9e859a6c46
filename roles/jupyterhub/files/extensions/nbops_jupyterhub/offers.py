"""A part of the hub, for those who need no more of it."""

from __future__ import annotations

from tornado.routing import PathMatches, Router, Rule, RuleRouter


def offered(application: Router, base_url: str, paths: str) -> RuleRouter:
    """The hub's answers below its `base_url` at the paths of a regular expression, and at no others."""
    return RuleRouter([Rule(PathMatches(rf"{base_url}(?:{paths})"), application)])

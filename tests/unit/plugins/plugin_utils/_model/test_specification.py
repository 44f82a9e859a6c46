"""Types, unknown and missing keys, and defaults of variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import complete

PEOPLE = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "age": {"type": "int", "default": 0},
        "home": {"type": "path"},
        "colour": {"type": "str", "choices": ["red", "green"], "default": "red"},
        "tags": {"type": "list", "elements": "str", "default": []},
        "more": {"type": "dict", "default": {}, "options": {"deep": {"type": "bool", "default": True}}},
    },
}
ADA = {"name": "ada", "age": 0, "colour": "red", "tags": [], "more": {"deep": True}}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (None, []),
        ([{"name": "ada"}], [ADA]),
        ([{"name": "ada", "age": "7", "more": None}], [{**ADA, "age": 7}]),
        ([{"name": "ada", "more": {"deep": "no"}}], [{**ADA, "more": {"deep": False}}]),
        ([{"name": "ada", "home": "~/$HOME"}], [{**ADA, "home": "~/$HOME"}]),
    ],
)
def test_what_is_not_said_has_its_default(given: Any, value: Any) -> None:
    assert complete({"people": PEOPLE}, {"people": given}) == ({"people": value}, [])


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ("hunter2", ["people: must be a list, not a text."]),
        (["hunter2"], ["people: entry 1: must be a mapping, not a text."]),
        ({"name": "ada"}, ["people: must be a list, not a mapping."]),
        ([{"age": 7}], ["people: entry 1: name is missing."]),
        ([{"name": "ada", "age": "hunter2"}], ["people: ada: age: must be a whole number, not a text."]),
        ([{"name": "ada", "agee": 1}], ["people: ada: 'agee' is not known here; did you mean age?"]),
        ([{"name": "ada", "xyz": 1}], ["people: ada: 'xyz' is not known here."]),
        ([{"name": "ada", "colour": "hunter2"}], ["people: ada: colour: write red or green."]),
        ([{"name": "ada", "tags": "a,b"}], ["people: ada: tags: must be a list, not a text."]),
        ([{"name": "ada", "more": "a=b"}], ["people: ada: more: must be a mapping, not a text."]),
        ([{"name": "ada", "tags": [[]]}], ["people: ada: tags: entry 1: must be a text, not a list."]),
        (
            [{"name": "ada", "more": {"deep": "hunter2"}}, {"name": "bob", "age": []}],
            [
                "people: ada: more: deep: must be true or false, not a text.",
                "people: bob: age: must be a whole number, not a list.",
            ],
        ),
    ],
)
def test_every_problem_names_the_entry_and_no_value(given: Any, problems: list[str]) -> None:
    assert complete({"people": PEOPLE}, {"people": given})[1] == problems


@pytest.mark.parametrize("given", [511, 1.5, True])
def test_a_secret_that_yaml_reads_as_something_else_is_refused(given: Any) -> None:
    option = {"password": {"type": "str", "no_log": True}}
    [problem] = complete(option, {"password": given})[1]
    assert problem.startswith("password: must be a text, not ")
    assert problem.endswith("; put it into quotes.")

"""What a host says of itself stays data in the variables that are written down, and in the runs that read them."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible.errors import AnsibleTemplatePluginError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.nbops.jupyter.plugins.filter.inert_yaml import inert_yaml


def read_back(variables: Any, directory: pathlib.Path) -> Any:
    """The variables as a run has them: from the file, rendered."""
    path = directory / "host.yml"
    path.write_text(inert_yaml(variables), encoding="utf-8")
    loader = DataLoader()
    return Templar(loader=loader, variables={}).template(loader.load_from_file(str(path)))


@pytest.mark.parametrize(
    "form", ["{{{{ {} }}}}", "{{% if {} %}}x{{% endif %}}", "#jinja2: variable_start_string:'[['\n[[ {} ]]"]
)
def test_a_template_of_a_host_is_never_rendered(tmp_path: pathlib.Path, form: str) -> None:
    mark = tmp_path / "pwned"
    text = form.format(f"lookup('ansible.builtin.pipe', 'touch {mark}')")
    variables = {"jupyterlab_instances": [{"name": "dave", "config": {"ServerApp": {"extra": text, text: [text]}}}]}
    assert read_back(variables, tmp_path) == variables
    assert not mark.exists()


def test_a_comment_of_jinja_stays(tmp_path: pathlib.Path) -> None:
    assert read_back({"a": "x{# y #}z"}, tmp_path) == {"a": "x{# y #}z"}


def test_data_comes_back_as_it_was(tmp_path: pathlib.Path) -> None:
    data = {
        "texts": ["", "yes", "8888", "null", "a: b", "!unsafe x", "- a", "ü\u2028\x85", "line\nline", "{", "\\{{ \" '"],
        "others": [True, None, 1, 2.5, [], {}],
    }
    assert read_back(data, tmp_path) == data


def test_what_needs_no_tag_has_none() -> None:
    assert inert_yaml({"a": ["b", 1]}) == "a:\n- b\n- 1\n"


@pytest.mark.parametrize("wrong", ["text", {"a": object()}])
def test_what_is_no_data_is_refused(wrong: Any) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match="inert_yaml"):
        inert_yaml(wrong)

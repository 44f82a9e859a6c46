"""How Sphinx builds the site."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import yaml
from docutils import nodes

ROOT = pathlib.Path(__file__).resolve().parents[2]
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())

project = f"{GALAXY['namespace']}.{GALAXY['name']}"
version = release = GALAXY["version"]
copyright = "nbops contributors"
extensions = ["myst_parser", "sphinx.ext.graphviz", "sphinx_antsibull_ext"]
root_doc = "index"

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = html_show_sourcelink = False
# Highlighting that Ansible's pages have, where there is one; what nobody can read aloud is left out.
pygments_style = "ansible"
myst_heading_anchors = 4
graphviz_output_format = "svg"
# A reference that leads nowhere is an error, and no page of another site is asked for.
nitpicky = True

# Ansible's own pages, to which the reference of modules refers.
ANSIBLE = "https://docs.ansible.com/ansible/latest"
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
ELSEWHERE = re.compile(r"ansible_collections\.(?P<collection>(?:ansible|community|containers)\.\w+)\.(?P<name>\w+)")


def address_at_ansible(label: str) -> str | None:
    if label in LABELS:
        return f"{ANSIBLE}/{LABELS[label]}"
    if match := ELSEWHERE.fullmatch(label):
        return f"{ANSIBLE}/collections/{match['collection'].replace('.', '/')}/{match['name']}.html"
    return None


def find_at_ansible(_app: Any, _env: Any, node: Any, content: Any) -> nodes.reference | None:
    """A link to Ansible's pages for a reference that no page here answers to."""
    address = address_at_ansible(node["reftarget"])
    return nodes.reference("", "", content, refuri=address) if address else None


def setup(app: Any) -> None:
    app.connect("missing-reference", find_at_ansible)

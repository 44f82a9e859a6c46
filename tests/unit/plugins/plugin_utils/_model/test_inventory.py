"""Which groups of an inventory a playbook takes."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.inventory import doubts, taken

LAB, HUB = "jupyterlab", "jupyterhub"


@pytest.mark.parametrize(
    ("names", "groups", "found"),
    [
        ([LAB, HUB], {LAB: ["a"], HUB: ["b"]}, [LAB, HUB]),
        ([LAB, HUB], {LAB: ["a"], HUB: []}, [LAB]),
        ([LAB, HUB], {HUB: ["a"]}, [HUB]),
        # The playbook beside it has its hosts.
        ([LAB], {HUB: ["a"]}, [LAB]),
        ([LAB], {"slurm_nodes": ["a"]}, [LAB]),
        # Nothing to deploy on at all, as for a check of the syntax.
        ([LAB], {"all": [], "ungrouped": []}, [LAB]),
    ],
)
def test_a_play_takes_the_groups_that_have_hosts(
    names: list[str], groups: dict[str, list[str]], found: list[str]
) -> None:
    every = {"all": [host for hosts in groups.values() for host in hosts], **groups}
    assert taken(names, every) == found


@pytest.mark.parametrize(
    ("names", "groups", "words"),
    [
        ([LAB], {"ungrouped": ["a"]}, "no host in jupyterlab; write a host below a group of that name."),
        ([LAB], {"jupyterlabs": ["a"]}, "the inventory has a group jupyterlabs, which has to be called jupyterlab"),
        ([LAB], {"jupyter_hub": ["a"]}, "no host in jupyterlab; "),
        ([LAB, HUB], {"jupyter_hub": ["a"]}, "a group jupyter_hub, which has to be called jupyterhub"),
        ([LAB, HUB], {LAB: [], "web": ["a"]}, "no host in jupyterlab or jupyterhub; "),
    ],
)
def test_an_inventory_without_a_host_of_the_collection_is_refused(
    names: list[str], groups: dict[str, list[str]], words: str
) -> None:
    every = {"all": [host for hosts in groups.values() for host in hosts], **groups}
    with pytest.raises(InputError) as error:
        taken(names, every)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (
            {HUB: ["a"], "jupyterlabs": ["b", "c"]},
            ["jupyterlabs, which has to be called jupyterlab; its hosts are left out: b, c."],
        ),
        ({HUB: ["a"], LAB: ["b"], "jupyterlabs": ["c"]}, []),
        ({HUB: ["a"], "web": ["b"]}, []),
        ({"jupyterlabs": ["b"]}, []),
    ],
)
def test_a_group_that_was_likely_meant_is_told_of(groups: dict[str, list[str]], found: list[str]) -> None:
    assert [words.removeprefix("the inventory has a group ") for words in doubts([LAB, HUB], groups)] == found

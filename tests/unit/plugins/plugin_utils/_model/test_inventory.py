"""Which groups of an inventory a playbook takes."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.inventory import taken

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
def test_a_play_takes_the_groups_that_have_hosts(names: list[str], groups: dict[str, list[str]], found: list[str]) -> None:
    every = {"all": [host for hosts in groups.values() for host in hosts], **groups}
    assert taken(names, every) == found


@pytest.mark.parametrize(
    ("names", "groups", "words"),
    [
        ([LAB], {"ungrouped": ["a"]}, "no host in the group jupyterlab; write a host below that name."),
        ([LAB], {"jupyterlabs": ["a"]}, "no host in the group jupyterlab; did you mean jupyterlab by jupyterlabs?"),
        ([LAB], {"jupyter_hub": ["a"]}, "no host in the group jupyterlab; "),
        ([LAB, HUB], {"jupyter_hub": ["a"]}, "the group jupyterlab or jupyterhub; did you mean jupyterhub by jupyter_hub?"),
        ([LAB], {LAB: [], "web": ["a"]}, "write a host below that name."),
    ],
)
def test_an_inventory_without_a_host_of_the_collection_is_refused(
    names: list[str], groups: dict[str, list[str]], words: str
) -> None:
    every = {"all": [host for hosts in groups.values() for host in hosts], **groups}
    with pytest.raises(InputError) as error:
        taken(names, every)
    assert words in str(error.value)

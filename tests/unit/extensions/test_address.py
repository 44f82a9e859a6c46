"""How much of a request the hub takes."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub_config
from nbops_jupyterhub import address


def test_nginx_passes_as_much_to_the_hub_as_it_takes() -> None:
    """The one is written on the controller, the other runs in the hub's release."""
    assert f"{address.LONGEST_BODY // 2**20}m" == jupyterhub_config.LONGEST_BODY
    assert address.LONGEST_BODY % 2**20 == 0

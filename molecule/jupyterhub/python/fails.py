"""Fails where the hub would load it."""

import a_package_that_the_hub_lacks  # noqa: F401  # pylint: disable=unused-import

"""Fails where the hub would load it."""

import a_package_that_the_hub_lacks

a_package_that_the_hub_lacks.begin()

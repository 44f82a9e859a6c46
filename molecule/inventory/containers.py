#!/usr/bin/env python
"""Ansible inventory of the scenario's containers.

Names and addresses follow from the scenario alone, so scenarios can run side by side and every tool (ansible-playbook,
testinfra, a person) finds the same hosts: scenario number N has the network 10.213.N.0/24, its first host .11.
"""

from __future__ import annotations

import json
import os
import pathlib

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# What is no scenario, but has a host in the same way, has a number that no scenario reaches.
RESERVED_NUMBERS = {"demo": 250, "bench": 251}
# A host that is made anew has the address and not the keys of its predecessor, and its connections die without a word.
SSH_OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    "-o ControlMaster=auto -o ControlPersist=120s -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
)


def scenario_number(scenario: str) -> int:
    """The place of a scenario in the alphabet of scenarios."""
    if scenario in RESERVED_NUMBERS:
        return RESERVED_NUMBERS[scenario]
    names = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return names.index(scenario)


def inventory(scenario: str, platforms: list[str], known: list[str], surroundings: dict[str, str]) -> dict:
    """The inventory as `ansible-inventory --list` wants it from a script.

    The hosts under test are the group `instances`, one for each platform; those around them are `surroundings`.
    """
    unknown = sorted(set(platforms) - set(known))
    if unknown:
        raise SystemExit(f"unknown platform {', '.join(unknown)}; known: {', '.join(known)}")
    network = f"10.213.{scenario_number(scenario)}"
    hosts = {
        f"{scenario.replace('_', '-')}-{platform}": {
            "ansible_host": f"{network}.{11 + known.index(platform)}",
            "container_platform": platform,
        }
        for platform in platforms
    }
    others = {
        name: {"ansible_host": f"{network}.{101 + number}", "container_platform": platform}
        for number, (name, platform) in enumerate(surroundings.items())
    }
    common = {
        "surrounding_addresses": {name: others[name]["ansible_host"] for name in others},
        "ansible_user": "ansible",
        "ansible_ssh_private_key_file": str(ROOT / ".cache/ssh/id_ed25519"),
        "ansible_ssh_common_args": SSH_OPTIONS,
        "container_network": f"jupyter-{scenario}",
        "container_subnet": f"{network}.0/24",
    }
    others = {f"{scenario.replace('_', '-')}-{name}": variables for name, variables in others.items()}
    return {
        "all": {"vars": common},
        "instances": {"hosts": list(hosts)},
        "surroundings": {"hosts": list(others)},
        "_meta": {"hostvars": {**hosts, **others}},
    }


def main() -> None:
    data = yaml.safe_load((HERE / "platforms.yml").read_text())
    chosen = os.environ.get("TEST_PLATFORMS", "")
    platforms = chosen.split(",") if chosen else data["default"]
    scenario = os.environ["MOLECULE_SCENARIO_NAME"]
    print(json.dumps(inventory(scenario, platforms, data["known"], data["surroundings"].get(scenario, {}))))


if __name__ == "__main__":
    main()

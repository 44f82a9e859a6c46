#!/usr/bin/env python
"""Ansible inventory of the scenario's containers.

Names and addresses follow from the scenario alone, so scenarios can run side by side and every tool (ansible-playbook,
testinfra, a person) finds the same hosts. Each has a network 10.213.N.0/24 of its own (platforms.yml), with .11 as its
first host.
"""

from __future__ import annotations

import json
import os
import pathlib

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# A host that is created anew keeps its address but gets new keys, and old connections to it hang silently.
SSH_OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    "-o ControlMaster=auto -o ControlPersist=120s -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
)
# One connection for the runs of a scenario and for its tests, because a login costs far more than a command.
SHARED = f"{SSH_OPTIONS} -o ControlPath=/run/nbops-ssh-%C"
# script/vm forwards a port to it. Of an option that is said twice, ssh takes the first; an emulated machine is slow.
MACHINE = {"ansible_port": 2222, "ansible_ssh_common_args": f"-o ServerAliveCountMax=12 {SSH_OPTIONS}"}


def inventory(scenario: str, platforms: list[str], data: dict) -> dict:
    """The inventory as `ansible-inventory --list` wants it from a script.

    The hosts under test are the group `instances`, one for each platform; those around them are `surroundings`.
    """
    known, surroundings = data["known"], data["surroundings"].get(scenario, {})
    surroundings = {
        name: host if isinstance(host, dict) else {"platform": host, "kind": "bare"}
        for name, host in surroundings.items()
    }
    unknown = sorted(set(platforms) - set(known))
    if unknown:
        raise SystemExit(f"unknown platform {', '.join(unknown)}; known: {', '.join(known)}")
    if scenario not in data["networks"]:
        raise SystemExit(f"{scenario} has no number in platforms.yml: give it the next one")
    is_machine = scenario in data["machines"]
    network = f"{127 if is_machine else 10}.213.{data['networks'][scenario]}"
    hosts = {
        f"{scenario.replace('_', '-')}-{platform}": {
            "ansible_host": f"{network}.{11 + known.index(platform)}",
            "container_platform": platform,
            "container_kind": "stocked" if scenario in data["stocked"] else "bare",
            **(MACHINE if is_machine else {}),
        }
        for platform in platforms
    }
    others = {
        name: {
            "ansible_host": f"{network}.{101 + number}",
            "container_platform": host["platform"],
            "container_kind": host["kind"],
            **(MACHINE if is_machine else {}),
        }
        for number, (name, host) in enumerate(surroundings.items())
    }
    common = {
        "surrounding_addresses": {name: others[name]["ansible_host"] for name in others},
        "ansible_user": "ansible",
        "ansible_ssh_private_key_file": str(ROOT / ".cache/ssh/id_ed25519"),
        "ansible_ssh_common_args": SSH_OPTIONS if scenario in data["logins"] else SHARED,
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


def platforms_of(scenario: str, data: dict) -> list[str]:
    """The platforms of a scenario where TEST_PLATFORMS names none."""
    one = [platform for platform, scenarios in data["single"].items() if scenario in scenarios]
    besides = [platform for platform, scenarios in data["besides"].items() if scenario in scenarios]
    return (one or data["default"]) + besides


def main() -> None:
    data = yaml.safe_load((HERE / "platforms.yml").read_text())
    scenario = os.environ["MOLECULE_SCENARIO_NAME"]
    chosen = os.environ.get("TEST_PLATFORMS", "")
    platforms = chosen.split(",") if chosen else platforms_of(scenario, data)
    print(json.dumps(inventory(scenario, platforms, data)))


if __name__ == "__main__":
    main()

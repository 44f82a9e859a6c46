# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of a host, as Ansible holds them, to what a model makes of them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import (
    InputError,
    given_to,
    plan_of,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import (
    PLAYBOOK,
    ROLES,
    options_of,
    prefix_of,
    unknown_variables,
)

MODELS = "ansible_collections.nbops.jupyter.plugins.plugin_utils._model"
# What is known of every host, and shapes what stands in front of it.
KNOWN = (
    *("ansible_host", "ansible_managed", "ansible_port", "ansible_user", "group_names", "inventory_hostname"),
    # Where files on the controller are looked for.
    *("ansible_search_path", "inventory_dir"),
)
PLAYBOOKS = ("firewall", "jupyterhub", "jupyterlab", "remove", "rollback", "status", "upgrade", "verify")
# Few others name variables like these; `nginx_` and `certbot_` are the names of other collections' roles too.
OURS = ("jupyterlab", "jupyterhub", "kernels")
SHARED = tuple(role for role in ROLES if role not in OURS)
SUBJECTS = (*ROLES, *(f"{PLAYBOOK}{name}" for name in PLAYBOOKS))


class Evaluation:
    """The model of a role, or of a playbook, with the variables of one host."""

    def __init__(
        self, subject: str, variables: Mapping[str, Any], template: Callable[[Any], Any], host: Mapping[str, Any]
    ) -> None:
        """`template` resolves the value of a variable; `host` is what is known of the host.

        Raises InputError for variables that are undefined, or unknown to the playbooks, and for an unknown subject.
        """
        if subject not in SUBJECTS:
            raise InputError(f"nbops.jupyter.plan knows no {subject}; write one of {', '.join(SUBJECTS)}.")
        self._subject = subject
        self._model = importlib.import_module(f"{MODELS}.{subject}")
        self.warnings = _doubtful_names(variables) if subject.startswith(PLAYBOOK) else []
        values = _resolve({name: variables[name] for name in self._names(variables) if name in variables}, template)
        known = {name: values.pop(name) for name in KNOWN if name in values}
        self._values, self._host = values, {**known, **self._answers(variables), **plain(host)}

    def _names(self, variables: Iterable[str]) -> set[str]:
        """The variables that the model reads."""
        roles = (self._subject, *getattr(self._model, "USES", ()))
        names = {*KNOWN, *(name for role in roles for name in options_of(role))}
        if self._subject.startswith(PLAYBOOK):
            # Also one that is no variable of the playbooks, which is refused.
            names |= {name for name in variables if name.startswith(prefix_of(self._subject))}
        return names - set(getattr(self._model, "SET_BY_PLAYBOOK", ()))

    def _answers(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What this host has answered, and what the model reads of other hosts: facts and variables."""
        facts = variables.get("ansible_facts") or {}
        found: dict[str, Any] = {"distribution_release": str(facts.get("distribution_release", ""))}
        if groups := getattr(self._model, "GROUPS", ()):
            found["facts"] = _facts_of(variables, self._model.FACTS)
            found["groups"] = _facts_of_groups(variables, groups, self._model.FACTS)
        if wanted := getattr(self._model, "VARIABLES_OF_HOSTS", {}):
            found["said"] = {group: _said_by_hosts(variables, group, names) for group, names in wanted.items()}
        return found

    def plan(self) -> dict[str, Any]:
        """What the role does, finished and without secrets. Raises InputError.

        What follows from facts of the host that are not known yet is judged, but not in the plan: a run that leaves out
        the task that reads them, by tags or by its beginning, fails instead of writing something else.
        """
        with _documented_types(self._subject):
            given = given_to(self._model, self._subject, self._values, self._host)
            made = plan_of(self._model, given)
        if hasattr(self._model, "warnings"):
            self.warnings += self._model.warnings(given)
        needs = getattr(self._model, "NEEDS", {})
        early = {key for fact, keys in needs.items() if fact not in self._host for key in keys}
        return {key: value for key, value in made.items() if key not in early}

    def secrets(self) -> dict[str, Any]:
        """What the role does not show, also where another role uses it. Raises InputError."""
        with _documented_types(self._subject):
            return self._model.secrets(given_to(self._model, self._subject, self._values, self._host, used=True))


def _doubtful_names(variables: Iterable[str]) -> list[str]:
    """Warnings of variables that are none of the collection's. Raises InputError for those that are misspelt."""
    misspelt, unknown = unknown_variables(OURS, variables)
    if misspelt:
        raise InputError(*misspelt)
    return [*unknown, *unknown_variables(SHARED, variables)[0]]


def domains_of(variables: Mapping[str, Any]) -> dict[str, str]:
    """The domain of each host that the playbooks deploy; empty where there is none or several hosts may have it."""
    groups, hosts = variables["groups"], variables["hostvars"]
    names = dict.fromkeys(name for group in ("jupyterlab", "jupyterhub") for name in groups.get(group, ()))
    return {name: _own_domain(hosts[name]) for name in names}


def _own_domain(variables: Mapping[str, Any]) -> str:
    try:
        is_shared = boolean(variables.get("jupyter_domain_shared", False), strict=False)
        # Without a web server of ours, there is no site that browsers would look for.
        has_site = boolean(variables.get("jupyter_web_server", True), strict=False)
        return str(variables.get("jupyter_domain") or "") if has_site and not is_shared else ""
    except AnsibleError:
        # The host's own validation names what is undefined.
        return ""


def plain(value: Any) -> Any:
    """A value in Python's own types, without what Ansible knows about where it came from."""
    if isinstance(value, Mapping):
        return {plain(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _facts_of_groups(
    variables: Mapping[str, Any], groups: Iterable[str], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """What is known of the hosts of some groups, also of those that a run is not limited to, by group and host."""
    hosts = variables["hostvars"]
    return {
        group: {host: _facts_of(hosts[host], names) for host in variables["groups"].get(group, ())} for group in groups
    }


def _said_by_hosts(variables: Mapping[str, Any], group: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Some variables of the hosts of a group, by host."""
    hosts = variables["hostvars"]
    return {host: _said_by(hosts[host], names) for host in variables["groups"].get(group, ())}


def _said_by(variables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    try:
        return {name: plain(variables[name]) for name in names if name in variables}
    except AnsibleError as error:
        raise InputError(f"{variables['inventory_hostname']}: {error.message}") from None


def _facts_of(variables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    facts = variables.get("ansible_facts") or {}
    return {name: plain(facts[name]) for name in names if name in facts}


def _resolve(values: dict[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    resolved, problems = {}, []
    for name, value in values.items():
        try:
            resolved[name] = plain(template(value))
        except AnsibleError as error:
            problems.append(
                f"{name}: {error.message.rstrip('.')}; define it in the inventory, a secret in a vault there, such as "
                "group_vars/GROUP/vault.yml, which `ansible-vault create` makes."
            )
    if problems:
        raise InputError(*problems)
    return resolved


@contextlib.contextmanager
def _documented_types(subject: str) -> Iterator[None]:
    """Refuses a value deep inside a free-form option that is of another type than the documented one."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The value stays unsaid, and the cause out of the traceback: it may be a secret.
        text = f"{subject}: a value is not of the documented type ({type(error).__name__})."
        raise InputError(text) from None

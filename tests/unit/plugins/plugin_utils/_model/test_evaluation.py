"""From the variables of a host, as Ansible holds them, to a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.evaluation import Evaluation, domains_of
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError

LAB = {"name": "lab", "user": "alice", "token": "0123456789abcdef", "listen": "unix"}
HOST = {"inventory_hostname": "lab1", "group_names": ["jupyterlab"]}


def template(wrong: str = "") -> Callable[[Any], Any]:
    """Resolves values as they are, but for the one that is undefined."""

    def resolve(value: Any) -> Any:
        if value == wrong:
            raise AnsibleUndefinedVariable("'vault_lab' is undefined")
        return value

    return resolve


def test_a_role_plans_with_what_is_known_of_its_host() -> None:
    variables = {**HOST, "jupyterlab_instances": [LAB], "ansible_facts": {"distribution_release": "jammy"}}
    plan = Evaluation("jupyterlab", variables, template(), {"homes": {"alice": "/h"}, "passwd": {}}).plan()
    assert plan["homes"] == ["/h"]
    assert "python3-venv" in plan["install"]["system_packages"]


@pytest.mark.parametrize(
    ("role", "host", "early"),
    [
        ("jupyterlab", {"passwd": {}}, {"files", "homes", "units"}),
        ("firewall", {"backend": "ufw"}, {"units"}),
    ],
)
def test_what_follows_from_an_unknown_fact_of_the_host_cannot_be_written(
    role: str, host: dict[str, Any], early: set[str]
) -> None:
    """Tags, or a beginning in the middle, may leave out the task that reads the fact."""
    variables = {**HOST, "jupyterlab_instances": [LAB]}
    known, unknown = (Evaluation(role, variables, template(), facts).plan() for facts in (host, {}))
    assert set(known) - set(unknown) == early


def test_what_follows_from_an_unknown_fact_is_judged_all_the_same() -> None:
    wrong = {**LAB, "unit": {"Service": {"Nice": {"of": "no type"}}}}
    with pytest.raises(InputError):
        Evaluation("jupyterlab", {**HOST, "jupyterlab_instances": [wrong]}, template(), {}).plan()


def test_a_playbook_never_reads_what_it_says_to_its_roles() -> None:
    variables = {**HOST, "jupyterlab_instances": [LAB], "nginx_sites": "itself", "certbot_certificates": "itself"}
    assert Evaluation("playbook_jupyterlab", variables, template("itself"), {}).plan()["sites"]


def test_an_undefined_variable_is_named_with_the_one_that_uses_it() -> None:
    with pytest.raises(InputError, match="jupyterlab_instances: 'vault_lab' is undefined; define it"):
        Evaluation("jupyterlab", {"jupyterlab_instances": "undefined"}, template("undefined"), {})


def test_a_value_of_another_type_deep_inside_is_not_repeated() -> None:
    variables = {"jupyterlab_instances": [{**LAB, "config": {"ServerApp": {"a": 1}}, "environment": {"A": "hunter2"}}]}
    variables["jupyterlab_instances"][0]["unit"] = {"Service": "hunter2"}
    with pytest.raises(InputError) as error:
        Evaluation("jupyterlab", variables, template(), {}).plan()
    assert "hunter2" not in str(error.value)


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(InputError, match="knows no apache; write one of backup"):
        Evaluation("apache", {}, template(), {})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("jupyterlab_instance", "; did you mean jupyterlab_instances?"),
        ("jupyterhub_user", "; did you mean jupyterhub_users?"),
        ("kernels_spec", "; did you mean kernels_specs?"),
    ],
)
@pytest.mark.parametrize("playbook", ["jupyterlab", "firewall"])
def test_a_misspelt_variable_of_the_collection_is_named(playbook: str, name: str, nearest: str) -> None:
    with pytest.raises(InputError) as error:
        Evaluation(f"playbook_{playbook}", {**HOST, "jupyterlab_instances": [LAB], name: []}, template(), {})
    assert error.value.args[0].startswith(f"'{name}' is not known here{nearest[:-1]}")


@pytest.mark.parametrize("name", ["jupyterhub_exporter_port", "jupyterhub_ada_password", "kernels_backup"])
def test_a_variable_that_may_be_somebodys_own_is_only_named(name: str) -> None:
    evaluation = Evaluation("playbook_jupyterlab", {**HOST, "jupyterlab_instances": [LAB], name: 1}, template(), {})
    assert evaluation.warnings == [f"'{name}' is no variable of nbops.jupyter."]
    assert evaluation.plan()["sites"]


def test_other_roles_name_their_variables_as_they_like() -> None:
    variables = {**HOST, "jupyterlab_instances": [LAB], "nginx_vhosts": [], "certbot_certs": []}
    assert Evaluation("playbook_jupyterlab", variables, template(), {}).plan()["sites"]


def test_the_domain_of_each_host_is_its_own() -> None:
    class Undefined(dict[str, Any]):
        def get(self, *_arguments: Any) -> Any:
            raise AnsibleUndefinedVariable("'vault_domain' is undefined")

    groups = {"jupyterlab": ["a", "b", "c"], "jupyterhub": ["b", "d"], "others": ["e"]}
    hosts = {
        "a": {"jupyter_domain": "lab.org"},
        "b": {},
        "c": {"jupyter_domain": "lab.org", "jupyter_domain_shared": True},
        "d": Undefined(),
    }
    domains = {"a": "lab.org", "b": "", "c": "", "d": ""}
    assert domains_of({"groups": groups, "hostvars": hosts}) == domains


def test_a_variable_that_may_be_another_collection_s_is_a_warning_where_it_looks_like_ours() -> None:
    variables = {**HOST, "jupyterlab_instances": [LAB], "nginx_maintenence": True, "nginx_vhosts": []}
    found = Evaluation("playbook_jupyterlab", variables, template(), {}).warnings
    assert found == ["'nginx_maintenence' is not known here; did you mean nginx_maintenance?"]


@pytest.mark.parametrize(
    ("settings", "doubts"),
    [
        (
            {"jupyterhub_group_limits": {"staff": {"memory_max": "2G"}, "staf": {"memory_max": "8G"}}},
            ["jupyterhub_group_limits: nobody in jupyterhub_users is in the group 'staf'; did you mean staff?"],
        ),
        (
            {"jupyterhub_profiles": [{"name": "small"}, {"name": "large", "groups": ["teachers"]}]},
            ["jupyterhub_profiles: large: nobody in jupyterhub_users is in the group 'teachers'."],
        ),
        (
            {"jupyterhub_roles": [{"name": "graders", "scopes": ["users"], "groups": ["stuff"]}]},
            ["jupyterhub_roles: graders: nobody in jupyterhub_users is in the group 'stuff'; did you mean staff?"],
        ),
        (
            {"jupyterhub_user_limits": {"adda": {"memory_max": "8G"}}},
            ["jupyterhub_user_limits: 'adda' is not in jupyterhub_users; did you mean ada?"],
        ),
        ({"jupyterhub_user_limits": {"adda": {"memory_max": "8G"}}, "jupyterhub_create_accounts": True}, []),
        ({"jupyterhub_group_limits": {"staf": {"memory_max": "8G"}}, "jupyterhub_users": [{"name": "ada"}]}, []),
    ],
    ids=["limits", "profile", "role", "person", "people-who-come", "groups-from-elsewhere"],
)
def test_what_a_hub_takes_and_nobody_may_have_meant_is_a_warning(settings: dict[str, Any], doubts: list[str]) -> None:
    users = {"jupyterhub_users": [{"name": "ada", "groups": ["staff"]}]}
    evaluation = Evaluation("jupyterhub", {**HOST, **users, **settings}, template(), {})
    evaluation.plan()
    assert evaluation.warnings == [f"jupyterhub: {doubt}" for doubt in doubts]

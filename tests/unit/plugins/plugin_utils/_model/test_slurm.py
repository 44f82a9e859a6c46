"""What a cluster is made of, and what its hosts' answers may be. What input is refused stands in tests/negative."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

ADDRESSES = {"controller": "10.0.0.1", "node1": "10.0.0.11", "node2": "10.0.0.12"}
SAID = {
    "slurm_controller_host": "controller",
    "slurm_controller_address": "10.0.0.1",
    "slurm_node_list": [
        {"name": "node1", "address": "10.0.0.11", "cpus": 4, "memory": "8G"},
        {"name": "node2", "address": "10.0.0.12", "cpus": 4, "memory": "8G"},
    ],
}


def facts(name: str, **others: Any) -> dict[str, Any]:
    """What a host of 16000 MiB and 8 processors answers."""
    answered = {"hostname": name, "memtotal_mb": 16000, "processor_nproc": 8}
    return {**answered, "default_ipv4": {"address": ADDRESSES[name]}, **others}


def host(name: str = "node1", **answers: dict[str, Any]) -> dict[str, Any]:
    """What is known of a host of the cluster once all have answered. `answers` are other facts of hosts, by name."""
    known = {one: facts(one, **answers.get(one, {})) for one in ADDRESSES}
    controller, *nodes = known
    return {
        "asked": True,
        "facts": known[name],
        "group_names": ["slurm_controller"] if name == controller else ["slurm_nodes"],
        "groups": {
            "slurm_controller": {"hub.example.org": known[controller]},
            "slurm_nodes": {f"{node}.example.org": known[node] for node in nodes},
            "slurm_clients": {},
        },
    }


def before(name: str = "node1") -> dict[str, Any]:
    """The same before anybody was asked."""
    known = host(name)
    groups = {group: {name: {} for name in hosts} for group, hosts in known["groups"].items()}
    return {**known, "asked": False, "facts": {}, "groups": groups}


MAXIMAL = {
    "slurm_controller_host": "node1",
    "slurm_controller_address": "10.0.0.11",
    "slurm_node_list": [
        {"name": "node1", "address": "10.0.0.11", "cpus": 4, "memory": "8G"},
        {"name": "node2", "parameters": {"Features": "gpu", "Weight": 10}},
    ],
    "slurm_roles": ["node", "controller"],
    "slurm_cluster": "vision",
    "slurm_munge_key": "0123456789abcdef0123456789abcdef",
    "slurm_ssh_jobs_only": True,
    "slurm_ssh_groups": ["sudo", "operators"],
    "slurm_accounting": True,
    "slurm_accounting_months": 6,
    "slurm_accounts": [{"name": "vision", "users": ["ada", "bob"]}],
    "slurm_config": {"SlurmctldDebug": "verbose", "jobrequeue": True, "DisableRootJobs": True, "MaxJobCount": 500},
    "slurm_partitions": [
        {"name": "main", "default": True, "max_time": "7-00:00:00"},
        {"name": "gpu", "nodes": ["node2"], "allow_groups": ["vision"], "parameters": {"MaxMemPerNode": 4096}},
    ],
}


def test_the_least_that_can_be_said() -> None:
    require_golden("slurm-minimal", plan("slurm", {}, host("controller")))


def test_everything_that_can_be_said() -> None:
    require_golden("slurm-maximal", plan("slurm", MAXIMAL, host("node1")))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("slurm", MAXIMAL, host("node1"))


def test_what_is_removed() -> None:
    require_golden("slurm-absent", plan("slurm", {"slurm_state": "absent"}, host("node1")))


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_configuration_is_the_same_everywhere(name: str) -> None:
    made, first = plan("slurm", {}, host(name)), plan("slurm", {}, host("controller"))
    assert [made[key] for key in ("config", "nodes", "partitions")] == [
        first[key] for key in ("config", "nodes", "partitions")
    ]


def test_all_are_asked_who_are_not_described() -> None:
    made = plan("slurm", {}, before())
    assert made["ask"] == ["hub.example.org", "node1.example.org", "node2.example.org"]
    assert "config" not in made


def test_who_was_asked_for_something_else_is_asked_again() -> None:
    known = before()
    known["groups"]["slurm_nodes"] = {"node1.example.org": {"hostname": "node1", "default_ipv4": {}}}
    known["facts"] = {"hostname": "node1", "default_ipv4": {}}
    made = plan("slurm", {}, known)
    assert (made["hostname"], made["ask"]) == ("", ["hub.example.org", "node1.example.org"])


def test_nobody_is_asked_where_everything_is_said() -> None:
    assert plan("slurm", SAID, before())["ask"] == []


def test_one_node_is_asked_of_which_something_is_not_said() -> None:
    nodes = [SAID["slurm_node_list"][0], {"name": "node2", "address": "10.0.0.12"}]
    assert plan("slurm", {**SAID, "slurm_node_list": nodes}, before())["ask"] == ["node2.example.org"]


def test_a_little_less_memory_changes_nothing() -> None:
    made = plan("slurm", {}, host(node1={"memtotal_mb": 15990}))
    assert made["nodes"] == plan("slurm", {}, host())["nodes"]


def test_a_job_that_says_nothing_has_its_share_of_the_smallest_node() -> None:
    assert plan("slurm", SAID, host())["config"]["DefMemPerCPU"] == "2048"


def test_who_only_submits_jobs_has_no_daemon_of_slurm() -> None:
    made = plan("slurm", {}, {**host(), "group_names": ["slurm_clients"], "facts": {"hostname": "login"}})
    assert made["packages"] == ["munge", "slurm-client", "slurm-wlm-basic-plugins"]
    assert [unit["name"] for units in made["units"].values() for unit in units] == ["munge.service"]
    assert made["nodes"] == plan("slurm", {}, host())["nodes"]


ACCOUNTED = {"slurm_accounting": True, "slurm_accounts": [{"name": "vision", "users": ["ada", "bob"]}, {"name": "nlp"}]}


@pytest.mark.parametrize(("months", "after"), [(1, "1months"), (0, None)])
def test_the_accounting_forgets_unless_that_is_not_wanted(months: int, after: str | None) -> None:
    made = plan("slurm", {**ACCOUNTED, "slurm_accounting_months": months}, host())
    assert made["accounting"]["daemon"].get("PurgeJobAfter") == after


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        (
            [],
            [
                "cluster cluster",
                "account vision cluster=cluster",
                "user name=ada,bob account=vision cluster=cluster",
                "account nlp cluster=cluster",
            ],
        ),
        (
            ["root|", "root|root", "vision|", "vision|ada", "nlp|", "others|", "others|bob"],
            ["user name=bob account=vision cluster=cluster"],
        ),
        (["root|", "nlp|", "vision|", "vision|ada", "vision|bob", "vision|eve"], []),
    ],
    ids=["a new database", "one person", "nothing"],
)
def test_what_the_accounting_does_not_know_is_added(known: list[str], missing: list[str]) -> None:
    made = plan("slurm", ACCOUNTED, {**host("controller"), "associations": known})
    assert [" ".join(command[3:]) for command in made["accounting"]["missing"]] == missing


def with_database(name: str) -> dict[str, Any]:
    """The cluster with a host for its accounting."""
    known = host(name) if name in ADDRESSES else {**host(), "group_names": ["slurm_database"]}
    database = {**facts("node1"), "hostname": "db", "default_ipv4": {"address": "10.0.0.9"}}
    if name == "db":
        known["facts"] = database
    return {**known, "groups": {**known["groups"], "slurm_database": {"db.example.org": database}}}


@pytest.mark.parametrize(
    ("known", "roles"),
    [
        (host("controller"), ["controller", "database"]),
        (host("node1"), ["node"]),
        (with_database("controller"), ["controller"]),
        (with_database("db"), ["database"]),
    ],
    ids=["a controller", "a node", "a controller beside a database", "a database"],
)
def test_one_host_has_the_accounting(known: dict[str, Any], roles: list[str]) -> None:
    made = plan("slurm", ACCOUNTED, known)
    assert made["roles"] == roles
    assert ("slurmdbd" in made["packages"]) == ("database" in roles)
    at = "10.0.0.9" if "slurm_database" in known["groups"] else "10.0.0.1"
    assert made["config"]["AccountingStorageHost"] == at


def test_a_host_of_the_accounting_that_is_not_described_is_asked() -> None:
    unknown = with_database("node1")
    unknown["groups"]["slurm_database"] = {"db.example.org": {}}
    assert "db.example.org" in plan("slurm", ACCOUNTED, {**unknown, "asked": False})["ask"]
    said = {**ACCOUNTED, "slurm_database_address": "10.0.0.9"}
    assert "db.example.org" not in plan("slurm", said, {**unknown, "asked": False})["ask"]


@pytest.mark.parametrize(
    ("login", "sshd", "problem"),
    [
        ("uid=0(root) gid=0(root) groups=0(root)", "usepam yes", None),
        ("uid=1000(ops) gid=1000(ops) groups=1000(ops),27(sudo)", "usepam yes", None),
        (
            "uid=1000(ops) gid=1000(ops) groups=1000(ops),4(adm)",
            "usepam yes",
            "slurm_ssh_groups: Ansible comes in as ops, whom the node would refuse; write one of its groups there "
            "(ops, adm), or add it to sudo.",
        ),
        (
            "uid=0(root) gid=0(root) groups=0(root)",
            "port 22\nusepam no",
            "slurm_ssh_jobs_only: sshd does not ask PAM who comes in; write `UsePAM yes` in its configuration.",
        ),
    ],
    ids=["root", "a group", "nobody", "no PAM"],
)
def test_ssh_is_limited_where_ansible_still_comes_in(login: str, sshd: str, problem: str | None) -> None:
    known = {**host(), "login": login, "sshd": sshd}
    assert problems("slurm", {"slurm_ssh_jobs_only": True}, known) == ([problem] if problem else [])


def test_without_groups_root_alone_comes_without_a_job() -> None:
    made = plan("slurm", {"slurm_ssh_jobs_only": True, "slurm_ssh_groups": []}, host())
    assert len(made["ssh"]["lines"]) == 1


def test_ssh_is_limited_on_nodes_alone() -> None:
    said = {"slurm_ssh_jobs_only": True}
    assert [plan("slurm", said, host(name))["ssh"]["is_limited"] for name in ("controller", "node1")] == [False, True]


def test_the_key_is_in_no_plan() -> None:
    key = "0123456789abcdef0123456789abcdef"
    assert key not in str(plan("slurm", {"slurm_munge_key": key}, host()))
    assert secrets("slurm", {"slurm_munge_key": key}, host()) == {"munge_key": key}


@pytest.mark.parametrize(
    ("said", "known", "problem"),
    [
        (
            {},
            {**before(), "asked": True, "facts": facts("node1")},
            "slurm: hub.example.org does not answer, so what it has is unknown",
        ),
        (
            {"slurm_node_list": [{"name": "node3"}, {"name": "node1"}]},
            host(),
            "slurm_node_list: no host of the group slurm_nodes calls itself node3",
        ),
        (
            {"slurm_node_list": [SAID["slurm_node_list"][1]]},
            host(),
            "slurm_node_list: the host calls itself 'node1', and there is no node of this name: node2.",
        ),
        (
            {"slurm_controller_host": "other"},
            host("controller"),
            "slurm_controller_host: the host calls itself 'controller', not 'other'; write that.",
        ),
        (
            {"slurm_node_list": [{"name": "node1", "memory": "64G"}]},
            host(),
            "slurm_node_list: node1: it has 16000M of memory, not 65536M.",
        ),
        (
            {"slurm_node_list": [{"name": "node1", "cpus": 16}]},
            host(),
            "slurm_node_list: node1: it has 8 processors, not 16.",
        ),
        (
            {"slurm_reserved_memory": "16G"},
            host(),
            "slurm_reserved_memory: node1 has 16000M of memory, and 16G leave nothing for jobs.",
        ),
        (
            {},
            host(node2={"default_ipv4": {"address": "127.0.1.1"}}),
            "slurm: the others cannot reach node2 at '127.0.1.1'; write its address (slurm_node_list).",
        ),
        (
            {},
            host(controller={"default_ipv4": {}}),
            "slurm: the others cannot reach controller at ''; write its address (slurm_controller_host and "
            "slurm_controller_address).",
        ),
        (
            {},
            host(node1={"getent_passwd": {"slurm": ["x", "997", "997"]}}, node2={"getent_passwd": {"slurm": None}}),
            "slurm: the account slurm must have the same number on every host, 64030 where Debian's packages make it: "
            "64030 on node2.example.org; 997 on node1.example.org.",
        ),
        (
            {},
            host(node2={"hostname": "node1"}),
            "slurm: node1.example.org and node2.example.org call themselves 'node1'; give each a name of its own.",
        ),
        (
            {"slurm_partitions": [{"name": "main", "nodes": ["node1", "node7"]}]},
            host(),
            "slurm_partitions: main: there is no node 'node7'.",
        ),
    ],
    ids=[
        *("silent", "unknown node", "foreign node", "foreign controller", "memory", "processors", "nothing left"),
        *("loopback", "no address", "numbers", "one name", "partition"),
    ],
)
def test_what_hosts_answer_is_judged(said: dict[str, Any], known: dict[str, Any], problem: str) -> None:
    assert any(found.startswith(problem) for found in problems("slurm", said, known)), problems("slurm", said, known)


IPV6 = {"default_ipv4": {}, "default_ipv6": {"address": "2001:db8::11"}}


@pytest.mark.parametrize(
    ("said", "answers", "address", "parameters"),
    [
        ({}, {"node1": {"default_ipv6": {"address": "2001:db8::11"}}}, "10.0.0.11", None),
        ({}, {"node1": IPV6}, "2001:db8::11", "EnableIPv6"),
        (
            {"slurm_node_list": [{"name": "node1", "address": "2001:db8::21"}, {"name": "node2"}]},
            {},
            "2001:db8::21",
            "EnableIPv6",
        ),
        ({"slurm_controller_address": "2001:db8::1"}, {}, "10.0.0.11", "EnableIPv6"),
        (
            {"slurm_config": {"CommunicationParameters": "NoAddrCache,EnableIPv6"}},
            {"node1": IPV6},
            "2001:db8::11",
            "NoAddrCache,EnableIPv6",
        ),
    ],
    ids=["both", "one alone", "a node that is described", "the controller", "more parameters"],
)
def test_hosts_may_reach_each_other_by_ipv6(
    said: dict[str, Any], answers: dict[str, Any], address: str, parameters: str | None
) -> None:
    made = plan("slurm", said, host("controller", **answers))
    assert made["nodes"][0]["NodeAddr"] == address
    assert made["config"].get("CommunicationParameters") == parameters
    accounting = plan("slurm", {**said, **ACCOUNTED}, host("controller", **answers))["accounting"]
    assert accounting["daemon"].get("CommunicationParameters") == ("EnableIPv6" if parameters else None)


def test_who_says_how_slurm_talks_says_that_it_does_by_ipv6() -> None:
    said = {"slurm_config": {"communicationparameters": "NoAddrCache"}}
    assert problems("slurm", said, host()) == []
    assert problems("slurm", said, host(node1=IPV6)) == [
        "slurm_config: communicationparameters must have EnableIPv6: hosts reach each other at 2001:db8::11."
    ]


def test_one_machine_may_be_a_cluster() -> None:
    alone = {"name": "node1", "address": "127.0.0.1", "cpus": 1, "memory": "1G"}
    said = {"slurm_controller_host": "node1", "slurm_controller_address": "127.0.0.1", "slurm_node_list": [alone]}
    assert problems("slurm", {**said, "slurm_roles": ["controller", "node"]}, host("node1")) == []


def test_what_is_removed_is_not_judged() -> None:
    assert problems("slurm", {"slurm_state": "absent", "slurm_cluster": "my cluster"}, host()) == []

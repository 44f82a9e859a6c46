"""What stands in front of labs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import playbook
from models import plan, problems, require_golden, require_words

HOST = {"inventory_hostname": "lab1", "group_names": ["jupyterlab"]}
LAB = {"name": "lab", "user": "alice", "token": "0123456789abcdef", "listen": "unix"}
DIRECT = {**LAB, "name": "direct", "listen": "0.0.0.0:8443", "certificate": "lab.example.org"}
WIKI = {
    "name": "wiki",
    "server_names": ["wiki.example.org"],
    "locations": [{"path": "/", "upstream": "127.0.0.1:9000"}],
}
MAXIMAL = {
    "jupyter_domain": "lab.example.org",
    "jupyter_admin_email": "admin@example.org",
    "jupyter_certificate": {"method": "dns", "dns": {"plugin": "cloudflare"}},
    "jupyter_site": {"allow": ["192.0.2.0/24"]},
    "jupyter_sites": [WIKI],
    "jupyterlab_instances": [
        {**LAB, "base_url": "/lab/", "upload_limit_mb": 64},
        {**LAB, "name": "own", "listen": "[::1]:8889", "base_url": "/own/", "packages": ["pandas"]},
        DIRECT,
        {**LAB, "name": "old", "state": "absent"},
    ],
}


def front(**variables: Any) -> dict[str, Any]:
    return plan("playbook_jupyterlab", {"jupyterlab_instances": [LAB], **variables}, HOST)


def test_one_lab_without_a_domain() -> None:
    require_golden("front_jupyterlab-minimal", front())


def test_labs_that_say_everything() -> None:
    require_golden("front_jupyterlab-maximal", plan("playbook_jupyterlab", MAXIMAL, HOST))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("playbook_jupyterlab", MAXIMAL, HOST)


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"jupyter_domain": "a.org"}, []),
        ({"jupyter_admin_email": "a@a.org"}, []),
        ({"jupyter_domain": "a.org", "jupyter_admin_email": "a@a.org"}, ["a.org"]),
        ({"jupyter_domain": "a.org", "jupyter_certificate": {"name": "b"}}, ["b"]),
        ({"jupyter_domain": "a.org", "jupyter_admin_email": "a@a.org", "jupyter_web_server": False}, []),
    ],
)
def test_when_the_site_gets_a_certificate(variables: dict[str, Any], names: list[str]) -> None:
    assert [entry["name"] for entry in front(**variables)["certificates"]] == names


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"jupyter_domain": "lab.example.org"}, []),
        ({"jupyter_domain": "other.example.org", "jupyter_admin_email": "a@a.org"}, []),
        ({"jupyter_domain": "lab.example.org", "jupyter_admin_email": "a@a.org"}, ["lab.example.org"]),
    ],
)
def test_when_servers_get_one(variables: dict[str, Any], names: list[str]) -> None:
    certificates = front(jupyterlab_instances=[DIRECT], **variables)["direct_certificates"]
    assert [entry["name"] for entry in certificates] == names
    assert all(entry["reload"] == ["jupyterlab-direct.service"] for entry in certificates)


def test_no_site_stays_without_a_server_behind_it() -> None:
    assert front(jupyterlab_instances=[DIRECT])["sites"][0]["state"] == "absent"


@pytest.mark.parametrize(
    ("lab", "host", "line"),
    [
        ({}, {}, "ssh -N -L 8888:/run/jupyterlab/lab.sock alice@lab1   # lab: http://localhost:8888/"),
        (
            {"listen": "127.0.0.1:9000", "base_url": "/a/"},
            {"ansible_port": 2222, "ansible_host": "192.0.2.1", "ansible_user": "admin"},
            "ssh -N -L 8888:127.0.0.1:9000 -p 2222 admin@192.0.2.1   # lab: http://localhost:8888/a/",
        ),
        (
            {"listen": "[::]:9000", "accept_risks": ["plain_http"]},
            {"ansible_port": "22"},
            "ssh -N -L 8888:[::1]:9000 lab1   # lab: http://localhost:8888/",
        ),
        (
            {"listen": "10.0.0.0:8888", "accept_risks": ["plain_http"]},
            {},
            "ssh -N -L 8888:10.0.0.0:8888 lab1   # lab: http://localhost:8888/",
        ),
    ],
)
def test_the_way_through_ssh(lab: dict[str, Any], host: dict[str, Any], line: str) -> None:
    variables = {"jupyterlab_instances": [{**LAB, **lab}], "jupyter_web_server": False}
    assert plan("playbook_jupyterlab", variables, {**HOST, **host})["report"] == [line]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        (
            {"jupyter_admin_emial": "a@a.org"},
            "'jupyter_admin_emial' is not known here; did you mean jupyter_admin_email?",
        ),
        ({"jupyter_web_server": "perhaps"}, "jupyter_web_server: must be true or false, not a text."),
        ({"jupyter_domain": ["a.org"]}, "jupyter_domain: must be a text, not a list."),
        ({"jupyter_tunnel_port": "first"}, "jupyter_tunnel_port: must be a whole number, not a text."),
        (
            {"jupyter_site": {"http_prot": 80}},
            "nginx_sites: jupyterlab: 'http_prot' is not known here; did you mean http_port?",
        ),
    ],
)
def test_a_wrong_variable_of_the_playbooks_is_named(variables: dict[str, Any], problem: str) -> None:
    assert problems("playbook_jupyterlab", {"jupyterlab_instances": [LAB], **variables}, HOST) == [problem]


@pytest.mark.parametrize(
    ("variables", "beginning"),
    [
        ({"jupyterlab_instances": [{**LAB, "user": "root"}]}, "jupyterlab_instances: lab: user"),
        ({"jupyter_domain": "lab example"}, "jupyter_domain: "),
        ({"jupyter_sites": [{"name": "wiki"}]}, "Site wiki: "),
        (
            {"jupyter_domain": "lab.example.org", "jupyter_certificate": {"method": "dns"}},
            "Certificate lab.example.org: ",
        ),
    ],
)
def test_what_a_later_role_would_refuse_is_refused_first(variables: dict[str, Any], beginning: str) -> None:
    found = problems("playbook_jupyterlab", {"jupyterlab_instances": [LAB], **variables}, HOST)
    assert found
    assert all(text.startswith(beginning) for text in found), found


@pytest.mark.parametrize(
    ("paths", "variables", "count"),
    [
        (("/", "/bob/"), {}, 1),
        (("/bob/", "/"), {}, 1),
        (("/lab/", "/lab/bob/"), {}, 1),
        (("/lab/", "/labs/"), {}, 0),
        # Each has a tunnel, and with it a port, of its own.
        (("/", "/bob/"), {"jupyter_web_server": False}, 0),
    ],
)
def test_a_session_of_one_lab_is_not_sent_to_another(
    paths: tuple[str, str], variables: dict[str, Any], count: int
) -> None:
    instances = [{**LAB, "name": f"lab{number}", "base_url": path} for number, path in enumerate(paths)]
    found = problems("playbook_jupyterlab", {"jupyterlab_instances": instances, **variables}, HOST)
    assert len(found) == count
    assert all("would send it the sessions of" in text for text in found)


@pytest.mark.parametrize("variables", [{}, {"jupyterlab_instances": []}, {"jupyter_web_server": False}])
def test_a_list_that_was_not_read_removes_nothing(variables: dict[str, Any]) -> None:
    [problem] = problems("playbook_jupyterlab", variables, HOST)
    assert problem.startswith("jupyterlab_instances is empty, though the host is in the group jupyterlab.")


@pytest.mark.parametrize(
    ("domain", "name", "beginning"),
    [
        (
            "",
            "WebServer01",
            "jupyter_domain is empty, and the inventory's name of the host, 'WebServer01', is no domain",
        ),
        ("Lab.Example.org", "lab1", "jupyter_domain: 'Lab.Example.org' is no domain"),
        ("https://lab.example.org", "lab1", "jupyter_domain: 'https://lab.example.org' is no domain"),
        ("lab_1.example.org", "lab1", "jupyter_domain: 'lab_1.example.org' is no domain"),
        ("*.example.org", "lab1", "jupyter_domain: '*.example.org' is no domain"),
        ("", "web_server", "jupyter_domain is empty, and the inventory's name of the host, 'web_server', is no domain"),
    ],
)
def test_a_name_that_no_browser_asks_for_is_refused_by_its_variable(domain: str, name: str, beginning: str) -> None:
    variables = {"jupyterlab_instances": [LAB], "jupyter_domain": domain}
    [problem] = problems("playbook_jupyterlab", variables, {**HOST, "inventory_hostname": name})
    assert problem.startswith(beginning)


def test_two_hosts_of_one_domain_are_named() -> None:
    [problem] = playbook.shared_domains({"a": "lab.org", "b": "b.org", "c": "lab.org", "d": "", "e": ""})
    assert problem.startswith("jupyter_domain: a and c are both called lab.org,")


LETS_ENCRYPT = {"jupyter_domain": "lab.org", "jupyter_admin_email": "a@lab.org"}
SELF_SIGNED = (
    "certificate: self-signed, so browsers ask before they go on. Write jupyter_domain and jupyter_admin_email"
)


@pytest.mark.parametrize(
    ("variables", "host", "lines"),
    [
        ({}, {}, ["lab: https://lab1/ (for alice, by token)", SELF_SIGNED]),
        ({"jupyter_site": {"https_port": 8443}}, {"ansible_host": "2001:db8::1"}, ["lab: https://[2001:db8::1]:8443/"]),
        ({"jupyter_domain": "lab.org"}, {}, ["lab: https://lab.org/", "certificate: self-signed, so browsers ask"]),
        (LETS_ENCRYPT, {}, ["lab: https://lab.org/", "certificate: of Let's Encrypt, renewed by itself."]),
        (
            {**LETS_ENCRYPT, "certbot_server": "staging"},
            {},
            ["lab: ", "certificate: of Let's Encrypt's staging, which browsers"],
        ),
        (
            {**LETS_ENCRYPT, "jupyter_certificate": {"method": "self_signed"}},
            {},
            ["lab: ", "certificate: self-signed and renewed"],
        ),
        (
            {**LETS_ENCRYPT, "jupyterlab_instances": [DIRECT]},
            {},
            ["direct: https://lab.example.org:8443/ (for alice, by token)"],
        ),
        ({"jupyterlab_instances": [{"name": "lab", "state": "absent"}]}, {}, []),
    ],
)
def test_what_is_told_at_the_end(variables: dict[str, Any], host: dict[str, Any], lines: list[str]) -> None:
    told = plan("playbook_jupyterlab", {"jupyterlab_instances": [LAB], **variables}, {**HOST, **host})["report"]
    assert [line[: len(beginning)] for line, beginning in zip(told, lines, strict=False)] == lines
    assert bool(told) is bool(lines)
    assert LAB["token"] not in str(told)


def test_kernels_come_with_the_servers_where_they_are_listed() -> None:
    variables = {"jupyterlab_instances": [LAB], "kernels_specs": [{"name": "stats", "language": "r"}]}
    assert plan("playbook_jupyterlab", variables, HOST)["kernels"]
    assert not front()["kernels"]


def test_kernels_are_judged_before_the_first_role() -> None:
    variables = {"jupyterlab_instances": [LAB], "kernels_specs": [{"name": "Stats!", "language": "r"}]}
    [problem] = problems("playbook_jupyterlab", variables, HOST)
    assert problem.startswith("kernels_specs: ")

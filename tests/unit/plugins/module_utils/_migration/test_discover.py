"""Configuration, command lines, units and sites that people write by hand."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import discover as files


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("# c.ServerApp.port = 1", {}),
        ("c = get_config()  #noqa\nc.ServerApp.port = 8888", {"ServerApp.port": 8888}),
        ("c.NotebookApp.password = u'sha1:aa:bb'", {"NotebookApp.password": "sha1:aa:bb"}),
        ("c.Authenticator.whitelist = {'bob', 'ada'}", {"Authenticator.whitelist": ["ada", "bob"]}),
        (
            "from oauthenticator.github import GitHubOAuthenticator\n"
            "c.JupyterHub.authenticator_class = GitHubOAuthenticator",
            {"JupyterHub.authenticator_class": "GitHubOAuthenticator"},
        ),
        ("c.Authenticator.username_map = {'octo': 'ada'}", {"Authenticator.username_map": {"octo": "ada"}}),
    ],
)
def test_what_a_configuration_sets(text: str, options: dict[str, Any]) -> None:
    assert files.read_python(text) == (options, [])


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("c.ServerApp.password = passwd('hunter2')", ["line 1: the value of ServerApp.password"]),
        ("import os\nsecret = 'hunter2'", ["line 2: secret"]),
        ("if True:\n    c.ServerApp.port = 1", ["line 1: if True:"]),
        ("c.ServerApp.port = ", ["line 1: not Python"]),
        ("c.A.b = c.A.d = 1", ["line 1: c.A.b"]),
    ],
)
def test_what_is_more_than_an_assignment_is_told_without_its_value(text: str, unread: list[str]) -> None:
    assert files.read_python(text) == ({}, unread)


@pytest.mark.parametrize(
    "text",
    [
        f"c.A.b = {'[' * 150}{']' * 150}",
        f"c.A.b = {'[' * 90_000}",
        f"c.A.b = {'-' * 90_000}1",
        f"c.A.b = 1{'+1' * 90_000}",
        "c.A.b = '\0'",
        "c.A.b = {[]: 1}",
        "c.A.b = {1, 'a'}",
        f"c.A.b = {'9' * 9_000}",
    ],
)
def test_what_python_gives_up_on_is_told(text: str) -> None:
    options, unread = files.read_python(text)
    assert len(options) + len(unread) == 1


@pytest.mark.parametrize("port", ["\N{SUPERSCRIPT TWO}", "9" * 9_000, ""])
def test_a_port_on_a_command_line_is_a_number(port: str) -> None:
    _kind, _config, options = files.read_command(f"jupyter-lab --port={port}")
    assert options.get("ServerApp.port", port) == port


def test_a_value_of_another_kind_is_none() -> None:
    sound = {"ServerApp.root_dir": "/srv", "A.b": []}
    wrong = {"ServerApp.port": [1], "ServerApp.certfile": 1, "ServerApp.ip": "a\0"}
    assert files.sound({**wrong, **sound}) == (sound, list(wrong))


def test_nothing_of_a_configuration_is_run(tmp_path) -> None:
    target = tmp_path / "made"
    files.read_python(f"import pathlib\nc.ServerApp.ip = pathlib.Path({str(target)!r}).write_text('')")
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"NotebookApp.notebook_dir": "/srv"}, {"ServerApp.root_dir": "/srv"}),
        ({"Authenticator.whitelist": ["ada"]}, {"Authenticator.allowed_users": ["ada"]}),
        ({"NotebookApp.port": 1, "ServerApp.port": 2}, {"ServerApp.port": 2}),
        ({"JupyterHub.port": 1}, {"JupyterHub.port": 1}),
    ],
)
def test_old_names_become_todays(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert files.with_current_names(options) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/local/bin/jupyter lab --config=/root/c.py --allow-root", ("lab", "/root/c.py", {})),
        ("/opt/venv/bin/jupyter-notebook", ("lab", "", {})),
        (
            "/opt/venv/bin/python3 /opt/venv/bin/jupyter-lab --port 9999 --no-browser",
            ("lab", "", {"ServerApp.port": 9999}),
        ),
        (
            "jupyter server --ServerApp.root_dir=/srv --ip=192.0.2.1",
            ("lab", "", {"ServerApp.root_dir": "/srv", "ServerApp.ip": "192.0.2.1"}),
        ),
        ("/usr/bin/jupyterhub -f /srv/hub.py", ("hub", "/srv/hub.py", {})),
        ("/usr/bin/jupyter nbconvert x.ipynb", None),
        ("/usr/bin/jupyter lab --ip='192.0.2.1", None),
        ("/usr/bin/jupyter", None),
        ("/usr/bin/vi /etc/jupyter/lab", None),
        ("", None),
    ],
)
def test_command_lines(command: str, expected: tuple | None) -> None:
    assert files.read_command(command) == expected


def test_units() -> None:
    text = "[Service]\n# User=eve\nUser=ada\nExecStart=/x --a=b\nUser=bob\n"
    assert files.read_unit(text) == {"User": "bob", "ExecStart": "/x --a=b"}


SITE = "server {\n  server_name lab.example.org www.example.org;\n  location / { proxy_pass http://127.0.0.1:8888; }\n}"


@pytest.mark.parametrize(
    ("text", "port", "names"),
    [
        (SITE, 8888, ["lab.example.org", "www.example.org"]),
        (SITE, 888, []),
        (SITE.replace("127.0.0.1", "localhost"), 8888, ["lab.example.org", "www.example.org"]),
        (SITE.replace("lab.example.org www.example.org", "_"), 8888, ["_"]),
        (SITE.replace("127.0.0.1", "192.0.2.1"), 8888, []),
    ],
)
def test_sites(text: str, port: int, names: list[str]) -> None:
    assert files.site_names(text, port) == names

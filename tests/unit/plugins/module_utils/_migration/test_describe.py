"""What was set up by hand, in the words of the roles."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import describe
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.describe import Found


def lab(user: str = "ada", **options: Any) -> Found:
    named = {name.replace("__", "."): value for name, value in options.items()}
    return Found("lab", user, f"/home/{user}", options={"ServerApp.password": "sha1:aa:bb", **named})


def hub(**options: Any) -> Found:
    return Found("hub", "root", "/srv", options={name.replace("__", "."): value for name, value in options.items()})


def test_the_least_that_a_server_says() -> None:
    found = lab()
    assert describe.instance(found, "ada") == {
        "name": "ada",
        "user": "ada",
        "listen": "127.0.0.1:8888",
        "root_dir": "/home/ada",
        "password_hash": "sha1:aa:bb",
    }
    assert found.notes == []


@pytest.mark.parametrize(
    ("options", "entry"),
    [
        ({"ServerApp__ip": "*", "ServerApp__port": 9999}, {"listen": "0.0.0.0:9999", "accept_risks": ["plain_http"]}),
        ({"ServerApp__ip": "localhost"}, {"listen": "127.0.0.1:8888"}),
        ({"ServerApp__root_dir": "/srv/n"}, {"root_dir": "/srv/n"}),
        ({"ServerApp__base_url": "/ada/"}, {"base_url": "/ada/"}),
        ({"ServerApp__default_url": "/tree"}, {"default_url": "/tree"}),
        ({"ServerApp__ip": "*", "ServerApp__certfile": "/c", "ServerApp__keyfile": "/k"}, {"certificate": "ada"}),
        ({"ServerApp__certfile": "/etc/letsencrypt/live/x.org/fullchain.pem"}, {"certificate": "x.org"}),
        ({"IdentityProvider__hashed_password": "argon2:x"}, {"password_hash": "argon2:x"}),
        ({"ServerApp__password": "", "ServerApp__token": "t"}, {"token": "t"}),
        (
            {"ServerApp__open_browser": False, "MappingKernelManager__cull_interval": 9},
            {"config": {"MappingKernelManager": {"cull_interval": 9}}},
        ),
    ],
)
def test_what_a_server_says_becomes_its_entry(options: dict[str, Any], entry: dict[str, Any]) -> None:
    described = describe.instance(lab(**options), "ada")
    assert {key: described.get(key) for key in entry} == entry
    assert ("accept_risks" in described) is ("accept_risks" in entry)
    assert ("config" in described) is ("config" in entry)


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (lab("root"), "root"),
        (lab(ServerApp__ip="192.0.2.1"), "plain HTTP"),
        (lab(ServerApp__password=""), "Write a password"),
    ],
)
def test_what_has_to_be_thought_about_is_told(found: Found, note: str) -> None:
    describe.instance(found, "ada")
    assert [note in text for text in found.notes] == [True]


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({}, {"jupyterhub_listen": "0.0.0.0:8000", "jupyterhub_authenticator": "pam", "jupyterhub_base_url": "/"}),
        ({"JupyterHub__ip": "127.0.0.1", "JupyterHub__port": 8888}, {"jupyterhub_listen": "127.0.0.1:8888"}),
        (
            {"JupyterHub__bind_url": "http://127.0.0.1:9000/hub"},
            {"jupyterhub_listen": "127.0.0.1:9000", "jupyterhub_base_url": "/hub/"},
        ),
        ({"JupyterHub__bind_url": "http://:8443"}, {"jupyterhub_listen": "0.0.0.0:8443"}),
        ({"JupyterHub__ssl_cert": "/c", "JupyterHub__ssl_key": "/k"}, {"jupyterhub_certificate": "hub"}),
        (
            {"Authenticator__admin_users": ["ada"], "Authenticator__allowed_users": ["bob"]},
            {"jupyterhub_users": [{"name": "ada", "admin": True}, {"name": "bob"}]},
        ),
        (
            {"JupyterHub__authenticator_class": "oauthenticator.github.GitHubOAuthenticator"},
            {"jupyterhub_authenticator": "github"},
        ),
        ({"JupyterHub__authenticator_class": "mine.Own"}, {"jupyterhub_authenticator": "mine.Own"}),
        (
            {"GitHubOAuthenticator__client_id": "1", "GitHubOAuthenticator__client_secret": "2"},
            {"jupyterhub_oauth_client_id": "1", "jupyterhub_oauth_client_secret": "2"},
        ),
        (
            {"GitHubOAuthenticator__oauth_callback_url": "https://hub.org/hub/oauth_callback"},
            {"jupyterhub_public_url": "https://hub.org"},
        ),
        ({"Authenticator__username_map": {"octo": "ada"}}, {"jupyterhub_username_map": {"octo": "ada"}}),
        ({"Spawner__default_url": "/tree"}, {"jupyterhub_default_url": "/tree"}),
    ],
)
def test_what_a_hub_says_becomes_variables(options: dict[str, Any], variables: dict[str, Any]) -> None:
    described = describe.hub(hub(**options))
    assert {key: described.get(key) for key in variables} == variables


def test_what_is_shown_holds_no_secret() -> None:
    variables = {"jupyterlab_instances": [{"name": "ada", "password_hash": "sha1:aa:bb"}], "jupyter_domain": "x.org"}
    assert describe.without_secrets(variables) == {
        "jupyterlab_instances": [{"name": "ada", "password_hash": "(in the file)"}],
        "jupyter_domain": "x.org",
    }
    assert "hunter2" not in str(describe.without_secrets({"jupyterhub_oauth_client_secret": "hunter2"}))


def test_who_has_to_load_a_new_certificate() -> None:
    assert describe.certificate(lab(ServerApp__certfile="/both.pem"), "ada") == {
        "name": "ada",
        "method": "provided",
        "certificate_path": "/both.pem",
        "key_path": "/both.pem",
        "reload": ["jupyterlab-ada.service"],
    }
    assert describe.certificate(hub(JupyterHub__ssl_cert="/etc/letsencrypt/live/x.org/fullchain.pem"), "hub") == {
        "name": "x.org",
        "method": "standalone",
        "restart": ["jupyterhub-proxy.service"],
    }

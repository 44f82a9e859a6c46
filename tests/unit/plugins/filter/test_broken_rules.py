"""The filter's own part: whose rules, and types. Refusals stand in tests/negative, what has to pass stands here."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.nbops.jupyter.plugins.filter.broken_rules import FilterModule

broken_rules = FilterModule().filters()["broken_rules"]

LOCATION = {
    "path": "/",
    "upstream": "",
    "upstreams": [],
    "balance": "round_robin",
    "directory": "",
    "redirect": "",
    "read_timeout": "",
    "allow": [],
}
SITE = {
    "name": "lab",
    "state": "present",
    "server_names": ["lab.example.org", "*.example.org", "192.0.2.10", "2001:db8::1"],
    "default": False,
    "listen_addresses": ["192.0.2.10", "[2001:db8::1]"],
    "certificate": "lab.example.org",
    "http_port": 80,
    "https_port": 443,
    "hsts": "max-age=63072000; includeSubDomains",
    "content_security_policy": "frame-ancestors 'self'; img-src https: data:",
    "client_max_body_size": "512m",
    "allow": ["192.0.2.0/24", "2001:db8::/32"],
    "client_ca": "/etc/ssl/staff.pem",
    "basic_auth": [{"user": "ada", "password_hash": "$6$salt$abcdefgh./"}],
    "login_paths": ["/login"],
    "login_rate": "1r/s",
    "login_burst": 0,
    "connections_per_client": 0,
    "locations": [
        {**LOCATION, "upstream": "127.0.0.1:8888"},
        {**LOCATION, "path": "/~a/", "upstream": "unix:/run/a/b.sock", "directory": "/srv/a", "read_timeout": "10m"},
        {**LOCATION, "path": "/old", "redirect": "https://a.org:8443", "allow": ["10.0.0.0/8"]},
        {
            **LOCATION,
            "path": "/many",
            "upstreams": [
                {"server": "a.internal:80", "weight": 2, "backup": False},
                {"server": "[::1]:80", "weight": 1, "backup": True},
            ],
        },
    ],
}
NGINX = {
    "trusted_proxies": ["10.0.0.1", "2001:db8::/64"],
    "worker_shutdown_timeout": "1d",
    "fail2ban": {"max_retry": 1, "find_seconds": 1, "ban_seconds": 1, "ignore": ["192.0.2.0/24"]},
}
CERTIFICATE = {
    "name": "lab.example.org",
    "state": "present",
    "domains": ["lab.example.org", "localhost", "2001:db8::1"],
    "method": "webroot",
    "webroot": "/var/lib/nginx-acme",
    "key_type": "ecdsa",
    "profile": "shortlived",
    "dns": {},
    "days": 90,
    "authority": False,
    "group": "root",
    "reload": ["nginx.service"],
    "restart": ["app@one.service", "app.socket"],
    "revoke": False,
}
PEM = {"certificate": "# Lab\n-----BEGIN CERTIFICATE-----", "key": "-----BEGIN EC PRIVATE KEY-----\n"}
CREDENTIALS = {"dns_cloudflare_api_token": "correct horse"}
CERTIFICATES = [
    CERTIFICATE,
    {**CERTIFICATE, "name": "alone", "method": "standalone"},
    {
        **CERTIFICATE,
        "name": "any",
        "domains": ["*.a.org"],
        "method": "dns",
        "dns": {"auth_hook": "/a", "cleanup_hook": "/b"},
    },
    {**CERTIFICATE, "name": "rsa", "domains": ["a.org"], "key_type": "rsa", "profile": ""},
    {
        **CERTIFICATE,
        "name": "plugin",
        "domains": ["a.org"],
        "method": "dns",
        "dns": {"plugin": "cloudflare", "credentials": CREDENTIALS, "propagation_seconds": "60", "auth_hook": None},
    },
    {**CERTIFICATE, "name": "own", "method": "self_signed", "profile": "", "days": "1", "authority": True},
    {**CERTIFICATE, "name": "text", "method": "provided", "profile": "", **PEM, "group": "ssl-cert"},
    {
        **CERTIFICATE,
        "name": "file",
        "method": "provided",
        "profile": "",
        "certificate_path": "/a.pem",
        "key_path": "/a.key",
    },
    {**CERTIFICATE, "name": "gone", "state": "absent", "domains": ["gone"], "revoke": True},
]
AUTHORITY = {
    "email": "admin+acme@example.org",
    "server": "staging",
    "ca_bundle": "/etc/ssl/ca.pem",
    "eab_kid": "kid-1",
    "eab_hmac_key": "c2VjcmV0",
    "alarm_share": "0.25",
    "alarm_units": ["mail-root@%n.service"],
}
DEFAULTS = pathlib.Path(__file__).parents[4] / "roles/jupyterhub/defaults/main.yml"
HUB = {
    **{name.removeprefix("jupyterhub_"): value for name, value in yaml.safe_load(DEFAULTS.read_text()).items()},
    "users": [{"name": "ada"}],
    "found": {"lock": True, "user_lock": False, "templates": True},
}
FIRST = {"name": "ada", "admin": True, "password_hash": "$2b$05$" + "a" * 53}
CLIENT = {"oauth_client_id": "hub", "oauth_client_secret": "hunter2", "public_url": "https://hub.example.org"}
HUBS = [
    HUB,
    {**HUB, "name": "jupyterhub-physics", "listen": "[::1]:8010", "base_url": "/physics/", "lock": "/srv/hub.txt"},
    {**HUB, "listen": "0.0.0.0:443", "certificate": "hub.example.org", "public_url": "https://hub.example.org"},
    {**HUB, "subdomains": True, "public_url": "https://hub.example.org:8443", "templates": "/srv/templates"},
    {**HUB, "listen": "0.0.0.0:80", "public_url": "http://192.0.2.10", "accept_risks": ["plain_http"]},
    {
        **HUB,
        "users": [
            {"name": "ada", "admin": True, "groups": ["/acme/staff", "first years"], "unix_groups": ["staff"]},
            {"name": "b.c_d-e", "password_hash": "$6$rounds=5000$salt$" + "a" * 86},
            {"name": "bob", "password_hash": "$y$j9T$salt$" + "a" * 43},
            {"name": "eve", "state": "absent", "home": "archive"},
        ],
        "limits": {"memory_max": "128M", "cpu_quota": "150%", "tasks_max": 500},
        "group_limits": {"/acme/staff": {"memory_max": "8G"}},
        "user_limits": {"ada": {"memory_max": "17179869184", "tasks_max": "1000"}},
        "cull_idle_seconds": "60",
        "root_dir": "work/notebooks",
        "environment": {"API_TOKEN": "a text", "EMPTY": ""},
    },
    {**HUB, "users": [], "authenticator_options": {"allowed_groups": ["staff"]}},
    {**HUB, "users": [], "config": {"Authenticator": {"allowed_users": ["ada"]}}},
    {**HUB, "users": [], "authenticator": "package.module.Class", "authenticator_options": {"allowed_teams": ["a"]}},
    {**HUB, "authenticator_options": {"allow_all": True}, "accept_risks": ["open_authenticator"]},
    {**HUB, **CLIENT, "authenticator": "github", "username_map": {"octocat": "ada"}},
    {**HUB, **CLIENT, "authenticator": "google", "username_map": {"ada@example.org": "ada"}},
    {
        **HUB,
        **CLIENT,
        "users": [],
        "authenticator": "oauthenticator.google.LocalGoogleOAuthenticator",
        "authenticator_options": {"hosted_domain": ["example.org"], "allow_all": True},
    },
    {
        **HUB,
        **CLIENT,
        "authenticator": "generic_oauth",
        "authenticator_options": {
            "authorize_url": "https://id.example.org/a",
            "token_url": "https://id.example.org/t",
            "userdata_from_id_token": True,
            "manage_groups": True,
            "auth_state_groups_key": "groups",
        },
    },
    {
        **HUB,
        "authenticator": "ldap",
        "authenticator_options": {"server_address": "ldap.example.org", "lookup_dn": True},
        "secret_config": {"LDAPAuthenticator": {"lookup_dn_search_password": "hunter2"}},
    },
    {**HUB, "users": [FIRST], "authenticator": "native", "authenticator_options": {"allow_all": True}},
    {
        **HUB,
        "authenticator": "native",
        "authenticator_options": {"open_signup": True},
        "accept_risks": ["open_authenticator"],
    },
    {**HUB, "spawner": "local", "named_servers": "3", "default_url": "/tree", "user_packages": ["pandas>=2"]},
    {
        **HUB,
        "services": [
            {"name": "grader", "url": "http://127.0.0.1:9000", "command": ["/a/b", "c"], "user": "grader"},
            {"name": "outside", "oauth_client_id": "service-outside", "oauth_redirect_uri": "https://a.org/callback"},
        ],
        "roles": [{"name": "grader", "scopes": ["list:users"], "services": ["grader"], "users": ["ada"]}],
        "database": "postgresql+psycopg://hub:hunter2@db.example.org/hub",
        "config": {"JupyterHub": {"log_level": 10, "template_vars": {"a": 1}, "tornado_settings": {"headers": {}}}},
        "user_config": {
            "ServerApp": {"allow_origin": "https://a.org"},
            "MappingKernelManager": {"cull_idle_timeout": 5},
        },
    },
    {**HUB, "config": {"JupyterHub": {"authenticate_prometheus": False}}, "accept_risks": ["public_metrics"]},
    {"name": "jupyterhub-old", "state": "absent"},
]


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        *(("jupyterhub", (hub,)) for hub in HUBS),
        ("certbot", (CERTIFICATES, AUTHORITY)),
        ("certbot", ([], {**AUTHORITY, "email": "", "server": "https://acme.example.org/dir", "ca_bundle": ""})),
        ("nginx", ([SITE, {"name": "old", "state": "absent", "server_names": [], "certificate": ""}], NGINX)),
        ("nginx", ([SITE, {**SITE, "name": "b", "http_port": 8080, "https_port": 8443, "default": True}], NGINX)),
    ],
)
def test_what_is_right_passes(role: str, arguments: tuple) -> None:
    assert broken_rules(arguments[0], role, *arguments[1:]) == []


def test_all_problems_are_told_at_once() -> None:
    told = broken_rules([{**SITE, "hsts": "{", "client_max_body_size": "1x", "login_rate": "1"}], "nginx", NGINX)
    assert [text.split()[2] for text in told] == ["client_max_body_size", "hsts", "login_rate"]


@pytest.mark.parametrize(
    "settings",
    [
        {"users": [{"name": "ada", "password_hash": "hunter2"}]},
        {"oauth_client_id": "hub", "oauth_client_secret": "hunter2"},
        {"database": "mysql://hub:hunter2@db.example.org/hub"},
        {"authenticator_options": {"lookup_dn_search_password": "hunter2"}},
        {"config": {"LDAPAuthenticator": {"lookup_dn_search_password": "hunter2"}}},
        {"secret_config": {"JupyterHub": {"cookie_secret": "hunter2"}}},
        {"services": [{"name": "grader", "api_token": "hunter2"}]},
        {"environment": {"TOKEN": "hunter2\n"}},
    ],
)
def test_a_secret_of_a_hub_is_never_repeated(settings: dict) -> None:
    told = broken_rules({**HUB, **settings}, "jupyterhub")
    assert told
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    ("entry", "settings"),
    [
        ({"method": "provided", "certificate": PEM["certificate"], "key": "hunter2"}, {}),
        ({"method": "dns", "dns": {"plugin": "x", "credentials": {"x_token": "hunter2\n"}}}, {}),
        ({"profile": ""}, {"eab_hmac_key": "hunter2 "}),
    ],
)
def test_a_secret_of_a_certificate_is_never_repeated(entry: dict, settings: dict) -> None:
    entries = [{**CERTIFICATE, "domains": ["a.org"], "profile": "", **entry}]
    (told,) = broken_rules(entries, "certbot", {**AUTHORITY, **settings})
    assert "hunter2" not in told


def test_a_password_in_the_place_of_its_hash_is_never_repeated() -> None:
    (told,) = broken_rules([{**SITE, "basic_auth": [{"user": "ada", "password_hash": "hunter2"}]}], "nginx", NGINX)
    assert "hunter2" not in told


@pytest.mark.parametrize("key", ["name", "certificate", "hsts", "content_security_policy", "client_ca", "login_rate"])
def test_nothing_of_a_site_hides_behind_a_line_end(key: str) -> None:
    assert len(broken_rules([{**SITE, key: f"{SITE[key]}\n"}], "nginx", NGINX)) == 1


@pytest.mark.parametrize("key", ["path", "upstream", "directory", "read_timeout"])
def test_nothing_of_a_location_hides_behind_a_line_end(key: str) -> None:
    location = SITE["locations"][1]
    locations = [SITE["locations"][0], {**location, key: f"{location[key]}\n"}]
    assert broken_rules([{**SITE, "locations": locations}], "nginx", NGINX)


@pytest.mark.parametrize("key", ["name", "webroot", "profile", "group"])
def test_nothing_of_a_certificate_hides_behind_a_line_end(key: str) -> None:
    assert (
        len(
            broken_rules(
                [{**CERTIFICATE, key: f"{CERTIFICATE[key]}\n"}], "certbot", {**AUTHORITY, "server": "https://a"}
            )
        )
        == 1
    )


def test_an_unknown_role_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="knows the roles certbot, jupyterhub, nginx"):
        broken_rules([], "apache")


@pytest.mark.parametrize("entries", ["hunter2", ["hunter2"], [{"hunter2": 1}], 5])
@pytest.mark.parametrize("role", ["certbot", "nginx"])
def test_wrong_types_are_told_without_values(role: str, entries: object) -> None:
    with pytest.raises(AnsibleFilterError, match="not of the documented type") as error:
        broken_rules(entries, role, *{"certbot": [AUTHORITY], "nginx": [NGINX]}.get(role, []))
    assert "hunter2" not in str(error.value)

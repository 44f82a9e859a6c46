"""The filter's own part: whose rules, and types. Refusals stand in tests/negative, what has to pass stands here."""

from __future__ import annotations

import pytest
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


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
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
    with pytest.raises(AnsibleFilterError, match="knows the roles certbot, nginx"):
        broken_rules([], "apache")


@pytest.mark.parametrize("entries", ["hunter2", ["hunter2"], [{"hunter2": 1}], 5])
@pytest.mark.parametrize("role", ["certbot", "nginx"])
def test_wrong_types_are_told_without_values(role: str, entries: object) -> None:
    with pytest.raises(AnsibleFilterError, match="not of the documented type") as error:
        broken_rules(entries, role, *{"certbot": [AUTHORITY], "nginx": [NGINX]}.get(role, []))
    assert "hunter2" not in str(error.value)

"""The filter's own part: whose rules, and types. Refusals stand in tests/negative, what has to pass stands here."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nbops.jupyter.plugins.filter.broken_rules import FilterModule

broken_rules = FilterModule().filters()["broken_rules"]

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
    ],
)
def test_what_is_right_passes(role: str, arguments: tuple) -> None:
    assert broken_rules(arguments[0], role, *arguments[1:]) == []


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
    with pytest.raises(AnsibleFilterError, match="knows the roles certbot"):
        broken_rules([], "apache")


@pytest.mark.parametrize("entries", ["hunter2", ["hunter2"], [{"hunter2": 1}], 5])
@pytest.mark.parametrize("role", ["certbot"])
def test_wrong_types_are_told_without_values(role: str, entries: object) -> None:
    with pytest.raises(AnsibleFilterError, match="not of the documented type") as error:
        broken_rules(entries, role, AUTHORITY)
    assert "hunter2" not in str(error.value)

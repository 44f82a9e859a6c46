"""What becomes of certificates. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

LAB = {"name": "lab.example.org"}
PEM = {"certificate": "# Lab\n-----BEGIN CERTIFICATE-----", "key": "-----BEGIN EC PRIVATE KEY-----\nhunter2"}
CREDENTIALS = {"dns_cloudflare_api_token": "hunter2"}
DNS = {"plugin": "cloudflare", "credentials": CREDENTIALS, "propagation_seconds": 60, "auth_hook": None}
MAXIMAL = {
    "certbot_certificates": [
        {**LAB, "domains": ["lab.example.org", "2001:db8::1"], "profile": "shortlived"},
        {"name": "alone", "method": "standalone", "key_type": "rsa", "restart": ["app@one.service", "app.socket"]},
        {"name": "any", "domains": ["*.a.org"], "method": "dns", "dns": DNS},
        {"name": "hook", "domains": ["b.org"], "method": "dns", "dns": {"auth_hook": "/a", "cleanup_hook": "/b"}},
        {"name": "own", "method": "self_signed", "days": 1, "authority": True},
        {"name": "text", "method": "provided", **PEM, "group": "ssl-cert"},
        {"name": "gone", "state": "absent", "revoke": True},
    ],
    "certbot_email": "admin+acme@example.org",
    "certbot_server": "staging",
    "certbot_ca_bundle": "/etc/ssl/ca.pem",
    "certbot_eab_kid": "kid-1",
    "certbot_eab_hmac_key": "hunter2",
    "certbot_source": "pypi",
    "certbot_on_failure": "warn",
    "certbot_alarm_share": 0.3,
    "certbot_alarm_units": ["mail-root@%n.service"],
}
DECLARED = [
    {"name": "lab.example.org", "method": "webroot", "webroot": "/srv/web"},
    {"name": "any", "method": "dns", "webroot": "/var/lib/nginx-acme"},
]
SELF_SIGNED = [{"name": "own", "method": "self_signed", "webroot": ""}]


def result(*declared: dict[str, Any], timer: bool = True, **failures: str) -> dict[str, Any]:
    return {"result": {"declared": list(declared), "distribution_timer": timer, "failures": failures}}


def units(host: dict[str, Any], **settings: Any) -> dict[str, Any]:
    made = plan("certbot", {"certbot_certificates": [LAB], **settings}, host)["units"]
    return {unit["name"] + (" " + unit["drop_in"] if "drop_in" in unit else ""): unit for unit in made}


def certificate(**changes: Any) -> list[str]:
    return problems("certbot", {"certbot_certificates": [{**LAB, **changes}], "certbot_server": "https://acme.a.org"})


def test_the_plan_of_one_certificate() -> None:
    found = result({"name": "lab.example.org", "method": "webroot", "webroot": "/var/lib/nginx-acme"})
    require_golden("certbot-minimal", plan("certbot", {"certbot_certificates": [LAB]}, found))


def test_the_plan_of_certificates_that_say_everything() -> None:
    require_golden("certbot-maximal", plan("certbot", MAXIMAL, result(*DECLARED, timer=False)))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("certbot", MAXIMAL)


def test_a_plan_holds_no_secret() -> None:
    assert "hunter2" not in json.dumps(plan("certbot", MAXIMAL, result(*DECLARED)))


def test_keys_and_credentials_reach_the_module() -> None:
    found = secrets("certbot", MAXIMAL)
    assert found["eab_hmac_key"] == "hunter2"
    entries = {entry["name"]: entry for entry in found["certificates"]}
    assert entries["text"]["key"] == PEM["key"]
    assert entries["any"]["dns"]["credentials"] == CREDENTIALS
    assert entries["alone"]["domains"] == ["alone"]


@pytest.mark.parametrize(
    ("entry", "source", "packages", "installs"),
    [
        ({}, "debian", ["openssl", "certbot"], False),
        (
            {"method": "dns", "dns": {"plugin": "rfc2136"}},
            "debian",
            ["openssl", "certbot", "python3-certbot-dns-rfc2136"],
            False,
        ),
        ({}, "pypi", ["openssl"], True),
        ({"method": "self_signed"}, "pypi", ["openssl"], False),
        ({"method": "self_signed"}, "debian", ["openssl"], False),
        ({"state": "absent"}, "pypi", [], False),
    ],
)
def test_what_is_installed(entry: dict[str, Any], source: str, packages: list[str], installs: bool) -> None:
    made = plan("certbot", {"certbot_certificates": [{**LAB, **entry}], "certbot_source": source})
    assert (made["packages"], bool(made["install"])) == (packages, installs)


@pytest.mark.parametrize(
    ("declared", "timer", "source", "present"),
    [
        ([], True, "debian", set()),
        ([], True, "pypi", set()),
        (SELF_SIGNED, True, "debian", {"deploy"}),
        (DECLARED, True, "debian", {"deploy", "drop-in", "timer"}),
        (DECLARED, False, "debian", {"deploy", "drop-in"}),
        (DECLARED, False, "pypi", {"deploy", "service", "timer"}),
    ],
)
def test_units_follow_the_certificates_of_the_host(
    declared: list[dict[str, Any]], timer: bool, source: str, present: set[str]
) -> None:
    names = {
        "deploy": "nbops-certificates.service",
        "drop-in": "certbot.service nbops",
        "service": "certbot.service",
        "timer": "certbot.timer",
    }
    made = units(result(*declared, timer=timer), certbot_source=source)
    here = {name for name, unit in made.items() if unit.get("state") != "absent"}
    assert {word for word, name in names.items() if name in here} == present


def test_certbot_from_pypi_leaves_with_the_last_certificate() -> None:
    settings = {"certbot_certificates": [{**LAB, "state": "absent"}], "certbot_source": "pypi"}
    (release,) = plan("certbot", settings, result())["remove"]["releases"].values()
    assert (release["path"], release["state"]) == ("/opt/certbot", "absent")
    assert plan("certbot", settings, result(*DECLARED))["remove"] == {}


@pytest.mark.parametrize(("on_failure", "told"), [("fail", ["a: no answer"]), ("warn", [])])
def test_failures_are_reported_unless_they_only_warn(on_failure: str, told: list[str]) -> None:
    settings = {"certbot_certificates": [LAB], "certbot_on_failure": on_failure}
    assert plan("certbot", settings, result(*DECLARED, a="no answer"))["failures"] == told


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"domains": ["a.org"] * 2}, 1),
        ({"domains": [f"{number}.a.org" for number in range(100)]}, 0),
        ({"domains": [f"{number}.a.org" for number in range(101)]}, 1),
        ({"domains": []}, 1),
        ({"domains": ["*.a.org"]}, 1),
        ({"method": "self_signed", "days": 1}, 0),
        ({"method": "self_signed", "days": 0}, 1),
        ({"method": "self_signed", "key_type": "rsa"}, 1),
        ({"authority": True}, 1),
        ({"revoke": True}, 1),
        ({"group": "a" * 32}, 0),
        ({"group": "a" * 33}, 1),
        ({"reload": ["nginx"]}, 1),
        ({"surprise": 1}, 1),
    ],
)
def test_the_boundaries_of_a_certificate(changes: dict[str, Any], count: int) -> None:
    assert len(certificate(**changes)) == count


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"certbot_alarm_share": 0.01}, 0),
        ({"certbot_alarm_share": 0}, 1),
        ({"certbot_alarm_share": 0.34}, 1),
        ({"certbot_email": "admin"}, 1),
        ({"certbot_server": "http://acme.a.org"}, 1),
        ({"certbot_eab_kid": "a"}, 1),
        ({"certbot_alarm_units": ["mail"]}, 1),
        ({"certbot_source": "snap"}, 1),
        ({"certbot_source": "pypi", "certbot_lock": "/nonexistent/lock"}, 1),
    ],
)
def test_the_boundaries_of_what_certificates_share(settings: dict[str, Any], count: int) -> None:
    assert len(problems("certbot", {"certbot_certificates": [LAB], **settings})) == count


@pytest.mark.parametrize(
    ("entry", "settings"),
    [
        ({"method": "provided", "certificate": PEM["certificate"], "key": "hunter2"}, {}),
        ({"method": "dns", "dns": {"plugin": "x", "credentials": {"x_token": "hunter2\n"}}}, {}),
        ({}, {"certbot_eab_kid": "a", "certbot_eab_hmac_key": "hunter2 "}),
    ],
)
def test_a_secret_is_never_repeated(entry: dict[str, Any], settings: dict[str, Any]) -> None:
    (told,) = problems("certbot", {"certbot_certificates": [{**LAB, **entry}], **settings})
    assert "hunter2" not in told


@pytest.mark.parametrize("key", ["name", "webroot", "profile", "group"])
def test_nothing_hides_behind_a_line_end(key: str) -> None:
    right = {**LAB, "domains": ["a.org"], "webroot": "/srv/web", "profile": "shortlived", "group": "root"}
    assert len(certificate(**{**right, key: f"{right[key]}\n"})) == 1

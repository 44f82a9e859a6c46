"""The arguments of certbot, the secrets that are not among them, and the reasons to order."""

from __future__ import annotations

import pathlib
import types
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import certbot as the_certbot
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.certbot import (
    Account,
    Certbot,
    CertbotError,
    credentials_text,
    needs,
    order,
    said_by,
    why_order,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import facts

PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
OWN = "https://acme.example.org/directory"
BUSY = "Another instance of Certbot is already running.\nAsk for help"
# The output of certbot 2.1 for a name that leads nowhere.
REFUSED = """\
Saving debug log to /var/log/letsencrypt/letsencrypt.log
Account registered.
Requesting a certificate for lab.example.org

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: lab.example.org
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up A for lab.example.org

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile for more details.
"""


def entry(**more: Any) -> dict[str, Any]:
    base = {"name": "lab", "domains": ["a.org"], "method": "webroot", "webroot": "/var/www", "key_type": "ecdsa"}
    return {**base, "profile": "", "dns": {}, **more}


class Program:
    """A fake certbot: records its arguments, gives one answer after the other, and repeats the last."""

    def __init__(self, *answers: tuple[int, str, str]) -> None:
        self.answers = list(answers or [(0, "", "")])
        self.argv: list[list[str]] = []
        self.environment: list[dict[str, str]] = []
        self.read: list[str] = []

    def __call__(self, argv: list[str], environ_update: dict[str, str] | None = None) -> tuple[int, str, str]:
        self.argv.append(argv)
        self.environment.append(environ_update or {})
        if "--config" in argv:
            file = pathlib.Path(argv[argv.index("--config") + 1])
            self.read.append(file.read_text())
            assert file.stat().st_mode & 0o777 == 0o600
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def issued(described: dict[str, Any], account: Account | None = None) -> Program:
    program = Program()
    Certbot("/usr/bin/certbot", program, account or Account("production", "admin@example.org")).issue(described)
    return program


BASE = (
    "/usr/bin/certbot certonly --cert-name lab --force-renewal --key-type ecdsa --domain a.org "
    f"--email admin@example.org --agree-tos --server {PRODUCTION} "
)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, BASE + "--webroot --webroot-path /var/www"),
        ({"method": "standalone"}, BASE + "--standalone"),
        ({"key_type": "rsa"}, BASE.replace("ecdsa", "rsa") + "--webroot --webroot-path /var/www"),
        (
            {"domains": ["a.org", "www.a.org"]},
            BASE.replace("a.org ", "a.org --domain www.a.org ", 1) + "--webroot --webroot-path /var/www",
        ),
        (
            {"domains": ["192.0.2.10", "2001:db8::1"], "method": "standalone"},
            BASE.replace("--domain a.org", "--ip-address 192.0.2.10 --ip-address 2001:db8::1") + "--standalone",
        ),
        (
            {"profile": "shortlived", "method": "standalone"},
            BASE.replace("a.org ", "a.org --required-profile shortlived ", 1) + "--standalone",
        ),
        ({"method": "dns", "dns": {"plugin": "cloudflare"}}, BASE + "--authenticator dns-cloudflare"),
        (
            {
                "method": "dns",
                "dns": {"plugin": "cloudflare", "credentials": {"token": "correct horse"}, "propagation_seconds": 60},
            },
            BASE + "--authenticator dns-cloudflare --dns-cloudflare-credentials /etc/letsencrypt/nbops-dns/lab.ini "
            "--dns-cloudflare-propagation-seconds 60",
        ),
        (
            {"method": "dns", "dns": {"auth_hook": "/usr/local/bin/make", "plugin": None}},
            BASE + "--manual --preferred-challenges dns --manual-auth-hook /usr/local/bin/make",
        ),
        (
            {"method": "dns", "dns": {"auth_hook": "/usr/local/bin/make", "cleanup_hook": "/usr/local/bin/remove"}},
            BASE + "--manual --preferred-challenges dns --manual-auth-hook /usr/local/bin/make "
            "--manual-cleanup-hook /usr/local/bin/remove",
        ),
    ],
)
def test_an_order_has_the_arguments_of_its_entry(more: dict, expected: str) -> None:
    (argv,) = issued(entry(**more)).argv
    assert " ".join(argv) == expected + " --non-interactive"


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (Account("staging"), ["--register-unsafely-without-email", "--agree-tos", "--server", STAGING]),
        (Account(OWN, "a@b.org"), ["--email", "a@b.org", "--agree-tos", "--server", OWN]),
    ],
)
def test_an_order_uses_the_account(account: Account, expected: list[str]) -> None:
    (argv,) = issued(entry(), account).argv
    start = argv.index(expected[0])
    assert argv[start : start + len(expected)] == expected


def test_an_accounts_key_is_never_on_the_command_line() -> None:
    program = issued(entry(), Account(OWN, eab_kid="kid-1", eab_hmac_key="correct-horse"))
    (argv,) = program.argv
    assert "correct-horse" not in " ".join(argv)
    assert program.read == ["eab-kid = kid-1\neab-hmac-key = correct-horse\n"]
    assert not pathlib.Path(argv[argv.index("--config") + 1]).exists()


def test_without_an_account_there_is_no_file() -> None:
    assert "--config" not in issued(entry()).argv[0]


@pytest.mark.parametrize(
    ("bundle", "environment"),
    [("", {"LC_ALL": "C.UTF-8"}), ("/etc/ca.pem", {"LC_ALL": "C.UTF-8", "REQUESTS_CA_BUNDLE": "/etc/ca.pem"})],
)
def test_certbot_trusts_the_bundle(bundle: str, environment: dict) -> None:
    assert issued(entry(), Account(OWN, ca_bundle=bundle)).environment == [environment]


@pytest.mark.parametrize(
    ("revoke", "expected"),
    [
        (False, "certbot delete --cert-name lab --non-interactive"),
        (True, f"certbot revoke --cert-name lab --delete-after-revoke --server {STAGING} --non-interactive"),
    ],
)
def test_a_removed_certificate_is_revoked_on_request(revoke: bool, expected: str) -> None:
    program = Program()
    Certbot("certbot", program, Account("staging")).delete("lab", revoke=revoke)
    assert [" ".join(argv) for argv in program.argv] == [expected]


class Clock:
    """Time that passes only while a program sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        clock = types.SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep)
        monkeypatch.setattr(the_certbot, "time", clock)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_run_waits_for_a_busy_certbot(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, program = Clock(monkeypatch), Program((1, "", BUSY), (1, BUSY, ""), (0, "", ""))
    Certbot("certbot", program, Account(OWN)).issue(entry())
    assert len(program.argv) == 3
    assert clock.now == 2


def test_a_certbot_that_stays_busy_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, program = Clock(monkeypatch), Program((1, "", BUSY))
    with pytest.raises(CertbotError, match="Another instance of Certbot is already running"):
        Certbot("certbot", program, Account(OWN)).issue(entry())
    assert 120 <= clock.now < 125


def test_a_refusal_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, program = Clock(monkeypatch), Program((1, "", REFUSED))
    with pytest.raises(CertbotError, match="NXDOMAIN"):
        Certbot("certbot", program, Account(OWN)).issue(entry())
    assert (len(program.argv), clock.now) == (1, 0)


@pytest.mark.parametrize(
    ("out", "err", "expected"),
    [
        (
            "",
            REFUSED,
            "Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported "
            "these problems:\nDomain: lab.example.org\nType:   dns\n"
            "Detail: DNS problem: NXDOMAIN looking up A for lab.example.org\n"
            "Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.",
        ),
        ("same\n", "same\nother\n", "same\nother"),
        ("Saving debug log to /x\n", "\n", "certbot failed without a word"),
        ("", "", "certbot failed without a word"),
    ],
)
def test_an_error_is_extracted_from_the_output(out: str, err: str, expected: str) -> None:
    assert said_by(out, err) == expected


@pytest.mark.parametrize(
    ("out", "expected"), [("certbot 2.1.0\n", (2, 1)), ("certbot 5.10.0.dev0\n", (5, 10)), ("certbot 4.0\n", (4, 0))]
)
def test_the_version_is_read(out: str, expected: tuple[int, int]) -> None:
    assert Certbot("certbot", Program((0, out, "")), Account(OWN)).version() == expected


def test_a_program_without_a_version_is_an_error() -> None:
    with pytest.raises(CertbotError, match="/opt/x does not tell its version: no module"):
        Certbot("/opt/x", Program((1, "", "no module\n")), Account(OWN)).version()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"profile": "tlsserver"}, {"profile": (4, 1)}),
        ({"domains": ["a.org", "192.0.2.1"]}, {"an IP address by webroot": (5, 4)}),
        ({"domains": ["2001:db8::1"], "method": "standalone"}, {"an IP address": (5, 3)}),
    ],
)
def test_what_an_entry_needs_of_certbot(more: dict, expected: dict) -> None:
    assert needs(entry(**more)) == expected


@pytest.mark.parametrize(("version", "refused"), [("4.0.0", True), ("4.1.0", False), ("10.0.0", False)])
def test_a_certbot_that_is_too_old_is_refused_before_the_order(version: str, refused: bool) -> None:
    certbot = Certbot("certbot", Program((0, f"certbot {version}\n", "")), Account(OWN))
    if not refused:
        certbot.require(entry(profile="tlsserver"))
        return
    with pytest.raises(
        CertbotError, match=r"profile needs certbot 4\.1, this host's is 4\.0: set certbot_source: pypi"
    ):
        certbot.require(entry(profile="tlsserver"))


def test_an_ordinary_entry_needs_no_version() -> None:
    program = Program()
    Certbot("certbot", program, Account(OWN)).require(entry())
    assert program.argv == []


# Reasons to order


@pytest.fixture
def live(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, new_pair: Callable) -> bytes:
    """certbot's certificate for two names."""
    monkeypatch.setattr(the_certbot, "LIVE", str(tmp_path))
    chain = new_pair(["a.org", "b.org"])[0]
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "fullchain.pem").write_bytes(chain)
    return chain


TWO = entry(domains=["a.org", "b.org"])


@pytest.mark.parametrize(
    ("wanted", "account", "left", "why"),
    [
        (TWO, Account(OWN), 1, ""),
        (TWO, Account(OWN), 0.26, ""),
        (TWO, Account(OWN), 0.24, "its renewal is overdue"),
        (TWO, Account(OWN), -1, "its renewal is overdue"),
        (entry(domains=["B.org", "a.org"]), Account(OWN), 1, "its settings are others"),
        (entry(domains=["a.org"]), Account(OWN), 1, "its domains are others"),
        (entry(domains=["a.org", "b.org", "c.org"]), Account(OWN), 1, "its domains are others"),
        ({**TWO, "key_type": "rsa"}, Account(OWN), 1, "its settings are others"),
        ({**TWO, "profile": "tlsserver"}, Account(OWN), 1, "its settings are others"),
        ({**TWO, "webroot": "/srv/www"}, Account(OWN), 1, "its settings are others"),
        ({**TWO, "method": "standalone"}, Account(OWN), 1, "its settings are others"),
        ({**TWO, "dns": {"plugin": "x"}}, Account(OWN), 1, "its settings are others"),
        (TWO, Account("staging"), 1, "its settings are others"),
        (TWO, Account(OWN, email="new@example.org"), 1, ""),
        ({**TWO, "group": "daemon", "reload": []}, Account(OWN), 1, ""),
        ({**TWO, "name": "other"}, Account(OWN), 1, "there is none yet"),
    ],
)
def test_why_a_certificate_is_ordered(live: bytes, wanted: dict, account: Account, left: float, why: str) -> None:
    said = facts(live)
    now = said.not_after - left * (said.not_after - said.not_before)
    assert why_order(wanted, account, order(TWO, Account(OWN)), now) == why


def test_a_certificate_that_somebody_else_ordered_is_ordered_again(live: bytes) -> None:
    assert why_order(TWO, Account(OWN), None, 0) == "its settings are others"


def test_an_unreadable_certificate_is_ordered(live: bytes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "lab" / "fullchain.pem").write_bytes(live[:100])
    assert why_order(TWO, Account(OWN), order(TWO, Account(OWN)), 0) == "there is none yet"


def test_production_and_its_address_are_the_same_authority() -> None:
    assert order(TWO, Account("production")) == order(TWO, Account(PRODUCTION))
    assert order(TWO, Account("production")) != order(TWO, Account("staging"))


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        ({"b": "x#y, z", "a": 5}, 'a = "5"\nb = "x#y, z"\n'),
        ({"a": 'x"y'}, "a = 'x\"y'\n"),
        ({"a": "x'y"}, 'a = "x\'y"\n'),
    ],
)
def test_special_characters_of_credentials_are_kept(credentials: dict, text: str) -> None:
    assert credentials_text(credentials) == text

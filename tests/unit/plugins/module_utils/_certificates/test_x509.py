"""The real openssl reads, checks and makes certificates; Python's own TLS checks them as clients do."""

from __future__ import annotations

import contextlib
import pathlib
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import x509 as certificate
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import (
    CertificateError,
    Facts,
    blocks,
    days_left,
    facts,
    is_address,
    make_certificate,
    make_key,
    normalise,
    openssl,
    require_pair,
    require_valid,
)

DAY = 86400


def handshake(chain: bytes, key: bytes, trusted: bytes, name: str, folder: pathlib.Path) -> None:
    """A handshake, without a network, between a server and a client that is strict about the standard."""
    (folder / "pair.pem").write_bytes(key + b"\n" + chain)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / "pair.pem")
    client_context = ssl.create_default_context(cadata=trusted.decode())
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(back, there, server_hostname=name)
    server = server_context.wrap_bio(there, back, server_side=True)
    for side in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("192.0.2.10", True),
        ("2001:db8::1", True),
        ("192.0.2.256", True),  # a wrong address is still no host name
        ("a.org", False),
        ("*.a.org", False),
        ("10.a.org", False),
        ("localhost", False),
    ],
)
def test_an_address_is_distinguished_from_a_name(name: str, expected: bool) -> None:
    assert is_address(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("A.Org", "a.org"), ("2001:DB8:0:0::1", "2001:db8::1"), ("192.0.2.10", "192.0.2.10"), ("*.A.org", "*.a.org")],
)
def test_names_are_normalised(name: str, expected: str) -> None:
    assert normalise(name) == expected


def test_facts_are_of_the_first_certificate(new_pair: Callable, authority: tuple) -> None:
    names = ["b.org", "*.a.org", "192.0.2.10", "2001:db8::1"]
    said = facts(b"# a comment\n" + new_pair(names, 7, authority)[0])
    assert said.names == ("*.a.org", "192.0.2.10", "2001:db8::1", "b.org")
    assert abs(said.not_before - time.time()) < 60
    assert said.not_after - said.not_before == 7 * DAY


def test_a_certificate_need_not_have_names(authority: tuple) -> None:
    assert facts(authority[0]).names == ()


@pytest.mark.parametrize("text", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_other_text_has_no_facts(text: bytes) -> None:
    with pytest.raises(CertificateError, match="openssl x509: "):
        facts(text)


@pytest.mark.parametrize(("now", "share"), [(1000, 1.0), (1250, 0.75), (2000, 0.0), (3000, -1.0), (0, 2.0)])
def test_the_share_of_its_life_that_is_left(now: float, share: float) -> None:
    assert Facts((), 1000, 2000).share_left(now) == share


@pytest.mark.parametrize(("seconds", "days"), [(DAY, 1), (DAY - 1, 0), (10.5 * DAY, 10), (0, 0), (-1, -1), (-DAY, -1)])
def test_days_are_whole(seconds: float, days: int) -> None:
    assert days_left(5 * DAY + seconds, 5 * DAY) == days


def test_blocks_are_the_certificates_without_other_text(new_pair: Callable) -> None:
    one, two = new_pair()[0], new_pair()[0]
    assert blocks(b"# mine\n" + one + b"\n" + two.rstrip()) == [one, two.rstrip()]


def test_a_key_of_another_certificate_is_refused(pairs: list) -> None:
    require_pair(*pairs[0])
    with pytest.raises(CertificateError, match="the private key is not that of the certificate"):
        require_pair(pairs[0][0], pairs[1][1])


def test_a_key_alone_is_no_certificate(pairs: list) -> None:
    with pytest.raises(CertificateError, match="holds no certificate in PEM form"):
        require_pair(pairs[0][1], pairs[0][1])


def test_each_certificate_must_be_followed_by_its_issuer(new_pair: Callable, authority: tuple, pairs: list) -> None:
    chain, key = new_pair(issuer=authority)
    require_pair(chain, key)
    leaf, issuer = blocks(chain)
    for wrong in (leaf + pairs[0][0], leaf + pairs[0][0] + issuer, leaf + issuer + pairs[0][0]):
        with pytest.raises(CertificateError, match="not in order: each must be followed by the one that issued it"):
            require_pair(wrong, key)


def test_the_order_is_checked_without_the_time(new_pair: Callable) -> None:
    key = make_key("ecdsa")
    short = make_certificate(["Short"], 1, key, authority=True), key
    chain, leaf_key = new_pair(days=90, issuer=short)  # outlives its issuer
    require_pair(chain, leaf_key)


def test_a_key_with_a_passphrase_is_refused_without_a_prompt(pairs: list, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = openssl("pkey", "-aes256", "-passout", "pass:correct horse", data=pairs[0][1])
    assert b"ENCRYPTED" in locked
    run, asked = certificate.run, []

    def watch(*argv: str, **options: Any) -> tuple[int, bytes, bytes]:
        asked.append(argv)
        return run(*argv, **options)

    monkeypatch.setattr(certificate, "run", watch)
    with pytest.raises(CertificateError, match="openssl pkey: "):
        require_pair(pairs[0][0], locked)
    # Without a passphrase argument, openssl would ask on the terminal and wait.
    assert asked[-1][-2:] == ("-passin", "pass:")


def test_no_error_contains_a_part_of_a_key(pairs: list) -> None:
    secret = pairs[0][1].splitlines()[1]
    with pytest.raises(CertificateError) as error:
        require_pair(pairs[0][0], pairs[0][1].replace(b"PRIVATE KEY", b"SOMETHING"))
    assert secret.decode() not in str(error.value)


def test_a_provided_certificate_is_valid_for_all_names_and_more(new_pair: Callable) -> None:
    require_valid(*new_pair(["a.org", "b.org", "2001:db8::1"]), ["B.org", "2001:db8:0::1"], time.time())


def test_a_provided_certificate_for_other_names_is_refused(new_pair: Callable) -> None:
    expected = r"is valid for a\.org and not for b\.org, c\.org; correct domains"
    with pytest.raises(CertificateError, match=expected):
        require_valid(*new_pair(), ["c.org", "a.org", "b.org"], time.time())


def test_an_expired_certificate_is_refused(pairs: list) -> None:
    end = facts(pairs[0][0]).not_after
    require_valid(*pairs[0], ["a.org"], end - 1)
    day = time.strftime("%Y-%m-%d", time.gmtime(end))
    with pytest.raises(CertificateError, match=f"expired on {day}; provide a valid one"):
        require_valid(*pairs[0], ["a.org"], end + 1)


@pytest.mark.parametrize(("kind", "words"), [("ecdsa", "NIST CURVE: P-256"), ("rsa", "Private-Key: (2048 bit")])
def test_keys_are_modern(kind: str, words: str) -> None:
    assert words in openssl("pkey", "-noout", "-text", data=make_key(kind)).decode()


@pytest.mark.parametrize("name", ["a.org", "b.org"])
def test_clients_accept_a_self_signed_certificate(name: str, new_pair: Callable, tmp_path: pathlib.Path) -> None:
    chain, key = new_pair(["a.org", "b.org"])
    handshake(chain, key, chain, name, tmp_path)


def test_clients_accept_a_certificate_of_the_hosts_authority(
    new_pair: Callable, authority: tuple, pairs: list, tmp_path: pathlib.Path
) -> None:
    chain, key = new_pair(["a.org"], issuer=authority)
    handshake(chain, key, authority[0], "a.org", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(chain, key, pairs[0][0], "a.org", tmp_path)


def test_a_signed_certificate_names_the_key_of_its_authority(new_pair: Callable, authority: tuple) -> None:
    def identifier(pem: bytes, extension: str) -> str:
        told = openssl("x509", "-noout", "-ext", extension, data=pem).decode()
        return told.splitlines()[1].strip().removeprefix("keyid:")

    signed = new_pair(issuer=authority)[0]
    assert identifier(signed, "authorityKeyIdentifier") == identifier(authority[0], "subjectKeyIdentifier")


def test_the_authority_can_sign_servers_and_no_other_authority(
    new_pair: Callable, authority: tuple, tmp_path: pathlib.Path
) -> None:
    key = make_key("ecdsa")
    middle = make_certificate(["Middle"], 30, key, authority, authority=True)
    chain, leaf_key = new_pair(issuer=(middle, key))
    with pytest.raises(ssl.SSLCertVerificationError, match="path length constraint exceeded"):
        handshake(chain, leaf_key, authority[0], "a.org", tmp_path)


def test_a_name_may_be_longer_than_a_common_name(new_pair: Callable) -> None:
    name = "a-name-longer-than-a-common-name-may-be." * 2 + "example.org"
    assert facts(new_pair([name])[0]).names == (name,)


def test_a_failure_of_openssl_without_a_message_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "run", lambda *_arguments, **_options: (1, b"", b""))
    with pytest.raises(CertificateError, match="openssl x509: failed without a word"):
        openssl("x509")

"""The way to the packages: complete for both installers, and silent about credentials."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import PackageSource

INDEX = "https://ada:s3cret%40word@packages.example.org/simple"
PROXY = "http://carl:pr0xy@proxy.example.org:3128"


def test_nothing_said_means_the_default_index_and_the_system_s_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    environment = PackageSource().environment()
    assert environment["SSL_CERT_FILE"] == environment["PIP_CERT"] == "/etc/ssl/certs/ca-certificates.crt"
    assert not {"PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_NO_INDEX", "HTTPS_PROXY"} & set(environment)
    assert PackageSource().uv_options == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PackageSource(index_url=INDEX), {"PIP_INDEX_URL": INDEX, "UV_DEFAULT_INDEX": INDEX}),
        (PackageSource(ca_bundle="/srv/ca.pem"), {"PIP_CERT": "/srv/ca.pem", "SSL_CERT_FILE": "/srv/ca.pem"}),
        (PackageSource(proxy=PROXY), {"HTTPS_PROXY": PROXY, "https_proxy": PROXY, "ALL_PROXY": PROXY}),
        (
            PackageSource(wheelhouse="/srv/wheels"),
            {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/srv/wheels", "UV_FIND_LINKS": "/srv/wheels"},
        ),
    ],
)
def test_both_installers_hear_of_a_setting(source: PackageSource, expected: dict[str, str]) -> None:
    assert source.environment().items() >= expected.items()
    assert ("--no-index" in source.uv_options) == ("PIP_NO_INDEX" in expected)


def test_other_programs_hear_of_the_way_but_not_of_the_index() -> None:
    environment = PackageSource(index_url=INDEX, ca_bundle="/srv/ca.pem", proxy=PROXY).setup_environment()
    assert environment["SSL_CERT_FILE"] == environment["NODE_EXTRA_CA_CERTS"] == "/srv/ca.pem"
    assert environment["HTTPS_PROXY"] == environment["https_proxy"] == PROXY
    assert INDEX not in environment.values()
    assert "npm_config_registry" not in environment


def test_npm_hears_of_its_registry() -> None:
    environment = PackageSource(npm_registry="https://mirror.example.org/npm/").setup_environment()
    assert environment["npm_config_registry"] == "https://mirror.example.org/npm/"


def test_npm_takes_its_packages_from_a_wheelhouse_that_has_them(tmp_path: pathlib.Path) -> None:
    source = PackageSource(wheelhouse=str(tmp_path), npm_registry="https://mirror.example.org/npm/")
    assert source.npm_cache == ""
    assert "npm_config_offline" not in source.setup_environment()
    (tmp_path / "npm").mkdir()
    assert source.npm_cache == str(tmp_path / "npm")
    expected = {"npm_config_cache": "/run/wheelhouse/npm", "npm_config_offline": "true"}
    assert source.setup_environment() == expected
    assert source.shown == [f"{tmp_path}:/run/wheelhouse"]


def test_without_a_wheelhouse_there_is_none_to_show() -> None:
    assert PackageSource().npm_cache == ""
    assert PackageSource().shown == []


@pytest.mark.parametrize(
    "text",
    [
        f"could not reach {INDEX}/six",
        "401 for user with s3cret@word",
        "401 for user with s3cret%40word",
        f"tunnel through {PROXY} failed",
        "fetched https://eve:another@mirror.example.org/six.whl",
    ],
)
def test_credentials_are_scrubbed(text: str) -> None:
    scrubbed = PackageSource(index_url=INDEX, proxy=PROXY).scrub(text)
    for secret in ("s3cret", "pr0xy", "another", "ada:", "carl:", "eve:"):
        assert secret not in scrubbed
    assert "********" in scrubbed


def test_text_without_credentials_stays() -> None:
    text = "no version of six at https://packages.example.org/simple for user@host"
    assert PackageSource(index_url=INDEX).scrub(text) == text
    assert PackageSource(index_url="https://packages.example.org/simple").scrub(text) == text

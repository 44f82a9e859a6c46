"""What is read from `nginx -V`, and who has an address."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process.listeners import Process
from ansible_collections.nbops.jupyter.plugins.modules import nginx_info
from ansible_collections.nbops.jupyter.plugins.modules.nginx_info import versions

DEBIAN_12 = """\
nginx version: nginx/1.22.1
built with OpenSSL 3.0.20 7 Apr 2026 (running with OpenSSL 3.0.22 25 Aug 2026)
TLS SNI support enabled
configure arguments: --with-cc-opt='-g -O2' --with-http_v2_module
"""
DEBIAN_13 = "nginx version: nginx/1.26.3\nbuilt with OpenSSL 3.5.7 9 Jun 2026\n"
UBUNTU = """\
nginx version: nginx/1.24.0 (Ubuntu)
built with OpenSSL 3.0.10 1 Aug 2023 (running with OpenSSL 3.0.13 30 Jan 2024)
"""
NGINX_ORG = "nginx version: nginx/1.30.6\nbuilt by gcc 14.2.0 (Debian 14.2.0-19)\nbuilt with OpenSSL 3.5.7 9 Jun 2026\n"
BORINGSSL = "nginx version: nginx/1.29.1\nbuilt with OpenSSL 1.1.1 (compatible; BoringSSL) (running with BoringSSL)\n"
WITHOUT_TLS = "nginx version: nginx/1.26.3\nconfigure arguments: --without-http_ssl_module\n"


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (DEBIAN_12, ("1.22.1", "3.0.22")),
        (DEBIAN_13, ("1.26.3", "3.5.7")),
        (UBUNTU, ("1.24.0", "3.0.13")),
        (NGINX_ORG, ("1.30.6", "3.5.7")),
        (BORINGSSL, ("1.29.1", "1.1.1")),
        (WITHOUT_TLS, ("1.26.3", "0")),
        ("", ("0", "0")),
    ],
)
def test_versions(description: str, expected: tuple[str, str]) -> None:
    assert versions(description) == expected


def test_who_has_an_address_of_nginx_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    holders = {
        "0.0.0.0:80": [Process(number, "apache2", "root", "apache2.service") for number in (7, 8)],
        "0.0.0.0:443": [Process(9, "nginx", "root", "nginx.service"), Process(10, "nginx", "www-data", "")],
    }
    monkeypatch.setattr(nginx_info, "listening_on", lambda address: holders.get(address, []))
    assert nginx_info.strangers([*holders, "0.0.0.0:8080"]) == [
        {"address": "0.0.0.0:80", "process": "apache2 (process 7 of root, apache2.service)"}
    ]

"""The sites as visitors and the services behind them see them."""

from __future__ import annotations

import ssl

import pytest
from visitor import Visitor, ask_plain

PLACEHOLDER = "/etc/ssl/jupyter/lab.example.org/fullchain.pem"
UPLOAD_SIZE = 100 * 1024 * 1024


@pytest.fixture
def visitor(host, address) -> Visitor:
    return Visitor(address, host.file(PLACEHOLDER).content_string)


@pytest.fixture
def own_visitor(host, address) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/own/fullchain.pem").content_string)


def redirection(address: str, name: str, port: int = 80) -> tuple[int, str | None]:
    answer = ask_plain(address, name, "/lab?path=a%20b", port)
    return answer.status, answer.headers["Location"]


def test_the_placeholder_vouches_for_the_names_and_the_address(visitor, address):
    assert visitor.told("lab.example.org")["at"] == visitor.told(address)["at"] == "/run/echo-unix/echo.sock"


def test_nobody_is_trusted_without_it(address):
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        Visitor(address, ssl.get_server_certificate((address, 8443))).connect("lab.example.org")


def test_each_site_shows_its_own_certificate(own_visitor, visitor):
    assert own_visitor.told("own.example.org")["at"] == "127.0.0.1:9000"
    assert own_visitor.told("any.apps.example.org")["headers"]["host"] == "any.apps.example.org"
    with pytest.raises(ssl.SSLCertVerificationError):
        visitor.connect("own.example.org")


def test_a_site_has_ports_of_its_own(host, address):
    ca = host.file("/etc/ssl/jupyter/ports.example.org/fullchain.pem").content_string
    assert Visitor(address, ca, 8443).told("ports.example.org")["headers"]["host"] == "ports.example.org"
    assert redirection(address, "ports.example.org", 8080) == (308, "https://ports.example.org:8443/lab?path=a%20b")


def test_http2_is_spoken(visitor):
    visitor.context.set_alpn_protocols(["h2", "http/1.1"])
    with visitor.connect("lab.example.org") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
        assert connection.recv(9)[3] == 4, "the server begins with its settings"


@pytest.mark.parametrize(
    ("offer", "accepted"),
    [
        ("-tls1_1 -cipher DEFAULT:@SECLEVEL=0", False),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", False),
        ("-tls1_3", True),
    ],
)
def test_tls_is_as_mozilla_recommends(host, offer, accepted):
    answer = host.run(f"openssl s_client -connect 127.0.0.1:443 -servername lab.example.org {offer} < /dev/null")
    assert (answer.rc == 0) == accepted, answer.stdout + answer.stderr


def test_key_exchange_is_safe_from_quantum_computers_where_openssl_is(host):
    answer = host.run("openssl s_client -connect 127.0.0.1:443 -servername lab.example.org < /dev/null").stdout
    modern = host.package("openssl").version >= "3.5"
    assert ("Negotiated TLS1.3 group: X25519MLKEM768" if modern else "Server Temp Key: X25519") in answer


def test_plain_http_is_redirected(address):
    assert redirection(address, "lab.example.org") == (308, "https://lab.example.org/lab?path=a%20b")
    assert redirection(address, address) == (308, f"https://{address}/lab?path=a%20b")


def test_a_certificate_authority_finds_its_challenge_on_plain_http(host, address):
    challenges = "/var/lib/nginx-acme/.well-known/acme-challenge"
    host.check_output(f"mkdir -p {challenges} && echo proof > {challenges}/token")
    assert ask_plain(address, "lab.example.org", "/.well-known/acme-challenge/token").body == b"proof\n"


def test_names_of_nobody_reach_the_default_site(visitor):
    assert visitor.told("lab.example.org", headers={"Host": "nobody.example.org"})["at"] == "/run/echo-unix/echo.sock"


def test_browsers_are_told_to_stay_with_tls(visitor, own_visitor):
    answer = visitor.ask("lab.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["Server"] == "nginx"
    assert own_visitor.ask("own.example.org").headers["Strict-Transport-Security"] is None


def test_the_service_learns_the_truth_about_the_visitor(visitor, address):
    lies = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Proto": "http",
        "X-Real-IP": "203.0.113.7",
        "X-Scheme": "http",
        "Forwarded": "for=203.0.113.7",
    }
    with visitor.connect("lab.example.org") as connection:
        client = connection.getsockname()[0]
    for path in "/", "/other/":
        headers = visitor.told("lab.example.org", path, headers=lies)["headers"]
        assert headers["x-forwarded-for"] == headers["x-real-ip"] == client
        assert headers["x-forwarded-proto"] == headers["x-scheme"] == "https"
        assert headers["host"] == headers["x-forwarded-host"] == "lab.example.org"
        assert "forwarded" not in headers


def test_a_location_passes_the_path_on_unchanged(visitor):
    said = visitor.told("lab.example.org", "/other/a%20b//c?d=e")
    assert (said["at"], said["path"]) == ("127.0.0.1:9000", "/other/a%20b//c?d=e")


@pytest.mark.parametrize("size", [5, 200, 60_000])
def test_websockets_pass_over_a_socket_and_over_a_port(visitor, own_visitor, size):
    for who, name in (visitor, "lab.example.org"), (own_visitor, "own.example.org"):
        with who.websocket(name) as channel:
            for dummy in range(3):
                channel.send("x" * size)
                assert channel.recv() == "x" * size


def test_only_a_location_for_websockets_passes_them(visitor):
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    told = visitor.told("lab.example.org", "/other/", headers=headers)["headers"]
    assert "upgrade" not in told
    assert "connection" not in told


def test_a_large_upload_arrives_and_a_larger_one_than_allowed_does_not(visitor, own_visitor):
    assert visitor.told("lab.example.org", method="PUT", body=bytes(UPLOAD_SIZE))["size"] == UPLOAD_SIZE
    assert own_visitor.told("own.example.org", method="PUT", body=bytes(1024 * 1024))["size"] == 1024 * 1024
    too_large = {"Content-Length": str(1024 * 1024 + 1)}
    assert own_visitor.ask("own.example.org", method="PUT", headers=too_large).status == 413


@pytest.mark.parametrize("path", ["/", "/other/"])
def test_connections_to_the_services_are_kept(host, visitor, path):
    workers = int(host.check_output("pgrep --count --uid www-data nginx"))
    first = visitor.told("lab.example.org", path)["connections"]
    last = [visitor.told("lab.example.org", path)["connections"] for dummy in range(40)][-1]
    assert last - first < workers, "each worker opens one connection"


def test_what_was_there_is_as_it_was(host, address):
    assert host.run("dpkg --verify nginx nginx-common").stdout == "", "no file of the packages is changed"
    assert host.file("/etc/nginx/sites-enabled/default").linked_to == "/etc/nginx/sites-available/default"
    assert b"Welcome to nginx" in ask_plain(address, "unknown.example.org").body
    assert host.run("sha256sum --check --quiet /root/own.sha256").rc == 0


def test_the_placeholder_is_a_modern_key_for_root_alone(host):
    key = host.file("/etc/ssl/jupyter/lab.example.org/privkey.pem")
    assert (key.mode, key.user, key.group) == (0o600, "root", "root")
    text = host.check_output(f"openssl x509 -in {PLACEHOLDER} -noout -text -checkend {9 * 365 * 86400}")
    assert "NIST CURVE: P-256" in text
    assert "CA:FALSE" in text


def test_nothing_listens_but_the_sites(host):
    ports = {line.split()[3].rsplit(":", 1)[1] for line in host.check_output("ss -Htln 'src 0.0.0.0'").splitlines()}
    assert ports - {"22"} == {"80", "443", "8080", "8443"}


def test_ipv6_is_served_where_the_host_has_it(host):
    with_ipv6 = host.file("/proc/net/if_inet6").exists
    assert host.socket("tcp://:::443").is_listening == with_ipv6


def test_service_is_enabled(host):
    service = host.service("nginx")
    assert service.is_running
    assert service.is_enabled

"""The sites as visitors and the services behind them see them."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import re
import ssl

import pytest
from visitor import Answer, Visitor, ask_plain

PLACEHOLDER = "/etc/ssl/jupyter/lab.example.org/fullchain.pem"
UPLOAD_SIZE = 100 * 1024 * 1024


@pytest.fixture
def visitor(host, address) -> Visitor:
    return Visitor(address, host.file(PLACEHOLDER).content_string)


@pytest.fixture
def own_visitor(host, address) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/own/fullchain.pem").content_string)


@pytest.fixture
def kinds_visitor(host, address) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/kinds.example.org/fullchain.pem").content_string)


def redirection(address: str, name: str, port: int = 80) -> tuple[int, str | None]:
    answer = ask_plain(address, name, "/lab?path=a%20b", port)
    return answer.status, answer.headers["Location"]


def test_the_placeholder_covers_the_names_and_the_address(visitor, address):
    assert visitor.told("lab.example.org")["at"] == visitor.told(address)["at"] == "/run/echo-unix/echo.sock"


def test_a_client_without_the_placeholder_does_not_trust_the_site(host, address):
    other = host.file("/etc/ssl/jupyter/ports.example.org/fullchain.pem").content_string
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        Visitor(address, other).connect("lab.example.org")


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


def test_the_key_exchange_is_the_safest_of_the_hosts_openssl(host, best_key_exchange):
    answer = host.run("openssl s_client -connect 127.0.0.1:443 -servername lab.example.org < /dev/null").stdout
    assert best_key_exchange in answer


def test_plain_http_is_redirected(address):
    assert redirection(address, "lab.example.org") == (308, "https://lab.example.org/lab?path=a%20b")
    assert redirection(address, address) == (308, f"https://{address}/lab?path=a%20b")


def test_a_certificate_authority_finds_its_challenge_on_plain_http(host, address):
    challenges = "/var/lib/nginx-acme/.well-known/acme-challenge"
    host.check_output(f"umask 022 && mkdir -p {challenges} && echo proof > {challenges}/token")
    assert ask_plain(address, "lab.example.org", "/.well-known/acme-challenge/token").body == b"proof\n"


def test_names_of_nobody_reach_the_default_site(visitor):
    assert visitor.told("lab.example.org", headers={"Host": "nobody.example.org"})["at"] == "/run/echo-unix/echo.sock"


def test_browsers_are_told_to_stay_with_tls(visitor, own_visitor):
    answer = visitor.ask("lab.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["Server"] == "nginx"
    assert own_visitor.ask("own.example.org").headers["Strict-Transport-Security"] is None


def test_the_service_gets_the_visitors_real_address(visitor, address):
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


def test_files_of_others_are_as_before(host):
    assert host.run("dpkg --verify nginx nginx-common").stdout == "", "no file of the packages is changed"
    assert host.run("sha256sum --check --quiet /root/own.sha256").rc == 0


def test_a_new_nginx_shows_no_welcome_page(host, address):
    assert not host.file("/etc/nginx/sites-enabled/default").exists
    assert b"Welcome to nginx" not in ask_plain(address, "unknown.example.org").body


def test_names_of_nobody_get_no_answer_where_no_site_is_the_default(host, address):
    with pytest.raises(http.client.RemoteDisconnected):
        ask_plain(address, "unknown.example.org", port=8080)
    ca = host.file("/etc/ssl/jupyter/ports.example.org/fullchain.pem").content_string
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        Visitor(address, ca, 8443).connect("unknown.example.org")


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


def test_requests_are_spread_over_several_servers(kinds_visitor):
    served = {kinds_visitor.told("kinds.example.org", "/many")["at"] for dummy in range(12)}
    assert served == {"127.0.0.1:9000", "/run/echo-unix/echo.sock"}, "the backup, which is down, has nothing to do"


def test_files_are_served_below_their_path(kinds_visitor):
    def ask(path: str) -> Answer:
        return kinds_visitor.ask("kinds.example.org", path)

    assert ask("/files/").body == b"<p>index</p>"
    assert ask("/files/index.html").headers["Content-Type"] == "text/html"
    assert ask("/files/empty/").status == 403, "a directory is not listed"
    assert ask("/files/missing").status == 404
    assert ask("/files/../../etc/passwd").status == 400
    assert ask("/static../index.html").headers["Content-Type"] == "application/json", "it is not the directory above"


@pytest.mark.parametrize(
    ("accepted", "served", "coding"), [("", b"plain", None), ("gzip", b"gzip", "gzip"), ("gzip, br", b"brotli", "br")]
)
def test_a_file_comes_in_the_smallest_form_that_the_visitor_reads(kinds_visitor, accepted, served, coding):
    path = "/static/main.0123456789abcdef0123.js"
    answer = kinds_visitor.ask("kinds.example.org", path, headers={"Accept-Encoding": accepted})
    assert (answer.body, answer.headers["Content-Encoding"]) == (served, coding)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].endswith("/javascript")


def test_a_file_without_a_hash_in_its_name_is_asked_for_again(kinds_visitor):
    first = kinds_visitor.ask("kinds.example.org", "/static/style.js")
    assert (first.body, first.headers["Cache-Control"]) == (b"plain", "no-cache")
    again = kinds_visitor.ask("kinds.example.org", "/static/style.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_browser_takes_a_module_for_what_it_is(kinds_visitor):
    answer = kinds_visitor.ask("kinds.example.org", "/static/module.mjs")
    assert answer.headers["Content-Type"] == "text/javascript"


def test_files_missing_in_a_directory_are_requested_from_the_service(kinds_visitor):
    for method, path in ("GET", "/static/missing.js?a=b"), ("GET", "/static/"), ("PUT", "/static/style.js"):
        said = kinds_visitor.told("kinds.example.org", path, method)
        assert (said["at"], said["path"]) == ("127.0.0.1:9000", path)


def test_redirections(kinds_visitor):
    def sent(path: str) -> tuple[int, str | None]:
        answer = kinds_visitor.ask("kinds.example.org", path)
        return answer.status, answer.headers["Location"]

    assert sent("/moved/a%20b?c=d") == (308, "https://new.example.org/moved/a%20b?c=d")
    assert sent("/start?c=d") == (302, "/files/")


def test_only_safe_types_are_compressed(kinds_visitor):
    headers = {"Accept-Encoding": "gzip", "X-Long": "x" * 2000}
    compressed = kinds_visitor.ask("kinds.example.org", "/data/", headers=headers)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "x" * 2000 in gzip.decompress(compressed.body).decode()
    assert kinds_visitor.ask("kinds.example.org", "/", headers=headers).headers["Content-Encoding"] is None


def test_events_arrive_as_they_happen(kinds_visitor):
    with contextlib.closing(http.client.HTTPConnection("kinds.example.org")) as connection:
        connection.sock = kinds_visitor.connect("kinds.example.org")
        connection.request("GET", "/events/?stream")
        response = connection.getresponse()
        # The service sends the second event only after somebody asked for it, which happens after the first arrived.
        assert response.readline() == b"data: 1\n"
        kinds_visitor.told("kinds.example.org", "/events/?next")
        assert response.readline() == b"data: 2\n"


def test_a_service_that_is_down_is_excused_with_a_page(kinds_visitor):
    answer = kinds_visitor.ask("kinds.example.org", "/down/")
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html")
    assert b"Back in a minute" in answer.body
    assert kinds_visitor.ask("kinds.example.org", "/.nbops/error.html").status == 404, "nobody asks for it directly"


def test_headers_for_browsers_are_added_where_the_service_is_silent(kinds_visitor):
    expected = {
        "Strict-Transport-Security": ["max-age=63072000"],
        "X-Content-Type-Options": ["nosniff"],
        "X-Frame-Options": ["SAMEORIGIN"],
        "Referrer-Policy": ["same-origin"],
        "Content-Security-Policy": ["frame-ancestors 'self'"],
    }
    for path in "/", "/static/style.js", "/down/", "/files/missing":
        headers = kinds_visitor.ask("kinds.example.org", path).headers
        assert {name: headers.get_all(name) for name in expected} == expected, path


def test_headers_about_the_services_software_are_removed(visitor):
    said = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "frame-ancestors 'none'",
    }
    headers = visitor.ask("lab.example.org", "/", headers={"X-Answer": json.dumps(said)}).headers
    assert {name: headers.get_all(name) for name in said} == {name: [value] for name, value in said.items()}
    assert headers["X-Frame-Options"] is None, "the policy says it better"


def test_cookies_are_secure(visitor):
    said = {"Set-Cookie": "_xsrf=1; Path=/", "X-Powered-By": "somebody"}
    headers = visitor.ask("lab.example.org", "/", headers={"X-Answer": json.dumps(said)}).headers
    assert headers["Set-Cookie"] == "_xsrf=1; Path=/; Secure"
    assert headers["X-Powered-By"] is None


def test_each_site_has_a_log_of_its_own(host, kinds_visitor):
    kinds_visitor.ask("kinds.example.org", "/logged?a=b", headers={"User-Agent": "witness"})
    line = host.check_output("tail -n1 /var/log/nginx/kinds.access.log")
    assert re.fullmatch(r'10\.213\.\d+\.1 - - \[\S+ \+0000\] "GET /logged\? HTTP/1\.1" 200 \d+ "-" "witness"', line)
    assert "witness" not in host.check_output("cat /var/log/nginx/lab.access.log")


def test_the_logs_are_for_administrators_alone(host):
    for path in host.check_output("ls /var/log/nginx/*.log").split():
        log = host.file(path)
        assert (log.mode & 0o007, log.group) == (0, "adm"), path


def test_old_workers_end_in_time(host):
    configuration = host.check_output("nginx -T -q")
    assert configuration.count("worker_shutdown_timeout 1d;") == 1

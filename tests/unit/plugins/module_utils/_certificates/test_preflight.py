"""Obstacles to an order are found by real requests, here to servers on loopback."""

from __future__ import annotations

import contextlib
import email.utils
import http.server
import os
import pathlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import preflight
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.preflight import (
    PreflightError,
    check_authority,
    check_names,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import make_certificate, make_key

Answer = tuple[int, dict[str, str], bytes]


@contextlib.contextmanager
def server(
    answer: Callable[[str], Answer], address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Answers every path on a new port, on request over TLS; gives the port and the requested paths."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']}{self.path}")
            status, headers, body = answer(self.path)
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing: the tests read what was asked."""

    with http.server.ThreadingHTTPServer((address, 0), Handler) as running:
        if tls:
            running.socket = tls.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running.server_port, asked
        finally:
            running.shutdown()
            thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def date(offset: float) -> dict[str, str]:
    return {"Date": email.utils.formatdate(time.time() + offset, usegmt=True)}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests reach loopback without a proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def entry(*names: str, **more: Any) -> dict[str, Any]:
    return {"domains": list(names or ["127.0.0.1"]), "method": "webroot", **more}


# The authority's clock


@pytest.mark.parametrize("offset", [0, 200, -200])
def test_an_authority_with_the_same_time_is_fine(offset: float) -> None:
    with server(lambda _path: (200, date(offset), b"{}")) as (port, asked):
        check_authority(f"http://127.0.0.1:{port}/dir", "", "")
    assert asked == [f"127.0.0.1:{port}/dir"]


@pytest.mark.parametrize(("offset", "told"), [(3600, r"by 3(600|599|601) s"), (-86400, r"by -8(6400|6401|6399) s")])
def test_a_wrong_clock_is_an_error(offset: float, told: str) -> None:
    with server(lambda _path: (200, date(offset), b"{}")) as (port, _asked), pytest.raises(PreflightError) as error:
        check_authority(f"http://127.0.0.1:{port}/dir", "", "")
    assert re.search(rf"this host's clock differs from the authority's {told}.*systemd-timesyncd", str(error.value))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((404, date(0), b""), "does not answer: Not Found"),
        ((200, {}, b"{}"), "does not answer: "),
        ((200, {"Date": "yesterday"}, b"{}"), "does not answer: "),
        ((200, date(0), b"<html>"), "does not answer: "),
        ((200, date(0), b"[]"), "does not answer: "),
    ],
    ids=["not found", "no date", "a strange date", "a page", "a list"],
)
def test_a_server_that_is_no_authority_is_an_error(answer: Answer, told: str) -> None:
    with server(lambda _path: answer) as (port, _asked), pytest.raises(PreflightError) as error:
        check_authority(f"http://127.0.0.1:{port}/dir", "", "")
    assert f"the authority at http://127.0.0.1:{port}/dir {told}" in str(error.value)
    assert "check certbot_server, certbot_ca_bundle and" in str(error.value)


def test_an_authority_that_is_down_is_an_error() -> None:
    with pytest.raises(PreflightError, match=r"does not answer: .*refused"):
        check_authority(f"http://127.0.0.1:{closed_port()}/dir", "", "")


def test_an_authority_without_tls_is_an_error() -> None:
    with server(lambda _path: (200, date(0), b"{}")) as (port, _asked), pytest.raises(PreflightError) as error:
        check_authority(f"https://127.0.0.1:{port}/dir", "", "")
    assert "does not answer: [SSL" in str(error.value)


def test_an_authority_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(PreflightError, match="timed out"):
        check_authority(f"http://127.0.0.1:{mute.getsockname()[1]}/dir", "", "")


def test_an_authority_that_has_the_profile_is_fine() -> None:
    with server(lambda _path: (200, date(0), b'{"meta": {"profiles": {"shortlived": "a week"}}}')) as (port, _asked):
        check_authority(f"http://127.0.0.1:{port}/dir", "", "shortlived")


@pytest.mark.parametrize(
    ("directory", "told"),
    [
        (b'{"meta": {"profiles": {"classic": "", "tlsserver": ""}}}', "it has classic, tlsserver"),
        (b'{"meta": {}}', "it has none at all"),
        (b"{}", "it has none at all"),
    ],
)
def test_a_profile_that_the_authority_lacks_is_an_error(directory: bytes, told: str) -> None:
    with server(lambda _path: (200, date(0), directory)) as (port, _asked), pytest.raises(PreflightError) as error:
        check_authority(f"http://127.0.0.1:{port}/dir", "", "shortlived")
    assert str(error.value) == f"the authority has no profile shortlived; {told}"


# Names, by a web server


def files(root: pathlib.Path) -> Callable[[str], Answer]:
    def answer(path: str) -> Answer:
        file = root / path.lstrip("/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")

    return answer


def test_a_name_of_this_host_is_fine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(files(tmp_path)) as (port, asked):
        monkeypatch.setattr(preflight, "_PORT", port)
        check_names(entry("127.0.0.1", "localhost", webroot=str(tmp_path)))
    assert [path.partition("/")[0] for path in asked] == ["127.0.0.1", "localhost"]
    assert all("/.well-known/acme-challenge/" in path for path in asked)
    assert os.listdir(tmp_path / ".well-known/acme-challenge") == []


def test_a_redirection_to_an_unknown_certificate_is_followed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    key.write_bytes(made := make_key("ecdsa"))
    chain.write_bytes(make_certificate(["other.example.org"], 1, made))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    with server(files(tmp_path), tls=context) as (tls_port, asked):

        def redirect(path: str) -> Answer:
            return 308, {"Location": f"https://127.0.0.1:{tls_port}{path}"}, b""

        with server(redirect) as (port, _asked):
            monkeypatch.setattr(preflight, "_PORT", port)
            check_names(entry(webroot=str(tmp_path)))
    assert len(asked) == 1


def test_the_web_server_can_read_the_challenge(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []

    def answer(path: str) -> Answer:
        file = tmp_path / "www" / path.lstrip("/")
        modes.append([place.stat().st_mode & 0o777 for place in (file, *list(file.parents)[:3])])
        return 200, {}, file.read_bytes()

    before = os.umask(0o077)
    try:
        with server(answer) as (port, _asked):
            monkeypatch.setattr(preflight, "_PORT", port)
            check_names(entry(webroot=str(tmp_path / "www")))
    finally:
        os.umask(before)
    assert modes == [[0o644, 0o755, 0o755, 0o755]]


def refusal(monkeypatch: pytest.MonkeyPatch, port: int, described: dict[str, Any]) -> str:
    monkeypatch.setattr(preflight, "_PORT", port)
    with pytest.raises(PreflightError) as error:
        check_names(described)
    return str(error.value)


def test_a_web_server_that_serves_something_else_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(lambda _path: (403, {}, b"")) as (port, _asked):
        told = refusal(monkeypatch, port, entry(webroot=str(tmp_path)))
    assert told == (
        "port 80 of 127.0.0.1 (127.0.0.1) answers a challenge with 403; let the name lead to this host, and its web "
        f"server serve {tmp_path}/.well-known/acme-challenge under this name"
    )
    assert os.listdir(tmp_path / ".well-known/acme-challenge") == []


def test_a_name_of_another_host_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(lambda _path: (200, {}, b"Welcome to nginx!")) as (port, _asked):
        told = refusal(monkeypatch, port, entry(webroot=str(tmp_path)))
    assert told == "another host answers for 127.0.0.1 (127.0.0.1); let the name lead to this host alone"


def test_text_after_the_challenge_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(lambda path: (200, {}, path.rpartition("/")[2].encode() + b"!")) as (port, _asked):
        assert "another host answers" in refusal(monkeypatch, port, entry(webroot=str(tmp_path)))


def test_a_closed_port_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(monkeypatch, closed_port(), entry(webroot=str(tmp_path)))
    assert re.search(r"^port 80 of 127.0.0.1 \(127.0.0.1\) cannot be reached: .*refused; open it in every", told)


def test_a_firewall_that_drops_requests_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        told = refusal(monkeypatch, mute.getsockname()[1], entry(webroot=str(tmp_path)))
    assert "cannot be reached: timed out" in told


@contextlib.contextmanager
def greeting(words: bytes) -> Iterator[int]:
    """A port that answers a request with this text and closes the connection."""

    def greet() -> None:
        connection = strange.accept()[0]
        with connection:
            connection.recv(4096)
            connection.sendall(words)

    with socket.create_server(("127.0.0.1", 0)) as strange:
        thread = threading.Thread(target=greet)
        thread.start()
        yield strange.getsockname()[1]
        thread.join()


def test_a_server_that_does_not_speak_http_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with greeting(b"220 mail.example.org ESMTP\r\n") as port:
        told = refusal(monkeypatch, port, entry(webroot=str(tmp_path)))
    assert "cannot be reached: 220 mail.example.org ESMTP" in told


def test_a_web_server_that_rejects_the_name_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with greeting(b"") as port:
        told = refusal(monkeypatch, port, entry(webroot=str(tmp_path)))
    assert "closes the connection without an answer; let the name lead to this host, and its web server serve" in told


def test_a_name_without_address_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(monkeypatch, 80, entry("no-such-host.invalid", webroot=str(tmp_path)))
    assert told == ("no-such-host.invalid has no address in the DNS; make an A or AAAA record that leads to this host")


def test_the_error_names_the_one_name_without_address(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(files(tmp_path)) as (port, asked):
        told = refusal(monkeypatch, port, entry("127.0.0.1", "no-such-host.invalid", webroot=str(tmp_path)))
    assert len(asked) == 1
    assert told.startswith("no-such-host.invalid has no address")


def test_a_proxy_of_the_host_is_not_used(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with server(files(tmp_path)) as (port, asked):
        monkeypatch.setattr(preflight, "_PORT", port)
        check_names(entry(webroot=str(tmp_path)))
    assert len(asked) == 1


# Names, by a server of our own


def test_standalone_answers_by_itself_and_closes_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setattr(preflight, "_PORT", port)
    check_names(entry("127.0.0.1", "localhost", method="standalone"))
    socket.create_server(("127.0.0.1", port)).close()


def test_standalone_needs_the_port_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        told = refusal(monkeypatch, taken.getsockname()[1], entry(method="standalone"))
    assert told == (
        "port 80 is taken (Address already in use), which standalone needs for itself; write method: webroot, with the "
        "directory that the web server on it serves"
    )


def test_standalone_works_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_ipv6", False)
    monkeypatch.setattr(preflight, "_PORT", closed_port())
    check_names(entry(method="standalone"))

"""What leads from one machine of a cluster to another: each end talks to the one other end that it knows."""

from __future__ import annotations

import asyncio
import functools
import pathlib
import ssl

import nbops_tunnel
import pytest


class End:
    """One end, with a key and a certificate of its own."""

    def __init__(self, path: pathlib.Path) -> None:
        key, self.certificate = nbops_tunnel.make_certificate()
        path.write_text(key + self.certificate)
        self.pair = str(path)


@pytest.fixture
def ends(tmp_path: pathlib.Path) -> list[End]:
    """A server, its visitor, and somebody else."""
    return [End(tmp_path / name) for name in ("server", "visitor", "other")]


async def answer_of(listening: ssl.SSLContext, connecting: ssl.SSLContext, text: bytes = b"question") -> bytes:
    """What comes back through a tunnel to a program that repeats what it reads; empty where the tunnel refuses."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        writer.close()

    program = await asyncio.start_server(repeat, "127.0.0.1", 0)
    to_program = functools.partial(asyncio.open_connection, *program.sockets[0].getsockname())
    tunnel = await asyncio.start_server(nbops_tunnel.forwarder(to_program), "127.0.0.1", 0, ssl=listening)
    async with program, tunnel:
        try:
            reader, writer = await asyncio.open_connection(*tunnel.sockets[0].getsockname(), ssl=connecting)
        except (ssl.SSLError, ConnectionError):
            return b""
        try:
            writer.write(text)
            return await reader.readexactly(len(text))
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            return b""
        finally:
            writer.close()


def asked(listening: ssl.SSLContext, connecting: ssl.SSLContext, text: bytes = b"question") -> bytes:
    return asyncio.run(asyncio.wait_for(answer_of(listening, connecting, text), 30))


def test_what_goes_in_comes_out_however_long_it_is(ends: list[End]) -> None:
    server, visitor, _other = ends
    text = bytes(range(256)) * 2**14
    tls = nbops_tunnel.server(server.pair, visitor.certificate), nbops_tunnel.client(server.certificate, visitor.pair)
    assert asked(*tls, text) == text


def test_who_has_another_certificate_is_not_served(ends: list[End]) -> None:
    server, visitor, other = ends
    tls = nbops_tunnel.server(server.pair, visitor.certificate), nbops_tunnel.client(server.certificate, other.pair)
    assert asked(*tls) == b""


def test_who_has_no_certificate_is_not_served(ends: list[End]) -> None:
    server, visitor, _other = ends
    tls = nbops_tunnel.server(server.pair, visitor.certificate), nbops_tunnel.client(server.certificate)
    assert asked(*tls) == b""


def test_a_server_with_another_certificate_is_told_nothing(ends: list[End]) -> None:
    """Such as one that has the port after the server has ended."""
    server, visitor, other = ends
    tls = nbops_tunnel.server(other.pair, visitor.certificate), nbops_tunnel.client(server.certificate, visitor.pair)
    assert asked(*tls) == b""


def test_a_connection_ends_where_nobody_is_behind_the_tunnel(ends: list[End], tmp_path: pathlib.Path) -> None:
    server, visitor, _other = ends

    async def read() -> bytes:
        nowhere = functools.partial(asyncio.open_unix_connection, str(tmp_path / "none"))
        listening = nbops_tunnel.server(server.pair, visitor.certificate)
        tunnel = await asyncio.start_server(nbops_tunnel.forwarder(nowhere), "127.0.0.1", 0, ssl=listening)
        connecting = nbops_tunnel.client(server.certificate, visitor.pair)
        async with tunnel:
            reader, writer = await asyncio.open_connection(*tunnel.sockets[0].getsockname(), ssl=connecting)
            try:
                return await reader.read()
            finally:
                writer.close()

    assert asyncio.run(asyncio.wait_for(read(), 30)) == b""


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        nbops_tunnel.client(text)

"""What leads from one machine of a cluster to another: each end talks to the one other end that it knows."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import pathlib
import ssl
from collections.abc import Awaitable, Callable, Coroutine

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


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection to its end, whatever the other side thinks of that."""
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


def run(what: Callable[[Tunnels], Coroutine[None, None, bytes]]) -> bytes:
    """The answer of a coroutine, once all its connections are closed."""

    async def settled() -> bytes:
        tunnels = Tunnels()
        answer = await asyncio.wait_for(what(tunnels), 30)
        for writer in tunnels.served:
            await closed(writer)
        return answer

    return asyncio.run(settled())


class Tunnels:
    """Makes tunnels, and knows the connections that they have served."""

    def __init__(self) -> None:
        self.served: list[asyncio.StreamWriter] = []

    async def open(self, connect: Callable[[], Awaitable], listening: ssl.SSLContext) -> asyncio.Server:
        """A tunnel that listens, and leads to what `connect` reaches."""
        forward = nbops_tunnel.forwarder(connect)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.served.append(writer)
            await forward(reader, writer)

        return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=listening)


async def answer_of(
    tunnels: Tunnels, listening: ssl.SSLContext, connecting: ssl.SSLContext, text: bytes = b"question"
) -> bytes:
    """What comes back through a tunnel to a program that repeats what it reads; empty where the tunnel refuses."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        await closed(writer)

    program = await asyncio.start_server(repeat, "127.0.0.1", 0)
    to_program = functools.partial(asyncio.open_connection, *program.sockets[0].getsockname())
    async with program, await tunnels.open(to_program, listening) as tunnel:
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
            await closed(writer)


def asked(listening: ssl.SSLContext, connecting: ssl.SSLContext, text: bytes = b"question") -> bytes:
    return run(lambda tunnels: answer_of(tunnels, listening, connecting, text))


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

    async def read(tunnels: Tunnels) -> bytes:
        nowhere = functools.partial(asyncio.open_unix_connection, str(tmp_path / "none"))
        listening = nbops_tunnel.server(server.pair, visitor.certificate)
        connecting = nbops_tunnel.client(server.certificate, visitor.pair)
        async with await tunnels.open(nowhere, listening) as tunnel:
            reader, writer = await asyncio.open_connection(*tunnel.sockets[0].getsockname(), ssl=connecting)
            try:
                return await reader.read()
            finally:
                await closed(writer)

    assert run(read) == b""


@pytest.mark.parametrize("text", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        nbops_tunnel.client(text)

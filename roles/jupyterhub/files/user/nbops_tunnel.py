"""TLS between a hub's host and the nodes of a cluster, where each end knows the one certificate of the other.

No authority signs anything: a certificate is its own, and whoever has another one is refused, whoever made it. It does
not end by time, because it ends with the server that it was made for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

# Seconds. Who connects and then says nothing does not hold a connection.
HANDSHAKE_SECONDS = 30
CHUNK = 2**16

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def make_certificate() -> tuple[str, str]:
    """A new key and its certificate, both as PEM."""
    # Here, because what only forwards needs nothing of it and is small.
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nbops")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Before the clock of any host, and the date that stands for no end (RFC 5280).
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc))
        .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode(), certificate.public_bytes(pem).decode()


def server(pair: str, visitor: str | None = None) -> ssl.SSLContext:
    """For the end that listens. `pair` is a file with key and certificate; with `visitor` it serves only who has that.

    Raises ValueError where `visitor` is no certificate.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, pair, visitor)


def client(peer: str | bytes, pair: str = "") -> ssl.SSLContext:
    """For the end that connects, and talks only to who has the certificate `peer`, as PEM or as DER.

    Raises ValueError where it is none.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, pair, peer)


def _context(protocol: int, pair: str, peer: str | bytes | None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # It is the certificate itself that counts, and no name in it.
    context.check_hostname = False
    if pair:
        context.load_cert_chain(pair)
    if peer is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(cadata=peer)
        except (ValueError, ssl.SSLError) as error:
            raise ValueError("no certificate") from error
    return context


def forwarder(connect: Callable[[], Awaitable[Streams]]) -> Callable[..., Awaitable[None]]:
    """What serves a visitor by a connection of its own to the other end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other = await connect()
        except OSError:
            writer.close()
            return
        await _join((reader, writer), other)

    return serve


async def _join(one: Streams, other: Streams) -> None:
    """Carry what both say until one of them ends. Nothing that was said is lost: closing sends the rest."""
    pours = [asyncio.create_task(_pour(one[0], other[1])), asyncio.create_task(_pour(other[0], one[1]))]
    try:
        await asyncio.wait(pours, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pour in pours:
            pour.cancel()
        for _reader, writer in (one, other):
            writer.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()

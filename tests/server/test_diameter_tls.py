"""Diameter over TLS (RFC 6733 13: from the first octet), with a certificate of the test's own: who must come so, and that all works there as elsewhere."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor, threads
from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.server.diameter_client import MORE, Client, DiameterCase, initial, termination
from tests.server.diameter_octets import CER, DPR, avp, cer, message, origin
from tests.server.test_diameter import GRANTED, MSCC, TIME

_reactor: Any = reactor
HOST, NAME = "tls.example.com", "ocs.example.com"


def certificate(folder: Path, host: str = NAME) -> tuple[Path, Path]:
    """A certificate that stands for itself, and its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False).sign(key, hashes.SHA256())
    paths = folder / "diameter.crt", folder / "diameter.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(0o600)
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


class TlsTests(DiameterCase):
    """A server that listens on both: first plain, then TLS."""

    async def _begin(self) -> None:
        await super()._begin()
        await self.world.stop()
        self.files = certificate(self.world.folder)
        listen = f"tls:0:interface=127.0.0.1:certificate={self.files[0]}:key={self.files[1]}"
        self.more = MORE.replace('"]', f'", "{listen}"]')
        await self.world.start(roles="radius, diameter, jobs", more=self.more)

    def secure_port(self) -> int:
        """The port of TLS."""
        role = self.world.server.diameter
        assert role is not None
        return int(role.ports[1].getHost().port)

    async def secure(self) -> Client:
        """A TLS connection that trusts this certificate alone, under the server's name."""
        options = optionsForClientTLS(NAME, Certificate.loadPEM(self.files[0].read_bytes()))
        client: Client = await connectProtocol(SSL4ClientEndpoint(_reactor, "127.0.0.1", self.secure_port(), options), Client())
        self.clients.append(client)
        return client

    async def test_must_come_so(self) -> None:
        """A peer of which TLS is required gets 5017 without it, and in with it."""
        plain = await self.connect()
        self.assertEqual((await plain.ask(cer(HOST))).result, 5017)
        client = await self.secure()
        cea = await client.ask(cer(HOST))
        self.assertEqual((cea.code, cea.result, cea.find(264)), (CER, 2001, NAME.encode()))

    async def test_session(self) -> None:
        """A session from the CER to the books, many requests in one piece, and the leave."""
        client = await self.secure()
        self.assertEqual((await client.ask(cer(HOST))).result, 2001)
        first = await client.ask(initial(10, f"{HOST};1;1", host=HOST))
        self.assertEqual(first.find(MSCC, GRANTED, TIME), 30)
        self.assertEqual((await client.ask(termination(11, f"{HOST};1;1", 1, 30, HOST))).result, 2001)
        waits = [client.expect(hop) for hop in range(20, 60)]
        client.say(b"".join(initial(hop, f"{HOST};2;{hop}", requested=5, host=HOST) for hop in range(20, 60)))
        self.assertEqual({(await wait).result for wait in waits}, {2001})
        self.assertEqual(await self.world.one("select charged_amount, charged_quantity, i_node from xdr"), (Decimal("0.01"), 30, 204))
        dpa = await client.ask(message(DPR, origin(HOST), avp(273, 0), hop=90))
        self.assertEqual((dpa.code, dpa.result), (DPR, 2001))
        await client.closed

    async def test_no_handshake(self) -> None:
        """Diameter in the clear on the port of TLS, and a client that hangs up in the handshake, get nothing; others are served."""
        port = self.secure_port()
        self.assertEqual(await threads.deferToThread(_plainly, port), b"")
        client = await self.secure()
        self.assertEqual((await client.ask(cer(HOST))).result, 2001)

    async def test_old_protocol(self) -> None:
        """Less than TLS 1.2 is refused."""
        self.assertEqual(await threads.deferToThread(_version, self.secure_port(), ssl.TLSVersion.TLSv1_1), "refused")
        self.assertEqual(await threads.deferToThread(_version, self.secure_port(), ssl.TLSVersion.TLSv1_2), "TLSv1.2")


def _plainly(port: int) -> bytes:
    """What a CER without TLS is answered, but for an alert of TLS itself."""
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        plain.sendall(cer(HOST))
        octets = b""
        while piece := _read(plain):
            octets += piece
    return b"" if octets[:1] == b"\x15" else octets


def _read(plain: socket.socket) -> bytes:
    try:
        return plain.recv(4096)
    except ConnectionError:
        return b""


def _version(port: int, version: ssl.TLSVersion) -> str | None:
    """The protocol that is agreed with a client that knows but one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        try:
            with context.wrap_socket(plain) as wrapped:
                return wrapped.version()
        except (ssl.SSLError, ConnectionError):
            return "refused"

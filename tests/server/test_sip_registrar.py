"""Registrations against the whole server: contacts, their order and time, NATs, connections, third-party registrars."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater

from tests.claims import claims
from tests.server.phones import BOB, DOMAIN, PASSWORD, Phone, SipCase, SipWorld, challenges, digest, headers, response, status

CONTACTS = "select string_agg(uri, ' ' order by i_contact) from registrations where expires > now()"
AOR = f"sip:{BOB}@{DOMAIN}"

_reactor: Any = reactor


class RegistrarTests(SipCase):
    """A phone of Bob's that registers whatever the test wants."""

    async def asked(self, phone: Phone, *more: str) -> bytes:
        """One REGISTER with its log-in."""
        return await phone.with_digest("REGISTER", f"sip:{DOMAIN}", *more, to=AOR)

    async def test_contacts(self) -> None:
        """Several are bound, listed, renewed as one where they are the same, removed alone and together."""
        bob = self.world.phone(BOB)
        answer = await self.asked(bob, "Contact: <sip:a@127.0.0.1:5070>;q=0.5, <sip:b@127.0.0.1:5071>;expires=120", "Expires: 300")
        self.assertEqual(status(answer), 200)
        self.assertEqual(sorted(re.sub(r"29\d|300", "300", value) for value in headers(answer, "Contact")),
                         ["<sip:a@127.0.0.1:5070>;expires=300", "<sip:b@127.0.0.1:5071>;expires=120"])  # fmt: skip
        self.assertEqual(status(await self.asked(bob, "Contact: <sip:%61@127.0.0.1:5070>", "Expires: 300")), 200)
        self.assertEqual(await self.world.one("select count(*) from registrations"), 2)
        self.assertEqual(len(headers(await self.asked(bob), "Contact")), 2)
        self.assertEqual(len(headers(await self.asked(bob, "Contact: <sip:b@127.0.0.1:5071>;expires=0"), "Contact")), 1)
        self.assertEqual(headers(await self.asked(bob, "Contact: *", "Expires: 0"), "Contact"), [])
        self.assertEqual(await self.world.one("select count(*) from registrations"), 0)

    async def test_refused(self) -> None:
        """Bad contacts 400, too short a time 423, an old CSeq 500, too many 403, somebody else's address 403, a domain of nobody 404; nothing is bound."""
        bob = self.world.phone(BOB)
        for bad in ("Contact: *", "Contact: <tel:+1>", "Contact: <sip:a@127.0.0.1?Replaces=1>", f"Contact: <sip:{'a' * 600}@127.0.0.1>"):
            self.assertEqual(status(await self.asked(bob, bad)), 400)
        many = ", ".join(f"<sip:a@127.0.0.1:{port}>" for port in range(6000, 6011))
        self.assertEqual(status(await self.asked(bob, f"Contact: {many}")), 403)
        self.assertEqual(status(await bob.with_digest("REGISTER", f"sip:{DOMAIN}", "Contact: <sip:a@127.0.0.1>", to=f"sip:12065550021@{DOMAIN}")), 403)
        self.assertEqual(status(await bob.with_digest("REGISTER", "sip:elsewhere.example", to="sip:a@elsewhere.example")), 404)
        self.assertEqual(status(await self.world.phone(BOB, "wrong").register()), 401)
        self.assertEqual(await self.world.one("select count(*) from registrations"), 0)
        self.assertEqual(status(await self.asked(bob, "Contact: <sip:a@127.0.0.1>", "Expires: 100")), 200)
        proof = digest(challenges(await bob.ask(bob.request("REGISTER", f"sip:{DOMAIN}", to=AOR)))[0], BOB, PASSWORD, "REGISTER", f"sip:{DOMAIN}")
        more = "Contact: <sip:a@127.0.0.1>;expires=0", f"Authorization: {proof}"
        self.assertEqual(status(await bob.ask(bob.request("REGISTER", f"sip:{DOMAIN}", *more, to=AOR, cseq=1))), 500)
        self.assertEqual(await self.world.one("select count(*) from registrations"), 1)

    async def test_expires(self) -> None:
        """A contact ends by its time; messages wait then."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await bob.register(1)), 200)
        await deferLater(_reactor, 1.2)
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select string_agg(state || attempts, '') from messages where next_try is null", "waiting1")
        self.assertEqual(bob.requests, [])

    async def test_too_brief(self) -> None:
        """423 says how long it must be at least."""
        await self.world.server.stopService()
        await self.world.start(shortest_expires="120s")
        answer = await self.world.phone(BOB).register(60)
        self.assertEqual((status(answer), headers(answer, "Min-Expires")), (423, ["120"]))

    async def test_behind_a_nat(self) -> None:
        """A contact that is not where the request came from is reached where it came from, under its own URI; nobody can point us at a third party."""
        alice, bob, victim = self.world.phone(), self.world.phone(BOB, interface="127.0.0.5"), self.world.phone("x", interface="127.0.0.6")
        self.assertEqual(status(await bob.register(contact=f"<sip:{BOB}@192.168.246.191:5061>")), 200)
        self.assertEqual(status(await bob.register(contact=f"<sip:{BOB}@127.0.0.6:{victim.port}>")), 200)
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select state from messages", "delivered")
        lines = sorted(octets.partition(b" SIP/2.0")[0].decode() for octets in bob.requests)
        self.assertEqual(lines, [f"MESSAGE sip:{BOB}@127.0.0.6:{victim.port}", f"MESSAGE sip:{BOB}@192.168.246.191:5061"])
        self.assertEqual(victim.requests, [])

    async def test_account_with_a_domain(self) -> None:
        """An account whose id is user@domain registers by either user name, and is reached."""
        await self.world.pool.execute("update accounts set id = 'carol@sip.example' where i_account = 104")
        for user in ("carol", "carol@sip.example"):
            carol = self.world.phone("carol")
            carol.user = user
            aor = "sip:carol@sip.example"
            contact = f"Contact: <sip:carol@127.0.0.1:{carol.port}>"
            self.assertEqual(status(await carol.with_digest("REGISTER", f"sip:{DOMAIN}", contact, to=aor, sender=aor)), 200)
        arrives = carol.delivered()
        self.assertEqual(status(await self.world.phone().message("carol")), 202)
        await arrives

    async def test_survives_a_restart(self) -> None:
        """Contacts are rows: who was registered before a restart is reached after it."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await bob.register()
        await self.world.server.stopService()
        await self.world.start()
        arrives = bob.delivered()
        self.assertEqual(status(await alice.message(BOB)), 202)
        await arrives


class Line(Protocol):
    """A client of SIP over TCP."""

    def __init__(self) -> None:
        self.octets = b""
        self.closed: Deferred[None] = Deferred()
        self._waits: list[Deferred[bytes]] = []

    def dataReceived(self, data: bytes) -> None:
        """Keep whole messages for who waits."""
        self.octets += data
        while self._waits and b"\r\n\r\n" in self.octets:
            head, _, rest = self.octets.partition(b"\r\n\r\n")
            length = int(headers(head + b"\r\n\r\n", "Content-Length")[0])
            if len(rest) < length:
                return
            self.octets = rest[length:]
            self._waits.pop(0).callback(head + b"\r\n\r\n" + rest[:length])

    def connectionLost(self, reason: Any = None) -> None:
        """Told to who waits."""
        self.closed.callback(None)

    def next(self) -> Deferred[bytes]:
        """The next message."""
        waits: Deferred[bytes] = Deferred()
        self._waits.append(waits)
        self.dataReceived(b"")
        return waits.addTimeout(15, _reactor)

    def send(self, octets: bytes) -> None:
        """Send octets."""
        channel: Any = self.transport
        channel.write(octets)

    async def end(self) -> None:
        """Close the connection."""
        channel: Any = self.transport
        channel.loseConnection()
        await self.closed


class ConnectionTests(SipCase):
    """TCP."""

    async def line(self) -> Line:
        """A connection to the server."""
        line: Line = await connectProtocol(TCP4ClientEndpoint(_reactor, "127.0.0.1", self.world.tcp), Line())
        return line

    async def registered(self, line: Line, phone: Phone) -> None:
        """Register over a connection, with a contact that nobody could reach otherwise."""
        contact = f"Contact: <sip:{BOB}@10.0.0.1:5061;transport=tcp>"
        line.send(_tcp(phone.request("REGISTER", f"sip:{DOMAIN}", contact, to=AOR)))
        proof = digest(challenges(await line.next())[-1], BOB, PASSWORD, "REGISTER", f"sip:{DOMAIN}")
        line.send(_tcp(phone.request("REGISTER", f"sip:{DOMAIN}", contact, f"Authorization: {proof}", to=AOR)))
        self.assertEqual(status(await line.next()), 200)

    async def test_messages_by_the_connection(self) -> None:
        """What is for a phone that registered over TCP goes down its connection, larger than a datagram may be; a ping is answered; a lost line is no way."""
        alice, bob, line = self.world.phone(), self.world.phone(BOB), await self.line()
        await self.registered(line, bob)
        line.send(b"\r\n\r\n")
        while line.octets != b"\r\n":
            await deferLater(_reactor, 0.01)
        line.octets = b""
        self.assertEqual(status(await alice.message(BOB)), 202)
        got = await line.next()
        self.assertEqual(got.partition(b"\r\n")[0].decode(), f"MESSAGE sip:{BOB}@10.0.0.1:5061;transport=tcp SIP/2.0")
        line.send(response(got, 200))
        await self.world.until("select state from messages", "delivered")
        await line.end()
        await self.world.until("select count(*) from registrations", 0)
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.world.until("select string_agg(state || charge, '') from messages where i_message > 1 and next_try is null", "waitingsettled")
        line = await self.line()
        await self.registered(line, bob)
        line.send(response(await line.next(), 200))
        await self.world.until("select count(*) from messages where state = 'delivered'", 2)
        await line.end()

    async def test_large_message(self) -> None:
        """3,000 octets are taken over TCP; they must not go by datagrams (RFC 3428 8), and wait until their recipient has a connection."""
        line, alice, bob = await self.line(), self.world.phone(), self.world.phone(BOB)
        self.assertEqual(status(await bob.register()), 200)
        target = f"sip:{BOB}@{DOMAIN}"
        line.send(_tcp(alice.request("MESSAGE", target, "Content-Type: text/plain", body=b"x" * 3000)))
        proof = digest(challenges(await line.next())[0], alice.user, PASSWORD, "MESSAGE", target)
        line.send(_tcp(alice.request("MESSAGE", target, "Content-Type: text/plain", f"Authorization: {proof}", body=b"x" * 3000)))
        self.assertEqual(status(await line.next()), 202)
        await self.world.until("select count(*) from messages where state = 'waiting' and length(body) = 3000 and next_try > now() and locked_until is null", 1)
        other = await self.line()
        await self.registered(other, bob)
        got = await other.next()
        self.assertEqual((len(got.partition(b"\r\n\r\n")[2]), bob.requests), (3000, []))
        other.send(response(got, 200))
        await self.world.until("select state from messages", "delivered")
        await other.end()
        await line.end()

    async def test_unreadable(self) -> None:
        """Without a length there is no next message: 400, and the connection is closed; garbage closes it too."""
        unbounded = b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n\r\n"
        for octets in (unbounded, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01" + b"A" * 40000):
            line = await self.line()
            line.send(octets)
            await line.closed


    async def test_connection_of_another_process(self) -> None:
        """What one process accepts for a phone that is connected to another one is delivered by that one."""
        bob, line = self.world.phone(BOB), await self.line()
        await self.registered(line, bob)
        first = self.world.server
        second = await self.world.start(instance="second")
        self.assertEqual(status(await self.world.phone().message(BOB)), 202)
        got = await line.next()
        self.assertIn(b";branch=z9hG4bK", got)
        line.send(response(got, 200))
        await self.world.until("select state || '/' || charge from messages", "delivered/settled")
        await second.stopService()
        self.world.server = first
        self.assertEqual(await self.world.one("select count(*) from registrations"), 1)
        await line.end()


class TlsTests(SipCase):
    """TLS."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made()
        await self.world.server.stopService()
        certificate, key = self_signed(self.world.folder)
        await self.world.start(listen=f"['udp:0', 'tls:0:certificate={certificate}:key={key}']")

    async def test_by_tls(self) -> None:
        """A phone registers over TLS and is reached by its connection."""
        options = ssl.CertificateOptions(verify=False)
        point = SSL4ClientEndpoint(_reactor, "127.0.0.1", self.world.tcp, options)
        line: Line = await connectProtocol(point, Line())
        bob = self.world.phone(BOB)
        contact = f"Contact: <sip:{BOB}@10.0.0.1:5061;transport=tls>"
        line.send(_tcp(bob.request("REGISTER", f"sip:{DOMAIN}", contact, to=AOR)).replace(b"/TCP", b"/TLS"))
        proof = digest(challenges(await line.next())[0], BOB, PASSWORD, "REGISTER", f"sip:{DOMAIN}")
        line.send(_tcp(bob.request("REGISTER", f"sip:{DOMAIN}", contact, f"Authorization: {proof}", to=AOR)).replace(b"/TCP", b"/TLS"))
        self.assertEqual(status(await line.next()), 200)
        self.assertEqual(await self.world.one("select transport from registrations"), "TLS")
        self.assertEqual(status(await self.world.phone().message(BOB)), 202)
        got = await line.next()
        self.assertTrue(headers(got, "Via")[0].startswith("SIP/2.0/TLS "))
        line.send(response(got, 200))
        await self.world.until("select state from messages", "delivered")
        await line.end()


class ThirdPartyTests(SipCase):
    """A registrar of somebody else's at 127.0.0.8, as the platform for roaming users is (the guide's third_party_registrars)."""

    async def _begin(self) -> None:
        self.world = await SipWorld.made()
        self.platform = self.world.phone("platform", interface="127.0.0.8")
        await self.world.server.stopService()
        await self.world.start(third_party_registrars=f"['127.0.0.8:{self.platform.port}']")

    @claims("protei-wifi-roaming.1", "protei-wifi-roaming.3")
    async def test_told(self) -> None:
        """The registration, its renewal and its end are forwarded, with us as the contact; what was lost is made good by the renewal."""
        bob = self.world.phone(BOB)
        self.platform.answers = None
        arrives = self.platform.delivered()
        self.assertEqual(status(await bob.register(300)), 200)
        first = await arrives
        self.platform.answers = 200
        self.platform.requests.clear()
        self.assertEqual(status(await bob.register(300)), 200)
        self.assertEqual(status(await bob.register(0)), 200)
        while len({headers(octets, "CSeq")[0] for octets in self.platform.requests} - set(headers(first, "CSeq"))) < 2:
            await deferLater(_reactor, 0.05)
        told = {headers(octets, "CSeq")[0]: octets for octets in [first, *self.platform.requests]}
        self.assertEqual([headers(octets, "Expires")[0] for octets in told.values()], ["300", "300", "0"])
        self.assertEqual(first.partition(b"\r\n")[0].decode(), f"REGISTER sip:127.0.0.8:{self.platform.port} SIP/2.0")
        self.assertEqual(headers(first, "To"), [f"<{AOR}>"])
        self.assertEqual(headers(first, "Contact"), [f"<sip:{BOB}@127.0.0.1:{self.world.udp}>"])

    @claims("protei-wifi-roaming.2")
    async def test_nobody_waits(self) -> None:
        """A platform that says nothing, or no, neither delays nor breaks the user's registration."""
        for number, answer in enumerate((None, 403, 500)):
            self.platform.answers = answer
            phone = self.world.phone(BOB)
            since = _reactor.seconds()
            self.assertEqual(status(await phone.register()), 200)
            self.assertLess(_reactor.seconds() - since, 5)
            self.assertEqual(await self.world.one("select count(*) from registrations"), number + 1)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for nobody who exists, and its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    paths = folder / "sip.pem", folder / "sip.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(0o600)
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


def _tcp(octets: bytes) -> bytes:
    return octets.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")

"""
Telephones for tests of the whole server: SIP as octets, made with the standard library alone, and the server with role sip on a database of its own.

A phone answers what it gets with `answers` (200 by default), keeps it in `got`, and knows how to answer a challenge. What it sends is a template that tests
change as they like.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from hashlib import md5, sha256
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from portaswitch.config.settings import load_text
from portaswitch.service import Server
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from tests.server.database import fresh_database

ALICE, BOB, POOR, CAROL = "12065550021", "12065550019", "12065550001", "12065550031"
PASSWORD = "demo-pass-sip"
DOMAIN = "sip.example"
REALM = "sip-18.Omega_MR75"
#: Three subscribers of one environment, a fourth in another; messages cost 0.05, within the server 0.02.
WORLD = """
insert into environments values (1, 'Test', 'CAD'), (2, 'Other', 'CAD');
insert into customers (i_customer, i_env, name, currency, credit_limit) overriding system value values
    (101, 1, 'Retail', 'CAD', 100), (102, 2, 'Other', 'CAD', 9);
insert into services (i_service, i_env, name, i_service_type, base) values (108, 1, 'Messages', 8, 'quantity'), (208, 2, 'Messages', 8, 'quantity');
insert into tariffs (i_tariff, i_env, name, currency, i_service, price_per) values
    (101, 1, 'Messages', 'CAD', 108, 1), (102, 1, 'SMSC', 'CAD', 108, 1), (201, 2, 'Messages', 'CAD', 208, 1);
insert into destinations (i_dest, i_env, prefix) values (101, 1, '1'), (102, 1, 'MSG'), (103, 1, '44'), (104, 1, '1900'), (201, 2, 'MSG');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values
    (101, 101, 101, 0.05, 0.05), (102, 101, 102, 0.02, 0.02), (103, 101, 103, 0.10, 0.10), (104, 102, 103, 0.01, 0.01),
    (201, 201, 201, 0.02, 0.02);
insert into products (i_product, i_env, name, currency) values (101, 1, 'SIP', 'CAD'), (201, 2, 'SIP', 'CAD');
insert into accessibility (i_product, i_service, i_tariff) values (101, 108, 101), (201, 208, 201);
insert into nodes (i_node, i_env, name, nas_identifier, protocol, i_service) values
    (101, 1, 'sip', 'sip.example', 'sip', 108), (201, 2, 'other', 'other.example', 'sip', 208);
insert into vendors (i_vendor, i_env, name, currency) values (101, 1, 'SMSC', 'CAD');
insert into connections (i_vendor, name, remote_ip, i_tariff) values (101, 'smsc', '127.0.0.9', 102);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, credit_limit) values
    (101, 1, '12065550021', 101, 101, -1, 'CAD', 10, 10, null), (102, 1, '12065550019', 101, 101, 1, 'CAD', 0, 0, 5),
    (103, 1, '12065550001', 101, 101, -1, 'CAD', 0.01, 0.01, null), (104, 1, '12065550031', 101, 101, -1, 'CAD', 1, 1, null),
    (201, 2, '12065550021', 102, 201, -1, 'CAD', 1, 1, null);
"""
MONEY = "select balance, held from accounts where i_account = 101"

_reactor: Any = reactor
_numbers = count(1)


def digest(challenge: Mapping[str, str], user: str, password: str, method: str, uri: str, nc: int = 1, cnonce: str = "0a4f113b") -> str:
    """The Authorization for a challenge (RFC 7616, without qop RFC 2617), by the standard library."""
    sha = challenge.get("algorithm", "MD5").upper() == "SHA-256"

    def h(text: str) -> str:
        return sha256(text.encode()).hexdigest() if sha else md5(text.encode()).hexdigest()

    secret, asked = h(f"{user}:{challenge['realm']}:{password}"), h(f"{method}:{uri}")
    realm, nonce = challenge["realm"], challenge["nonce"]
    fields = f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}"'
    if "algorithm" in challenge:
        fields += f", algorithm={challenge['algorithm']}"
    if "qop" not in challenge:
        proof = h(f"{secret}:{nonce}:{asked}")
        return f'Digest {fields}, response="{proof}"'
    proof = h(f"{secret}:{nonce}:{nc:08x}:{cnonce}:auth:{asked}")
    return f'Digest {fields}, qop=auth, nc={nc:08x}, cnonce="{cnonce}", response="{proof}"'


def headers(octets: bytes, name: str) -> list[str]:
    """The values of a header in a message, in order."""
    lines = octets.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape").split("\r\n")[1:]
    return [line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip().lower() == name.lower()]


def challenges(octets: bytes) -> list[dict[str, str]]:
    """The challenges of a 401."""
    return [{name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', text)} for text in headers(octets, "WWW-Authenticate")]


def status(octets: bytes) -> int:
    """The status of a response."""
    return int(octets[8:11])


class Phone(DatagramProtocol):
    """A telephone of `user` on a UDP port of its own."""

    def __init__(self, world: SipWorld, user: str = ALICE, password: str = PASSWORD, interface: str = "127.0.0.1") -> None:
        self.world, self.user, self.password = world, user, password
        self.got: list[bytes] = []
        self.requests: list[bytes] = []
        self.answers: int | None = 200
        self._waits: list[tuple[str, Deferred[bytes]]] = []
        self._seen: list[Deferred[bytes]] = []
        self.call, self.cseq, self.domain = f"call{next(_numbers)}", 0, DOMAIN
        self._socket = _reactor.listenUDP(0, self, interface=interface, maxPacketSize=65536)
        self.port = int(self._socket.getHost().port)
        self.host = interface

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """An answer to somebody who waits, or a request."""
        self.got.append(datagram)
        if datagram.startswith(b"SIP/2.0"):
            branch = _branch(datagram)
            for wait in [wait for wait in self._waits if wait[0] == branch and status(datagram) >= 200]:
                self._waits.remove(wait)
                wait[1].callback(datagram)
            return
        self.requests.append(datagram)
        if self.answers is not None:
            self.send(response(datagram, self.answers), addr)
        while self._seen:
            self._seen.pop().callback(datagram)

    def send(self, octets: bytes, to: tuple[str, int] | None = None) -> None:
        """Send octets to the server, or elsewhere."""
        transport: Any = self.transport
        transport.write(octets, to or ("127.0.0.1", self.world.udp))

    def ask(self, octets: bytes, seconds: float = 30) -> Deferred[bytes]:
        """Send a request; fires with its final response."""
        waits: Deferred[bytes] = Deferred()
        self._waits.append((_branch(octets), waits))
        self.send(octets)
        return waits.addTimeout(seconds, _reactor)

    def delivered(self, seconds: float = 30) -> Deferred[bytes]:
        """Fires with the next request that comes in."""
        waits: Deferred[bytes] = Deferred()
        self._seen.append(waits)
        return waits.addTimeout(seconds, _reactor)

    def request(self, method: str, target: str, *more: str, body: bytes = b"", sender: str = "", to: str = "", cseq: int = 0) -> bytes:
        """A request of this phone with a new branch, and the next CSeq unless one is given."""
        if not cseq:
            self.cseq += 1
        sender = sender or f"sip:{self.user}@{self.domain}"
        lines = [
            f"{method} {target} SIP/2.0", f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK.{next(_numbers)}.{self.port};rport", "Max-Forwards: 70",
            f"To: <{to or target}>", f"From: <{sender}>;tag=A7inU09LN", f"Call-ID: {self.call}", f"CSeq: {cseq or self.cseq} {method}", *more,
            f"Content-Length: {len(body)}",
        ]  # fmt: skip
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body

    async def with_digest(self, method: str, target: str, *more: str, body: bytes = b"", strongest: bool = True, to: str = "", sender: str = "") -> bytes:
        """Ask, answer the challenge, and give the answer to that (or the first one where it was no challenge)."""
        first = await self.ask(self.request(method, target, *more, body=body, to=to, sender=sender))
        if status(first) != 401:
            return first
        proof = digest(challenges(first)[0 if strongest else -1], self.user, self.password, method, target)
        return await self.ask(self.request(method, target, *more, f"Authorization: {proof}", body=body, to=to, sender=sender))

    async def register(self, seconds: int = 600, contact: str = "") -> bytes:
        """Register this phone; `contact` is another contact than its own place."""
        contact = contact or f"<sip:{self.user}@{self.host}:{self.port}>"
        aor = f"sip:{self.user}@{self.domain}"
        return await self.with_digest("REGISTER", f"sip:{self.domain}", f"Contact: {contact}", f"Expires: {seconds}", to=aor)

    async def message(self, called: str, text: str = "hello world", *more: str) -> bytes:
        """Send a text to a number in our domain."""
        self.call = f"call{next(_numbers)}"
        target = called if ":" in called else f"sip:{called}@{self.domain}"
        return await self.with_digest("MESSAGE", target, "Content-Type: text/plain", *more, body=text.encode())

    async def close(self) -> None:
        """Unplug it."""
        await self._socket.stopListening()


def response(request: bytes, code: int, reason: str = "Whatever") -> bytes:
    """The response to a request."""
    lines = [f"SIP/2.0 {code} {reason}", *(f"Via: {via}" for via in headers(request, "Via"))]
    lines += [f"{name}: {headers(request, name)[0]}{';tag=7e6fc0ff' if name == 'To' else ''}" for name in ("To", "From", "Call-ID", "CSeq")]
    return "\r\n".join((*lines, "Content-Length: 0", "", "")).encode()


def _branch(octets: bytes) -> str:
    found = re.search(rb"branch=([^;\s,]+)", octets)
    return found[1].decode("ascii", "replace") if found else ""


class SipWorld:
    """A running server with role sip, its database, and phones that are unplugged with it."""

    server: Server
    pool: Pool

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="portaswitch-sip-"))
        self.phones: list[Phone] = []
        self.dsn = ""
        self.fixed = 0

    @classmethod
    async def made(cls, sql: str = "", **settings: str) -> SipWorld:
        """A world with more rows than `WORLD`; `settings` are keys of the section `sip` as YAML."""
        world = cls()
        world.dsn = await fresh_database()
        world.pool = Pool(reactor, world.dsn, size=1, name="test")
        await world.pool.start()
        sealer = Sealer.load(world.folder / "secret.key")
        await world.pool.execute(WORLD + sql)
        await world.pool.execute("update accounts set h323_password = %s", (sealer.seal(PASSWORD),))
        world.server = await world.start(**settings)
        return world

    async def start(self, **settings: str) -> Server:
        """A server (again, or another one, of another `instance`) on the same database."""
        instance = settings.pop("instance", "main")
        sip = {
            "listen": '["udp:0", "tcp:0"]', "domains": f"[{DOMAIN}, other.example, 127.0.0.1]", "realm": REALM, "shortest_expires": "1s",
            "source_rate": "100000", **settings,
        }  # fmt: skip
        section = "\n".join(f"  {key}: {value}" for key, value in sip.items())
        text = f"state_dir: {self.folder}\ndatabase: '{self.dsn}'\nroles: [sip, jobs]\ninstance: {instance}\n"
        text += f"logging: {{directory: {self.folder}/log}}\nsip:\n{section}\n"
        server = Server(reactor, load_text(text))
        server.startService()
        await server.ready
        self.server = server
        return server

    @property
    def udp(self) -> int:
        """The server's UDP port; `fixed` where it is another process."""
        return self.fixed or self._port(0)

    @property
    def tcp(self) -> int:
        """Its TCP port."""
        return self._port(1)

    def _port(self, place: int) -> int:
        service = self.server.sip
        assert service is not None
        return list(service.ports.values())[place].sent_by[1]

    def phone(self, user: str = ALICE, password: str = PASSWORD, interface: str = "127.0.0.1") -> Phone:
        """A new phone."""
        phone = Phone(self, user, password, interface)
        self.phones.append(phone)
        return phone

    async def one(self, sql: str) -> Any:
        """The only row of a query, or its only value."""
        rows = await self.pool.query(sql)
        if len(rows) != 1:
            raise AssertionError(f"{len(rows)} rows: {sql}")
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    async def until(self, sql: str, wanted: Any, seconds: float = 60) -> None:
        """Wait until a query gives that."""
        end = _reactor.seconds() + seconds
        while (found := await self.one(sql)) != wanted:
            if _reactor.seconds() > end:
                raise AssertionError(f"{found!r} is not {wanted!r}: {sql}")
            await deferLater(_reactor, 0.02)

    async def end(self) -> None:
        """Stop everything."""
        await self.server.stopService()
        for phone in self.phones:
            await phone.close()
        await self.pool.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class SipCase(TestCase):
    """Tests that each have a server and a database of their own in `world`; `settings` are keys of its section `sip`."""

    timeout = 180
    settings: Mapping[str, str] = {}

    def setUp(self) -> Any:
        """Start the world."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await SipWorld.made(**self.settings)

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

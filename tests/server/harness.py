"""
The whole server in a test: its own database, ports from the system, and a NAS made of pyrad's packets.

The sender is not ours on purpose (DESIGN.md 8): what pyrad builds and accepts is what other people's equipment does.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyrad import packet as pyrad_packet
from pyrad.dictionary import Dictionary
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

SECRET = b"testing123"
#: The attributes that the tests send or read, in pyrad's own format.
DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string encrypt=1
ATTRIBUTE CHAP-Password 3 octets
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE Service-Type 6 integer
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Delay-Time 41 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Acct-Session-Time 46 integer
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE Message-Authenticator 80 octets
VENDOR Cisco 9
BEGIN-VENDOR Cisco
ATTRIBUTE Cisco-AVPair 1 string
ATTRIBUTE h323-remote-address 23 string
ATTRIBUTE h323-conf-id 24 string
ATTRIBUTE h323-setup-time 25 string
ATTRIBUTE h323-call-origin 26 string
ATTRIBUTE h323-call-type 27 string
ATTRIBUTE h323-connect-time 28 string
ATTRIBUTE h323-disconnect-time 29 string
ATTRIBUTE h323-disconnect-cause 30 string
ATTRIBUTE h323-credit-amount 101 string
ATTRIBUTE h323-credit-time 102 string
ATTRIBUTE h323-return-code 103 string
ATTRIBUTE h323-preferred-lang 107 string
ATTRIBUTE h323-billing-model 109 string
ATTRIBUTE h323-currency 110 string
END-VENDOR Cisco
"""
START, STOP, ALIVE, ON = 1, 2, 3, 7

#: One environment with the prepaid card of the guide's Appendix A, a credit account under its customer's limit, and a vendor; written as rows, so that
#: these tests do not hang on the loader.
WORLD = """
insert into environments values (1, 'Test', 'CAD');
insert into customers (i_customer, i_env, name, currency, credit_limit) overriding system value values (101, 1, 'Retail', 'CAD', 5);
insert into services (i_service, i_env, name, i_service_type, base) values (103, 1, 'Voice calls', 3, 'session-time');
insert into tariffs (i_tariff, i_env, name, currency, i_service) values (101, 1, 'PrepaidCard', 'CAD', 103), (102, 1, 'Carrier', 'CAD', 103);
insert into destinations (i_dest, i_env, prefix) values (101, 1, '82'), (102, 1, '44');
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (101, 101, 101, 0.02, 0.02), (102, 102, 102, 0.01, 0.01);
insert into rates (i_rate, i_tariff, i_dest, interval_first, interval_n, price_first, price_n) values (103, 101, 102, 60, 60, 0.30, 0.30);
insert into products (i_product, i_env, name, currency) values (101, 1, 'PrepaidCard', 'CAD');
insert into accessibility (i_product, i_service, i_tariff) values (101, 103, 101);
insert into nodes (i_node, i_env, name, nas_ip, dial_rules, zones) values
    (101, 1, 'gw', '164.9.9.100', '[{"prefix": "011", "replace": ""}]', '{"PST": "America/Los_Angeles"}');
insert into vendors (i_vendor, i_env, name, currency) values (101, 1, 'Carrier', 'CAD');
insert into connections (i_vendor, name, remote_ip, i_tariff) values (101, 'trunk', '192.0.2.77', 102);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance)
    values (101, 1, '10086610975', 101, 101, -1, 'CAD', 10, 10);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency, credit_limit)
    values (102, 1, '442079460001', 101, 101, 1, 'CAD', 2);
"""


class Nas(DatagramProtocol):
    """A NAS: sends octets, and fires with the first answer of each Identifier."""

    def __init__(self) -> None:
        self.waiting: dict[int, Deferred[bytes]] = {}

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Match an answer to its request by Identifier."""
        waiting = self.waiting.pop(datagram[1], None)
        if waiting is not None:
            waiting.callback(datagram)


class World:
    """A running server, its database and a NAS. `await World.made()`, and `await world.end()` in the end."""

    server: Server
    pool: Pool

    def __init__(self) -> None:
        self.dictionary = Dictionary(io.StringIO(DICTIONARY))
        self.folder = Path(tempfile.mkdtemp(prefix="portaswitch-world-"))
        self._reactor: Any = reactor
        self._nas = Nas()
        self._socket: Any = None
        self._identifier = 0
        self._dsn = ""

    @classmethod
    async def made(cls, sql: str = WORLD, **settings: Any) -> World:
        """A world with these rows; `settings` are further keys of the section `radius`, `limits` those of its own."""
        world = cls()
        world._dsn = await fresh_database()
        world.pool = Pool(reactor, world._dsn, size=1, name="test")
        await world.pool.start()
        sealer = Sealer.load(world.folder / "secret.key")
        await world.pool.execute(sql)
        await world.pool.execute("insert into radius_clients (i_env, address, secret) values (1, '127.0.0.1', %s)", (sealer.seal(SECRET.decode()),))
        world._socket = world._reactor.listenUDP(0, world._nas, interface="127.0.0.1")
        await world.start(**settings)
        return world

    async def start(self, **settings: Any) -> None:
        """Start the server (again) on the same database; `roles` and `more` (sections) are of the file itself."""
        roles, more = settings.pop("roles", "radius, jobs"), settings.pop("more", "")
        limits = ", ".join(f"{key}: {value}" for key, value in settings.pop("limits", {}).items())
        radius = {"auth_port": 0, "acct_port": 0, "reject_delay": "0", **settings}
        section = ", ".join(f"{key}: {value}" for key, value in radius.items())
        text = f"state_dir: {self.folder}\ndatabase: '{self._dsn}'\nroles: [{roles}]\nlogging: {{directory: {self.folder}/log}}\n"
        text += f"radius: {{{section}}}\nlimits: {{{limits}}}\n{more}"
        self.server = Server(reactor, load_text(text))
        self.server.startService()
        await self.server.ready

    async def stop(self) -> None:
        """Stop the server as SIGTERM does."""
        await self.server.stopService()

    async def end(self) -> None:
        """Stop everything and remove the folder."""
        await self.stop()
        await self._socket.stopListening()
        await self.pool.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- packets ----------------------------------------------------------------------------------------------------------------------------------

    def packet(self, kind: str, pairs: Sequence[tuple[str, Any]], secret: bytes = SECRET) -> Any:
        """A pyrad request, 'auth' or 'acct'; names with blanks are not needed, h323-* values get their prefix as gateways send it."""
        self._identifier = (self._identifier + 1) % 256
        make = pyrad_packet.AuthPacket if kind == "auth" else pyrad_packet.AcctPacket
        made = make(id=self._identifier, secret=secret, dict=self.dictionary)
        for name, value in pairs:
            if name == "User-Password":
                value = made.PwCrypt(value)
            elif name in ("h323-ivr-out", "call-id"):
                name, value = "Cisco-AVPair", f"{name}={value}"
            elif name.startswith("h323-"):
                value = f"{name}={value}"
            made.AddAttribute(name, value)
        return made

    async def exchange(self, request: Any) -> Any:
        """Send a pyrad request and return the verified answer; a timeout fails the test."""
        octets = await self.raw("auth" if request.code == 1 else "acct", request.RequestPacket())
        return request.CreateReply(packet=octets) if request.VerifyReply(request.CreateReply(packet=octets), octets) else None

    def raw(self, port: str, octets: bytes, seconds: float = 30) -> Deferred[bytes]:
        """Send octets to a port; fires with the answer's octets, or fails with TimeoutError."""
        waiting: Deferred[bytes] = Deferred()
        self._nas.waiting[octets[1]] = waiting
        self.send(port, octets)
        return waiting.addTimeout(seconds, self._reactor)

    def send(self, port: str, octets: bytes) -> None:
        """Send octets without waiting."""
        transport: Any = self._nas.transport
        transport.write(octets, ("127.0.0.1", self.port(port)))

    def port(self, name: str) -> int:
        """The UDP port of 'auth' or 'acct'."""
        transport: Any = self.server.protocols[name].transport
        return int(transport.getHost().port)

    async def changed(self, sql: str) -> None:
        """Change the catalogue, and wait until the server has heard of it; the test's time limits that."""
        before = self.server.catalogue.generation
        await self.pool.execute(sql)
        await self.heard(before)

    async def heard(self, before: int) -> None:
        """Wait until the server has another catalogue than that of a generation; the test's time limits that."""
        while self.server.catalogue.generation == before:
            await deferLater(self._reactor, 0.02)

    async def one(self, sql: str) -> Any:
        """The only row of a query, or its only value."""
        rows = await self.pool.query(sql)
        if len(rows) != 1:
            raise AssertionError(f"{len(rows)} rows: {sql}")
        return rows[0][0] if len(rows[0]) == 1 else rows[0]


class WorldCase(TestCase):
    """Tests that each have a running server and a database of their own in `world`."""

    timeout = 180

    def setUp(self) -> Any:
        """Start the world."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made()

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())


def ivr(answer: Any) -> dict[str, str]:
    """The h323-ivr-in pairs of an answer."""
    pairs = (value.removeprefix("h323-ivr-in=").partition(":") for value in answer.get("Cisco-AVPair", []))
    return {name: value for name, _, value in pairs}


def h323(answer: Any, name: str) -> str | None:
    """The value of an h323-* attribute without its prefix."""
    values = answer.get(name, [])
    return values[0].removeprefix(f"{name}=") if values else None

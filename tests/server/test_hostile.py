"""
Hostile packets against the whole server: each is answered or dropped as docs/radius-hostile.rst says, nothing fails, and the next good request is served.

The table is what was measured. After a change that is meant, write it anew and read the difference:

    PORTASWITCH_HOSTILE=write .venv/bin/python -m twisted.trial tests.server.test_hostile
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import TestCase

from portaswitch.metrics import render
from portaswitch.store.audit import audit
from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server import hostile_kinds, hostile_table, hostile_values
from tests.server.harness import WORLD, World
from tests.server.hostile import SECRET, SIGNATURE, Kind, Make, attribute, avpair, number, outcome, password, request, vendor
from tests.server.hostile_kinds import NODE, PASSWORD, REPORT, SESSION, TABLE, USER, WHO

MORE = """
insert into environments values (2, 'Other', 'EUR');
insert into customers (i_customer, i_env, name, currency, credit_limit) overriding system value values (102, 1, 'Rich', 'CAD', 1000000000000);
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency) values
    (103, 1, '4930001', 102, 101, 1, 'CAD'), (104, 1, '4930002', 102, 101, 1, 'CAD');
"""
PROBE = (NODE, attribute(1, "4930002"), password(PASSWORD))
DROP = re.compile(r'^portaswitch_radius_dropped_total\{port="(\w+)",reason="([\w-]+)"\} (\d+)$', re.MULTILINE)
WAIT = 5
WRITE = os.environ.get("PORTASWITCH_HOSTILE") == "write"

_reactor: Any = reactor


class Sender(DatagramProtocol):
    """One source address: fires with the answer to an Identifier, keeps what nobody waited for."""

    def __init__(self, address: str) -> None:
        self.waiting: dict[int, Deferred[bytes]] = {}
        self.strays: list[bytes] = []
        self.answers: dict[int, bytes] = {}
        self._expected: frozenset[int] = frozenset()
        self._arrived: tuple[int, Deferred[None]] | None = None
        self.port = _reactor.listenUDP(0, self, interface=address, maxPacketSize=65536)

    def send(self, octets: bytes, port: int) -> None:
        """Send a datagram to the server."""
        transport: Any = self.transport
        transport.write(octets, ("127.0.0.1", port))

    def ask(self, identifier: int, octets: bytes, port: int) -> Deferred[bytes]:
        """Send a datagram and fire with its answer."""
        self.waiting[identifier] = waiting = Deferred[bytes]()
        self.send(octets, port)
        return waiting

    def expect(self, identifiers: Iterable[int]) -> None:
        """Keep one answer each to these in `answers`."""
        self._expected, self.answers = frozenset(identifiers), {}

    def arrived(self, count: int) -> Deferred[None]:
        """Fires when so many of the expected answers are there."""
        done = Deferred[None]()
        self._arrived = (count, done)
        self._check()
        return done

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Match an answer by its Identifier."""
        waiting = self.waiting.pop(datagram[1], None)
        if waiting is not None:
            waiting.callback(datagram)
        elif datagram[1] in self._expected and datagram[1] not in self.answers:
            self.answers[datagram[1]] = datagram
            self._check()
        else:
            self.strays.append(datagram)

    def _check(self) -> None:
        if self._arrived is not None and len(self.answers) >= self._arrived[0]:
            (_, done), self._arrived = self._arrived, None
            done.callback(None)


def drops() -> dict[tuple[str, str], int]:
    """The counts of dropped packets by port and reason, as /metrics tells them."""
    return {(port, reason): int(count) for port, reason, count in DROP.findall(render())}


def rejected() -> int:
    """How many Access-Rejects were sent, as /metrics tells."""
    found = re.search(r'^portaswitch_radius_sent_total\{port="auth",code="access-reject"\} (\d+)$', render(), re.MULTILINE)
    return int(found[1]) if found else 0


class HostileTests(TestCase):
    """Each test has a server of its own, and sends it many kinds."""

    timeout = 180

    def setUp(self) -> Any:
        """Start the world with the clients of `TABLE`."""
        self.senders: dict[str, Sender] = {}
        self.told: dict[str, str] = {}
        self.failures: list[str] = []
        self._identifier = 0
        observer = cast(ILogObserver, self._logged)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = world = await World.made(WORLD + MORE)
        await world.stop()
        sealer = Sealer.load(world.folder / "secret.key")
        await world.pool.execute("update accounts set h323_password = %s where i_account in (103, 104)", (sealer.seal(PASSWORD.decode()),))
        add = "insert into radius_clients (i_env, address, secret, require_message_authenticator, limit_proxy_state) values (%s, %s, %s, %s, %s)"
        for address, (require, limit) in TABLE.items():
            await world.pool.execute(add, (1, address, sealer.seal(SECRET.decode()), require, limit))
        await world.pool.execute(add, (2, "127.0.0.9", sealer.seal(SECRET.decode()), "auto", "yes"))
        await world.start()
        await self.probe()  # unsigned, so that `auto` does not ask 127.0.0.1 for signatures

    def tearDown(self) -> Any:
        """Nothing failed, and the books are right."""
        return Deferred.fromCoroutine(self._finish())

    async def _finish(self) -> None:
        try:
            self.assertEqual(self.failures, [])
            found = await audit(self.world.pool)
            self.assertEqual([finding for finding in found.findings if finding.differ], [])
        finally:
            for sender in self.senders.values():
                await sender.port.stopListening()
            await self.world.end()
        self.assertEqual({address: len(sender.strays) for address, sender in self.senders.items() if sender.strays}, {})

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self.failures.append(f"{event.get('log_namespace')}: {event.get('log_format')} {event.get('log_failure')}")

    # -- sending ----------------------------------------------------------------------------------------------------------------------------------

    def sender(self, address: str = "127.0.0.1") -> Sender:
        """The socket of a source address."""
        if address not in self.senders:
            self.senders[address] = Sender(address)
        return self.senders[address]

    async def asked(self, make: Make, port: str = "auth", address: str = "127.0.0.1") -> str:
        """What a request is answered; a timeout fails the test."""
        self._identifier = (self._identifier + 1) % 256
        octets = make(self._identifier)
        answer = await self.sender(address).ask(self._identifier, octets, self.world.port(port)).addTimeout(WAIT, _reactor)
        return outcome(answer, octets, SECRET)

    async def probe(self) -> None:
        """The next good request is served."""
        self.assertEqual(await self.asked(request(1, *PROBE)), "Access-Accept")

    async def measured(self, kind: Kind) -> set[str]:
        """
        Send the packets of a kind, then a Status-Server from a client of ours: when that is answered, each was dropped and counted, or its answer is under way.
        """
        before, sender, sent = drops(), self.sender(kind.source), dict[int, bytes]()
        for make in kind.makes:
            self._identifier = (self._identifier + 1) % 256
            sent[self._identifier] = make(self._identifier)
        sender.expect(sent)
        for octets in sent.values():
            sender.send(octets, self.world.port(kind.port))
        await self.asked(request(12, SIGNATURE), kind.port)
        dropped = {key: count - before.get(key, 0) for key, count in drops().items() if count != before.get(key, 0)}
        self.assertEqual({port for port, _ in dropped} - {kind.port}, set(), kind.name)
        told = {f"dropped: {reason}" for _, reason in dropped}
        try:
            await sender.arrived(len(sent) - sum(dropped.values())).addTimeout(WAIT, _reactor)
        except TimeoutError:
            told.add(f"silence, {set(drops().items()) - set(before.items())}")
        return told | {outcome(answer, sent[identifier], SECRET) for identifier, answer in sender.answers.items()}

    async def sent(self, kinds: Iterable[Kind], group: str) -> None:
        """Send the kinds of a group and compare with the table."""
        for kind in kinds:
            self.assertEqual(kind.group, group)
            seen = sorted(await self.measured(kind))
            await self.probe()
            self.assertEqual(self.failures, [], kind.name)
            self.assertNotIn(kind.name, self.told)
            self.told[kind.name] = ", ".join(seen)
        self.compare(group)

    def compare(self, group: str) -> None:
        """The outcomes of a group are those of the table; written instead where that is asked for."""
        for name, told in self.told.items():
            self.assertNotRegex(told, "defect|silence|database|undecided", name)
        if WRITE:
            hostile_table.RADIUS.write(group, self.told)
        self.assertEqual(hostile_table.RADIUS.read().get(group), self.told, "the table differs: see the head of this file")

    # -- kinds ------------------------------------------------------------------------------------------------------------------------------------

    async def test_framing(self) -> None:
        """Lengths of datagrams and packets."""
        await self.sent(hostile_kinds.framing(), "Framing")

    async def test_attributes(self) -> None:
        """Lengths, numbers and texts of attributes; what is unknown is passed over."""
        await self.sent(hostile_kinds.attributes(), "Attributes")

    @claims("mikrotik.7")
    async def test_vendors(self) -> None:
        """Vendor-Specific of any shape never costs the packet."""
        await self.sent(hostile_kinds.vendors(), "Vendor-Specific")
        refused = {kind for kind, told in self.told.items() if told not in ("Access-Accept", "Accounting-Response")}
        self.assertEqual(refused, {"TLV of Digest (207): 120 empty ones, auth"})  # a proof, though an empty one

    async def test_signatures(self) -> None:
        """Authenticators and Message-Authenticators."""
        await self.sent(hostile_kinds.signatures(), "Authenticators")

    async def test_proxies(self) -> None:
        """Proxy-State, by what the client has to do."""
        await self.sent(hostile_kinds.proxies(), "Proxy-State")

    async def test_proofs(self) -> None:
        """Passwords and other proofs."""
        await self.sent(hostile_kinds.proofs(), "Proofs")

    async def test_codes(self) -> None:
        """Codes on both ports."""
        await self.sent(hostile_kinds.codes(), "Codes")

    async def test_clients(self) -> None:
        """Strangers and walls between environments."""
        await self.sent(hostile_kinds.clients(), "Clients")

    async def test_texts(self) -> None:
        """Texts in PortaBilling's attributes."""
        await self.sent(hostile_values.texts(), "Texts")

    async def test_sizes(self) -> None:
        """Values of all standard types."""
        await self.sent(hostile_values.sizes(), "Sizes")

    async def test_numbers(self) -> None:
        """Numbers at the ends of their range; no session is left open beyond reason."""
        await self.sent(hostile_values.numbers(), "Numbers")
        late = "select session_key, expires from sessions where expires > now() + interval '2 days' or expires < now()"
        self.assertEqual(await self.world.pool.query(late), [])

    # -- several packets --------------------------------------------------------------------------------------------------------------------------

    async def flood(self, makes: Iterable[tuple[Sender, bytes]], port: str) -> dict[str, int]:
        """Send all at once, let the reactor work every 50, and count what was dropped when all has been read."""
        before = drops()
        for place, (sender, octets) in enumerate(makes, 1):
            sender.send(octets, self.world.port(port))
            if place % 50 == 0:
                await self.asked(request(12, SIGNATURE), port)
        await self.asked(request(12, SIGNATURE), port)
        return {reason: count - before.get((there, reason), 0) for (there, reason), count in drops().items() if count != before.get((there, reason), 0)}

    async def test_floods(self) -> None:
        """5,000 packets of one peer, 300 strangers: counted, and the peer next to them is served."""
        loud = self.sender("127.0.0.8")
        noise = [(loud, request(4, *REPORT, secret=b"guess")(place % 256)) for place in range(5000)]
        self.told["5000 accounting packets of another secret of one client"] = str(await self.flood(noise, "acct"))
        await self.probe()
        loud.strays.clear()
        strangers = [Sender(f"127.0.9.{place}" if place < 256 else f"127.0.10.{place - 256}") for place in range(300)]
        self.senders |= {f"stranger {place}": stranger for place, stranger in enumerate(strangers)}
        strange = [(stranger, request(1, *WHO)(place % 256)) for place, stranger in enumerate(strangers)]
        self.told["one packet each of 300 strangers"] = str(await self.flood(strange, "auth"))
        await self.probe()
        good = [(loud, request(1, NODE, USER, password(b"wrong"))(place % 256)) for place in range(2000)]
        before = rejected()
        dropped = await self.flood(good, "auth")
        await self.probe()
        assert self.world.server.core is not None
        await self.world.server.core.drained()
        self.assertLessEqual(set(dropped), {"peer-overload", "overload"})
        self.assertEqual(rejected() - before + sum(dropped.values()), 2000)
        while len(loud.strays) < min(rejected() - before, 200):  # the rest of the answers may have overrun the socket of the test
            await self.probe()
        self.told["2000 guesses of a password by one client"] = "each answered Access-Reject 2, or dropped: peer-overload"
        self.assertEqual({answer[0] for answer in loud.strays}, {3})
        while loud.strays:  # what still comes
            loud.strays.clear()
            await self.probe()
        self.compare("Floods")

    async def test_duplicates(self) -> None:
        """The same octets again, another authenticator, another content under the same one."""
        sender, port = self.sender("127.0.0.8"), self.world.port("auth")
        octets = request(1, *WHO)(7)
        first = await sender.ask(7, octets, port)
        again = await sender.ask(7, octets, port)
        self.told["answered, the same octets again"] = "the same answer" if again == first else "another answer"
        changed = request(1, *WHO)(7)
        self.told["the same Identifier, another authenticator"] = outcome(await sender.ask(7, changed, port), changed, SECRET)
        guess = request(1, NODE, USER, password(b"wrong"), vector=b"v" * 16)(8)
        self.told["a wrong password"] = outcome(await sender.ask(8, guess, port), guess, SECRET)
        other = request(1, *WHO, vector=b"v" * 16)(8)
        self.told["the right one under the same Identifier and authenticator"] = outcome(await sender.ask(8, other, port), other, SECRET)
        neighbour = self.sender("127.0.0.5")
        self.told["the same octets from another client"] = outcome(await neighbour.ask(8, other, port), other, SECRET)
        before = drops()
        together = request(1, *WHO)(9)
        asked = sender.ask(9, together, port)
        for _ in range(20):
            sender.send(together, port)
        outcome(await asked, together, SECRET)
        await self.probe()
        told = drops().get(("auth", "in-progress"), 0) - before.get(("auth", "in-progress"), 0) + len(sender.strays)
        self.assertEqual({answer for answer in sender.strays}, set() if not sender.strays else {sender.strays[0]})
        self.told["20 repetitions before the answer"] = "dropped: in-progress, or the same answer" if told == 20 else f"{told} of 20"
        sender.strays.clear()
        self.compare("Duplicates")

    async def test_accounting_again(self) -> None:
        """A Stop sent 50 times by 50 authenticators, with other content, and from another port: one charge."""
        stop = (NODE, USER, attribute(30, "4420"), number(40, 2), SESSION)
        makes = [request(4, *stop, number(46, 60), number(41, delay)) for delay in range(50)]
        answers = await gatherResults([Deferred.fromCoroutine(self.asked(make, "acct")) for make in makes])
        self.assertEqual(set(answers), {"Accounting-Response"})
        self.assertEqual(await self.asked(request(4, *stop, number(46, 1), attribute(30, "82")), "acct", "127.0.0.8"), "Accounting-Response")
        self.assertEqual(await self.world.one("select count(*) from xdr where storage = 'a'"), 1)

    @claims("mikrotik.7")
    async def test_mikrotik(self) -> None:
        """Mikrotik-Realm, Ascend-Xmit-Rate and attributes that no dictionary has: the log-in is accepted, the session accounted."""
        extra = (vendor(14988, attribute(9, "realm")), vendor(529, number(255, 64000)), attribute(197, b"\0\0\xfa\0"), attribute(231, b"?"), avpair("x-y-z=1"))
        self.assertEqual(await self.asked(request(1, *WHO, *extra)), "Access-Accept")
        self.assertEqual(await self.asked(request(4, *REPORT, *extra), "acct"), "Accounting-Response")
        self.assertEqual(await self.world.one("select count(*) from xdr where storage = 'a' and not failed"), 1)


class TableTests(TestCase):
    """docs/radius-hostile.rst."""

    def test_whole(self) -> None:
        """The page is the table and nothing else, and has at least 150 kinds."""
        page = hostile_table.RADIUS
        table = page.read()
        self.assertEqual(page.path.read_text(encoding="utf-8"), page.text(table))
        self.assertEqual(list(table), [group for group in hostile_table.GROUPS if group in table])
        self.assertEqual(set(table), set(hostile_table.GROUPS))
        self.assertGreaterEqual(sum(map(len, table.values())), 150)

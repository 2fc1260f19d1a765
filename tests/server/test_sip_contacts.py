"""Contacts that several processes change and remember: nothing is lost, nobody is sought where he was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from json import dumps

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from portaswitch.model.message import Charge, Contact, Fate, State, Text
from portaswitch.model.registration import Bound
from portaswitch.store.messages import Messages
from portaswitch.store.pool import Cursor, Pool
from portaswitch.store.registrations import Registrations
from tests.server.phones import BOB, DOMAIN, SipCase, status
from tests.server.pools import until

UNTIL = datetime.now(UTC) + timedelta(hours=1)
Change = Callable[[Sequence[Contact]], Sequence[Contact]]
COUNT = "select count(*) from registrations"


class Refused(Exception):
    """What a change may raise."""


def one_more(port: int, seen: list[int] | None = None) -> Change:
    """A change that adds a contact; `seen` gets how many it found."""

    def change(known: Sequence[Contact]) -> Sequence[Contact]:
        if seen is not None:
            seen.append(len(known))
        return [*known, Contact(0, f"sip:{port}@127.0.0.1:{port}", "UDP", "127.0.0.1", port, "udp:0", "call", 1, UNTIL)]

    return change


def just(contacts: Sequence[Contact]) -> Change:
    """A change that leaves these, and no others."""
    return lambda known: contacts


#: Connections that wait for the turn of an account.
WAITERS = "select count(*) from pg_locks where locktype = 'advisory' and classid = 5458256 and not granted"


class ContactsTests(SipCase):
    """A running server, and two more processes' registrars on its database."""

    async def _begin(self) -> None:
        await super()._begin()
        self.one, self.other = [Registrations(self.world.pool, lambda: datetime.now(UTC), name) for name in ("one/1", "other/2")]
        self.bob = await self.world.one(f"select i_account from accounts where id = '{BOB}'")

    async def test_decided_again(self) -> None:
        """Who remembers wrongly decides on the truth, also whether to refuse; a refusal changes nothing."""
        seen: list[int] = []
        await self.one.bind(self.bob, one_more(6001))
        await self.other.bind(self.bob, one_more(6002, seen))
        self.assertEqual(seen, [0, 1])  # it remembered nothing
        done = await self.one.bind(self.bob, one_more(6003, seen))
        self.assertEqual((seen[2:], [one.port for one in done.contacts], done.waiting), ([1, 2], [6001, 6002, 6003], False))

        def none_but(known: Sequence[Contact]) -> Sequence[Contact]:
            seen.append(len(known))
            if len(known) < 3:
                raise Refused
            return known[:1]

        self.assertEqual([one.port for one in (await self.other.bind(self.bob, none_but)).contacts], [6001])
        self.assertEqual(seen[4:], [2, 3])
        failed = await self.one.bind(self.bob, none_but).addErrback(lambda failure: failure.check(Refused))
        self.assertEqual((failed, await self.world.one(COUNT)), (Refused, 1))

    async def test_at_once(self) -> None:
        """Twenty changes of one account by two processes at once: each is there; with them changes of others in the same statements."""
        others = [row[0] for row in await self.world.pool.query("select i_account from accounts where i_account <> %s order by 1", (self.bob,))]
        work = [place.bind(self.bob, one_more(port)) for port in range(6000, 6010) for place in (self.one, self.other)]
        work += [self.one.bind(number, one_more(7000)) for number in others]
        await gatherResults(work, consumeErrors=True)
        self.assertEqual(await self.world.one(f"select count(*), count(distinct uri) from registrations where i_account = {self.bob}"), (20, 10))
        self.assertEqual(await self.world.one(f"select count(*) from registrations where i_account <> {self.bob}"), len(others))

    async def test_moved(self) -> None:
        """
        A message follows a contact that another process has changed, though the server remembers the old one, and finds nobody at an account that was closed.
        """
        alice, first, second = self.world.phone(), self.world.phone(BOB), self.world.phone(BOB)
        self.assertEqual(status(await first.register(contact=f"<sip:{BOB}@127.0.0.1:{first.port}>")), 200)
        arrives = first.delivered()
        self.assertEqual(status(await alice.message(BOB)), 202)
        await arrives
        arrives = second.delivered()

        def moved(known: Sequence[Contact]) -> Sequence[Contact]:
            return [replace(one, uri=f"sip:{BOB}@127.0.0.1:{second.port}", port=second.port, i_contact=0) for one in known]

        await self.other.bind(self.bob, moved)
        service = self.world.server.sip
        assert service is not None
        await until(lambda: service.contacts.contacts(self.bob) is None, "the server hears of it")
        self.assertEqual(status(await alice.message(BOB)), 202)
        await arrives
        await self.world.until("select count(*) from messages where state = 'delivered'", 2)
        self.assertEqual(len([octets for octets in first.requests if octets.startswith(b"MESSAGE")]), 1)
        await self.world.pool.execute("update accounts set bill_status = 'C' where i_account = %s", (self.bob,))
        await until(lambda: service.contacts.contacts(self.bob) is None, "the server hears of it")
        self.assertEqual(status(await alice.with_digest("MESSAGE", f"sip:{BOB}@{DOMAIN}", to=f"sip:{BOB}@{DOMAIN}")), 404)


class RaceTests(SipCase):
    """A message that nobody took is put aside in the moment in which its recipient registers: whoever comes second sees what the first one did."""

    async def _begin(self) -> None:
        await super()._begin()
        self.pool = Pool(reactor, self.world.dsn, size=3, name="race")
        await self.pool.start()
        self.addCleanup(self.pool.close)
        self.bob = await self.world.one(f"select i_account from accounts where id = '{BOB}'")
        text = Text(1, 0, "k", "", "a@x", "b@x", self.bob, "text/plain", b"hi", "call", UNTIL, UNTIL, Charge.FREE)
        self.messages, self.contacts = Messages(self.pool, "me/1"), Registrations(self.pool, lambda: datetime.now(UTC), "me/1")
        await self.messages.keep(text, 100)

    async def test_registers_first(self) -> None:
        """The message is due at once."""

        settled: list[Deferred[None]] = []

        async def registering(cursor: Cursor) -> None:
            asked = [{"n": 0, "i_account": self.bob, "known": [], "kept": [], "added": [_row()]}]
            told = await cursor.query("select done, waiting from registrations_bind(%s::jsonb, 'other/2')", (dumps(asked),))
            self.assertEqual(told, [(True, False)])  # it is under way
            settled.append(self.messages.settle(Fate("k", State.WAITING, Charge.FREE, 0, None)))
            await until(self.one_waits, "the settling that waits", 20)

        await self.pool.transaction(registering)
        await settled[0]
        self.assertEqual(await self.world.one("select locked_until is null and next_try <= now() from messages"), True)

    async def test_settled_first(self) -> None:
        """The registration hears that a message waits."""

        bound: list[Deferred[Bound]] = []

        async def settling(cursor: Cursor) -> None:
            await cursor.query("select message_settle('{k}', '{waiting}', '{free}', '{0}', '{null}')")
            bound.append(self.contacts.bind(self.bob, one_more(6001)))
            await until(self.one_waits, "the registration that waits", 20)

        await self.pool.transaction(settling)
        done = await bound[0]
        self.assertEqual((done.waiting, len(done.contacts)), (True, 1))
        self.assertEqual([text.key for text in await self.messages.waiting_for(self.bob, 10)], ["k"])

    async def test_only_who_reaches_it(self) -> None:
        """What is due is for the process that has a way to its recipient; for any where it is by datagrams, at an edge node or nowhere."""
        await self.world.server.stopService()  # its job would take it
        far = Contact(self.bob, "sip:b@127.0.0.1", "TCP", "127.0.0.1", 5060, "tcp", "call", 1, UNTIL, "other/2", "TCP1")
        other = Messages(self.pool, "other/2")
        for contacts, mine in (([far], False), ([], True), ([far, replace(far, worker="", flow="", uri="sip:c@x")], True), ([replace(far, edge="e:1")], True)):
            await self.contacts.bind(self.bob, just(contacts))
            for messages, claims in ((self.messages, mine), (other, True)):
                await self.world.pool.execute("update messages set next_try = now(), locked_until = null")
                self.assertEqual([text.key for text in await messages.due(10)], ["k"] * claims, contacts)
        self.assertEqual(await self.world.one("select attempts from messages"), 8)

    async def one_waits(self) -> bool:
        """Whether one connection waits for the account's turn."""
        return bool(await self.world.one(WAITERS) == 1)


def _row() -> dict[str, object]:
    words = {"place": 0, "uri": "sip:b@127.0.0.1", "transport": "UDP", "host": "127.0.0.1", "port": 5060, "listener": "udp:0", "call_id": "c", "cseq": 1}
    return words | {"expires": UNTIL.isoformat(), "worker": "", "flow": "", "q": 1000, "edge": "", "user_agent": ""}

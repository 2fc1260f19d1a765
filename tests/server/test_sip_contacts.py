"""Contacts that several processes change and remember: nothing is lost, nobody is sought where he was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from twisted.internet.defer import gatherResults

from portaswitch.model.message import Contact
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

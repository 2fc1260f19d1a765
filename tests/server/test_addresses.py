"""
Leases on addresses of pools, in a migrated database: the laws over any order of requests, several processes at once, great pools, ranges that change.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

import psycopg2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from portaswitch.errors import DatabaseDown
from portaswitch.model.lease import Holder, Want
from portaswitch.store.addresses import Addresses
from portaswitch.store.pool import Pool
from tests.server.database import fresh_database

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
LEASE = 100
SMALL = [("10.0.0.1", "10.0.0.2"), ("10.0.1.7", "10.0.1.8")]
ADDRESSES = {"10.0.0.1", "10.0.0.2", "10.0.1.7", "10.0.1.8"}


def ranges(*parts: tuple[str, str]) -> str:
    """Ranges as the column has them."""
    return "[" + ", ".join(f'{{"first": "{first}", "last": "{last}"}}' for first, last in parts) + "]"


class Leases:
    """The functions at a time that the test sets, and a model: who has what until when."""

    def __init__(self, database: Any) -> None:
        self.database, self.now = database, BEGIN
        self.live: dict[str, tuple[str, datetime]] = {}
        self.had: dict[str, tuple[int, datetime]] = {}

    def ask(self, sql: str, *values: object) -> Any:
        """The only value of a statement."""
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()[0] if cursor.description else None

    def take(self, session: str, account: int) -> str | None:
        """A request for an address, checked against the model."""
        had = self.holds(session)
        taken = {address for key, (address, until) in self.live.items() if until > self.now and key != session}
        sql = "select host(ip_lease_take(1, %s, %s, 'u', 7, false, '0', %s))"
        address: str | None = self.ask(sql, session, account, self.now)
        if address is None:
            if len(taken) < len(ADDRESSES):
                raise AssertionError(f"refused, and {ADDRESSES - taken} are free")
            return None
        if address not in ADDRESSES or address in taken:
            raise AssertionError(f"{address} is outside the pool, or somebody has it: {taken}")
        if had is not None and address != had:
            raise AssertionError(f"a session had {had} and got {address}")
        known = self.known(account)
        if had is None and known and address not in known:
            raise AssertionError(f"{known} were free, and their account got {address}")
        self.live = {key: lease for key, lease in self.live.items() if lease[0] != address}
        self.keep(session, account, address)
        return address

    def keep(self, session: str, account: int, address: str) -> None:
        """A session has an address from now on."""
        until = self.now + timedelta(seconds=LEASE)
        self.live[session], self.had[address] = (address, until), (account, until)

    def known(self, account: int) -> set[str]:
        """The free addresses that an account was the last to have, those that it had most lately: several where they fell free at one time."""
        free = {address: until for address, (owner, until) in self.had.items() if owner == account and until <= self.now}
        return {address for address, until in free.items() if until == max(free.values())}

    def holds(self, session: str) -> str | None:
        """What a session has now."""
        address, until = self.live.get(session, ("", self.now))
        return address if until > self.now else None

    def renew(self, session: str) -> None:
        """An Alive."""
        had = self.holds(session)
        if self.ask("select ip_lease_renew(1, %s, 'u', null, %s)", session, self.now) != (had is not None):
            raise AssertionError(f"{session} has {had}")
        if had is not None:
            self.keep(session, self.had[had][0], had)

    def free(self, session: str) -> None:
        """A Stop."""
        self.ask("select ip_lease_free(1, %s, 'u', null, %s)", session, self.now)
        address, until = self.live.pop(session, ("", self.now))
        if until > self.now:
            self.had[address] = (self.had[address][0], self.now)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 7), st.integers(1, 4)),
        st.tuples(st.just("renew"), st.integers(0, 7), st.just(0)),
        st.tuples(st.just("free"), st.integers(0, 7), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from((1, 60, 101)), st.just(0)),
    ),
    max_size=40,
)


class LeaseCase(TestCase):
    """A database with the pool of four addresses, and `leases` on it."""

    def setUp(self) -> Any:
        """Made anew for each test."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        self.dsn = await fresh_database()
        self.database = psycopg2.connect(self.dsn)
        self.database.autocommit = True
        self.addCleanup(self.database.close)
        self.leases = Leases(self.database)
        self.leases.ask("insert into environments values (1, 'One')")
        self.leases.ask("insert into ip_pools (i_ip_pool, i_env, name, ranges, lease_time) values (1, 1, 'Pool', %s, %s)", ranges(*SMALL), LEASE)


class LawTests(LeaseCase):
    """Never two live leases of one address, never one outside the pool, freed ones come back, and to whom they were."""

    @given(STEPS)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    def test_any_order(self, steps: list[tuple[str, int, int]]) -> None:
        """Whatever sessions do, the model and the rows agree."""
        leases = self.leases
        leases.ask("truncate ip_leases, ip_pool_marks")
        leases.live, leases.had = {}, {}
        for what, number, account in steps:
            if what == "wait":
                leases.now += timedelta(seconds=number)
            elif what == "take":
                # A session belongs to one account.
                leases.take(f"7/s{number}-{account}", account)
            else:
                for owner in range(1, 5):
                    (leases.renew if what == "renew" else leases.free)(f"7/s{number}-{owner}")
        live = sorted(address for key, (address, until) in leases.live.items() if until > leases.now)
        with self.database.cursor() as cursor:
            cursor.execute("select host(address) from ip_leases where session_key is not null and until > %s order by host(address)", (leases.now,))
            self.assertEqual([row[0] for row in cursor.fetchall()], live)

    def test_changed_ranges(self) -> None:
        """What is in use stays with its session and is never given again where the pool has lost it; new addresses are given."""
        leases = self.leases
        leases.now = datetime.now(UTC)
        first = leases.take("7/a", 1)
        self.assertEqual(first, "10.0.0.1")
        leases.ask("update ip_pools set ranges = %s where i_ip_pool = 1", ranges(("10.0.2.1", "10.0.2.2")))
        leases.renew("7/a")
        sql = "select host(ip_lease_take(1, %s, %s, 'u', 7, false, '0', %s))"
        given_now = {leases.ask(sql, f"7/b{number}", number, leases.now) for number in (2, 3, 4)}
        self.assertEqual(given_now, {"10.0.2.1", "10.0.2.2", None})
        leases.free("7/a")
        self.assertIsNone(leases.ask(sql, "7/c", 1, leases.now + timedelta(seconds=1)))

    def test_a_lapsed_lease_is_taken_up_again(self) -> None:
        """By an Alive of the session that tells the address, unless somebody has it; another user can't."""
        leases = self.leases
        leases.take("7/a", 1)
        later = BEGIN + timedelta(seconds=LEASE + 1)
        renew = "select ip_lease_renew(1, %s, %s, '10.0.0.1', %s)"
        self.assertFalse(leases.ask(renew, "7/b", "other", later))
        self.assertTrue(leases.ask(renew, "7/a", "u", later))
        self.assertFalse(leases.ask(renew, "7/b", "u", later))


class ProcessTests(LeaseCase):
    """`Addresses` over several connections, as several processes have them."""

    def open(self, size: int) -> Deferred[Pool]:
        """A started pool of connections that the test closes."""
        pool = Pool(reactor, self.dsn, size=size, name="leases")
        self.addCleanup(lambda: Deferred.fromCoroutine(closed(pool)))
        return pool.start().addCallback(lambda _: pool)

    async def test_many_at_once(self) -> None:
        """Fifty sessions on eight connections want the addresses of a pool of forty; each is asked for twice: forty get one, no two the same."""
        self.leases.ask("update ip_pools set ranges = %s", ranges(("10.0.3.1", "10.0.3.40")))
        addresses = Addresses(await self.open(8))
        wants = [Want(1, f"7/s{number}", number, "u", 7, False) for number in range(50)]
        found = await gatherResults([addresses.take(want) for want in wants + wants])
        given_out = [address for address in found[:50] if address is not None]
        self.assertEqual((len(given_out), len(set(given_out))), (40, 40))
        self.assertEqual(found[:50].count(None), 10)
        again = [(first, second) for first, second in zip(found[:50], found[50:], strict=True) if first is not None]
        self.assertEqual([first for first, _ in again], [second for _, second in again])

    async def test_what_came_back(self) -> None:
        """A freed address and those of a restarted node are free; the answers say whether there was one."""
        addresses = Addresses(await self.open(1))
        for number in range(4):
            await addresses.take(Want(1, f"7/s{number}", number, "u", 7 + number % 2, False))
        self.assertIsNone(await addresses.take(Want(1, "7/x", 9, "u", 7, False)))
        self.assertEqual(await addresses.free_node(8, datetime.now(UTC) - timedelta(hours=1)), 0)  # a late notice: they began behind it
        self.assertEqual(await addresses.free_node(8, datetime.now(UTC)), 2)
        self.assertTrue(await addresses.free(Holder(1, "7/s0", "u")))
        self.assertFalse(await addresses.free(Holder(1, "7/s0", "u")))
        self.assertFalse(await addresses.renew(Holder(1, "7/s0", "u")))
        self.assertTrue(await addresses.renew(Holder(1, "7/s2", "u")))

    async def test_no_database(self) -> None:
        """Is an error that endpoints know."""
        addresses = Addresses(await self.open(1))
        self.leases.ask("drop table ip_leases cascade")
        await self.assertFailure(addresses.take(Want(1, "7/s", 1, "u", 7, False)), DatabaseDown)

    def test_a_great_pool(self) -> None:
        """Of 65,534 addresses, all given once: a lease still takes less than 20 ms in the mean, also when none is free."""
        leases = self.leases
        leases.ask("update ip_pools set ranges = %s", ranges(("10.1.0.1", "10.1.255.254")))
        leases.ask("insert into ip_pool_marks values (1, 1, 65534)")
        leases.ask(
            "insert into ip_leases select 1, '10.1.0.1'::inet + n, 1, '7/old' || n, n, 'u', 7, false, false, now(), %s from generate_series(0, 65533) n",
            BEGIN + timedelta(hours=1),
        )
        sql = "select host(ip_lease_take(1, %s, 99999, 'u', 7, false, '0', %s))"
        for at, free in ((BEGIN, False), (BEGIN + timedelta(hours=2), True)):
            found, took = [], []
            for number in range(20):
                since = time.perf_counter()
                found.append(leases.ask(sql, f"7/{free}{number}", at))
                took.append(time.perf_counter() - since)
            self.assertLess(min(took), 0.02)
            self.assertEqual(len(set(found)), 20 if free else 1)
            self.assertTrue(all((IPv4Address(address) in ADDRESS_SPACE) if free else address is None for address in found))


ADDRESS_SPACE = {IPv4Address("10.1.0.1") + offset for offset in range(65534)}


async def closed(pool: Pool) -> None:
    """Close a pool."""
    await pool.close()

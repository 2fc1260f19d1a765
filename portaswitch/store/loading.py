"""
`ILoading` on PostgreSQL: a catalogue file in one transaction.

    one load at a time > what there is > check > ids > compare > new and changed rows > commit

Locks: the catalogue's rows are only written by operators. Customers and accounts that change come last and in
the order of a charge (accounts, then customers, each by id), so that charges wait for them as shortly as
possible and never in a circle; what a file does not change is not locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import psycopg2
from psycopg2 import errors
from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.loading import Check, ILoading, Progress
from portaswitch.model.actor import Actor
from portaswitch.model.loading import CatalogueFile, Count, Kept, Loaded, LoadError, Section, Total
from portaswitch.store import audit_trail, loading_waiting
from portaswitch.store.loading_access import STATIC, static_addresses
from portaswitch.store.loading_cards import COUNTERS, SIM_CARDS, counters, sim_cards
from portaswitch.store.loading_ids import find_ids
from portaswitch.store.loading_inventory import after_cards, before_cards
from portaswitch.store.loading_merge import Plan, Row, Shape, Told, change, create, lock, plan, remove, totals
from portaswitch.store.loading_parties import ACCOUNTS, CUSTOMERS, PartyBuilder
from portaswitch.store.loading_rows import Builder
from portaswitch.store.loading_stock import read_stock
from portaswitch.store.loading_vouchers import BATCHES, VOUCHERS, batches, voucher_stock, vouchers
from portaswitch.store.pool import ConnectionLost, Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.statements_discounts import LIMITED
from portaswitch.store.transaction import Cursor

ATTEMPTS: Final = 3
"""
How often a load is tried that loses against a charge (deadlock) or against somebody who made the same thing
meanwhile.
"""

ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtext('portaswitch load'))"

Planned = list[tuple[Section, Plan]]


@implementer(ILoading)
class Loading:
    """
    Loads with the connections of `pool`; secrets are sealed with `sealer`. What a load changed is audited as
    `actor`'s, under the name `source` of what was loaded.
    """

    def __init__(self, pool: Pool, sealer: Sealer, actor: Actor, source: str) -> None:
        self._pool, self._sealer = pool, sealer
        self._actor, self._source = actor, source

    def load(self, file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """See `ILoading.load`."""
        return self._in_transaction(lambda cursor: self._noted(cursor, file, "load", _Load(cursor, file, self._sealer, progress).load(check)))

    def rehearse(self, file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """See `ILoading.rehearse`."""
        return self._in_transaction(lambda cursor: _Load(cursor, file, self._sealer, progress).rehearse(check))

    def migrate(self, file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """See `ILoading.migrate`."""
        return self._in_transaction(lambda cursor: self._noted(cursor, file, "migrate", _Load(cursor, file, self._sealer, progress).migrate(check)))

    def _in_transaction(self, work: Callable[[Cursor], Awaitable[Loaded]]) -> Deferred[Loaded]:
        return Deferred.fromCoroutine(self._attempts(work))

    async def _noted(self, cursor: Cursor, file: CatalogueFile, operation: str, work: Awaitable[Loaded]) -> Loaded:
        """The load, and its line of the audit in the environment of the file; one that changed nothing leaves none."""
        loaded = await work
        changes = {section.value: _changes(count) for section, count in loaded.counts.items() if count.created or count.changed}
        if changes:
            await audit_trail.note(cursor, replace(self._actor, i_env=file.i_env), operation, f"{operation}:{self._source}", None, changes)
        return loaded

    async def _attempts(self, work: Callable[[Cursor], Awaitable[Loaded]]) -> Loaded:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._pool.transaction(work)
            except ConnectionLost as error:
                raise LoadError(
                    "the connection to the database was lost: load the file again, nothing changes twice"
                ) from error
            except (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation) as error:
                if attempt == ATTEMPTS:
                    raise LoadError(_said(error)) from error
            except psycopg2.Error as error:
                raise LoadError(_said(error)) from error
        raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class _Work:
    """What has to be written, table by table; `rows` are those of customers and accounts with what they have."""

    catalogue: Planned
    customers: Plan
    accounts: Plan
    aliases: Plan
    belongings: Planned
    rows: Sequence[tuple[Section, Shape, Sequence[Row]]]

    @property
    def planned(self) -> Planned:
        """All plans, for the report."""
        parties = [(Section.CUSTOMERS, self.customers), (Section.ACCOUNTS, self.accounts), (Section.ALIASES, self.aliases)]
        return [*self.catalogue, *parties, *self.belongings]


class _Load:
    """One attempt, in one transaction."""

    def __init__(self, cursor: Cursor, file: CatalogueFile, sealer: Sealer, progress: Progress) -> None:
        self._cursor, self._file, self._sealer, self._progress = cursor, file, sealer, progress
        self._done: Counter[Section] = Counter()
        self._total: Counter[Section] = Counter()

    async def load(self, check: Check) -> Loaded:
        """The steps, in their order."""
        work = await self._compare(check)
        await self._write(work)
        return _report(work.planned)

    async def rehearse(self, check: Check) -> Loaded:
        """The steps without the last."""
        return _report((await self._compare(check)).planned)

    async def migrate(self, check: Check) -> Loaded:
        """The steps, and what the database has then."""
        work = await self._compare(check)
        await self._write(work)
        found = []
        for (section, shape, rows), (_, planned) in zip(work.rows, work.planned[len(work.catalogue) :], strict=True):
            found += [Total(section, *total) for total in await totals(self._cursor, shape, rows, planned.types)]
        return replace(_report(work.planned), totals=tuple(sorted(found)))

    async def _compare(self, check: Check) -> _Work:
        """Check the file, and compare it with what there is."""
        await self._cursor.execute(ONE_AT_A_TIME)
        stock = {**await read_stock(self._cursor, self._file), **await voucher_stock(self._cursor, self._file, self._sealer)}
        check(stock)
        ids = await find_ids(self._cursor, self._file, stock)
        builder = Builder(self._file, stock, ids)
        parties = PartyBuilder(self._file, stock, ids)
        catalogue = [
            (section, await self._plan(section, shape, rows)) for section, shape, rows in builder.catalogue()
        ]
        rows: list[tuple[Section, Shape, Sequence[Row]]] = [
            (Section.CUSTOMERS, CUSTOMERS, parties.customers()),
            (Section.ACCOUNTS, ACCOUNTS, parties.accounts()),
            (Section.ALIASES, ACCOUNTS, parties.aliases()),
            (Section.STATIC_ADDRESSES, STATIC, static_addresses(parties)),
            *before_cards(parties),
            (Section.SIM_CARDS, SIM_CARDS, sim_cards(parties)),
            (Section.COUNTERS, COUNTERS, counters(parties)),
            *after_cards(parties),
            (Section.VOUCHER_BATCHES, BATCHES, batches(parties)),
            (Section.VOUCHERS, VOUCHERS, list(vouchers(parties))),
        ]
        plans = [await self._plan(section, shape, made) for section, shape, made in rows]
        customers, accounts, aliases, *others = plans
        belongings = [(section, planned) for (section, _, _), planned in zip(rows[3:], others, strict=True)]
        return _Work(catalogue, customers, accounts, aliases, belongings, rows)

    async def _plan(self, section: Section, shape: Shape, rows: Sequence[Row]) -> Plan:
        self._total[section] += len(rows)
        return await plan(self._cursor, shape, rows, self._sealer, self._told(section))

    def _told(self, section: Section) -> Told:
        def told(rows: int) -> None:
            if rows:
                self._done[section] += rows
                self._progress(self._done[section], self._total[section], section.value)

        return told

    async def _write(self, work: _Work) -> None:
        """New and changed rows, in the order in which they need each other."""
        await self._write_catalogue(work.catalogue, work.customers)
        before = await loading_waiting.terms(self._cursor, work.customers, work.accounts)
        await self._write_parties(work.customers, work.accounts, work.aliases)
        await self._turn_quotas(work.catalogue)
        for section, planned in work.belongings:
            await create(self._cursor, planned, self._told(section))
            await change(self._cursor, planned, self._told(section))
        reached = loading_waiting.improved(before, await loading_waiting.terms(self._cursor, work.customers, work.accounts))
        await loading_waiting.reauthorize(self._cursor, self._file.i_env, reached, [*work.catalogue, *work.belongings])

    async def _write_catalogue(self, catalogue: Planned, customers: Plan) -> None:
        """
        The catalogue; new customers right after the environments, because tariffs and products name who
        manages them.
        """
        for section, planned in catalogue:
            await remove(self._cursor, planned)
            await create(self._cursor, planned, self._told(section))
            await lock(self._cursor, planned)
            await change(self._cursor, planned, self._told(section))
            if section is Section.ENVIRONMENTS:
                await create(self._cursor, customers, self._told(Section.CUSTOMERS))

    async def _turn_quotas(self, catalogue: Planned) -> None:
        """Quotas whose steps were written are used up, or available again, from now on and not from the next use on; accounts are locked already."""
        for section, planned in catalogue:
            if section is Section.THRESHOLDS and planned.new:
                items = [row.key[0] for row in planned.new]
                await self._cursor.execute(LIMITED, {"items": items, "i_env": self._file.i_env})

    async def _write_parties(self, customers: Plan, accounts: Plan, aliases: Plan) -> None:
        """New accounts first, since nobody waits for them; then what charges may be waiting for."""
        await create(self._cursor, accounts, self._told(Section.ACCOUNTS))
        await create(self._cursor, aliases, self._told(Section.ALIASES))
        await lock(self._cursor, accounts)
        await lock(self._cursor, customers)
        await change(self._cursor, accounts, self._told(Section.ACCOUNTS))
        await change(self._cursor, customers, self._told(Section.CUSTOMERS))


def _changes(count: Count) -> dict[str, int]:
    return {"created": count.created, "changed": count.changed}


def _report(done: Planned) -> Loaded:
    counts: dict[Section, Count] = {}
    for section, planned in done:
        counts[section] = counts.get(section, Count()) + planned.count
    kept = [
        Kept(section, row.name, amount)
        for section, planned in done
        for row in planned.kept
        if (amount := row.asked(planned.shape)) is not None
    ]
    return Loaded({section: count for section, count in counts.items() if count.total}, tuple(kept))


def _said(error: psycopg2.Error) -> str:
    """What the database says, without the statement: that is full of the file's values."""
    said = error.diag.message_primary or type(error).__name__
    return f"the database refused the load, and nothing was changed: {said}"

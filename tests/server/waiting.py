"""A P-GW's sessions that wait for more, at two processes on one database: what tests of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.billing.core import Core
from portaswitch.interfaces.ledger import ILedger
from portaswitch.logs import BillingLog
from portaswitch.model.actor import Actor
from portaswitch.model.ledger import Member, SessionName, Verdict
from portaswitch.model.request import AAARequest, Base, Counting, Decision, Kind, Origin, Parties, QuotaKey, UnitRequest
from portaswitch.model.session import Session
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.work import Books
from tests.server.loads import LoadTestCase

KEY: Final = QuotaKey(100)
PGW: Final = 900
#: Data at 1.00 a megaunit in slices of 4 (at least 1), of which a family of two may use 10 in a day; a prepaid subscriber of money alone, one with a wallet.
WORLD: Final = """\
environments: {1: {name: One}}
services: {Data: {type: Data, base: octets}, Text: {type: Msg, base: quantity}}
policies: {Slices: {protection: slice, slice: 4000000, minimum: 1000000, max_units: 1000000000000}}
discount_plans:
  Shared: {items: [{service: Data, kind: quota, reset: daily, thresholds: [{from: 0, discount: 100}, {from: 10000000, forbidden: true}]}]}
  Day: {items: [{service: Data, kind: quota, reset: daily, thresholds: [{from: 0, discount: 100}, {from: 3000000, forbidden: true}]}]}
  Packs: {items: [{service: Data, kind: wallet, topups: {Five: {units: 5000000, expires_after: 86400}}}]}
tariffs:
  Retail: {service: Data, price_per: 1000000, rates: {"100": {price: 1}}}
  Texts: {service: Text, price_per: 1, rates: {"44": {price: 2}}}
products:
  Money: {entries: [{service: Data, tariff: Retail, policy: Slices}, {service: Text, tariff: Texts}]}
  Daily: {discount_plan: Day, entries: [{service: Data, tariff: Retail, policy: Slices}]}
customers: {Family: {discount_plan: Shared}, Single: {}, Owing: {credit_limit: 6}}
accounts:
  "f1": {customer: Family, product: Money, model: debit, opening_balance: 100}
  "f2": {customer: Family, product: Money, model: debit, opening_balance: 100}
  "f3": {customer: Family, product: Money, model: debit, opening_balance: 100}
  "m": {customer: Single, product: Money, model: debit, opening_balance: 6}
  "d": {customer: Single, product: Daily, model: debit, opening_balance: 100}
  "c1": {customer: Owing, product: Money, model: credit}
  "c2": {customer: Owing, product: Money, model: credit}
"""


@implementer(ILedger)
class Between:
    """A ledger whose next batch with a last part waits for what `happens` before it is committed: the funds were read, and then something came."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.happens: Callable[[], Deferred[Any]] | None = None

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `ILedger.exchange`."""
        happens = self.happens
        if happens is None or not any(member.change is not None and member.change.spent is not None for member in members):
            return self._ledger.exchange(members)
        self.happens = None
        return happens().addCallback(lambda _: self._ledger.exchange(members))

    def record_orphan(self, member: Member) -> Deferred[None]:
        """See `ILedger.record_orphan`."""
        return self._ledger.record_orphan(member)

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        return self._ledger.release_name(session)

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        return self._ledger.node_sessions(i_node, until)

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        return self._ledger.dead_sessions(limit)


class WaitingCase(LoadTestCase):
    """Two processes' cores on one database, and a P-GW's sessions."""

    timeout = 180

    async def prepare(self) -> None:
        """The world above."""
        await super().prepare()
        await self.text(WORLD)
        self.ask("insert into nodes (i_node, i_env, name, protocol, origin_host) values (900, 1, 'pgw', 'diameter', 'pgw.example.com')")
        self.catalogue = CatalogueStore(self.pool, reactor, self.sealer.open)
        await self.catalogue.reload()
        self.between = Between(await self.ledger("hot"))
        self.core, self.other = self.core_of(self.between), self.core_of(await self.ledger("other"))
        self.desk, self.steps = Desk(Books(self.pool, self.sealer, ENTITIES)), 0

    async def ledger(self, name: str) -> Ledger:
        """A ledger with a connection of its own."""
        pool = Pool(reactor, self.dsn, size=1, name=name, settings=HOT_SETTINGS, wait=30)
        self.addCleanup(pool.close)
        await pool.start()
        return Ledger(pool, self.sealer.open)

    def core_of(self, ledger: ILedger) -> Core:
        """A process that remembers nothing."""
        return Core(ledger, self.catalogue, BillingLog(None))

    def request(self, kind: Kind, user: str, session: str, used: int | None, wanted: int | None, key: QuotaKey = KEY) -> AAARequest:
        """A CCR: megaunits used since the last one, and what is wanted (0: what the server thinks right, None: nothing more)."""
        self.steps += 1
        now, units = datetime.now(UTC), () if kind is Kind.EXPIRE else (self.units(used, wanted, key),)
        number, name = None if kind is Kind.EXPIRE else self.steps, f"{session}/{self.steps}"
        return AAARequest(kind, name, Origin(PGW, 1, "pgw"), session, name, Parties(user), now, now, units, service="Data", lock_seconds=7200, number=number)

    def units(self, used: int | None, wanted: int | None, key: QuotaKey) -> UnitRequest:
        """What a CCR says of one rating group."""
        counters = {} if used is None else {Base.OCTETS: used * 10**6}
        requested = None if wanted is None else wanted * 10**6
        return UnitRequest(key, Base.OCTETS, requested, 1, counters=counters, counting=Counting.DELTA, rated=str(key.rating_group))

    async def ccr(self, kind: Kind, user: str, session: str, used: int | None = None, wanted: int | None = 0, core: Core | None = None) -> int | str:
        """Ask; the megaunits that are granted, with a ! where they are the last, or the refusal."""
        decision: Decision = await (core or self.core).handle(self.request(kind, user, session, used, wanted))
        grant = decision.grants[0] if decision.grants else None
        refusal = decision.refusal or (grant.refusal if grant is not None else None)
        if refusal is not None or grant is None:
            return "" if refusal is None else refusal.word
        return f"{(grant.units or 0) // 10**6}!" if grant.last else (grant.units or 0) // 10**6

    async def start(self, user: str, session: str, wanted: int = 0, core: Core | None = None) -> int | str:
        """CCR-I."""
        return await self.ccr(Kind.AUTH, user, session, None, wanted, core)

    async def more(self, user: str, session: str, used: int, wanted: int | None = 0, core: Core | None = None) -> int | str:
        """CCR-U."""
        return await self.ccr(Kind.UPDATE, user, session, used, wanted, core)

    async def end(self, user: str, session: str, used: int, core: Core | None = None) -> int | str:
        """CCR-T."""
        return await self.ccr(Kind.STOP, user, session, used, None, core)

    def waiting(self) -> list[str]:
        """The sessions in their final state."""
        return [name.partition("/")[2] for (name,) in self.ask("select session_key from sessions where final order by 1")]

    def asked(self) -> list[str]:
        """The sessions that are asked to ask again; nothing is pending afterwards."""
        rows = self.ask("delete from session_tasks where kind = 'rar' and status = 'pending' returning session_key")
        return sorted(name.partition("/")[2] for (name,) in rows)

    async def operate(self, operation: str, **given: str) -> Any:
        """What an operator does."""
        return await self.desk.operate(Actor("test:root", 1), operation, given)

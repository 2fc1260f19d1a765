"""Calls in tests of operations: a real Core on the same database, which hears of no notice: nothing may depend on one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from twisted.internet import reactor

from portaswitch.billing.core import Core
from portaswitch.logs import BillingLog
from portaswitch.model.request import AAARequest, Base, Decision, Kind, Origin, Parties, QuotaKey, Report, UnitRequest
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from tests.server.desks import DeskCase

KOREA = "82262363451"
CANADA = "16045550199"


class ChargingCase(DeskCase):
    """The desk, and `core`, which charges calls at the demo's gateway."""

    timeout = 120

    async def prepare(self) -> None:
        """A core of its own connections."""
        await super().prepare()
        hot = Pool(reactor, self.dsn, size=2, name="hot", settings=HOT_SETTINGS, wait=30)
        self.addCleanup(hot.close)
        await hot.start()
        await self.load_core(hot)
        self.node = self.number("nodes", "i_node", name="Card gateway")
        self.requests = 0

    async def load_core(self, hot: Pool) -> None:
        """A core that remembers nothing."""
        catalogue = CatalogueStore(self.pool, reactor, self.sealer.open)
        await catalogue.reload()
        self.ledger = Ledger(hot, self.sealer.open)
        self.core = Core(self.ledger, catalogue, BillingLog(None))

    def request(self, kind: Kind, user: str, session: str, units: tuple[UnitRequest, ...], called: str = KOREA) -> AAARequest:
        """A request of the gateway, with a key of its own."""
        self.requests += 1
        now = datetime.now(UTC)
        began = now - timedelta(seconds=3600)
        key = f"{session}/{kind.value}/{self.requests}"
        origin, parties = Origin(self.node, 1, "Card gateway"), Parties(user, "16045550000", called)
        return AAARequest(kind, f"r{self.requests}", origin, session, key, parties, now, now, units, connected=began)

    async def call(self, user: str, session: str, called: str = KOREA, minimum: int | None = None) -> Decision:
        """Authorize a call; `minimum` asks for slices."""
        unit = UnitRequest(QuotaKey(), Base.TIME, 0, minimum)
        return await self.core.handle(self.request(Kind.AUTH, user, session, (unit,), called))

    async def hang_up(self, user: str, session: str, seconds: int, called: str = KOREA) -> Decision:
        """End it after so many seconds."""
        unit = UnitRequest(QuotaKey(), Base.TIME, None, None, seconds, Report.FINAL)
        return await self.core.handle(self.request(Kind.STOP, user, session, (unit,), called))

    async def sweep(self) -> None:
        """Close every open call provisionally, as the sweeper does with one that nobody speaks for."""
        self.ask("update sessions set expires = now() - interval '1 minute', version = version + 1")
        names = [name for _ in range(3) for name in await self.ledger.dead_sessions(100)]
        await self.core.close_all(list(dict.fromkeys(names)), self.request(Kind.EXPIRE, "", "", ()), Kind.EXPIRE)

    def money(self, name: str) -> tuple[str, str]:
        """Balance and hold of an account as plain digits."""
        ((balance, held),) = self.ask("select balance, held from accounts where id = %s", (name,))
        return format(balance.normalize(), "f"), format(held.normalize(), "f")

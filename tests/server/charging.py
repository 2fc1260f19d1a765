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


def call_request(kind: Kind, user: str, session: str, i_node: int, used: int | None, called: str = KOREA, minimum: int | None = None) -> AAARequest:
    """A request of a gateway about a call; each kind comes once in a session. `used` at its end; `minimum` asks for slices."""
    now = datetime.now(UTC)
    report = Report.INTERIM if used is None else Report.FINAL
    units = () if kind is Kind.EXPIRE else (UnitRequest(QuotaKey(), Base.TIME, 0 if used is None else None, minimum, used, report),)
    key, origin, parties = f"{session}/{kind.value}", Origin(i_node, 1, "gateway"), Parties(user, "16045550000", called)
    return AAARequest(kind, key, origin, session, key, parties, now, now, units, connected=now - timedelta(seconds=3600))


class ChargingCase(DeskCase):
    """The desk, and `core`, which charges calls at the demo's gateway."""

    timeout = 180

    async def prepare(self) -> None:
        """A core of its own connections."""
        await super().prepare()
        self.hot = Pool(reactor, self.dsn, size=2, name="hot", settings=HOT_SETTINGS, wait=30)
        self.addCleanup(self.hot.close)
        await self.hot.start()
        await self.load_core(self.hot)
        self.node = self.number("nodes", "i_node", name="Card gateway")

    async def load_core(self, hot: Pool) -> None:
        """A core that remembers nothing."""
        self.catalogue = catalogue = CatalogueStore(self.pool, reactor, self.sealer.open)
        await catalogue.reload()
        self.ledger = Ledger(hot, self.sealer.open)
        self.core = Core(self.ledger, catalogue, BillingLog(None))

    async def call(self, user: str, session: str, called: str = KOREA, minimum: int | None = None) -> Decision:
        """Authorize a call; `minimum` asks for slices."""
        return await self.core.handle(call_request(Kind.AUTH, user, session, self.node, None, called, minimum))

    async def hang_up(self, user: str, session: str, seconds: int, called: str = KOREA) -> Decision:
        """End it after so many seconds."""
        return await self.core.handle(call_request(Kind.STOP, user, session, self.node, seconds, called))

    async def sweep(self) -> None:
        """Close every open call provisionally, as the sweeper does with one that nobody speaks for."""
        self.ask("update sessions set expires = now() - interval '1 minute', version = version + 1")
        names = [name for _ in range(3) for name in await self.ledger.dead_sessions(100)]
        await self.core.close_all(list(dict.fromkeys(names)), call_request(Kind.EXPIRE, "", "", self.node, None), Kind.EXPIRE)

    def money(self, name: str) -> tuple[str, str]:
        """Balance and hold of an account as plain digits."""
        ((balance, held),) = self.ask("select balance, held from accounts where id = %s", (name,))
        return format(balance.normalize(), "f"), format(held.normalize(), "f")

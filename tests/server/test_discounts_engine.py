"""docs/discounts.rst: every worked example of the page comes out of the engine, on the database that it was loaded into."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from twisted.internet import reactor

from portaswitch.billing.core import Core
from portaswitch.logs import BillingLog
from portaswitch.model.actor import Actor
from portaswitch.model.request import AAARequest, Base, Decision, Kind, Origin, Parties, QuotaKey, Report, UnitRequest
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.work import Books
from tests.server.loads import LoadTestCase
from tests.server.test_discounts_page import catalogue_of, examples
from tests.server.test_rating_page import NOON

XDRS = "select charged_amount, history from xdr where h323_conf_id = %s and storage = 'a' and not failed order by split_order"
COUNTED = """
select split_part(p.name, ' ', 1)::int, substr(p.name, position(' ' in p.name) + 1), v.used, v.carried
from vd_counters v join vd_dgs using (i_vd_dg) join vd_plans p using (i_vd_plan) join accounts a on a.id = %s
where v.i_account = a.i_account or (v.i_account is null and v.i_customer = a.i_customer)
"""
SPENT = """
select case when v.i_account is null then 'customer' else 'account' end, v.used from vd_counters v join accounts a on a.id = %s
where v.i_vd_dg is null and (v.i_account = a.i_account or (v.i_account is null and v.i_customer = a.i_customer))
"""
WALLETS = "select w.balance from service_wallets w join accounts a using (i_account) where a.id = %s order by w.expires"


class EngineTests(LoadTestCase):
    """What is printed is what happens."""

    timeout = 120

    async def prepare(self) -> None:
        """The page, loaded, and a core on it."""
        await super().prepare()
        await self.text(catalogue_of(examples()))
        self.ask("insert into nodes (i_node, i_env, name, nas_ip) values (900, 1, 'gw', '192.0.2.9')")
        hot = Pool(reactor, self.dsn, size=1, name="hot", settings=HOT_SETTINGS, wait=30)
        self.addCleanup(hot.close)
        await hot.start()
        catalogue = CatalogueStore(self.pool, reactor, self.sealer.open)
        await catalogue.reload()
        self.core = Core(Ledger(hot, self.sealer.open), catalogue, BillingLog(None))
        self.desk, self.sessions = Desk(Books(self.pool, self.sealer, ENTITIES)), 0

    def request(self, kind: Kind, user: str, at: datetime, units: int | None) -> AAARequest:
        """A call of so many seconds, or the question how long one may be."""
        self.sessions += 1
        name, report = f"s{self.sessions}", Report.INTERIM if units is None else Report.FINAL
        asked = UnitRequest(QuotaKey(), Base.TIME, 0 if units is None else None, None, units, report)
        return AAARequest(kind, name, Origin(900, 1, "gw"), name, name, Parties(user, called="44123"), at, at, (asked,))

    def message(self, user: str, at: datetime, count: int) -> AAARequest:
        """So many messages, paid at once."""
        self.sessions += 1
        name, asked = f"s{self.sessions}", UnitRequest(base=Base.QUANTITY, requested=count)
        return AAARequest(Kind.EVENT, name, Origin(900, 1, "gw"), name, name, Parties(user, called="44123"), at, at, (asked,), service="Msg")

    async def use(self, number: int, use: dict[str, Any], at: datetime) -> None:
        """One line of an example."""
        user = f"{use['by']}{number}"
        if "buys" in use:
            await self.desk.operate(Actor("test:root", 1), "wallet.buy", {"account": user, "option": use["buys"]}, f"{user} {use['buys']}")
        elif "longest" in use:
            told: Decision = await self.core.handle(self.request(Kind.AUTH, user, at, None))
            self.assertEqual(told.grants[0].units if told.refusal is None else 0, int(use["longest"]), use)
            if "refused" in use:
                self.assertEqual(told.refusal.word if told.refusal is not None else None, use["refused"], use)
        else:
            call = self.message(user, at, int(use["texts"])) if "texts" in use else self.request(Kind.STOP, user, at, int(use["units"]))
            await self.core.handle(call)
            self.charged(use, self.ask(XDRS, (call.session,)))
        counted = {name: (used, carried) for of, name, used, carried in self.ask(COUNTED, (user,)) if of == number}
        for place, what in enumerate(("counters", "carried")):
            for name, amount in use.get(what, {}).items():
                self.assertEqual(counted.get(name, (0, 0))[place], Decimal(amount), use)
        if "spent" in use:
            self.assertEqual(dict(self.ask(SPENT, (user,))), {whose: Decimal(amount) for whose, amount in use["spent"].items()}, use)
        if "wallets" in use:
            self.assertEqual([balance for (balance,) in self.ask(WALLETS, (user,))], [Decimal(units) for units in use["wallets"]], use)

    def charged(self, use: dict[str, Any], rows: list[tuple[Any, ...]]) -> None:
        """What the xDRs of a call say."""
        amounts = [amount for amount, _ in rows]
        self.assertEqual(sum(amounts), Decimal(use["figure"]), use)
        if "xdrs" in use:
            self.assertEqual(amounts, [Decimal(amount) for amount in use["xdrs"]] or amounts[:1], use)
        if "history" in use:
            self.assertEqual([text for _, text in rows], [use["history"]])

    async def test_worked_examples(self) -> None:
        """Figures, xDRs, counters and wallets of every line."""
        for number, one in enumerate(examples()):
            for use in one["uses"]:
                await self.use(number, use, use.get("at", NOON))

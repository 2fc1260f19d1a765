"""docs/discounts.rst: every worked example of the page comes out of the engine, on the database that it was loaded into."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults

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


class EngineCase(LoadTestCase):
    """A core on a catalogue."""

    timeout = 180

    async def open(self, catalogue_file: str) -> None:
        """Load a catalogue, and a core on it."""
        await self.text(catalogue_file)
        self.ask("insert into nodes (i_node, i_env, name, nas_ip) values (900, 1, 'gw', '192.0.2.9')")
        hot = Pool(reactor, self.dsn, size=1, name="hot", settings=HOT_SETTINGS, wait=30)
        self.addCleanup(hot.close)
        await hot.start()
        catalogue = CatalogueStore(self.pool, reactor, self.sealer.open)
        await catalogue.reload()
        self.core = Core(Ledger(hot, self.sealer.open), catalogue, BillingLog(None))
        self.desk, self.sessions = Desk(Books(self.pool, self.sealer, ENTITIES)), 0


class EngineTests(EngineCase):
    """What is printed is what happens."""

    async def prepare(self) -> None:
        """The page, loaded."""
        await super().prepare()
        await self.open(catalogue_of(examples()))

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


FAMILY = """\
environments: {1: {name: One}}
services: {Volume: {type: Netaccess, base: octets}}
policies: {Slices: {protection: slice, slice: 100000000, max_units: 1000000000000}}
discount_plans: {Family: {items: [{service: Volume, kind: quota, thresholds: [{from: 0, discount: 100}, {from: 1000000000, forbidden: true}]}]}}
tariffs: {Retail: {service: Volume, price_per: 1000000, rates: {NETACCESS: {price: 0.01}}}}
products: {Data: {entries: [{service: Volume, tariff: Retail, policy: Slices}]}}
customers: {Family: {discount_plan: Family}}
"""


class FamilyTests(EngineCase):
    """Ten sessions at once on one quota of a gigabyte."""

    async def prepare(self) -> None:
        """Ten accounts of one customer."""
        await super().prepare()
        holder = "{customer: Family, product: Data, model: debit, opening_balance: 100}"
        await self.open(FAMILY + "accounts:\n" + "".join(f'  "f{number}": {holder}\n' for number in range(10)))

    def session(self, kind: Kind, user: str, number: int, used: int) -> AAARequest:
        """One of its requests: it asks for more, or ends."""
        at, report = NOON + timedelta(seconds=number), Report.FINAL if kind is Kind.STOP else Report.INTERIM
        asked = UnitRequest(QuotaKey(), Base.OCTETS, None if kind is Kind.STOP else 0, 1000 if kind is Kind.AUTH else None, used, report)
        return AAARequest(kind, f"{user}-{number}", Origin(900, 1, "gw"), user, f"{user}-{number}", Parties(user), at, at, (asked,), service="Netaccess")

    async def test_nearly_all_is_used(self) -> None:
        """At least 95 percent are used before the last one is refused, and never more than all of it and what each used beyond its last grant."""
        used, beyond = {f"f{number}": 0 for number in range(10)}, 1_000_000
        living, number = list(used), 0
        while living:
            number += 1
            told: list[Decision] = await gatherResults([self.core.handle(self.session(Kind.AUTH, user, number, used[user])) for user in living])
            for user, decision in zip(list(living), told, strict=True):
                if decision.refusal is not None:
                    living.remove(user)
                else:
                    used[user] += decision.grants[0].units or 0
            self.assertLess(number, 300)
        self.assertGreaterEqual(sum(used.values()), 950_000_000)
        self.assertLessEqual(sum(used.values()), 1_000_000_000)
        await gatherResults([self.core.handle(self.session(Kind.STOP, user, number, units + beyond)) for user, units in used.items()])
        (counted,) = self.ask("select used, held, exceeded from vd_counters where i_account is null")
        self.assertEqual(counted, (sum(used.values()) + 10 * beyond, 0, True))

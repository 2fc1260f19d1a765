"""Rating against the whole server: what tariffs say beyond two intervals, on the wire and in the rows of xDRs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.claims import claims
from tests.server.harness import START, STOP, WORLD, World, WorldCase, ivr
from tests.server.loads import LoadTestCase

NODE = ("NAS-IP-Address", "164.9.9.100")
DEBIT, CREDIT = "10086610975", "442079460001"
CALLED = ("Called-Station-Id", "01182623634515")
XDRS = "select used_quantity, charged_quantity, charged_amount, history from xdr where storage = 'a' order by used_quantity"
MONEY = "select balance, held from accounts where i_account = 101"


def terms(what: str, i_tariff: int = 101) -> str:
    """SQL that gives a tariff its terms."""
    return f"update tariffs set {what} where i_tariff = {i_tariff};"


class RatingCase(WorldCase):
    """A server, and calls of the card or of the credit account."""

    rows = ""

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + self.rows)
        await self.world.pool.execute("update customers set credit_limit = null; update accounts set credit_limit = null where i_account = 102")

    async def auth(self, conf: str, user: str = DEBIT) -> Any:
        """The authorization of a call."""
        pairs = (NODE, ("User-Name", user), ("User-Password", ""), CALLED, ("h323-conf-id", conf), ("h323-ivr-out", "PortaBilling_AuthMethod:INVITE"))
        return await self.world.exchange(self.world.packet("auth", pairs))

    async def acct(self, status: int, conf: str, seconds: int, *more: Any, user: str = DEBIT) -> None:
        """Its accounting."""
        pairs = (NODE, ("User-Name", user), CALLED, ("h323-conf-id", conf), ("h323-call-origin", "originate"), ("Acct-Status-Type", status))
        self.assertEqual((await self.world.exchange(self.world.packet("acct", (*pairs, ("Acct-Session-Time", seconds), *more)))).code, 5)

    async def calls(self, *minutes: int) -> list[tuple[int, int]]:
        """Calls of so many minutes: used and charged seconds of their xDRs."""
        for number, one in enumerate(minutes):
            await self.acct(STOP, f"A5D3B74C 0 0 {number}", one * 60, user=CREDIT)
        return [row[:2] for row in await self.world.pool.query(XDRS)]


class AddDurationTests(RatingCase):
    """Added duration (MR15)."""

    rows = terms("add_duration = '300+20%, 300+10%, 600+5%'")

    @claims("mr15.add-duration.1", "mr15.add-duration.3")
    async def test_worked(self) -> None:
        """4:00 is charged as 4:48, 6:00 as 7:06, 12:00 as 13:36; beyond the last portion nothing is added: 30:00 as 32:00, 45:00 as 47:00."""
        self.assertEqual(await self.calls(4, 6, 12, 30, 45), [(240, 288), (360, 426), (720, 816), (1800, 1920), (2700, 2820)])
        self.assertEqual((await self.world.pool.query(XDRS))[0][2:], (Decimal("0.09600"), "lengthened from 240 to 288 + 1@0.02/60 + 287*1@0.02/60 = 0.096"))

    async def test_quote_is_charge(self) -> None:
        """Ten dollars at 0.02 a minute are 30000 s; 120 of them are added; a call of just that length takes it all, to the digit."""
        leave = await self.auth("B5D3B74C 0 0 1")
        self.assertEqual((leave.code, ivr(leave)["DURATION"]), (2, "29880"))
        self.assertEqual(await self.world.one(MONEY), (Decimal(10), Decimal(10)))
        await self.acct(START, "B5D3B74C 0 0 1", 0)
        await self.world.pool.execute("update sessions set started = started - interval '29880 s', version = version + 1")
        await self.acct(STOP, "B5D3B74C 0 0 1", 29880)
        self.assertEqual(await self.world.one(MONEY), (Decimal(0), Decimal(0)))


class RisingDurationTests(RatingCase):
    """Percentages of the way before MR15, as portions."""

    rows = terms("add_duration = '300+5%, 600+10%, 900+15%'")

    @claims("mr15.add-duration.2", "mr15.add-duration.4")
    async def test_not_the_former_way(self) -> None:
        """Percentages may rise as well as fall; and that of the whole length is never applied to the whole: 20 minutes are not 23."""
        self.assertEqual(await self.calls(4, 20), [(240, 252), (1200, 1320)])


class PeakTests(RatingCase):
    """Levels of the day, of every party in its own zone and currency."""

    rows = (
        terms("off_peak_period = 'hr{7pm-6am}'")
        + terms("off_peak_period = 'hr{7pm-6am}', currency = 'USD', post_call_fee = 0.01", 102)
        + """
    insert into customers (i_customer, i_env, name, currency, i_customer_type, timezone, i_tariff) overriding system value
        values (102, 1, 'Reseller', 'EUR', 2, 'Europe/Paris', 103);
    insert into tariffs (i_tariff, i_env, name, currency, i_service, applied_to, off_peak_period)
        values (103, 1, 'Resale', 'EUR', 103, 'reseller', 'hr{7pm-6am}');
    update customers set timezone = 'America/Vancouver', i_parent = 102 where i_customer = 101;
    update customers set i_tariff = 103 where i_customer = 102;
    update vendors set currency = 'USD', timezone = 'Asia/Kolkata';
    update rates set off_peak = '{"off_peak": {"price_first": "0.01", "price_n": "0.01"}}' where i_rate = 101;
    insert into rates (i_tariff, i_dest, price_first, price_n, off_peak) values
        (102, 101, 0.06, 0.06, '{"off_peak": {"price_first": "0.03", "price_n": "0.03"}}'),
        (103, 101, 0.12, 0.12, '{"off_peak": {"price_first": "0.06", "price_n": "0.06"}}');
    """
    )

    async def test_parties(self) -> None:
        """
        A call from 18:59:00 to 19:01:00 in Vancouver: the customer pays a minute at each price, the reseller (Paris, at night) off-peak in euros, the vendor
        (Kolkata, in the morning) peak in dollars with a surcharge: three xDRs of one Stop.
        """
        times = (("h323-connect-time", "18:59:00.000 PST Mon Feb 2 2026"), ("h323-disconnect-time", "19:01:00.000 PST Mon Feb 2 2026"))
        await self.acct(STOP, "C5D3B74C 0 0 1", 120, *times, ("h323-remote-address", "192.0.2.77"), user=CREDIT)
        rows = await self.world.pool.query("select storage, charged_quantity, charged_amount, peak_level, history from xdr order by storage")
        self.assertEqual(rows, [
            ("a", 120, Decimal("0.03000"), 0, "1@0.02/60 + 59*1@0.02/60 + off-peak 60*1@0.01/60 = 0.03"),
            ("c", 120, Decimal("0.12000"), 1, "off-peak 1@0.06/60 + off-peak 119*1@0.06/60 = 0.12"),
            ("v", 120, Decimal("0.13000"), 0, "1@0.06/60 + 119*1@0.06/60 + post-call 0.01 = 0.13"),
        ])  # fmt: skip


class ExchangeTests(RatingCase):
    """Tariffs in another currency than the party's money."""

    rows = """
    insert into customers (i_customer, i_env, name, currency, i_customer_type, i_tariff) overriding system value values (102, 1, 'Reseller', 'EUR', 2, 103);
    insert into tariffs (i_tariff, i_env, name, currency, i_service, applied_to, precision) values (103, 1, 'Resale', 'USD', 103, 'reseller', 2);
    update customers set i_parent = 102 where i_customer = 101;
    insert into rates (i_tariff, i_dest, price_first, price_n) values (103, 101, 0.10, 0.10), (102, 101, 0.06, 0.06);
    insert into exchange_rates (i_env, currency, into_currency, effective_from, rate) values
        (1, 'USD', 'EUR', '2020-01-01', 0.9), (1, 'USD', 'EUR', '2026-02-01', 0.85), (1, 'USD', 'EUR', '2100-01-01', 2), (1, 'CAD', 'USD', '-infinity', 0.7);
    update vendors set currency = 'USD';
    """

    async def test_dated(self) -> None:
        """A reseller in euros by a tariff in dollars, with the rate of the day the call began, rounded once behind it; the vendor's likewise."""
        for number, day in enumerate(("Fri Jan 30 2026", "Mon Feb 2 2026")):
            times = (("h323-connect-time", f"12:00:00.000 GMT {day}"), ("h323-disconnect-time", f"12:01:00.000 GMT {day}"))
            await self.acct(STOP, f"E5D3B74C 0 0 {number}", 60, *times, ("h323-remote-address", "192.0.2.77"), user=CREDIT)
        rows = await self.world.pool.query("select storage, charged_amount, history from xdr where storage <> 'a' order by storage, connect_time")
        self.assertEqual(rows, [
            ("c", Decimal("0.09"), "1@0.1/60 + 59*1@0.1/60 + exchange USD at 0.9 -0.01 = 0.09"),
            ("c", Decimal("0.09"), "1@0.1/60 + 59*1@0.1/60 + exchange USD at 0.85 -0.015 = 0.085"),
            ("v", Decimal("0.04200"), "1@0.06/60 + 59*1@0.06/60 + exchange CAD at 0.7 -0.018 = 0.042"),
            ("v", Decimal("0.04200"), "1@0.06/60 + 59*1@0.06/60 + exchange CAD at 0.7 -0.018 = 0.042"),
        ])  # fmt: skip


MONEYS = """
environments: {1: {name: One, currency: CAD}}
services: {Calls: {type: Voice}}
tariffs: {Resale: {service: Calls, currency: USD, applied_to: reseller, rates: {"82": 0.02}}}
customers: {Seller: {type: reseller, tariff: Resale}}
"""
RATES = "exchange_rates: {USD/CAD: {values: [{rate: 1.37}, {effective_from: 2030-01-01, rate: 1.35}]}}\n"


class ExchangeFileTests(LoadTestCase):
    """Exchange rates in a catalogue file."""

    async def test_file(self) -> None:
        """A reseller's tariff in another currency is refused without an exchange rate, taken with one, again too; 0 and repeated dates are faults."""
        self.assertIn("Resale is in USD, and CAD is needed here", (await self.refused(self.text(MONEYS)))[0])
        for _ in range(2):
            await self.text(RATES + MONEYS)
            rows = self.ask("select currency, into_currency, effective_from::text, rate from exchange_rates order by effective_from")
            self.assertEqual(rows, [("USD", "CAD", "-infinity", Decimal("1.37")), ("USD", "CAD", "2030-01-01 00:00:00+00", Decimal("1.35"))])
        await self.text("customers: {Another: {type: reseller, tariff: Resale}}")
        wrong = await self.refused(self.text("exchange_rates: {USD/CAD: {values: [{rate: 0}, {rate: 1}, {effective_from: 2031-01-01}]}, usd/cad: {}}"))
        self.assertEqual([fault.partition(": ")[2][:44] for fault in wrong], [
            "exchange_rates.USD/CAD.values[0].rate: 0 is ", "exchange_rates.USD/CAD.values[1]: there is a", "exchange_rates.USD/CAD.values[2]: needs rate",
            "exchange_rates.usd/cad: 'usd/cad' is not a p",
        ])  # fmt: skip


class FormulaTests(RatingCase):
    """A formula that cuts the call."""

    rows = """update rates set formula = '{"text": "60*1@0.60, fee 0.10, 60*1@0.60, disconnect"}' where i_rate = 101;"""

    async def test_cut(self) -> None:
        """The grant ends at the disconnect, for who has no limit too; what is used beyond is charged; asked again, the session is over."""
        for number, user in enumerate((DEBIT, CREDIT)):
            self.assertEqual(ivr(await self.auth(f"D5D3B74C 0 0 {number}", user))["DURATION"], "120")
        await self.acct(START, "D5D3B74C 0 0 1", 0, user=CREDIT)
        await self.acct(STOP, "D5D3B74C 0 0 1", 130, user=CREDIT)
        self.assertEqual(await self.world.pool.query(XDRS), [(130, 130, Decimal("1.40000"), "60*1@0.6/60 + surcharge 0.1 + 60*1@0.6/60 + 10*1@0.6/60 = 1.4")])


TYPES = """
environments: {1: {name: One}}
services: {Calls: {type: Voice}}
customers: {Seller: {type: reseller}, Other: {type: reseller}}
tariffs:
  Ours: {service: Calls, rates: {"82": 0.02}}
  Sellers: {service: Calls, managed_by: Seller, rates: {"82": 0.02}}
  Wholesale: {service: Calls, applied_to: reseller, rates: {"82": 0.01}}
"""


class TariffTypeTests(LoadTestCase):
    """Types of tariffs, and who may use them (MR15)."""

    @claims("mr15.tariff-types.1", "mr15.tariff-types.2", "mr15.tariff-types.3")
    async def test_types(self) -> None:
        """A tariff has its type from the beginning; a product is sold by customer tariffs of whoever manages it, in the same file or a later one."""
        await self.text(TYPES)
        types = self.ask("select name, applied_to from tariffs order by name")
        self.assertEqual(types, [("Ours", "customer"), ("Sellers", "customer"), ("Wholesale", "reseller")])
        self.assertIn("which a load does not change", (await self.refused(self.text("tariffs: {Ours: {applied_to: vendor}}")))[0])
        cases = (("", "Ours", True), ("", "Sellers", False), ("Seller", "Sellers", True), ("Other", "Sellers", False), ("Seller", "Ours", False))
        for manager, tariff, fine in cases:
            of = f"managed_by: {manager}, " if manager else ""
            product = f"products: {{{manager or 'Plain'} {tariff}: {{{of}entries: [{{service: Calls, tariff: {tariff}}}]}}}}"
            if fine:
                await self.text(product)
            else:
                self.assertIn("they must agree", (await self.refused(self.text(product)))[0])
        wrong = await self.refused(self.text("products: {Late: {entries: [{service: Calls, tariff: Wholesale}]}}"))
        self.assertIn("a tariff for customer belongs here", wrong[0])
        self.assertEqual(self.ask("select name from products order by name"), [("Plain Ours",), ("Seller Sellers",)])

"""Wallets by the clock: units that may be used later, that last from their first use on, that expire, and that are bought again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from portaswitch.jobs import renewals
from portaswitch.model.operation import OperationRefused
from portaswitch.store.wallet_ends import due_wallets, move_wallets
from tests.server.test_discount_operations import USER, PlanCase

MONTH, GIGABYTE = 2592000, Decimal(10**9)
ROWS = "select activated, nullif(expires, 'infinity'), renew, ended, exceeded from service_wallets order by i_service_wallet"


class ClockCase(PlanCase):
    """USER may buy 1 GB for a month, for 5.00."""

    async def prepare(self) -> None:
        """The plan, and money for three."""
        await super().prepare()
        await self.do("account.change", id=USER, discount_plan="Volumes to buy")
        self.ask("update accounts set balance = 17, opening_balance = 17, billing_model = -1, credit_limit = null where id = %s", (USER,))

    async def buy(self, **values: str) -> Any:
        """A purchase."""
        return await self.put("wallet.buy", {"account": USER, "option": "1 GB for a month", **values})

    async def refuses_to_sell(self, told: str, **values: str) -> None:
        """A purchase that is refused, for that reason."""
        with self.assertRaises(OperationRefused) as caught:
            await self.buy(**values)
        self.assertIn(told, str(caught.exception))

    async def renew(self) -> None:
        """A pass of the job."""
        await renewals(self.desk, lambda: due_wallets(self.pool))()

    def over(self, since: timedelta) -> datetime:
        """All wallets ended so long ago; when that was."""
        end: datetime = self.one("update service_wallets set expires = now() - %s, renewal_due = now() - %s where not ended returning expires", (since, since))
        return end

    async def states(self) -> list[str]:
        """The states of the wallets as they are listed, the oldest first."""
        return [row["state"] for row in sorted(await self.do("wallet.list", account=USER), key=lambda row: row["wallet"])]

    @property
    def money(self) -> Decimal:
        """The account's money."""
        left: Decimal = self.one("select balance from accounts where id = %s", (USER,))
        return left


class BeginTests(ClockCase):
    """When a wallet begins."""

    async def test_later(self) -> None:
        """From a time on, and as long as ever from then; the fee is charged at once."""
        bought = await self.buy(begin="2037-01-01T00:00:00Z")
        self.assertEqual((bought["activated"], bought["expires"]), (datetime(2037, 1, 1, tzinfo=UTC), datetime(2037, 1, 31, tzinfo=UTC)))
        self.assertEqual((await self.states(), self.money), (["later"], 12))
        await self.refuses_to_sell("that is over", begin="2020-01-01T00:00:00Z")
        await self.refuses_to_sell("leave one of both", begin="2037-01-01T00:00:00Z", first_use="yes")

    async def test_first_use(self) -> None:
        """It does not expire while nothing is used, and lasts from the first use on."""
        bought = await self.buy(first_use="yes", renew="yes")
        await move_wallets(self.pool)
        self.assertEqual((bought["expires"], await self.states(), self.ask(ROWS)[0][1:3]), (None, ["first use"], (None, True)))
        self.ask("update service_wallets set balance = balance - 1")
        await move_wallets(self.pool)
        self.assertEqual(await self.states(), ["open"])
        self.assertEqual(self.ask("select extract(epoch from expires - activated), renewal_due = expires, lasts from service_wallets"), [(MONTH, True, None)])

    async def test_never_expires(self) -> None:
        """What never expires neither waits for its first use nor is bought again."""
        self.ask("update vd_topups set topup_expiry_time = null")
        for name in ("first_use", "renew"):
            await self.refuses_to_sell(f"{name}: 1 GB for a month never expires", **{name: "yes"})
        wallet = str((await self.buy())["wallet"])
        await self.refuses("wallet.change", "never ends", account=USER, wallet=wallet, renew="yes")


class EndTests(ClockCase):
    """What expires."""

    async def test_expired(self) -> None:
        """The last one of an item that ends leaves the quota exceeded; one that begins later does not save it, and a new one settles it."""
        await self.buy()
        await self.buy()
        self.ask("update service_wallets set expires = now() where i_service_wallet = (select min(i_service_wallet) from service_wallets)")
        await move_wallets(self.pool)
        self.assertEqual([row[3:] for row in self.ask(ROWS)], [(True, False), (False, False)])
        self.over(timedelta(hours=1))
        self.ask("update service_wallets set activated = now() + interval '1 day', expires = 'infinity', ended = false where i_service_wallet = "
                 "(select min(i_service_wallet) from service_wallets)")  # fmt: skip
        await move_wallets(self.pool)
        self.assertEqual([row[3:] for row in self.ask(ROWS)], [(False, False), (True, True)])
        await self.buy()
        await move_wallets(self.pool)
        self.assertEqual([row[3:] for row in self.ask(ROWS)], [(False, False), (True, False), (False, False)])


class RenewalTests(ClockCase):
    """What is bought again."""

    async def test_renewed(self) -> None:
        """On the day: the fee once, the units once, from where the old one ended, whatever runs at once or again."""
        await self.buy(renew="yes")
        await self.renew()
        self.assertEqual((len(self.ask(ROWS)), self.money), (1, 12))
        end = self.over(timedelta(hours=1))
        passes = [Deferred.fromCoroutine(self.renew()) for _ in range(4)]
        self.assertEqual([done for done, _ in await DeferredList(passes)], [True] * 4)
        await self.renew()
        old, new = self.ask(ROWS)
        self.assertEqual((old[2], new[:3]), (False, (end, end + timedelta(seconds=MONTH), True)))
        self.assertEqual((self.money, self.one("select sum(balance) from service_wallets where expires > now()")), (7, GIGABYTE))
        self.assertEqual([line[1] for line in self.audited("wallet")], ["wallet.buy", "wallet.renew"])
        await self.assert_books()

    async def test_after_long(self) -> None:
        """A server that stood still for months charges one renewal, which begins now."""
        await self.buy(renew="yes")
        self.over(timedelta(days=100))
        await self.renew()
        await self.renew()
        self.assertEqual((len(self.ask(ROWS)), self.money), (2, 7))
        self.assertTrue(self.one("select max(activated) > now() - interval '1 hour' and max(expires) > now() + interval '29 days' from service_wallets"))

    async def test_without_funds(self) -> None:
        """It is tried again in an hour, and then begins where the old one ended."""
        await self.buy(renew="yes")
        end = self.over(timedelta(hours=2))
        self.ask("update accounts set balance = 4, opening_balance = 9 where id = %s", (USER,))
        await self.renew()
        self.assertEqual((len(self.ask(ROWS)), self.money), (1, 4))
        self.assertTrue(self.one("select renew and renewal_due > now() + interval '50 minutes' from service_wallets"))
        await self.do("account.topup", id=USER, amount="10")
        await self.renew()
        self.assertEqual(len(self.ask(ROWS)), 1)
        self.ask("update service_wallets set renewal_due = now()")
        await self.renew()
        self.assertEqual((self.ask(ROWS)[1][0], self.money), (end, 9))

    async def test_no_more(self) -> None:
        """What was told not to be bought again, or is not sold any more, ends; who renews what is not due is refused."""
        wallet = str((await self.buy(renew="yes"))["wallet"])
        await self.do("wallet.change", by=self.account(USER), account=USER, wallet=wallet, renew="no")
        self.over(timedelta(hours=1))
        await self.refuses("wallet.renew", "is not due", account=USER, wallet=wallet)
        await self.refuses("wallet.change", "has ended already", account=USER, wallet=wallet, renew="yes")
        self.ask("update service_wallets set renew = true")
        await self.do("account.change", id=USER, discount_plan="null")
        with self.assertRaises(OperationRefused):
            await self.do("wallet.renew", account=USER, wallet=wallet)
        self.assertEqual((self.ask(ROWS)[0][2], self.money), (False, 12))

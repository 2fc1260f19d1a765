"""
Sessions that wait for more, and what leaves them more beside operations on money: other sessions that end, the sweeper, refunds, the clock, a load; and that
nothing is lost between the reading of the funds and the commit of a last part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Kind, Operation, Origin, Parties, QuotaKey, Refusing, UnitRequest
from portaswitch.store.folding import reseller_funds
from portaswitch.store.turned import ask_relieved, ask_turned
from tests.server.waiting import KEY, PGW, WORLD, WaitingCase


class FreedTests(WaitingCase):
    """What other sessions give back."""

    async def test_end_of_another(self) -> None:
        """The rest of a session's hold is its account's others', who are asked as far as they wait; who ends alone asks nobody."""
        self.assertEqual([await self.start("m", "a"), await self.start("m", "b")], [4, "2!"])
        self.assertEqual((self.waiting(), self.asked()), (["b"], []))
        self.assertEqual(await self.more("m", "a", 1, 3), "3!")
        self.assertEqual((self.waiting(), self.asked()), (["a", "b"], []))
        self.assertEqual(await self.end("m", "a", 1), "")
        self.assertEqual((self.waiting(), self.asked()), (["b"], ["b"]))
        self.assertEqual(await self.more("m", "b", 1), "3!")
        self.assertEqual((await self.end("m", "b", 3), self.asked()), ("", []))

    async def test_less_held(self) -> None:
        """So is what a session that goes on holds no more."""
        await self.start("m", "a")
        await self.start("m", "b")
        self.assertEqual(await self.more("m", "a", 0, 1), 1)
        self.assertEqual(self.asked(), ["b"])

    async def test_another_group(self) -> None:
        """Within one session: a rating group that is over leaves its rest to the one that waits."""
        self.ask("insert into destinations (i_env, prefix) values (1, '200')")
        self.ask("insert into rates (i_tariff, i_dest, price_first, price_n) select t.i_tariff, d.i_dest, 1, 1 from tariffs t, destinations d "
                 "where t.name = 'Retail' and d.prefix = '200'")  # fmt: skip
        await self.catalogue.reload()
        await self.start("m", "a")
        second = self.request(Kind.UPDATE, "m", "a", None, 0, QuotaKey(200))
        self.assertEqual((await self.core.handle(second)).grants[0].units, 2_000_000)
        self.assertEqual(self.waiting(), ["a"])
        self.assertEqual(await self.more("m", "a", 1, None), "")
        self.assertEqual(self.asked(), ["a"])

    async def test_swept(self) -> None:
        """The sweeper frees what a dead session held."""
        await self.start("m", "a")
        await self.start("m", "b")
        self.ask("update sessions set expires = now() - interval '1 minute', version = version + 1 where session_key = '900/a'")
        (dead,) = await self.between.dead_sessions(10)
        await self.core.close_all([dead], self.request(Kind.EXPIRE, "", "", None, None), Kind.EXPIRE)
        self.assertEqual((self.waiting(), self.asked()), (["b"], ["b"]))

    async def test_of_a_customer(self) -> None:
        """What a credit account holds no more is its customer's: whoever owes with it is asked."""
        self.assertEqual([await self.start("c1", "a"), await self.start("c2", "b")], [4, "2!"])
        await self.end("c1", "a", 1)
        self.assertEqual(self.asked(), ["b"])

    async def test_refund(self) -> None:
        """A message that is refunded pays for data."""
        event = self.text_message("t", Operation.DEBIT)
        self.assertIsNone((await self.core.handle(event)).refusal)
        self.assertEqual(await self.start("m", "b"), "4!")
        self.assertIsNone((await self.core.handle(self.text_message("t", Operation.REFUND))).refusal)
        self.assertEqual(self.asked(), ["b"])

    def text_message(self, session: str, operation: Operation) -> AAARequest:
        """A message, or its refund."""
        self.steps += 1
        now, name = datetime.now(UTC), f"{session}/{self.steps}"
        asked = () if operation is Operation.REFUND else (UnitRequest(base=Base.QUANTITY, requested=1),)
        parties = Parties("m", called="44123")
        return AAARequest(
            Kind.EVENT, name, Origin(PGW, 1, "pgw"), session, name, parties, now, now, asked, service="Msg", number=self.steps, operation=operation,
        )  # fmt: skip


class BetweenTests(WaitingCase):
    """Between the reading of the funds and the commit of a last part somebody adds to them, and has met no session that waits."""

    async def meets(self, happens: Callable[[], Any]) -> int | str:
        """A last part of money, with what happens in between; the answer. No session waits for what is there already."""
        self.between.happens = lambda: Deferred.fromCoroutine(happens())
        answer = await self.start("m", "b", 8)
        self.assertIsNone(self.between.happens, "there was no last part")
        return answer

    async def test_top_up(self) -> None:
        """A payment in between: the grant is the full one, and nobody waits."""
        self.assertEqual(await self.meets(lambda: self.operate("account.topup", id="m", amount="20")), 8)
        self.assertEqual((self.waiting(), self.asked()), ([], []))

    async def test_top_up_too_small(self) -> None:
        """One that is not enough is in the last part, which waits for the next one."""
        self.assertEqual(await self.meets(lambda: self.operate("account.topup", id="m", amount="1")), "7!")
        self.assertEqual((self.waiting(), self.asked()), (["b"], []))
        await self.operate("account.topup", id="m", amount="1")
        self.assertEqual(self.asked(), ["b"])

    async def test_refused(self) -> None:
        """A refusal that notes what was used relies on it too."""
        self.assertEqual(await self.start("m", "b", 6), "6!")
        self.between.happens = lambda: Deferred.fromCoroutine(self.operate("account.topup", id="m", amount="20"))
        self.assertEqual(await self.more("m", "b", 6, 8), 8)
        self.assertEqual((self.between.happens, self.waiting(), self.asked()), (None, [], ["b"]))

    async def test_customer(self) -> None:
        """Money of a customer, on which a credit account's last part relied."""
        self.between.happens = lambda: Deferred.fromCoroutine(self.operate("customer.pay", name="Owing", amount="20"))
        self.assertEqual(await self.start("c1", "b", 8), 8)
        self.assertEqual((self.between.happens, self.waiting()), (None, []))

    async def test_another_process(self) -> None:
        """What another process frees in between, of the money and of a counter that accounts share."""
        self.assertEqual(await self.start("m", "a", core=self.other), 4)
        self.assertEqual(await self.meets(lambda: self.end("m", "a", 0, self.other)), "6!")
        self.assertEqual(self.asked(), [])
        self.assertEqual([await self.start("f1", "1", 8, self.other), await self.start("f2", "2", 1, self.other)], [8, 1])
        self.between.happens = lambda: Deferred.fromCoroutine(self.end("f1", "1", 0, self.other))
        self.assertEqual(await self.start("f3", "3", 1), 1)
        self.assertEqual((self.waiting(), self.asked()), (["b"], []))


class ResellerTests(WaitingCase):
    """Money of a reseller, which no commit relies on and servers know by the second."""

    async def prepare(self) -> None:
        """An account below a reseller of a reseller; both processes have heard that the upper one is over its limit since the account's session began."""
        await super().prepare()
        await self.text(
            "customers: {Top: {type: reseller, credit_limit: 5}, Middle: {type: reseller, parent: Top}, Under: {parent: Middle}}\n"
            "accounts: {u: {customer: Under, product: Money, model: debit, opening_balance: 100}}\n"
        )
        self.assertEqual(await self.start("u", "b", 4), 4)
        self.ask("update customers set balance = 9 where name = 'Top'")
        await self.read()
        self.asked()

    async def read(self) -> None:
        """The servers read the money of resellers, as each second."""
        for core in (self.core, self.other):
            core.cache.keep_resellers(await reseller_funds(self.pool))

    async def later(self) -> list[str]:
        """Who is asked by the job when that much time has passed."""
        await ask_relieved(self.pool)
        self.assertEqual(self.asked(), [])
        self.ask("update relieved_customers set seen = seen - interval '11 seconds'")
        await ask_relieved(self.pool)
        return self.asked()

    async def assert_heard(self, change: Callable[[], Any]) -> None:
        """A change that commits between the reading and the commit of a refusal reaches the session, which goes on."""
        self.between.happens = lambda: Deferred.fromCoroutine(change())
        self.assertEqual(await self.more("u", "b", 4, 4), "credit_limit")
        self.assertEqual((self.between.happens, self.waiting(), self.asked()), (None, ["b"], []))
        self.assertEqual(await self.later(), ["b"])
        await self.read()
        self.core.cache.forget_all()
        self.assertEqual((await self.more("u", "b", 0, 4), self.waiting()), (4, []))
        self.assertEqual((await self.later(), self.ask("select * from relieved_customers")), ([], []))

    async def test_payment(self) -> None:
        """A payment of the reseller."""
        await self.assert_heard(lambda: self.operate("customer.pay", name="Top", amount="8"))

    async def test_limit(self) -> None:
        """A higher limit of it, by a load."""

        async def load() -> None:
            await self.text("customers: {Top: {credit_limit: 50}}")

        await self.assert_heard(load)

    async def test_at_the_beginning(self) -> None:
        """A data session that begins below it stands without a grant, waits, and goes on; one that is to be refused whole is none."""
        asked = self.request(Kind.AUTH, "u", "new", None, 4)
        self.assertEqual((await self.core.handle(asked)).refusal, Refusal.CREDIT_LIMIT)
        asked = replace(self.request(Kind.AUTH, "u", "stands", None, 4), refusing=Refusing.KEYS)
        self.assertEqual([(grant.key, grant.refusal) for grant in (await self.core.handle(asked)).grants], [(KEY, Refusal.CREDIT_LIMIT)])
        self.assertEqual(self.waiting(), ["stands"])
        await self.operate("customer.pay", name="Top", amount="8")
        self.assertEqual(self.asked(), ["stands"])
        await self.read()
        self.core.cache.forget_all()
        self.assertEqual((await self.more("u", "stands", 0, 4), await self.end("u", "stands", 1)), (4, ""))
        charged = "select used_quantity, charged_amount, failed from xdr where h323_conf_id = 'stands' and storage = 'a'"
        self.assertEqual(self.ask(charged), [(1_000_000, 1, False)])

    async def test_news_on_the_way(self) -> None:
        """A session that is asked at once, and asks where the payment is not known yet, is asked again."""
        self.assertEqual((await self.more("u", "b", 4, 4), self.waiting()), ("credit_limit", ["b"]))
        await self.operate("customer.pay", name="Top", amount="8")
        self.assertEqual(self.asked(), ["b"])
        self.assertEqual(await self.more("u", "b", 0, 4, self.other), "credit_limit")
        self.assertEqual(await self.later(), ["b"])

    async def test_paid_twice(self) -> None:
        """A second payment begins the time anew; one of a retail customer is no matter of this job."""
        await self.operate("customer.pay", name="Top", amount="1")
        await ask_relieved(self.pool)
        self.ask("update relieved_customers set seen = seen - interval '11 seconds'")
        await self.operate("customer.pay", name="Top", amount="1")
        await self.operate("customer.pay", name="Under", amount="1")
        self.assertEqual(await self.more("u", "b", 4, 4), "credit_limit")
        self.assertEqual(self.ask("select c.name, seen from relieved_customers r join customers c using (i_customer)"), [("Top", None)])
        self.assertEqual(await self.later(), ["b"])


class CounterTests(WaitingCase):
    """Quotas that several share, and the clock."""

    async def test_shared(self) -> None:
        """Who ends leaves its part of a shared quota to all accounts of the customer."""
        self.assertEqual([await self.start(f"f{number}", str(number), 8) for number in (1, 2, 3)], [8, 1, "1!"])
        self.asked()
        await self.end("f1", "1", 2)
        self.assertEqual((self.waiting(), self.asked()), (["3"], ["3"]))

    async def test_largest_holder(self) -> None:
        """When less is left of a shared quota than the least grant, who holds most is asked to report before anybody is refused; once in a minute."""
        self.assertEqual([await self.start("f1", "1", 8), await self.start("f2", "2", 1)], [8, 1])
        self.assertEqual(self.asked(), [])
        self.assertEqual(await self.start("f3", "3", 1), "1!")
        self.assertEqual(self.ask("select session_key, kind, lane, status from session_tasks"), [("900/1", "rar", 0, "pending")])
        self.assertEqual(await self.more("f1", "1", 1, 8), 3)
        self.assertEqual(self.ask("select session_key from session_tasks where session_key = '900/3'"), [("900/3",)])
        self.assertEqual(await self.more("f3", "3", 1, 1), 1)
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.one("select used + held <= 10000000 from vd_counters where i_account is null"), True)

    async def test_new_day(self) -> None:
        """A new day gives the quota back: its sessions are asked once, and those that got everything are not."""
        self.assertEqual(await self.start("d", "a"), "3!")
        self.assertEqual(await self.start("m", "b", 1), 1)
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), [])
        self.age("a", "1 day")
        self.ask("update vd_counters set period_start = period_start - interval '1 day', period_end = period_end - interval '1 day'")
        await ask_turned(self.pool)
        await ask_turned(self.pool)
        self.assertEqual(self.ask("select session_key, kind, lane from session_tasks"), [("900/a", "rar", 1)])
        self.ask("update session_tasks set status = 'done', finished = now()")
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), [])
        core = self.core_of(await self.ledger("third"))
        self.assertEqual(await self.more("d", "a", 1, 2, core), "2!")

    async def test_new_budget(self) -> None:
        """So does the next period of a spending budget."""
        await self.operate("account.change", id="m", spend_limit="2", spend_period="daily")
        self.assertEqual(await self.start("m", "a"), "2!")
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), [])
        self.age("a", "1 day")
        self.ask("update vd_counters set period_start = period_start - interval '1 day', period_end = period_end - interval '1 day'")
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), ["a"])

    async def test_wallet_begins(self) -> None:
        """A wallet that was bought for later begins; the renewal of one asks at once."""
        await self.operate("account.change", id="m", discount_plan="Packs")
        self.assertEqual(await self.start("m", "a", 8), "6!")
        begin = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self.operate("wallet.buy", account="m", option="Five", begin=begin)
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), [])
        self.age("a", "2 hours")
        self.ask("update service_wallets set activated = now() - interval '1 minute'")
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), ["a"])
        self.ask("update service_wallets set activated = now() - interval '3 hours', expires = now(), renew = true, renewal_due = now(), balance = 0")
        ((wallet,),) = self.ask("select i_service_wallet from service_wallets")
        await self.operate("wallet.renew", account="m", wallet=str(wallet))
        self.assertEqual(self.asked(), ["a"])

    async def test_unknown_ends(self) -> None:
        """The job is the net for a session of the account that ended where nobody knew of the one that waits."""
        self.assertEqual([await self.start("m", "a", core=self.other), await self.start("m", "b")], [4, "2!"])
        await self.end("m", "a", 0, self.other)  # this process never saw b
        self.asked()
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), ["b"])

    async def test_of_a_payer(self) -> None:
        """A beneficiary's session waits for the budget of its payer, and for the payer's own sessions."""
        await self.operate("account.add", id="child", customer="Single", product="Money", model="beneficiary", payer="m")
        self.assertEqual([await self.start("m", "a", core=self.other), await self.start("child", "k")], [4, "2!"])
        await self.end("m", "a", 0, self.other)
        self.asked()
        self.ask("delete from session_tasks")
        await ask_turned(self.pool)
        self.assertEqual(self.asked(), ["k"])
        self.ask("delete from session_tasks; delete from sessions_closed")
        await self.operate("account.change", id="m", spend_limit="2", spend_period="daily")
        self.assertEqual(await self.start("child", "l"), "2!")
        self.asked()
        self.age("l", "1 day")
        self.ask("delete from session_tasks; update vd_counters set period_start = period_start - interval '1 day', period_end = period_end - interval '1 day'")
        await ask_turned(self.pool)
        self.assertIn("l", self.asked())

    def age(self, session: str, by: str) -> None:
        """Its last answer is so old."""
        self.ask("update sessions set updated = updated - %s::interval where session_key = %s", (by, f"900/{session}"))


class LoadTests(WaitingCase):
    """A load asks those whom it left more, in its transaction."""

    async def prepare(self) -> None:
        """Two sessions that wait for money, for a quota, for a limit."""
        await super().prepare()
        self.assertEqual([await self.start("m", "m", 8), await self.start("d", "d"), await self.start("c1", "c", 8)], ["6!", "3!", "6!"])

    async def loaded(self, text: str) -> list[str]:
        """Whom it asks."""
        await self.text(text)
        return self.asked()

    async def test_limits_and_lives(self) -> None:
        """A higher limit, a later end, the end of a block; what is lower or the same asks nobody."""
        self.assertEqual(await self.loaded("customers: {Owing: {credit_limit: 7}}"), ["c"])
        self.assertEqual(await self.loaded("customers: {Owing: {credit_limit: 6}}"), [])
        self.assertEqual(await self.loaded("accounts: {m: {expiration_date: 2040-01-01T00:00:00Z}}"), [])
        self.assertEqual(await self.loaded("accounts: {m: {expiration_date: 2041-01-01T00:00:00Z}}"), ["m"])

    async def test_plans(self) -> None:
        """A plan that an account gets, and steps of a plan that accounts have."""
        self.assertEqual(await self.loaded("accounts: {m: {discount_plan: Packs}}"), ["m"])
        steps = "thresholds: [{from: 0, discount: 100}, {from: 9000000, forbidden: true}]"
        self.assertEqual(await self.loaded("discount_plans: {Day: {items: [{service: Data, kind: quota, reset: daily, " + steps + "}]}}"), ["d"])
        self.assertEqual(await self.loaded(WORLD.replace("Money: {", "Money: {breakage: 1, ")), ["c", "d", "m"])

    async def test_operations(self) -> None:
        """The same by operations: an end that is later, steps, a product's budget, an add-on; each to those whom it serves."""
        await self.operate("account.change", id="m", expiration_date="2040-01-01")
        self.assertEqual(self.asked(), [])
        await self.operate("account.change", id="m", expiration_date="2041-01-01")
        self.assertEqual(self.asked(), ["m"])
        item = self.one("select i_vd_dg from vd_dgs join vd_plans p using (i_vd_plan) where p.name = 'Day'")
        await self.operate("discount-plan.item.change", plan="Day", number=str(item), thresholds="0: 100%, 9000000: forbidden")
        self.assertEqual(self.one("select min(next_try) > now() + interval '5 seconds' from session_tasks"), True)
        self.assertEqual(self.asked(), ["d"])
        await self.operate("product.change", name="Daily", breakage="0.5")
        self.assertEqual(self.asked(), ["d"])
        await self.operate("product.add", name="More", currency="USD", is_addon="yes", discount_plan="Packs")
        await self.operate("account.addon.add", id="m", product="More")
        self.assertEqual(self.asked(), ["m"])
        self.assertEqual(Decimal(self.one("select sum(held) from accounts")), Decimal(12))

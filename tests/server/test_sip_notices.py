"""Texts of the server's own to subscribers, from what charges and payments leave in the database."""

from __future__ import annotations

from tests.server.phones import BOB, SipCase, status

TEXTS = "select coalesce(string_agg(convert_from(body, 'UTF8'), '; ' order by i_message), '') from messages where account = ''"
READ_ON = "update xdr_readers set safe_at = 'epoch' where name = 'notices'"
COUNTER = """
insert into vd_plans (i_vd_plan, i_env, name, currency) values (1, 1, 'Evening', 'CAD');
insert into vd_dgs (i_vd_dg, i_vd_plan, i_service, kind, counted_in, notify_percent) select 1, 1, i_service, 'quota', 'units', 80 from services limit 1;
insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, used, notified)
    select i_customer, i_account, i_env, 1, 80, true from accounts where i_account = 101;
"""


class NoticeTests(SipCase):
    """Texts for all occasions; a balance below 9.98 is low."""

    settings = {
        "notice_quota": '"{percent} % of {plan}"', "notice_balance": '"{balance} {currency} left"', "notice_topup": '"{amount} {currency} paid, {balance} now"',
        "low_balance": "9.98",
    }  # fmt: skip

    async def look(self, passes: int = 1) -> None:
        """Passes of the job, without its pauses."""
        service = self.world.server.sip
        assert service is not None
        for _ in range(passes):
            await self.world.pool.execute(READ_ON)
            await service.notices.run()

    async def test_topup(self) -> None:
        """A payment is told once; a charge by hand is not, nor what was paid long ago."""
        row = "insert into payments (i_env, i_account, i_customer, amount, currency, action, paid_at) select 1, i_account, i_customer, {}, 'CAD', '{}', {}"
        for amount, action, at in (("5", "voucher", "now()"), ("-5", "manual_charge", "now()"), ("5", "voucher", "now() - interval '2 hours'")):
            await self.world.pool.execute(row.format(amount, action, at) + " from accounts where i_account = 101")
        await self.look(2)
        await self.world.until(TEXTS, "5.00 CAD paid, 10.00 now")
        self.assertEqual(await self.world.one("select count(*) from notices where sent is not null"), 1)

    async def test_low_balance(self) -> None:
        """The charge that brings the balance below is told, the next ones are not; once it was above, it is told again."""
        alice, bob = self.world.phone(), self.world.phone(BOB)
        await self.look()
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.look(3)
        self.assertEqual(await self.world.one(TEXTS), "")
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.look(3)
        await self.world.until(TEXTS, "9.96 CAD left")
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.look(3)
        self.assertEqual(await self.world.one(TEXTS), "9.96 CAD left")
        await self.world.pool.execute("update accounts set balance = 9.99 where i_account = 101")
        await self.look()
        self.assertEqual(status(await alice.message(BOB)), 202)
        await self.look(3)
        await self.world.until(TEXTS, "9.96 CAD left; 9.97 CAD left")
        arrives = alice.delivered()
        self.assertEqual(status(await alice.register()), 200)
        self.assertEqual((await arrives).partition(b"\r\n\r\n")[2], b"9.96 CAD left")
        self.assertEqual(bob.requests, [])

    async def test_quota(self) -> None:
        """A counter beyond its percentage is told once a period."""
        await self.world.pool.execute(COUNTER)
        await self.look(2)
        await self.world.until(TEXTS, "80 % of Evening")
        await self.world.pool.execute("update vd_counters set period_start = now() + interval '1 second'")
        await self.look(2)
        await self.world.until(TEXTS, "80 % of Evening; 80 % of Evening")

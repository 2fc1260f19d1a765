"""Each law of the rows beside the balances sees its breach, and only that."""

from __future__ import annotations

from portaswitch.store.audit import audit
from portaswitch.store.audit_records import RECORDS
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE

BREACHES = (
    ("update payments set currency = 'EUR' where action = 'promotional_credit'", "update payments set currency = 'CAD'", "payments are"),
    ("update payments set amount = amount + 1 where action = 'refund'; update accounts set balance = balance + 1 where id = '{card}'",
     "update payments set amount = amount - 1 where action = 'refund'; update accounts set balance = balance - 1 where id = '{card}'", "refunds give"),
    ("update vouchers set amount = 9 where status = 'used'", "update vouchers set amount = 10 where status = 'used'", "each used voucher"),
    ("update vouchers set status = 'active', used_at = null where status = 'used'",
     "update vouchers set status = 'used', used_at = now() where i_payment is not null", "each used voucher"),
    ("update payment_transactions set status = 'CANCELED'", "update payment_transactions set status = 'COMPLETED'", "each completed payment"),
    ("update payment_transactions set test_mode = true", "update payment_transactions set test_mode = false", "each completed payment"),
    ("update dids set i_account = g.i_account, i_customer = g.i_customer from (select * from accounts where id = 'gone') g "
     "where number = (select min(number) from dids where dids.i_account is null and dids.i_customer is null)",
     "update dids set i_account = null, i_customer = null where i_account = (select i_account from accounts where id = 'gone')", "closed accounts"),
    ("update accounts set i_env = 2 where id = 'gone'", "update accounts set i_env = 1 where id = 'gone'", "nothing crosses"),
)  # fmt: skip
"""By SQL: a breach, how it is undone, and the law."""


class RecordsTests(ChargingCase):
    """Laws on rows that operations have made."""

    async def prepare(self) -> None:
        """A refund, a voucher that is used, a transaction that is completed, an account that is closed."""
        await super().prepare()
        self.ask("insert into environments (i_env, name) values (2, 'Other')")
        await self.call(CARD, "a1")
        await self.hang_up(CARD, "a1", 600)
        await self.do("account.refund", id=CARD, xdr=str(self.one("select id from xdr where storage = 'a'")))
        await self.do("account.promo", id=LINE, amount="1")
        made = await self.do("voucher.generate", count="2", amount="10", batch="B", currency="CAD")
        await self.do("account.topup", id=CARD, voucher=made["vouchers"][0]["voucher"])
        begun = await self.do("transaction.start", account=CARD, amount="3")
        await self.do("transaction.complete", number=str(begun["number"]))
        await self.do("account.add", id="gone", customer="Demo subcustomer", model="debit")
        await self.do("account.close", id="gone")

    async def broken(self) -> list[str]:
        """The laws that rows break."""
        return [finding.law for finding in (await audit(self.pool)).findings if finding.differ]

    async def test_each(self) -> None:
        """One breach after the other."""
        self.assertEqual(await self.broken(), [])
        seen = set()
        for breach, undo, law in BREACHES:
            self.ask(breach.format(card=CARD))
            (found,) = await self.broken()
            self.assertTrue(found.startswith(law), (breach, found))
            seen.add(found)
            self.ask(undo.format(card=CARD))
            self.assertEqual(await self.broken(), [], undo)
        self.assertEqual(seen, {law for law, _, _ in RECORDS})

"""Each law of the rows beside the balances sees its breach, and only that."""

from __future__ import annotations

from portaswitch.store.audit import audit
from portaswitch.store.audit_records import RECORDS
from tests.server.charging import ChargingCase
from tests.server.desks import CARD, LINE, SUBLINE

BREACHES = (
    ("update payments set currency = 'EUR' where action = 'promotional_credit'", "update payments set currency = 'CAD'", "payments are"),
    ("update payments set amount = amount + 1 where action = 'refund'; update accounts set balance = balance + 1 where id = '{card}'",
     "update payments set amount = amount - 1 where action = 'refund'; update accounts set balance = balance - 1 where id = '{card}'", "refunds give"),
    ("insert into xdr (i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, i_account, i_node, charged_quantity, "
     "charged_amount, history, i_customer, billing_model) select i_env, storage, h323_conf_id, connect_time, disconnect_time, bill_time, used_quantity, "
     "i_account, i_node, 0, -0.01, 'given back', i_customer, billing_model from xdr where storage = 'a'; "
     "update accounts set balance = balance + 0.01 where id = '{card}'",
     "delete from xdr where history = 'given back'; update accounts set balance = balance - 0.01 where id = '{card}'", "refunds give"),
    ("update vouchers set amount = 9 where status = 'used'", "update vouchers set amount = 10 where status = 'used'", "each used voucher"),
    ("update vouchers set status = 'active', used_at = null where status = 'used'",
     "update vouchers set status = 'used', used_at = now() where i_payment is not null", "each used voucher"),
    ("update vouchers set i_account = (select min(i_account) from accounts) where control_number = 2", "update vouchers set i_account = null "
     "where control_number = 2", "each used voucher"),
    ("update vouchers set i_managed_by = (select min(i_customer) from customers) where control_number = 2", "update vouchers set i_managed_by = null "
     "where control_number = 2", "each used voucher"),
    ("update operation_keys set answer = '{{\"i_payment\": 99999999}}' where key = 'promo'", "update operation_keys set answer = '{{}}'", "what was answered"),
    ("insert into operation_keys (i_env, key, operation, digest, answer) select 1, 'k' || n, 'x', '', format('{{\"i_payment\": %%s}}', i_payment)::json "
     "from generate_series(1, 2) n, (select min(i_payment) i_payment from payments) p", "delete from operation_keys where key in ('k1', 'k2')",
     "what was answered"),
    ("insert into payment_allocations select i_payment, i_invoice, 1.5 from payments, invoices where action = 'promotional_credit'",
     "delete from payment_allocations", "payments settle"),
    ("insert into payment_allocations select i_payment, i_invoice, 1 from payments, invoices where action = 'voucher'", "delete from payment_allocations",
     "payments settle"),
    ("insert into pending_charges values ('v', 99999999, 0)", "delete from pending_charges where i_party = 99999999", "charges that wait"),
    ("insert into orphans (i_env, i_node, session_key, key, request) select 2, min(i_node), 's', 'o', '{{}}' from nodes", "delete from orphans", "usage that"),
    ("update payment_transactions set status = 'CANCELED'", "update payment_transactions set status = 'COMPLETED'", "each completed payment"),
    ("update payment_transactions set test_mode = true", "update payment_transactions set test_mode = false", "each completed payment"),
    ("update dids set i_account = g.i_account, i_customer = g.i_customer from (select * from accounts where id = 'gone') g "
     "where number = (select min(number) from dids where dids.i_account is null and dids.i_customer is null)",
     "update dids set i_account = null, i_customer = null where i_account = (select i_account from accounts where id = 'gone')", "closed accounts"),
    ("update accounts set balance = 1, opening_balance = 1 where id = 'child'", "update accounts set balance = 0, opening_balance = 0 where id = 'child'",
     "beneficiaries have"),
    ("update accounts set i_customer = (select i_customer from accounts where id = 'gone') where id = 'child'",
     "update accounts set i_customer = (select i_customer from accounts where id = '{card}') where id = 'child'", "beneficiaries have"),
    ("update accounts set i_payer = (select i_account from accounts where id = 'other child') where id = 'child'",
     "update accounts set i_payer = (select i_account from accounts where id = '{card}') where id = 'child'", "beneficiaries have"),
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
        await self.do("account.promo", id=LINE, amount="1", key="promo")
        self.ask("insert into invoices (i_env, i_customer, invoice_number, currency, period_from, period_to, issue_date, amount_net, amount_due) "
                 "select 1, i_customer, 'i1', 'CAD', now() - interval '1 day', now(), now(), 2, 2 from accounts where id = %s", (SUBLINE,))  # fmt: skip
        made = await self.do("voucher.generate", count="2", amount="10", batch="B", currency="CAD")
        await self.do("account.topup", id=CARD, voucher=made["vouchers"][0]["voucher"])
        begun = await self.do("transaction.start", account=CARD, amount="3")
        await self.do("transaction.complete", number=str(begun["number"]))
        await self.do("account.add", id="gone", customer="Demo subcustomer", model="debit")
        await self.do("account.close", id="gone")
        for name in ("child", "other child"):
            await self.do("account.add", id=name, customer="Demo retail", model="beneficiary", payer=CARD)

    async def broken(self) -> list[str]:
        """The laws that rows break."""
        return [finding.law for finding in (await audit(self.pool)).findings if finding.differ]

    async def test_each(self) -> None:
        """One breach after the other."""
        self.assertEqual(await self.broken(), [])
        seen = set()
        for breach, undo, law in BREACHES:
            self.ask(breach.format(card=CARD))
            found = ", ".join(await self.broken())
            self.assertTrue(found.startswith(law), (breach, found))
            seen.add(found)
            self.ask(undo.format(card=CARD))
            self.assertEqual(await self.broken(), [], undo)
        self.assertEqual(seen, {law for law, _, _ in RECORDS})

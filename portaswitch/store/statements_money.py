"""Named statements about money (`store.work_statements`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: An xDR of the account or of one of its beneficiaries, and what was given back of it. The account is locked, so no other refund is on its way.
_CHARGED = """
select x.charged_amount, coalesce((select sum(p.amount) from payments p where p.i_refunded_xdr = x.id), 0), x.cli, x.cld, x.connect_time, x.charged_quantity,
       x.history, coalesce(x.i_customer, 0)
from xdr x join accounts a using (i_account)
where coalesce(a.i_payer, a.i_account) = %(account)s and x.id = %(xdr)s and x.i_env = %(i_env)s and x.storage = 'a'
"""
#: A voucher by its keyed hash, whatever its key; locked until the end.
_VOUCHER = """
select v.i_voucher, v.amount, v.currency, v.status, v.activation_date, v.expiration_date, v.days_added, v.i_managed_by, now()
from vouchers v where v.i_env = %(i_env)s and v.id = any (%(ids)s::bytea[]) for no key update
"""
_VOUCHER_USED = """
update vouchers set status = 'used', used_at = now(), i_account = %(account)s, i_payment = %(payment)s where i_voucher = %(voucher)s and i_env = %(i_env)s
"""
#: Vouchers of one number, or all of a batch, that have one of some statuses; one that is used meanwhile is left alone.
_VOUCHER_TURNED = """
with turned as (
    update vouchers set status = %(status)s
    where i_env = %(i_env)s and (i_voucher = %(voucher)s or i_batch = %(batch)s) and status = any (%(before)s) returning amount)
select count(*), coalesce(sum(amount), 0) from turned
"""
_VOUCHER_COUNTS = """
select status, currency, count(*), sum(amount) from vouchers where i_env = %(i_env)s and i_batch = %(batch)s group by status, currency order by status, currency
"""
#: Wrong vouchers that an account tried in the last hour.
_TRIES = "select wrong from voucher_tries where i_account = %(account)s and since > now() - interval '1 hour'"
_TRIED = """
insert into voucher_tries as t (i_account, wrong, since) values (%(account)s, 1, now())
on conflict (i_account) do update set wrong = case when t.since > now() - interval '1 hour' then t.wrong + 1 else 1 end,
    since = case when t.since > now() - interval '1 hour' then t.since else now() end
returning wrong
"""

STATEMENTS: Final[Mapping[str, str]] = {
    "xdr.charged": _CHARGED,
    "invoice.settle": "insert into payment_allocations (i_payment, i_invoice, amount) select %(payment)s, i.i_invoice, %(amount)s "
    "from invoices i where i.i_invoice = %(invoice)s and i.i_env = %(i_env)s returning amount",
    "voucher.find": _VOUCHER,
    "voucher.used": _VOUCHER_USED,
    "voucher.turned": _VOUCHER_TURNED,
    "voucher.counts": _VOUCHER_COUNTS,
    "voucher.tries": _TRIES,
    "voucher.tried": _TRIED,
}
"""By name 'entity.question'."""

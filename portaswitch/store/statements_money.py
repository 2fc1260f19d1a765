"""Named statements about money (`store.work_statements`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The xDRs of the session that the xDR `one` is of, each with what operators gave back of it.
_SESSION = """
select x.id, x.charged_amount, coalesce((select sum(p.amount) from payments p where p.i_refunded_xdr = x.id), 0) refunded
from one join xdr x on x.h323_conf_id = one.h323_conf_id and x.i_account = one.i_account and x.i_node is not distinct from one.i_node
where x.i_env = one.i_env and x.storage = 'a' and (one.h323_conf_id <> '' or x.id = one.id)
"""
#: An xDR of the account or of one of its beneficiaries, and what was given back of it: by operators, and as far as no more is left of its session, by the
#: session's client, whose refunds are xDRs below nothing. The account is locked, so no other refund is on its way.
_CHARGED = f"""
with one as (
    select x.* from xdr x join accounts a using (i_account)
    where coalesce(a.i_payer, a.i_account) = %(account)s and x.id = %(xdr)s and x.i_env = %(i_env)s and x.storage = 'a'),
session as ({_SESSION})
select one.charged_amount, greatest(s.refunded, one.charged_amount - (select sum(t.charged_amount - t.refunded) from session t)), one.cli, one.cld,
       one.connect_time, one.charged_quantity, one.history, coalesce(one.i_customer, 0)
from one join session s using (id)
"""
#: What operators gave back of a session stays with it, open or closed, so that its client's refunds leave it over (`documents.state_text`). Its version rises:
#: whoever remembers it reads it again.
_REFUNDED = f"""
with one as (select x.* from xdr x where x.id = %(xdr)s and x.i_env = %(i_env)s and x.storage = 'a' and x.h323_conf_id <> ''),
given as (
    select one.i_node || '/' || one.h323_conf_id session_key, one.i_account, (select sum(s.refunded) from ({_SESSION}) s) amount from one),
open as (
    update sessions s set version = s.version + 1, state = regexp_replace(left(s.state, -1), ',"rf":"[0-9.]+"', '') || ',"rf":"' || given.amount || '"}}'
    from given where s.session_key = given.session_key and s.i_account = given.i_account)
update sessions_closed s set version = s.version + 1, state = regexp_replace(left(s.state, -1), ',"rf":"[0-9.]+"', '') || ',"rf":"' || given.amount || '"}}'
from given where s.session_key = given.session_key and s.i_account = given.i_account
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
    "xdr.refunded": _REFUNDED,
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

"""Named statements about periodic fees (`store.work_statements`), and the accounts that the job of fees looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.store.pool import Pool

PAGE: Final = 1000
#: A subscription has one price, for one kind of period.
_PRICE = """
with gone as (
    delete from subscription_fees f using subscriptions s
    where s.i_subscription = f.i_subscription and s.i_subscription = %(subscription)s and s.i_env = %(i_env)s and f.i_billing_period <> %(period)s)
insert into subscription_fees (i_subscription, i_billing_period, fee)
select i_subscription, %(period)s, %(fee)s from subscriptions where i_subscription = %(subscription)s and i_env = %(i_env)s
on conflict (i_subscription, i_billing_period, sort_order) do update set fee = excluded.fee
returning i_subscription
"""
#: What an account has, by product; closed ones too, the oldest first.
_LIST = """
select s.name, p.name, coalesce(a.effective_fee, f.fee), f.i_billing_period, s.currency, a.start_date, a.finish_date, a.billed_to, a.waived,
       case a.int_status when 2 then 'closed' else 'active' end
from account_subscriptions a join subscriptions s using (i_subscription) left join products p on p.i_product = a.i_product
     left join subscription_fees f on f.i_subscription = s.i_subscription and f.sort_order = 0
where a.i_account = %(account)s and a.i_env = %(i_env)s order by a.i_account_subscription
"""
#: What is not closed of an account that is locked, with what each costs.
_OPEN = """
select a.i_account_subscription, a.i_product, s.name, s.currency, s.activation_fee, s.charge_model, s.prorate, s.precision,
       coalesce(a.effective_fee, f.fee) * a.quantity * (100 - a.discount_rate) / 100, f.i_billing_period, a.start_date, a.activation_date, a.billed_to
from account_subscriptions a join subscriptions s using (i_subscription)
     left join subscription_fees f on f.i_subscription = s.i_subscription and f.sort_order = 0
where a.i_account = %(account)s and a.i_env = %(i_env)s and a.int_status < 2 order by a.i_account_subscription
"""
_BEGIN = """
insert into account_subscriptions (i_env, i_subscription, i_account, i_product, int_status, start_date, next_due)
select p.i_env, p.i_subscription, %(account)s, p.i_product, 1, %(today)s, now() from products p
where p.i_product = any (%(products)s::bigint[]) and p.i_env = %(i_env)s and p.i_subscription is not null
  and not exists (select 1 from account_subscriptions o where o.i_account = %(account)s and o.i_product = p.i_product
                  and o.i_subscription = p.i_subscription and o.int_status < 2)
"""
_CHARGED = """
update account_subscriptions set activation_date = coalesce(activation_date, %(today)s), billed_to = %(billed_to)s, next_due = %(next_due)s, waived = false
where i_account_subscription = %(number)s and i_env = %(i_env)s
"""
_UNPAID = """
update account_subscriptions set waived = true, next_due = now() + make_interval(secs => %(seconds)s)
where i_account_subscription = %(number)s and i_env = %(i_env)s
"""
_CLOSED = """
update account_subscriptions set int_status = 2, finish_date = greatest(start_date, %(finish)s::date), next_due = null
where i_account_subscription = %(number)s and i_env = %(i_env)s
"""
#: Charges of a customer's accounts and of itself in a time: uses by service, fees and other charges by what is said of them.
_BILL = """
select 'use', coalesce(s.name, ''), count(*), sum(x.charged_amount)
from xdr x left join services s using (i_service)
where x.i_customer = %(customer)s and x.i_env = %(i_env)s and x.storage in ('a', 'c') and not x.failed
  and x.bill_time >= %(from)s and x.bill_time < %(to)s group by 2 having sum(x.charged_amount) <> 0
union all
select 'charge', visible_comment, count(*), -sum(amount)
from payments where i_customer = %(customer)s and i_env = %(i_env)s and action = 'manual_charge' and paid_at >= %(from)s and paid_at < %(to)s group by 2
order by 1 desc, 2
"""

STATEMENTS: Final[Mapping[str, str]] = {
    "subscription.price": _PRICE,
    "fee.list": _LIST,
    "fee.open": _OPEN,
    "fee.begin": _BEGIN,
    "fee.charged": _CHARGED,
    "fee.unpaid": _UNPAID,
    "fee.closed": _CLOSED,
    "customer.bill": _BILL,
}
"""By name 'entity.question'."""

#: What an account has by its product and its add-ons in force; what is still counted of a product that it has no more, or whose account is closed.
_HAS = """
select a.i_account, a.i_product from accounts a where a.i_product = any (%(products)s::bigint[]) and a.bill_status <> 'C' and a.billing_model <> 2
union all
select o.i_account, o.i_product from account_addons o join accounts a using (i_account)
where o.i_product = any (%(products)s::bigint[]) and a.bill_status <> 'C'
  and o.addon_effective_from <= now() and (o.addon_effective_to is null or o.addon_effective_to > now())
"""
_DUE = f"""
with has as ({_HAS}),
     found as (
        select i_account from account_subscriptions where int_status < 2 and next_due <= now()
        union
        select h.i_account from has h join products p using (i_product) where not exists (
            select 1 from account_subscriptions o
            where o.i_account = h.i_account and o.i_product = h.i_product and o.i_subscription = p.i_subscription and o.int_status < 2)
        union
        select o.i_account from account_subscriptions o left join products p using (i_product) where o.int_status < 2 and o.i_account is not null
          and o.i_product is not null and (p.i_subscription is distinct from o.i_subscription
            or not exists (select 1 from has h where h.i_account = o.i_account and h.i_product = o.i_product)))
select a.i_env, a.id from found join accounts a using (i_account) order by a.i_account limit {PAGE}
"""
_PRODUCTS = "select i_product from products where i_subscription is not null"


async def due_fees(pool: Pool) -> list[tuple[int, str]]:
    """Environment and id of accounts of which a fee is due, or whose products have others than are counted; nothing is read where no product has fees."""
    products = [number for (number,) in await pool.query(_PRODUCTS)]
    if not products and not await pool.query("select 1 from account_subscriptions where int_status < 2 limit 1"):
        return []
    return [(i_env, account) for i_env, account in await pool.query(_DUE, {"products": products})]

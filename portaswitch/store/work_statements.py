"""
What operations ask beside plain rows: statements by name. Each keeps to the environment of who asks (`%(i_env)s`); the rows that it is about were found, and so
reached, before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.store import statements_features

#: A payment and the balances that it moves: a debit account's money left grows by it, what a credit account and its customer owe falls by it. The rows are
#: locked.
PAY: Final = """
with account as (
    update accounts a set balance = balance + case a.billing_model when -1 then %(amount)s else -%(amount)s end
    where a.i_account = %(i_account)s and a.i_env = %(i_env)s returning a.i_account, a.i_customer, a.billing_model, a.currency),
customer as (
    update customers c set balance = balance - %(amount)s
    where c.i_customer = %(i_customer)s and c.i_env = %(i_env)s
      and (%(i_account)s is null or exists (select 1 from account where billing_model <> -1)) returning c.i_customer),
paid as (
    insert into payments (i_env, i_account, i_customer, amount, currency, action, visible_comment, internal_comment, paid_at)
    select c.i_env, %(i_account)s, c.i_customer, %(amount)s, coalesce((select currency from account), c.currency), %(action)s, %(visible)s, %(internal)s,
           coalesce(%(at)s, now())
    from customers c
    where c.i_customer = %(i_customer)s and c.i_env = %(i_env)s and (%(i_account)s is null or exists (select 1 from account)) returning i_payment)
select i_payment, (select notify_subscriber('a:' || i_account) from account)::text, (select notify_subscriber('c:' || i_customer) from customer)::text from paid
"""

STATEMENTS: Final[Mapping[str, str]] = {**statements_features.STATEMENTS}
"""By name 'entity.question'."""

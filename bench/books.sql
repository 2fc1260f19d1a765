-- Laws of the books that hold whenever no request is under way: how many rows break each, 0 when all is well.
with charged as (
    select i_account, sum(charged_amount) amount from xdr where storage = 'a' group by 1
), paid as (
    select i_account, sum(amount) amount from payments where i_account is not null group by 1
), owed as (    -- credit accounts: their customer owes it too, and owes less by what is paid
    select i_customer, sum(coalesce(c.amount, 0) - coalesce(p.amount, 0)) amount
    from accounts left join charged c using (i_account) left join paid p using (i_account) where billing_model <> -1 group by 1
), session_held as (
    select i_account, sum(held) held from sessions group by 1
), account_held as (
    select i_customer, sum(held) held from accounts where billing_model <> -1 group by 1
), key_held as (
    select session_key, sum(held) held from holds group by 1
), unfolded as (
    select i_party i_vendor, sum(amount) amount from pending_charges where role = 'v' group by 1
), vendor_charged as (
    select i_vendor, sum(charged_amount) amount from xdr where storage = 'v' group by 1
)
select 'accounts whose balance is not opening balance, payments and xDRs', count(*)
from accounts a left join charged c using (i_account) left join paid p using (i_account)
where balance <> opening_balance + case billing_model when -1 then -1 else 1 end * (coalesce(c.amount, 0) - coalesce(p.amount, 0))
union all
select 'customers whose balance is not opening balance, payments and the xDRs of their credit accounts', count(*)
from customers left join owed using (i_customer)
where balance <> opening_balance + coalesce(amount, 0)
union all
select 'vendors whose balance and unfolded charges are not opening balance and xDRs', count(*)
from vendors left join unfolded u using (i_vendor) left join vendor_charged x using (i_vendor)
where balance + coalesce(u.amount, 0) <> opening_balance + coalesce(x.amount, 0)
union all
select 'accounts whose held is not the sum of their sessions'' holds', count(*)
from accounts a left join session_held s using (i_account)
where a.held <> coalesce(s.held, 0)
union all
select 'customers whose held is not the sum of their credit accounts'' holds', count(*)
from customers c left join account_held a using (i_customer)
where c.held <> coalesce(a.held, 0)
union all
select 'sessions whose held is not the sum of their quota keys'' holds', count(*)
from sessions s left join key_held k using (session_key)
where s.held <> coalesce(k.held, 0)
union all
select 'negative holds, or debit accounts below zero', count(*)
from (
    select held, case billing_model when -1 then balance else 0 end balance from accounts
    union all select held, 0 from customers
    union all select held, 0 from sessions
) rows
where held < 0 or balance < 0
union all
select 'sessions that were charged twice for one piece', count(*)
from (
    select 1 from xdr where not failed group by h323_conf_id, storage, split_order, i_vendor, i_customer having count(*) > 1
) doubled
union all
select 'uses that no account was found for', count(*) from orphans;

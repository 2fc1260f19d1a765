-- Re-Auth-Requests for sessions that wait for more (billing.final_units). Python says whom something is better for; these find the rows.

-- Of these accounts and of those that they pay for, or (null) of all accounts of these customers and of those below them; `owings`: of those that owe with their customer; one session each may
-- be left out. One that is asked already is not asked twice, unless that is under way (session_tasks.SETTLE). Gives how many.
create or replace function reauthorize(i_customers bigint[], i_accounts bigint[], owings boolean[], besides text[] default null) returns int
language plpgsql as $$
declare
    asked int;
begin
    with recursive whose (i_customer, i_account, owing, besides) as (
        select v.* from unnest(i_customers, i_accounts, owings, coalesce(reauthorize.besides, array_fill(null::text, array[cardinality(i_customers)]))) v
        union select c.i_customer, null::bigint, w.owing, w.besides from whose w join customers c on c.i_parent = w.i_customer where w.i_account is null),
    served as (
        select * from whose union select w.i_customer, b.i_account, w.owing, w.besides from whose w join accounts b on b.i_payer = w.i_account)
    insert into session_tasks (i_env, kind, i_node, session_key, i_account, lane)
    select distinct s.i_env, 'rar', s.i_node, s.session_key, s.i_account, 0
    from served w join sessions s on s.final and s.i_customer = w.i_customer and (w.i_account is null or s.i_account = w.i_account)
        and s.session_key is distinct from w.besides
        join accounts a on a.i_account = s.i_account left join accounts y on y.i_account = a.i_payer join nodes n using (i_node)
    where not (w.owing and coalesce(y.billing_model, a.billing_model) in (-1, 0)) and coalesce(n.origin_host, n.origin_realm) is not null
    on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar') do update set next_try = clock_timestamp();
    get diagnostics asked = row_count;
    return asked;
end $$;

-- The same, and once more for those below resellers (store.turned): servers know the money of resellers by the second, and no commit waits for it, so that one
-- that is on its way may refuse by what was.
create or replace function relieve(i_customers bigint[], i_accounts bigint[], owings boolean[]) returns int language plpgsql as $$
begin
    insert into relieved_customers
    select distinct c.i_customer from unnest(i_customers, i_accounts) r (i_customer, i_account) join customers c using (i_customer)
    where r.i_account is null and c.i_customer_type <> 1 order by 1 on conflict (i_customer) do update set seen = null;
    return reauthorize(i_customers, i_accounts, owings);
end $$;

-- Of all of an environment who have one of these discount plans (by their add-ons, product, themselves or their customer) or products, or whose payer has;
-- in ten seconds, when every server has read what they say now.
create or replace function reauthorize_plans(env int, plans bigint[], products bigint[]) returns void language plpgsql as $$
begin
    insert into session_tasks (i_env, kind, i_node, session_key, i_account, lane, next_try)
    select distinct s.i_env, 'rar', s.i_node, s.session_key, s.i_account, 0, now() + interval '10 seconds'
    from sessions s join accounts o on o.i_account = s.i_account join accounts a on a.i_account in (o.i_account, o.i_payer)
        join customers c on c.i_customer = a.i_customer join nodes n on n.i_node = s.i_node
    where s.final and s.i_env = env and coalesce(n.origin_host, n.origin_realm) is not null
      and (a.i_product = any (reauthorize_plans.products) or a.i_vd_plan = any (plans) or c.i_vd_plan = any (plans)
           or exists (select from products p where p.i_product = a.i_product and p.i_vd_plan = any (plans))
           or exists (select from account_addons d join products p using (i_product)
                      where d.i_account = a.i_account and (p.i_vd_plan = any (plans) or p.i_product = any (reauthorize_plans.products))))
    on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar') do nothing;
end $$;

-- Of each counter the session that holds most of it, more than the least that may be granted, and was not asked within the last minute; of a customer with
-- very many sessions, some of them are looked at.
create or replace function press_largest(presses exchange_pressed[]) returns void language plpgsql as $$
begin
    insert into session_tasks (i_env, kind, i_node, session_key, i_account, lane)
    select distinct l.i_env, 'rar', l.i_node, l.session_key, l.i_account, 0
    from unnest(presses) p cross join lateral (
        select h.* from (
            select s.i_env, s.i_node, s.session_key, s.i_account, (
                select sum((t ->> 'u')::numeric) from json_array_elements(s.state::json -> 'q') q, json_array_elements(q -> 'h') t
                where t ->> 's' = 'counter' and (t ->> 'i')::bigint = p.i_vd_dg and (t ->> 'sh')::boolean = (p.i_account is null)
                  and (t ->> 'lv')::int = p.peak_level) as held
            from sessions s join nodes n using (i_node)
            where s.counted and s.i_customer = p.i_customer and (p.i_account is null or s.i_account = p.i_account
                  or s.i_account in (select b.i_account from accounts b where b.i_payer = p.i_account)) and s.session_key <> p.besides
              and coalesce(n.origin_host, n.origin_realm) is not null limit 1000) h
        where h.held > p.least and not exists (
            select from session_tasks t where t.session_key = h.session_key and t.session_key <> '' and t.kind = 'rar' and t.created > now() - interval '1 minute')
        order by h.held desc limit 1) l
    on conflict (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar') do nothing;
end $$;

-- Whether there is more than member `i` relied on: less is spent and held of the account (`own`), of the customer (`above`) or of a counter.
create or replace function more_left(relied exchange_relied[], i int, own numeric, above numeric, used numeric[], held numeric[]) returns boolean
language plpgsql immutable as $$
begin
    return exists (select from unnest(relied) r where r.member = i and r.spent > case r.place when -1 then own when 0 then above
        else used[r.place] + held[r.place] end);
end $$;

-- What the members of a batch that were applied (`verdicts`) leave to those who wait, and press. Every end of a session leaves something, and of most customers
-- nobody waits: so that is looked at first.
create or replace function wake_waiting(frees exchange_freed[], presses exchange_pressed[], verdicts "char"[]) returns void language plpgsql as $$
begin
    if cardinality(frees) > 0 then
        perform reauthorize(array_agg(f.i_customer), array_agg(f.i_account), array_agg(f.owing), array_agg(f.besides))
        from unnest(frees) f
        where verdicts[f.member] = 'A' and (exists (select from sessions s where s.final and s.i_customer = f.i_customer)
            or (f.i_account is null and exists (select from customers c where c.i_parent = f.i_customer)))
        having count(*) > 0;
    end if;
    if cardinality(presses) > 0 then
        perform press_largest(array_agg(p)) from unnest(presses) p where verdicts[p.member] = 'A' having count(*) > 0;
    end if;
end $$;

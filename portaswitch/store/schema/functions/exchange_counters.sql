-- Counters and wallets of accounts and customers whose rows are locked, for `exchange`: what is there in their places, locked, those that are new made first.
-- Of a wallet there are -id, -balance, held, null.
create or replace function exchange_counters(
    cs exchange_counter_row[], out k_ids bigint[], out k_used numeric[], out k_held numeric[], out k_start timestamptz[])
language plpgsql as $$
#variable_conflict use_column
begin
    if exists (select from unnest(cs) r where r.fresh) then
        insert into vd_counters (i_customer, i_account, i_env, i_vd_dg, peak_level, used, carried, period_start, period_end)
        select r.i_customer, r.i_account, r.i_env, r.i_vd_dg, r.peak_level, case when r.i_vd_dg is null and r.i_account is not null then
                   (select coalesce(sum(x.charged_amount), 0) from xdr x where x.bill_time >= r.period_start and x.storage = 'a' and x.i_account = any (
                       array(select r.i_account union all select b.i_account from accounts b where b.i_payer = r.i_account)))
               else 0 end, r.carried, r.period_start, r.period_end    -- a budget counts what it was charged before, for its beneficiaries too
        from unnest(cs) r where r.fresh on conflict do nothing;
    end if;
    select array_agg(coalesce(-r.i_service_wallet, o.i_vd_counter, c.i_vd_counter,
        (select b.i_vd_counter from vd_counters b where b.i_account = r.i_account and b.i_vd_dg is null),
        (select b.i_vd_counter from vd_counters b where b.i_customer = r.i_customer and b.i_account is null and b.i_vd_dg is null)
    ) order by r.ordinality) into k_ids
    from unnest(cs) with ordinality r
    left join vd_counters o on o.i_account = r.i_account and o.i_vd_dg = r.i_vd_dg and o.peak_level = r.peak_level
    left join vd_counters c on r.i_account is null and c.i_customer = r.i_customer and c.i_account is null and c.i_vd_dg = r.i_vd_dg
        and c.peak_level = r.peak_level;
    select array_agg(o.used), array_agg(o.held), array_agg(o.period_start) into k_used, k_held, k_start
    from (select l.* from (select u.place, t.used, t.held, t.period_start from unnest(k_ids) with ordinality u (id, place)
          join vd_counters t on t.i_vd_counter = u.id order by u.id for no key update of t) l order by l.place) o;
    select k_used || array_agg(-o.balance), k_held || array_agg(o.held) into k_used, k_held
    from (select l.* from (select u.place, t.balance, t.held from unnest(k_ids) with ordinality u (id, place)
          join service_wallets t on t.i_service_wallet = -u.id order by u.id desc for no key update of t) l order by l.place) o;
    if cardinality(k_used) is distinct from cardinality(cs) then
        raise exception 'exchange: a counter or wallet of the batch does not exist';
    end if;
end $$;

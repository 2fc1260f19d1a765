-- What a decision is made on, fresh: the session, its account (else the one named by number, id or IMSI, an alias being its master), customer and resellers;
-- of a beneficiary the account that pays for it too, whose counters and wallets are told.
create or replace function exchange_view(i_env int, account_id text, i_account bigint, session_key text) returns json
language plpgsql stable as $$
#variable_conflict use_column
declare
    s record;
    a_id bigint;
    a record;
    payer json;
    pays bigint;
    party record;
    above bigint;
    chain json[] := '{}';
begin
    select * into s from sessions l where l.session_key = exchange_view.session_key;
    if not found and exchange_view.session_key <> '' then
        select * into s from sessions_closed l where l.session_key = exchange_view.session_key order by l.version desc limit 1;
    end if;
    a_id := coalesce(s.i_account, nullif(exchange_view.i_account, 0));
    if a_id is null then
        select coalesce(l.i_master_account, l.i_account) into a_id from accounts l where l.i_env = exchange_view.i_env and l.id = exchange_view.account_id;
        if a_id is null then    -- by the IMSI of its SIM card, which Diameter clients name
            select coalesce(l.i_master_account, l.i_account) into a_id from sim_cards t join accounts l using (i_account)
            where t.i_env = exchange_view.i_env and t.imsi = exchange_view.account_id;
        end if;
    end if;
    select l.i_account, l.i_env, l.revision, l.id, l.i_customer, l.i_product, l.billing_model, l.currency, l.bill_status, l.blocked, l.credit_limit,
           l.h323_password, l.activation_date, l.expiration_date, l.language, l.balance, l.held, l.open_outgoing, l.open_incoming, l.max_sessions,
           l.max_outgoing, l.max_incoming, case when l.locked_until > now() then l.locked_by end as locked_by,
           l.life_time, l.first_usage, l.inactivity_days, l.last_usage,
           substr(l.service_flags, 13, 1) as barring,
           case when substr(l.service_flags, 13, 1) = 'Y' then (select v.value from service_attribute_values v
               where v.i_account = l.i_account and v.i_attribute = 23) end as barred,
           l.i_access_policy, l.i_vd_plan, l.i_payer, l.spend_limit, l.spend_period,
           (select array_agg(p.i_product order by p.addon_priority desc, p.i_product) from account_addons d join products p using (i_product)
               where d.i_account = l.i_account and now() >= d.addon_effective_from and (d.addon_effective_to is null or now() < d.addon_effective_to)) as addons,
           (select d.i_billing_period from customer_details d where d.i_customer = l.i_customer) as billing_period,
           (select array_agg(t.id order by t.id) from accounts t where t.i_master_account = l.i_account) as aliases,
           exists (select from accounts b where b.i_payer = l.i_account) as pays,
           (select t.value[1] from service_attribute_values t where t.i_account = l.i_account and t.i_attribute = 3) as static_ip
    into a from accounts l where l.i_account = a_id;
    pays := coalesce(a.i_payer, a_id);
    if a.i_payer is not null then
        select row_to_json(y) into payer from (
            select l.i_account, l.id, l.revision, l.i_product, l.billing_model, l.credit_limit, l.i_vd_plan, l.spend_limit, l.spend_period, l.bill_status,
                   l.blocked, l.activation_date, l.expiration_date, l.life_time, l.first_usage, l.balance, l.held,
                   (select array_agg(p.i_product order by p.addon_priority desc, p.i_product) from account_addons d join products p using (i_product)
                       where d.i_account = l.i_account and now() >= d.addon_effective_from
                         and (d.addon_effective_to is null or now() < d.addon_effective_to)) as addons
            from accounts l where l.i_account = pays) y;
    end if;
    -- Look-ups by key, one a level, and most customers have no reseller: one recursive query cost three times as much as all the rest.
    above := a.i_customer;
    while above is not null and cardinality(chain) <= 16 loop
        select c.i_customer, c.i_env, c.revision, c.name, c.i_parent, c.currency, c.bill_status, c.blocked, c.credit_limit, c.temp_credit_limit,
               c.temp_credit_until, c.i_tariff, c.timezone, c.language, c.balance, c.held, c.open_outgoing, c.open_incoming, c.max_sessions,
               c.max_outgoing, c.max_incoming, c.i_vd_plan, c.spend_limit, c.spend_period,
               case when substr(c.service_flags, 13, 1) = 'Y' then (select v.value from service_attribute_values v
                   where v.i_customer = c.i_customer and v.i_attribute = 23) end as barred
        into party from customers c where c.i_customer = above;
        exit when not found;
        chain := chain || row_to_json(party);
        above := party.i_parent;
    end loop;
    return json_build_object(
        'account', case when a.i_account is not null then row_to_json(a) end,
        'payer', payer,
        'session', case when s.session_key is not null then row_to_json(s) end,
        'chain', array_to_json(chain),
        'counters', (select json_agg(row_to_json(t)) from (
            select false as shared, v.i_vd_dg, v.peak_level, v.used, v.held, v.carried, v.period_start, v.period_end from vd_counters v where v.i_account = pays
            union all
            select true, v.i_vd_dg, v.peak_level, v.used, v.held, v.carried, v.period_start, v.period_end from vd_counters v
            where v.i_customer = a.i_customer and v.i_account is null) t),
        'wallets', (select json_agg(row_to_json(w)) from (
            select s.i_service_wallet, s.i_vd_dg, s.balance, s.held, s.expires, case when s.activated > now() then s.activated end as begins
            from service_wallets s
            where s.i_account = pays and (s.balance > 0 or s.held > 0)) w)
    );
end $$;

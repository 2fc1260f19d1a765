-- Events of accounts.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function accounts_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'accounts insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/New', 'account:' || n.i_account, 'id:' || n.id, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where n.i_master_account is null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'accounts update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_account = o.i_account cross join lateral (
                    select 0, 'Account/ID/Changed', 'account:' || n.i_account, 'id:' || o.id, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_id', o.id, 'curr_id', n.id)
                        where o.id <> n.id
                    union all select 1, 'Account/Product/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_product', o.i_product, 'curr_product', n.i_product)
                        where o.i_product is distinct from n.i_product
                    union all select 2, 'Account/ActivationDate/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_activation_date', o.activation_date,
                            'curr_activation_date', n.activation_date)
                        where o.activation_date is distinct from n.activation_date
                    union all select 3, 'Account/ExpirationDate/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_expiration_date', o.expiration_date,
                            'curr_expiration_date', n.expiration_date)
                        where o.expiration_date is distinct from n.expiration_date
                    union all select 4, 'Account/AccessPolicy/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'i_access_policy', n.i_access_policy)
                        where o.i_access_policy is distinct from n.i_access_policy
                    union all select 5, 'Account/Discount/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_i_vd_plan', o.i_vd_plan, 'curr_i_vd_plan', n.i_vd_plan)
                        where o.i_vd_plan is distinct from n.i_vd_plan
                    union all select 6, 'Account/Password/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_password', case when o.password is not null then
                            'secret:accounts.password:' || o.i_account || ':before' end,
                            'curr_password', case when n.password is not null then 'secret:accounts.password:' || n.i_account end)
                        where o.password is distinct from n.password
                    union all select 7, 'Account/ServicePassword/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_h323_pwd', case when o.h323_password is not null then
                            'secret:accounts.h323_password:' || o.i_account || ':before' end,
                            'curr_h323_pwd', case when n.h323_password is not null then 'secret:accounts.h323_password:' || n.i_account end)
                        where o.h323_password is distinct from n.h323_password
                    union all select 8, 'Account/ServiceFlags/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'account_prev_service_flags', o.service_flags)
                        where o.service_flags <> n.service_flags
                    union all select 9, 'Account/Blocked', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where n.blocked and not o.blocked
                    union all select 10, 'Account/Unblocked', 'account:' || n.i_account, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.blocked and not n.blocked
                    union all select 11, 'Account/Status/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_status', o.bill_status, 'new_status', n.bill_status)
                        where o.bill_status <> n.bill_status
                    union all select 12, 'Account/Status/Closed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.bill_status <> 'C' and n.bill_status = 'C'
                    union all select 13, 'Account/Status/Exported', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.bill_status <> 'E' and n.bill_status = 'E'
                    union all select 14, 'Account/Status/Imported', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.bill_status = 'E' and n.bill_status = 'O'
                    union all select 15, 'Account/Status/Suspend', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.bill_status <> 'S' and n.bill_status = 'S'
                    union all select 16, 'Account/Status/Unsuspend', 'account:' || n.i_account, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where o.bill_status = 'S' and n.bill_status = 'O'
                    union all select 17, 'Account/BalanceChanged', 'account:' || n.i_account, null, case when case when n.billing_model = 1 then n.balance <
                        o.balance else n.balance > o.balance end then 0 else 1 end, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_balance', o.balance, 'curr_balance', n.balance)
                        where o.balance <> n.balance
                    union all select 18, 'Account/AvailableFundsAppear', 'account:' || n.i_account, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where coalesce(case when o.billing_model = 1 then o.balance >= o.credit_limit else o.balance <= 0 end, false) and not coalesce(case
                            when n.billing_model = 1 then n.balance >= n.credit_limit else n.balance <= 0 end, false)
                    union all select 19, 'Account/ZeroAvailableFunds', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where coalesce(case when n.billing_model = 1 then n.balance >= n.credit_limit else n.balance <= 0 end, false) and not coalesce(case
                            when o.billing_model = 1 then o.balance >= o.credit_limit else o.balance <= 0 end, false)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'accounts delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/Alias/Delete', 'account:' || o.i_master_account, 'id:' || o.id, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_master_account', o.i_master_account, 'id', o.id)
                        where o.i_master_account is not null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger accounts_events_insert after insert on accounts
    referencing new table as new_rows for each statement execute function accounts_events();
create or replace trigger accounts_events_update after update on accounts
    referencing old table as old_rows new table as new_rows for each statement execute function accounts_events();
create or replace trigger accounts_events_delete after delete on accounts
    referencing old table as old_rows for each statement execute function accounts_events();

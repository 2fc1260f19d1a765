-- Events of vd_counters, service_wallets.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function vd_counters_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'vd_counters update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_vd_counter = o.i_vd_counter cross join lateral (
                    select 0, 'Account/Service/QuotaAvailable', 'account:' || n.i_account, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg), 'i_vd_dg', n.i_vd_dg)
                        where n.i_account is not null and o.exceeded and not n.exceeded
                    union all select 1, 'Account/Service/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg), 'i_vd_dg', n.i_vd_dg)
                        where n.i_account is not null and n.exceeded and not o.exceeded
                    union all select 2, 'Account/Service/Msg/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg))
                        where n.i_account is not null and n.exceeded and not o.exceeded and (select i_service_type from services where services.i_service =
                            (select i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg)) = 8
                    union all select 3, 'Account/Service/Netaccess/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg))
                        where n.i_account is not null and n.exceeded and not o.exceeded and (select i_service_type from services where services.i_service =
                            (select i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg)) = 4
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_vd_counter, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger vd_counters_events_update after update on vd_counters
    referencing old table as old_rows new table as new_rows for each statement execute function vd_counters_events();

create or replace function service_wallets_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'service_wallets update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_service_wallet = o.i_service_wallet cross join lateral (
                    select 0, 'Account/Service/QuotaAvailable', 'account:' || n.i_account, null, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg), 'i_vd_dg', n.i_vd_dg)
                        where n.i_account is not null and o.exceeded and not n.exceeded
                    union all select 1, 'Account/Service/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg), 'i_vd_dg', n.i_vd_dg)
                        where n.i_account is not null and n.exceeded and not o.exceeded
                    union all select 2, 'Account/Service/Msg/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg))
                        where n.i_account is not null and n.exceeded and not o.exceeded and (select i_service_type from services where services.i_service =
                            (select i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg)) = 8
                    union all select 3, 'Account/Service/Netaccess/QuotaExceeded', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account,
                            'i_service', (select vd_dgs.i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg))
                        where n.i_account is not null and n.exceeded and not o.exceeded and (select i_service_type from services where services.i_service =
                            (select i_service from vd_dgs where vd_dgs.i_vd_dg = n.i_vd_dg)) = 4
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_service_wallet, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger service_wallets_events_update after update on service_wallets
    referencing old table as old_rows new table as new_rows for each statement execute function service_wallets_events();

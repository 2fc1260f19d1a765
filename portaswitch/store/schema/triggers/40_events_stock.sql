-- Events of dids, ua_profiles, ua, sim_cards, ua_links.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function dids_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'dids insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'DID/New', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_did_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'dids update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_did_number = o.i_did_number cross join lateral (
                    select 0, 'DID/Status/Assigned', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number, 'prev_customer', o.i_customer)
                        where n.i_customer is not null and o.i_customer is distinct from n.i_customer
                    union all select 1, 'DID/Status/Unassigned', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number, 'prev_customer', o.i_customer)
                        where o.i_customer is not null and n.i_customer is null
                    union all select 2, 'DID/Status/Activated', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number)
                        where n.i_account is not null and o.i_account is distinct from n.i_account
                    union all select 3, 'DID/Status/Canceled', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number)
                        where o.i_account is not null and n.i_account is null
                    union all select 4, 'DID/Status/Moved', 'did:' || n.number, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'number', n.number)
                        where n.moved_to is not null and o.moved_to is distinct from n.moved_to
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_did_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'dids delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'DID/Deleted', 'did:' || o.number, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'number', o.number)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_did_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger dids_events_insert after insert on dids
    referencing new table as new_rows for each statement execute function dids_events();
create or replace trigger dids_events_update after update on dids
    referencing old table as old_rows new table as new_rows for each statement execute function dids_events();
create or replace trigger dids_events_delete after delete on dids
    referencing old table as old_rows for each statement execute function dids_events();

create or replace function ua_profiles_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'ua_profiles insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'IPDeviceProfile/New', 'ua_profile:' || n.i_ua_profile, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_ua_profile', n.i_ua_profile)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_ua_profile, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger ua_profiles_events_insert after insert on ua_profiles
    referencing new table as new_rows for each statement execute function ua_profiles_events();

create or replace function ua_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'ua insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Custom/Inventory/DeviceAdded', 'ua:' || n.i_ua, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_ua', n.i_ua, 'name', n.name, 'model', n.model, 'mac', n.mac, 'inventory_id', n.inventory_id,
                            'profile', (select ua_profiles.name from ua_profiles where ua_profiles.i_ua_profile = n.i_ua_profile))
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_ua, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger ua_events_insert after insert on ua
    referencing new table as new_rows for each statement execute function ua_events();

create or replace function sim_cards_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'sim_cards insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/SIMCardAssignment', 'account:' || n.i_account, 'sim:' || n.i_sim_card, 0, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_i_sim', null, 'i_sim', n.i_sim_card)
                        where coalesce(n.i_account, null) is not null and null is distinct from n.i_sim_card
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'sim_cards update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from (old_rows o full join new_rows n on n.i_account = o.i_account) cross join lateral (
                    select 0, 'Account/SIMCardAssignment', coalesce('account:' || n.i_account, 'account:' || o.i_account), coalesce('sim:' ||
                        n.i_sim_card, 'sim:' || o.i_sim_card), 0, coalesce(n.i_env, o.i_env),
                        jsonb_build_object('i_env', coalesce(n.i_env, o.i_env), 'i_account', coalesce(n.i_account, o.i_account), 'prev_i_sim', o.i_sim_card,
                            'i_sim', n.i_sim_card)
                        where coalesce(n.i_account, o.i_account) is not null and o.i_sim_card is distinct from n.i_sim_card and n is distinct from o
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account is not null, coalesce(n.i_account, o.i_account), e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'sim_cards delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/SIMCardAssignment', 'account:' || o.i_account, 'sim:' || o.i_sim_card, 0, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'prev_i_sim', o.i_sim_card, 'i_sim', null)
                        where coalesce(null, o.i_account) is not null and o.i_sim_card is distinct from null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger sim_cards_events_insert after insert on sim_cards
    referencing new table as new_rows for each statement execute function sim_cards_events();
create or replace trigger sim_cards_events_update after update on sim_cards
    referencing old table as old_rows new table as new_rows for each statement execute function sim_cards_events();
create or replace trigger sim_cards_events_delete after delete on sim_cards
    referencing old table as old_rows for each statement execute function sim_cards_events();

create or replace function ua_links_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'ua_links insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/IPDeviceAssignment', 'account:' || n.i_account, 'ua:' || n.i_ua, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'prev_ua', null, 'prev_port', null, 'prev_config', null,
                            'i_ua', n.i_ua, 'port', n.port, 'config', n.config)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_ua_link, n.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'ua_links update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from (old_rows o full join new_rows n on n.i_ua_link = o.i_ua_link and n.i_account = o.i_account) cross join lateral (
                    select 0, 'Account/IPDeviceAssignment', coalesce('account:' || n.i_account, 'account:' || o.i_account), coalesce('ua:' ||
                        n.i_ua, 'ua:' || o.i_ua), 1, coalesce(n.i_env, o.i_env),
                        jsonb_build_object('i_env', coalesce(n.i_env, o.i_env), 'i_account', coalesce(n.i_account, o.i_account), 'prev_ua', o.i_ua,
                            'prev_port', o.port, 'prev_config', o.config, 'i_ua', n.i_ua, 'port', n.port, 'config', n.config)
                        where n is distinct from o
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_ua_link is not null, coalesce(n.i_ua_link, o.i_ua_link), coalesce(n.i_account, o.i_account), e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'ua_links delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/IPDeviceAssignment', 'account:' || o.i_account, 'ua:' || o.i_ua, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'prev_ua', o.i_ua, 'prev_port', o.port, 'prev_config', o.config,
                            'i_ua', null, 'port', null, 'config', null)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_ua_link, o.i_account, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger ua_links_events_insert after insert on ua_links
    referencing new table as new_rows for each statement execute function ua_links_events();
create or replace trigger ua_links_events_update after update on ua_links
    referencing old table as old_rows new table as new_rows for each statement execute function ua_links_events();
create or replace trigger ua_links_events_delete after delete on ua_links
    referencing old table as old_rows for each statement execute function ua_links_events();

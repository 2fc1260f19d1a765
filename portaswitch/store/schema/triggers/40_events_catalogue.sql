-- Events of access_policies, access_policy_levels, access_policy_attributes, access_policy_phases, accessibility, products, connections.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function access_policies_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policies update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_access_policy = o.i_access_policy and n is distinct from o cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger access_policies_events_update after update on access_policies
    referencing old table as old_rows new table as new_rows for each statement execute function access_policies_events();

create or replace function access_policy_levels_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_levels insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_level, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_levels update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_access_policy_level = o.i_access_policy_level and n is distinct from o
                cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_level, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_levels delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || o.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = o.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            o.i_access_policy), 'i_access_policy', o.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_access_policy_level, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger access_policy_levels_events_insert after insert on access_policy_levels
    referencing new table as new_rows for each statement execute function access_policy_levels_events();
create or replace trigger access_policy_levels_events_update after update on access_policy_levels
    referencing old table as old_rows new table as new_rows for each statement execute function access_policy_levels_events();
create or replace trigger access_policy_levels_events_delete after delete on access_policy_levels
    referencing old table as old_rows for each statement execute function access_policy_levels_events();

create or replace function access_policy_attributes_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_attributes insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_attribute, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_attributes update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_access_policy_attribute = o.i_access_policy_attribute and n is distinct from o
                cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_attribute, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_attributes delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'AccessPolicy/Changed', 'access_policy:' || o.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = o.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            o.i_access_policy), 'i_access_policy', o.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_access_policy_attribute, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger access_policy_attributes_events_insert after insert on access_policy_attributes
    referencing new table as new_rows for each statement execute function access_policy_attributes_events();
create or replace trigger access_policy_attributes_events_update after update on access_policy_attributes
    referencing old table as old_rows new table as new_rows for each statement execute function access_policy_attributes_events();
create or replace trigger access_policy_attributes_events_delete after delete on access_policy_attributes
    referencing old table as old_rows for each statement execute function access_policy_attributes_events();

create or replace function access_policy_phases_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_phases insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'AccessPolicy/Phase/New', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_phase, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_phases update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_access_policy_phase = o.i_access_policy_phase and n is distinct from o
                cross join lateral (
                    select 0, 'AccessPolicy/Phase/Changed', 'access_policy:' || n.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = n.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            n.i_access_policy), 'i_access_policy', n.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_access_policy_phase, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'access_policy_phases delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'AccessPolicy/Phase/Deleted', 'access_policy:' || o.i_access_policy, null, 1, (select access_policies.i_env from
                        access_policies where access_policies.i_access_policy = o.i_access_policy),
                        jsonb_build_object('i_env', (select access_policies.i_env from access_policies where access_policies.i_access_policy =
                            o.i_access_policy), 'i_access_policy', o.i_access_policy)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_access_policy_phase, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger access_policy_phases_events_insert after insert on access_policy_phases
    referencing new table as new_rows for each statement execute function access_policy_phases_events();
create or replace trigger access_policy_phases_events_update after update on access_policy_phases
    referencing old table as old_rows new table as new_rows for each statement execute function access_policy_phases_events();
create or replace trigger access_policy_phases_events_delete after delete on access_policy_phases
    referencing old table as old_rows for each statement execute function access_policy_phases_events();

create or replace function accessibility_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'accessibility insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Accessibility/Inserted', 'product:' || n.i_product, null, 1, (select products.i_env from products where
                        products.i_product = n.i_product),
                        jsonb_build_object('i_env', (select products.i_env from products where products.i_product = n.i_product), 'i_product', n.i_product,
                            'i_accessibility', n.i_accessibility)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_accessibility, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'accessibility delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Accessibility/Deleted', 'product:' || o.i_product, null, 1, (select products.i_env from products where
                        products.i_product = o.i_product),
                        jsonb_build_object('i_env', (select products.i_env from products where products.i_product = o.i_product), 'i_product', o.i_product,
                            'i_accessibility', o.i_accessibility)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_accessibility, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger accessibility_events_insert after insert on accessibility
    referencing new table as new_rows for each statement execute function accessibility_events();
create or replace trigger accessibility_events_delete after delete on accessibility
    referencing old table as old_rows for each statement execute function accessibility_events();

create or replace function products_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'products update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_product = o.i_product cross join lateral (
                    select 0, 'Product/AccessPolicy/Changed', 'product:' || n.i_product, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_product', n.i_product, 'i_access_policy', n.i_access_policy)
                        where o.i_access_policy is distinct from n.i_access_policy
                    union all select 1, 'Product/Discount/Changed', 'product:' || n.i_product, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_product', n.i_product, 'prev_i_vd_plan', o.i_vd_plan, 'curr_i_vd_plan', n.i_vd_plan,
                            'addon_priority', n.addon_priority)
                        where o.i_vd_plan is distinct from n.i_vd_plan
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_product, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger products_events_update after update on products
    referencing old table as old_rows new table as new_rows for each statement execute function products_events();

create or replace function connections_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'connections insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Connection/New', 'connection:' || n.i_connection, null, 1, (select vendors.i_env from vendors where vendors.i_vendor
                        = n.i_vendor),
                        jsonb_build_object('i_env', (select vendors.i_env from vendors where vendors.i_vendor = n.i_vendor), 'i_vendor', n.i_vendor,
                            'i_connection', n.i_connection)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_connection, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'connections update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_connection = o.i_connection and n is distinct from o cross join lateral (
                    select 0, 'Connection/Changed', 'connection:' || n.i_connection, null, 1, (select vendors.i_env from vendors where
                        vendors.i_vendor = n.i_vendor),
                        jsonb_build_object('i_env', (select vendors.i_env from vendors where vendors.i_vendor = n.i_vendor), 'i_vendor', n.i_vendor,
                            'i_connection', n.i_connection, 'prev_remote_ip', o.remote_ip)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_connection, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'connections delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Connection/Deleted', 'connection:' || o.i_connection, null, 1, (select vendors.i_env from vendors where
                        vendors.i_vendor = o.i_vendor),
                        jsonb_build_object('i_env', (select vendors.i_env from vendors where vendors.i_vendor = o.i_vendor), 'i_vendor', o.i_vendor,
                            'i_connection', o.i_connection, 'i_connection_type', o.i_connection_type, 'prev_remote_ip', o.remote_ip)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_connection, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger connections_events_insert after insert on connections
    referencing new table as new_rows for each statement execute function connections_events();
create or replace trigger connections_events_update after update on connections
    referencing old table as old_rows new table as new_rows for each statement execute function connections_events();
create or replace trigger connections_events_delete after delete on connections
    referencing old table as old_rows for each statement execute function connections_events();

-- Events of account_addons, follow_me, follow_me_numbers, external_reports, subscribers.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function account_addons_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'account_addons insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/ProductAddon/Inserted', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'curr_i_addon_product', n.i_product)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account_addon, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'account_addons update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_account_addon = o.i_account_addon and n is distinct from o cross join lateral (
                    select 0, 'Account/ProductAddon/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'i_addon_product', n.i_product)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_account_addon, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'account_addons delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/ProductAddon/Deleted', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'prev_i_addon_product', o.i_product)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_account_addon, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger account_addons_events_insert after insert on account_addons
    referencing new table as new_rows for each statement execute function account_addons_events();
create or replace trigger account_addons_events_update after update on account_addons
    referencing old table as old_rows new table as new_rows for each statement execute function account_addons_events();
create or replace trigger account_addons_events_delete after delete on account_addons
    referencing old table as old_rows for each statement execute function account_addons_events();

create or replace function follow_me_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/FollowMe/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_follow_me, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_follow_me = o.i_follow_me and n is distinct from o cross join lateral (
                    select 0, 'Account/FollowMe/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_follow_me, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/FollowMe/Changed', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_follow_me, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger follow_me_events_insert after insert on follow_me
    referencing new table as new_rows for each statement execute function follow_me_events();
create or replace trigger follow_me_events_update after update on follow_me
    referencing old table as old_rows new table as new_rows for each statement execute function follow_me_events();
create or replace trigger follow_me_events_delete after delete on follow_me
    referencing old table as old_rows for each statement execute function follow_me_events();

create or replace function follow_me_numbers_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me_numbers insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/FollowMeNumber/Inserted', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'i_follow_me', n.i_follow_me,
                            'i_follow_me_number', n.i_follow_me_number, 'curr_redirect_number', n.redirect_number)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_follow_me_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me_numbers update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_follow_me_number = o.i_follow_me_number and n is distinct from o cross join lateral (
                    select 0, 'Account/FollowMeNumber/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'i_follow_me', n.i_follow_me,
                            'i_follow_me_number', n.i_follow_me_number, 'curr_redirect_number', n.redirect_number,
                            'prev_redirect_number', o.redirect_number)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_follow_me_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'follow_me_numbers delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/FollowMeNumber/Deleted', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'i_follow_me', o.i_follow_me,
                            'i_follow_me_number', o.i_follow_me_number, 'prev_redirect_number', o.redirect_number)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_follow_me_number, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger follow_me_numbers_events_insert after insert on follow_me_numbers
    referencing new table as new_rows for each statement execute function follow_me_numbers_events();
create or replace trigger follow_me_numbers_events_update after update on follow_me_numbers
    referencing old table as old_rows new table as new_rows for each statement execute function follow_me_numbers_events();
create or replace trigger follow_me_numbers_events_delete after delete on follow_me_numbers
    referencing old table as old_rows for each statement execute function follow_me_numbers_events();

create or replace function external_reports_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'external_reports insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Custom/Jasper/CapReached', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account)
                        where n.source = 'Jasper' and n.kind = 'CapReached'
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_external_report, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger external_reports_events_insert after insert on external_reports
    referencing new table as new_rows for each statement execute function external_reports_events();

create or replace function subscribers_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'subscribers update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_subscriber = o.i_subscriber cross join lateral (
                    select 0, 'Subscriber/Address/Changed', 'subscriber:' || n.i_subscriber, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_subscriber', n.i_subscriber, 'prev_baddr1', o.baddr1, 'prev_baddr2', o.baddr2,
                            'prev_baddr3', o.baddr3, 'prev_baddr4', o.baddr4, 'prev_baddr5', o.baddr5, 'curr_baddr1', n.baddr1,
                            'curr_baddr2', n.baddr2, 'curr_baddr3', n.baddr3, 'curr_baddr4', n.baddr4, 'curr_baddr5', n.baddr5,
                            'prev_state', o.state, 'curr_state', n.state, 'prev_zip', o.zip, 'curr_zip', n.zip, 'prev_city', o.city,
                            'curr_city', n.city, 'prev_country', o.country, 'curr_country', n.country)
                        where (o.baddr1, o.baddr2, o.baddr3, o.baddr4, o.baddr5, o.city, o.state, o.zip, o.country) is distinct from (n.baddr1, n.baddr2,
                            n.baddr3, n.baddr4, n.baddr5, n.city, n.state, n.zip, n.country)
                    union all select 1, 'Subscriber/ContactInfo/Changed', 'subscriber:' || n.i_subscriber, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_subscriber', n.i_subscriber, 'prev_phone1', o.phone1, 'curr_phone1', n.phone1,
                            'prev_phone2', o.phone2, 'curr_phone2', n.phone2, 'prev_cont1', o.cont1, 'curr_cont1', n.cont1,
                            'prev_cont2', o.cont2, 'curr_cont2', n.cont2, 'prev_faxnum', o.faxnum, 'curr_faxnum', n.faxnum,
                            'prev_email', o.email, 'curr_email', n.email, 'prev_bcc', o.bcc, 'curr_bcc', n.bcc)
                        where (o.phone1, o.phone2, o.cont1, o.cont2, o.faxnum, o.email, o.bcc) is distinct from (n.phone1, n.phone2, n.cont1, n.cont2,
                            n.faxnum, n.email, n.bcc)
                    union all select 2, 'Subscriber/Name/Changed', 'subscriber:' || n.i_subscriber, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_subscriber', n.i_subscriber, 'prev_companyname', o.companyname,
                            'curr_companyname', n.companyname, 'prev_salutation', o.salutation, 'curr_salutation', n.salutation,
                            'prev_firstname', o.firstname, 'curr_firstname', n.firstname, 'prev_midinit', o.midinit,
                            'curr_midinit', n.midinit, 'prev_lastname', o.lastname, 'curr_lastname', n.lastname)
                        where (o.companyname, o.salutation, o.firstname, o.midinit, o.lastname) is distinct from (n.companyname, n.salutation, n.firstname,
                            n.midinit, n.lastname)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_subscriber, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger subscribers_events_update after update on subscribers
    referencing old table as old_rows new table as new_rows for each statement execute function subscribers_events();

-- Events of service_attribute_values, custom_field_values.
-- Written by store/event_triggers.py from event_sources.yaml, not by hand.
-- `hashjoin` is on while events are made, because the money path's connections switch it off, and transition tables have no index to join the rows before and
-- after by. As a setting of the function it would cost each charge that nobody wants to hear of.

create or replace function service_attribute_values_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'service_attribute_values insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Product/ServiceAttribute/Changed', 'product:' || n.i_product, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_product', n.i_product, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', null)
                        where n.i_product is not null and attribute_told(n.i_attribute)
                    union all select 1, 'Account/ServiceAttribute/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', null)
                        where n.i_account is not null and attribute_told(n.i_attribute)
                    union all select 2, 'Customer/ServiceAttribute/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', null)
                        where n.i_customer is not null and attribute_told(n.i_attribute)
                    union all select 3, 'CustomerSite/ServiceAttribute/Changed', 'customer_site:' || n.i_customer_site, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer_site', n.i_customer_site, 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', null, 'feature_name',
                            (select service_features.name from service_features where service_features.i_service_feature = (select
                            service_attributes.i_service_feature from service_attributes where service_attributes.i_attribute =
                            n.i_attribute)))
                        where n.i_customer_site is not null and attribute_told(n.i_attribute)
                    union all select 4, 'ServiceAttribute/Changed', coalesce('account:' || n.i_account, 'customer:' || n.i_customer, 'customer_site:' ||
                        n.i_customer_site, 'product:' || n.i_product), null, 1, n.i_env,
                        jsonb_build_object('i_savalue', n.i_savalue, 'i_foreign', n.i_foreign, 'i_attribute', n.i_attribute, 'old_value', null)
                        where attribute_told(n.i_attribute)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_savalue, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'service_attribute_values update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_savalue = o.i_savalue and n is distinct from o cross join lateral (
                    select 0, 'Product/ServiceAttribute/Changed', 'product:' || n.i_product, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_product', n.i_product, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', o.value)
                        where n.i_product is not null and attribute_told(n.i_attribute)
                    union all select 1, 'Account/ServiceAttribute/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', o.value)
                        where n.i_account is not null and attribute_told(n.i_attribute)
                    union all select 2, 'Customer/ServiceAttribute/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = n.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', o.value)
                        where n.i_customer is not null and attribute_told(n.i_attribute)
                    union all select 3, 'CustomerSite/ServiceAttribute/Changed', 'customer_site:' || n.i_customer_site, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer_site', n.i_customer_site, 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = n.i_attribute), 'old_value', o.value, 'feature_name',
                            (select service_features.name from service_features where service_features.i_service_feature = (select
                            service_attributes.i_service_feature from service_attributes where service_attributes.i_attribute =
                            n.i_attribute)))
                        where n.i_customer_site is not null and attribute_told(n.i_attribute)
                    union all select 4, 'ServiceAttribute/Changed', coalesce('account:' || n.i_account, 'customer:' || n.i_customer, 'customer_site:' ||
                        n.i_customer_site, 'product:' || n.i_product), null, 1, n.i_env,
                        jsonb_build_object('i_savalue', n.i_savalue, 'i_foreign', n.i_foreign, 'i_attribute', n.i_attribute, 'old_value', o.value)
                        where attribute_told(n.i_attribute)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_savalue, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'service_attribute_values delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Product/ServiceAttribute/Changed', 'product:' || o.i_product, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_product', o.i_product, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = o.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = o.i_attribute), 'old_value', o.value)
                        where o.i_product is not null and attribute_told(o.i_attribute)
                    union all select 1, 'Account/ServiceAttribute/Changed', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = o.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = o.i_attribute), 'old_value', o.value)
                        where o.i_account is not null and attribute_told(o.i_attribute)
                    union all select 2, 'Customer/ServiceAttribute/Changed', 'customer:' || o.i_customer, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_customer', o.i_customer, 'feature_name', (select service_features.name from service_features
                            where service_features.i_service_feature = (select service_attributes.i_service_feature from service_attributes
                            where service_attributes.i_attribute = o.i_attribute)), 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = o.i_attribute), 'old_value', o.value)
                        where o.i_customer is not null and attribute_told(o.i_attribute)
                    union all select 3, 'CustomerSite/ServiceAttribute/Changed', 'customer_site:' || o.i_customer_site, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_customer_site', o.i_customer_site, 'attribute_name', (select service_attributes.name from
                            service_attributes where service_attributes.i_attribute = o.i_attribute), 'old_value', o.value, 'feature_name',
                            (select service_features.name from service_features where service_features.i_service_feature = (select
                            service_attributes.i_service_feature from service_attributes where service_attributes.i_attribute =
                            o.i_attribute)))
                        where o.i_customer_site is not null and attribute_told(o.i_attribute)
                    union all select 4, 'ServiceAttribute/Changed', coalesce('account:' || o.i_account, 'customer:' || o.i_customer, 'customer_site:' ||
                        o.i_customer_site, 'product:' || o.i_product), null, 1, o.i_env,
                        jsonb_build_object('i_savalue', o.i_savalue, 'i_foreign', o.i_foreign, 'i_attribute', o.i_attribute, 'old_value', o.value)
                        where attribute_told(o.i_attribute)
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_savalue, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger service_attribute_values_events_insert after insert on service_attribute_values
    referencing new table as new_rows for each statement execute function service_attribute_values_events();
create or replace trigger service_attribute_values_events_update after update on service_attribute_values
    referencing old table as old_rows new table as new_rows for each statement execute function service_attribute_values_events();
create or replace trigger service_attribute_values_events_delete after delete on service_attribute_values
    referencing old table as old_rows for each statement execute function service_attribute_values_events();

create or replace function custom_field_values_events() returns trigger language plpgsql as $$
declare
    wanted text[];
    hashed text := current_setting('enable_hashjoin');
begin
    if tg_op = 'INSERT' then
        wanted := (select w.events from event_wants w where w.place = 'custom_field_values insert');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from new_rows n cross join lateral (
                    select 0, 'Account/CustomField/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = n.i_custom_field), 'prev_value', null, 'curr_value', n.db_value)
                        where n.i_account is not null
                    union all select 1, 'CustomField/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_account', n.i_account, 'i_env', n.i_env, 'curr_value', n.db_value, 'prev_value', null, 'field_name', (select
                            custom_fields.name from custom_fields where custom_fields.i_custom_field = n.i_custom_field))
                        where n.i_account is not null
                    union all select 2, 'Customer/CustomField/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = n.i_custom_field), 'prev_value', null, 'curr_value', n.db_value)
                        where n.i_customer is not null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_custom_field_value, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'UPDATE' then
        wanted := (select w.events from event_wants w where w.place = 'custom_field_values update');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o join new_rows n on n.i_custom_field_value = o.i_custom_field_value and n is distinct from o cross join lateral (
                    select 0, 'Account/CustomField/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_account', n.i_account, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = n.i_custom_field), 'prev_value', o.db_value, 'curr_value', n.db_value)
                        where n.i_account is not null
                    union all select 1, 'CustomField/Changed', 'account:' || n.i_account, null, 1, n.i_env,
                        jsonb_build_object('i_account', n.i_account, 'i_env', n.i_env, 'curr_value', n.db_value, 'prev_value', o.db_value, 'field_name',
                            (select custom_fields.name from custom_fields where custom_fields.i_custom_field = n.i_custom_field))
                        where n.i_account is not null
                    union all select 2, 'Customer/CustomField/Changed', 'customer:' || n.i_customer, null, 1, n.i_env,
                        jsonb_build_object('i_env', n.i_env, 'i_customer', n.i_customer, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = n.i_custom_field), 'prev_value', o.db_value, 'curr_value', n.db_value)
                        where n.i_customer is not null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by n.i_custom_field_value, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    elsif tg_op = 'DELETE' then
        wanted := (select w.events from event_wants w where w.place = 'custom_field_values delete');
        if wanted is not null then
            perform set_config('enable_hashjoin', 'on', true);
            perform raise_events(array_agg(e.event_type), array_agg(e.entity), array_agg(e.external_key), array_agg(e.lane),
                                 array_agg(e.i_env), array_agg(e.variables))
            from (select e.* from old_rows o cross join lateral (
                    select 0, 'Account/CustomField/Changed', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_account', o.i_account, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = o.i_custom_field), 'prev_value', o.db_value, 'curr_value', null)
                        where o.i_account is not null
                    union all select 1, 'CustomField/Changed', 'account:' || o.i_account, null, 1, o.i_env,
                        jsonb_build_object('i_account', o.i_account, 'i_env', o.i_env, 'curr_value', null, 'prev_value', o.db_value, 'field_name', (select
                            custom_fields.name from custom_fields where custom_fields.i_custom_field = o.i_custom_field))
                        where o.i_account is not null
                    union all select 2, 'Customer/CustomField/Changed', 'customer:' || o.i_customer, null, 1, o.i_env,
                        jsonb_build_object('i_env', o.i_env, 'i_customer', o.i_customer, 'field_name', (select custom_fields.name from custom_fields where
                            custom_fields.i_custom_field = o.i_custom_field), 'prev_value', o.db_value, 'curr_value', null)
                        where o.i_customer is not null
                ) e (no, event_type, entity, external_key, lane, i_env, variables)
                where e.event_type = any (wanted)
                order by o.i_custom_field_value, e.no) e
            having count(*) > 0;
            perform set_config('enable_hashjoin', hashed, true);
        end if;
    end if;
    return null;
end $$;
create or replace trigger custom_field_values_events_insert after insert on custom_field_values
    referencing new table as new_rows for each statement execute function custom_field_values_events();
create or replace trigger custom_field_values_events_update after update on custom_field_values
    referencing old table as old_rows new table as new_rows for each statement execute function custom_field_values_events();
create or replace trigger custom_field_values_events_delete after delete on custom_field_values
    referencing old table as old_rows for each statement execute function custom_field_values_events();

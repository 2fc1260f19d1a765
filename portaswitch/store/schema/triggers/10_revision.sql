-- Revisions and configuration notices. May be run again: after an upgrade that adds columns it must be, so that the column lists are whole.
-- A charge sets balance, held, the counts of open sessions, the login lock, first_usage and last_usage only (of vendors the balance), so none of these fires
-- for it.
do $$
declare
    money text[] := array['balance', 'held', 'open_outgoing', 'open_incoming', 'locked_by', 'locked_until', 'first_usage', 'last_usage', 'revision'];
    watched record;
    catalogue text;
begin
    for watched in select * from (values ('accounts', 'notify_account'), ('customers', 'notify_customer')) as t (name, notifier) loop
        execute format('create or replace trigger %1$s_revision before update of %2$s on %1$I for each row execute function touch_revision()',
                       watched.name, columns_but(watched.name::regclass, variadic money));
        execute format('create or replace trigger %1$s_notify after insert or delete or update of %2$s on %1$I for each row execute function %3$I()',
                       watched.name, columns_but(watched.name::regclass, variadic money), watched.notifier);
    end loop;

    create or replace trigger accounts_paid after insert on accounts referencing new table as touched for each statement execute function touch_payers();

    create or replace trigger customers_places before update of max_sessions, max_outgoing, max_incoming on customers
        for each row execute function count_places();

    foreach catalogue in array array['tariffs', 'products'] loop
        execute format('create or replace trigger %1$s_revision before update on %1$I for each row execute function touch_revision()', catalogue);
    end loop;

    foreach catalogue in array array['account_addons', 'service_attribute_values'] loop
        execute format('create or replace trigger %1$s_owner after insert or update or delete on %1$I for each row execute function touch_owner()', catalogue);
    end loop;

    create or replace trigger sim_cards_moved after update of i_account, imsi on sim_cards
        for each row when (old.i_account is not null and (old.i_account, old.imsi) is distinct from (new.i_account, new.imsi)) execute function touch_sim();
    create or replace trigger sim_cards_gone after delete on sim_cards for each row when (old.i_account is not null) execute function touch_sim();

    -- A wallet that is bought, renewed or closed; charges set balance, held and exceeded only.
    execute format('create or replace trigger service_wallets_owner after insert or delete or update of %s on service_wallets '
                   'for each row execute function touch_owner()', columns_but('service_wallets', 'balance', 'held', 'exceeded'));
    execute format('create or replace trigger vendors_catalogue after insert or delete or update of %s on vendors '
                   'for each statement execute function notify_catalogue()', columns_but('vendors', variadic money));
    -- What is seen of a client is told by the server itself: it is no change of the catalogue.
    execute format('create or replace trigger radius_clients_catalogue after insert or delete or update of %s on radius_clients '
                   'for each statement execute function notify_catalogue()',
                   columns_but('radius_clients', 'seen_authenticator', 'seen_without', 'seen_proxy_state'));
    foreach catalogue in array array['environments', 'service_types', 'services', 'service_policies', 'service_policy_attributes',
            'destination_group_sets', 'destination_groups', 'destinations', 'destination_group_members', 'exchange_rates', 'tariffs', 'rates', 'products', 'accessibility',
            'product_addons', 'nodes', 'ip_pools', 'connections', 'vd_plans', 'vd_dgs', 'vd_thresholds', 'vd_dg_services', 'access_policies', 'access_policy_levels',
            'access_policy_phases', 'access_policy_attributes', 'service_features', 'service_attributes', 'customer_sites'] loop
        execute format('create or replace trigger %1$s_catalogue after insert or update or delete on %1$I '
                       'for each statement execute function notify_catalogue()', catalogue);
    end loop;

    -- A statement over rates raises the revision of the tariffs that they are of: servers compile again those alone. Transition tables want a trigger an event.
    create or replace trigger rates_inserted after insert on rates referencing new table as touched for each statement execute function touch_tariffs();
    create or replace trigger rates_updated after update on rates referencing new table as touched for each statement execute function touch_tariffs();
    create or replace trigger rates_deleted after delete on rates referencing old table as touched for each statement execute function touch_tariffs();

    create or replace trigger destinations_inserted after insert on destinations referencing new table as touched
        for each statement execute function known_environment();
    create or replace trigger destinations_updated after update on destinations referencing new table as touched
        for each statement execute function known_environment();
end $$;

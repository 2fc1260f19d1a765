-- What the bench sells, in an empty database: one tariff with 1,001 destinations, one product with slices of 300 s, one node, one vendor,
-- and the two accounts that subscribers.sql copies. :'secret' and :'password' are sealed values in hexadecimal.
-- A call of 183 s costs 0.17 (CALL_PRICE in subscribers.py): fee 0.01, 30 s at 0.06 a minute, then 26 steps of 6 s at 0.05 a minute.
insert into environments (i_env, name) values (1, 'bench') on conflict do nothing;

insert into services (i_env, name, i_service_type, base)
    select 1, 'Voice', i_service_type, 'session-time' from service_types where name = 'Voice';
insert into service_policies (i_env, name, protection, slice) values (1, 'bench', 'slice', 300);

insert into destinations (i_env, prefix, country) values (1, '4420', 'GB');
insert into destinations (i_env, prefix, country)
    select 1, '44207' || lpad(n::text, 3, '0'), 'GB' from generate_series(0, 999) n;

insert into tariffs (i_env, name, currency, i_service, applied_to, connect_fee)
    select 1, applied_to, 'USD', i_service, applied_to, fee
    from services, (values ('customer', 0.01), ('vendor', 0)) t (applied_to, fee) where name = 'Voice';
insert into rates (i_tariff, i_dest, interval_first, interval_n, price_first, price_n)
    select i_tariff, i_dest, 30, 6, 0.06, 0.05 from tariffs, destinations where applied_to = 'customer'
    union all
    select i_tariff, i_dest, 1, 1, 0.02, 0.02 from tariffs, destinations where applied_to = 'vendor';

insert into products (i_env, name, currency) values (1, 'bench', 'USD');
insert into accessibility (i_product, i_service, i_tariff, i_service_policy)
    select i_product, t.i_service, i_tariff, i_service_policy from products, tariffs t, service_policies where applied_to = 'customer';

-- The product of accounts with plans: half of the price off, a quota with a wallet, a discount of the customer that begins far away. While the wallet lasts
-- it pays for all units, so that a call costs the fee alone (PLANNED_PRICE in subscribers.py).
insert into vd_plans (i_env, name, currency) select 1, name, 'USD' from (values ('sold'), ('own'), ('shared')) t (name);
insert into vd_dgs (i_vd_plan, i_service, kind, counted_in, reset)
    select i_vd_plan, i_service, kind, 'units', reset from vd_plans p, services,
        (values ('sold', 'discount', 'billing_period'), ('own', 'quota', 'daily'), ('own', 'wallet', 'never'), ('shared', 'discount', 'billing_period'))
            t (plan, kind, reset)
    where p.name = t.plan and services.name = 'Voice';
insert into vd_thresholds (i_vd_dg, threshold, discount, forbidden)
    select i_vd_dg, t.threshold, t.discount, t.forbidden from vd_dgs d join vd_plans p using (i_vd_plan),
        (values ('sold', 'discount', 0, 50, false), ('sold', 'discount', 1e15, 0, false), ('own', 'quota', 1e15, 0, true), ('shared', 'discount', 1e15, 10, false))
            t (plan, kind, threshold, discount, forbidden)
    where p.name = t.plan and d.kind = t.kind;
insert into products (i_env, name, currency, i_vd_plan) select 1, 'plans', 'USD', i_vd_plan from vd_plans where name = 'sold';
insert into accessibility (i_product, i_service, i_tariff, i_service_policy)
    select n.i_product, a.i_service, a.i_tariff, a.i_service_policy from accessibility a join products p using (i_product), products n
    where p.name = 'bench' and n.name = 'plans';

insert into nodes (i_env, name, nas_ip, nas_identifier) values (1, 'bench', '127.0.0.1', 'bench.example');
insert into radius_clients (i_env, address, secret, i_node)
    select 1, '127.0.0.1/32', decode(:'secret', 'hex'), i_node from nodes where name = 'bench';

insert into vendors (i_env, name, currency) values (1, 'carrier', 'USD');
insert into connections (i_vendor, name, remote_ip, i_tariff)   -- VENDOR_ADDRESS in scenarios.py
    select i_vendor, 'carrier', '192.0.2.88', i_tariff from vendors, tariffs where applied_to = 'vendor';

insert into customers (i_env, name, currency) values (1, 'template', 'USD');
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, h323_password)
    select 1, t.id, i_customer, i_product, t.model, 'USD', decode(:'password', 'hex')
    from customers c, products, (values ('template-debit', -1), ('template-credit', 1)) t (id, model) where c.name = 'template' and products.name = 'bench';

-- What the Diameter bench sells: data by rating group 100 at 0.01 a MiB (PRICE in diameter.py) in slices of 10 MiB, to accounts 3806 and eight digits; and
-- the peers of diagen, hosts of one realm.
insert into services (i_env, name, i_service_type, base)
    select 1, 'Mobile data', i_service_type, 'octets' from service_types where name = 'Data';
insert into service_policies (i_env, name, protection, slice, max_units) values (1, 'mobile', 'slice', 10485760, 1000000000000);
insert into destinations (i_env, prefix) values (1, '100');
insert into tariffs (i_env, name, currency, i_service, price_per) select 1, 'Mobile data', 'USD', i_service, 1048576 from services where name = 'Mobile data';
insert into rates (i_tariff, i_dest, price_first, price_n)
    select i_tariff, i_dest, 0.01, 0.01 from tariffs, destinations where name = 'Mobile data' and prefix = '100';
insert into products (i_env, name, currency) values (1, 'mobile', 'USD');
insert into accessibility (i_product, i_service, i_tariff, i_service_policy)
    select p.i_product, t.i_service, t.i_tariff, s.i_service_policy from products p, tariffs t, service_policies s
    where p.name = 'mobile' and t.name = 'Mobile data' and s.name = 'mobile';
insert into nodes (i_env, name, protocol, origin_realm, max_connections) values (1, 'diagen', 'diameter', 'example', 1000);

-- What the SIP bench sells: messages to accounts of ours at 0.02 (PRICE in sip.py), to accounts 4777 and eight digits; and the node that is the domain.
insert into services (i_env, name, i_service_type, base)
    select 1, 'Messages', i_service_type, 'quantity' from service_types where name = 'Msg';
insert into destinations (i_env, prefix) values (1, 'MSG');
insert into tariffs (i_env, name, currency, i_service, price_per) select 1, 'Messages', 'USD', i_service, 1 from services where name = 'Messages';
insert into rates (i_tariff, i_dest, price_first, price_n)
    select i_tariff, i_dest, 0.02, 0.02 from tariffs, destinations where name = 'Messages' and prefix = 'MSG';
insert into products (i_env, name, currency) values (1, 'messages', 'USD');
insert into accessibility (i_product, i_service, i_tariff)
    select p.i_product, t.i_service, t.i_tariff from products p, tariffs t where p.name = 'messages' and t.name = 'Messages';
insert into nodes (i_env, name, protocol, nas_identifier, i_service) select 1, 'sipgen', 'sip', 'sip.bench.example', i_service from services where name = 'Messages';
insert into customers (i_env, name, currency) select 1, 'sip' || n, 'USD' from generate_series(0, (:accounts - 1) / 10) n;
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, h323_password)
    select 1, '4777' || lpad(n::text, 8, '0'), c.i_customer, p.i_product, -1, 'USD', 1000000, 1000000, t.h323_password
    from generate_series(0, :accounts - 1) n join customers c on c.name = 'sip' || n / 10, products p, accounts t
    where p.name = 'messages' and t.id = 'template-debit';
analyze customers;
analyze accounts;

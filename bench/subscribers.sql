-- The accounts of the bench, made from the templates of catalogue.sql: everything but name, customer and money is theirs
-- (the sealed password too).
--   user1..userN   debit accounts, ten to a customer                     (:accounts, :opening)
--   corp1..corpN   credit accounts of one customer, who owes their charges
insert into customers (i_env, name, currency, credit_limit, timezone, language)
    select t.i_env, 'bench' || n, t.currency, t.credit_limit, t.timezone, t.language
    from customers t, generate_series(0, (:accounts - 1) / 10) n
    where t.name = 'template'
    on conflict do nothing;

insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, h323_password, language)
    select t.i_env, 'user' || n, c.i_customer, t.i_product, t.billing_model, t.currency, :opening, :opening, t.h323_password, t.language
    from accounts t, generate_series(1, :accounts) n join customers c on c.name = 'bench' || (n - 1) / 10
    where t.id = 'template-debit'
    on conflict do nothing;

insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, h323_password, language)
    select t.i_env, 'corp' || n, t.i_customer, t.i_product, t.billing_model, t.currency, t.h323_password, t.language
    from accounts t, generate_series(1, :corporate) n
    where t.id = 'template-credit'
    on conflict do nothing;

analyze customers;
analyze accounts;

-- Accounts 3806 and eight digits of the Diameter bench, as many as are asked for; those that are there stay as they are.
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance)
    select 1, '3806' || lpad(n::text, 8, '0'), c.i_customer, p.i_product, -1, 'USD', 1000000, 1000000
    from generate_series(0, :accounts) n join customers c on c.name = 'bench' || n / 10 % 100, products p where p.name = 'mobile'
    on conflict do nothing;
analyze accounts;

-- The accounts of the bench, made from the templates of catalogue.sql: everything but name, customer and money is theirs
-- (the sealed password too).
--   user1..userN   debit accounts, ten to a customer                     (:accounts, :opening)
--   corp1..corpN   credit accounts of one customer, who owes their charges
--   plan1..planN   debit accounts with three discount plans and a wallet, ten to a customer, which shares one of the plans
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

insert into customers (i_env, name, currency, credit_limit, timezone, language, i_vd_plan)
    select t.i_env, 'plans' || n, t.currency, t.credit_limit, t.timezone, t.language, p.i_vd_plan
    from customers t, vd_plans p, generate_series(0, (:accounts - 1) / 10) n
    where t.name = 'template' and p.name = 'shared'
    on conflict do nothing;

with made as (
    insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, h323_password, language, i_vd_plan)
        select t.i_env, 'plan' || n, c.i_customer, s.i_product, t.billing_model, t.currency, :opening, :opening, t.h323_password, t.language, p.i_vd_plan
        from accounts t, products s, vd_plans p, generate_series(1, :accounts) n join customers c on c.name = 'plans' || (n - 1) / 10
        where t.id = 'template-debit' and s.name = 'plans' and p.name = 'own'
        on conflict do nothing
        returning i_account, i_customer, i_env
)
insert into service_wallets (i_customer, i_account, i_env, i_vd_dg, balance)
    select m.i_customer, m.i_account, m.i_env, d.i_vd_dg, 1e12 from made m, vd_dgs d where d.kind = 'wallet';

analyze customers;
analyze accounts;

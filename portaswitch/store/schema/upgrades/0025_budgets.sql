-- rolling from 11
-- Spending budgets of customers and products, by billing period too; what is spent is a counter without an item.
alter table accounts drop constraint accounts_spend_period_check,
    add constraint accounts_spend_period_check check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table customers add column spend_limit numeric check (spend_limit >= 0),
    add column spend_period text not null default 'monthly' check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table products add column spend_limit numeric check (spend_limit >= 0),
    add column spend_period text not null default 'monthly' check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table vd_counters alter column i_vd_dg drop not null;

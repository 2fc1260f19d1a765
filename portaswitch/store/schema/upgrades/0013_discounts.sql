-- rolling from 9
-- Discount plans can be closed, a customer's one is checked at the end of a load's transaction, accounts have spending budgets.
alter table vd_plans add column closed boolean not null default false;
alter table customers alter constraint customers_i_vd_plan_fkey deferrable initially deferred;
alter table accounts add column spend_limit numeric check (spend_limit >= 0),
    add column spend_period text not null default 'monthly' check (spend_period in ('daily', 'weekly', 'monthly'));

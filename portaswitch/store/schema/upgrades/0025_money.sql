-- rolling from 11
-- Spending budgets of customers and products, by billing period too; what is spent is a counter without an item. Wallets that begin later or with their first
-- use, and that are bought again when they end. Items that count several services.
alter table accounts drop constraint accounts_spend_period_check,
    add constraint accounts_spend_period_check check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table customers add column spend_limit numeric check (spend_limit >= 0),
    add column spend_period text not null default 'monthly' check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table products add column spend_limit numeric check (spend_limit >= 0),
    add column spend_period text not null default 'monthly' check (spend_period in ('daily', 'weekly', 'monthly', 'billing_period'));
alter table vd_counters alter column i_vd_dg drop not null;
alter table service_wallets add column lasts int check (lasts > 0), add column renewal_due timestamptz, add column ended boolean not null default false;
update service_wallets set ended = true where expires <= now();
create index service_wallets_renewal on service_wallets (renewal_due) where renew;
create index service_wallets_ending on service_wallets (expires) where not ended;
create index service_wallets_waiting on service_wallets (i_service_wallet) where lasts is not null;
create table vd_dg_services (
    i_vd_dg    bigint not null references vd_dgs on delete cascade,
    i_service  bigint not null references services,
    primary key (i_vd_dg, i_service)
);

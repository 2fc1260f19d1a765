-- rolling from 9
-- Customers, accounts and money: refunds name their xDR, balances can be adjusted, wrong vouchers are counted.
alter table payments add column i_refunded_xdr bigint;
alter table payments drop constraint payments_action_check, add constraint payments_action_check check (action in ('manual_payment', 'manual_charge',
    'manual_credit', 'promotional_credit', 'refund', 'ecommerce_payment', 'ecommerce_refund', 'voucher', 'transfer', 'adjustment', 'opening'));
create index payments_refunded on payments (i_refunded_xdr) where i_refunded_xdr is not null;
create table voucher_tries (
    i_account bigint primary key references accounts on delete cascade, wrong smallint not null, since timestamptz not null
);

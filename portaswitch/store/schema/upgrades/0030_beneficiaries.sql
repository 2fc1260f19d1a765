-- rolling from 11
-- Beneficiaries: accounts whose use another account pays for. Exchange takes one more argument, which older servers leave out: they serve no beneficiary.
alter table accounts add column i_payer bigint references accounts,
    add constraint accounts_paid_for check (i_payer is null or billing_model = 4);
create index accounts_payer on accounts (i_payer) where i_payer is not null;
drop function exchange_kept(text[], bigint[], bigint[], text[], int[], text[], text[], text[], jsonb, text);
drop function exchange(text[], bigint[], bigint[], text[], int[], text[], text[], text[]);

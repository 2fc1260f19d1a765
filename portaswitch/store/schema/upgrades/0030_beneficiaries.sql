-- rolling from 11
-- Beneficiaries: accounts whose use another account pays for. Exchange takes one more argument, which older servers leave out: they serve no beneficiary.
alter table accounts add column i_payer bigint references accounts,
    add constraint accounts_paid_for check (i_payer is null or billing_model = 4);
create index accounts_payer on accounts (i_payer) where i_payer is not null;
drop function exchange_kept(text[], bigint[], bigint[], text[], int[], text[], text[], text[], jsonb, text);
drop function exchange(text[], bigint[], bigint[], text[], int[], text[], text[], text[]);
-- What happens to a payer is told of its beneficiaries.
insert into event_subscriptions (i_handler, event_type)
select h.i_handler, e from event_handlers h, unnest(array[
    'Account/AvailableFundsAppear', 'Account/Blocked', 'Account/Service/Msg/QuotaExceeded', 'Account/Service/Netaccess/QuotaExceeded',
    'Account/Service/QuotaAvailable', 'Account/Service/QuotaExceeded', 'Account/Status/Suspend', 'Account/Status/Unsuspend', 'Account/Unblocked',
    'Account/ZeroAvailableFunds']) e
where h.name = 'CustomerToAccountsDispatcher' on conflict do nothing;

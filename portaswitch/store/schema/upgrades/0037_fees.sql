-- rolling from 33
-- Fees of subscriptions are charged: when the next part of one is due, on which the job that charges looks.
alter table account_subscriptions add next_due timestamptz;
create index account_subscriptions_due on account_subscriptions (next_due) where int_status < 2;
create index account_subscriptions_product on account_subscriptions (i_product) where int_status < 2;
-- Of a messaging policy: outside systems hear when its quota or wallet is used up.
alter table service_policies add push_events boolean not null default false;

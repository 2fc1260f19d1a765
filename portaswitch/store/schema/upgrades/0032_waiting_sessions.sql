-- rolling from 11
-- Sessions that wait for more are asked to ask again by what frees holds, and the largest holder of a counter to report; older servers leave the arguments out.
-- What a batch says of sessions that wait for more (billing.final_units): what a last part relied on not to have become less (place -1 the account's money, 0
-- the customer's, else that of a counter), for whom a member leaves more (i_account null: all accounts of the customer), of which counters little is left.
create type exchange_relied as (member int, place int, spent numeric);
create type exchange_freed as (member int, i_customer bigint, i_account bigint, owing boolean, besides text);
create type exchange_pressed as (member int, i_customer bigint, i_account bigint, i_vd_dg bigint, peak_level smallint, least numeric, besides text);
alter table sessions add column counted boolean not null generated always as (strpos(state, '"s":"counter"') > 0) stored;
create index sessions_counted on sessions (i_customer, i_account) where counted;
drop function if exists exchange(text[], bigint[], bigint[], text[], int[], text[], text[], text[]);
drop function if exists exchange_kept(text[], bigint[], bigint[], text[], int[], text[], text[], text[], jsonb, text);

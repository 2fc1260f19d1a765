-- rolling from 9
-- Counters and wallets move with a charge: exchange takes two more arguments, which older servers leave out.
create type exchange_counter_row as (
    i_customer bigint, i_account bigint, i_env int, i_vd_dg bigint, peak_level smallint, i_service_wallet bigint, carried numeric,
    period_start timestamptz, period_end timestamptz, fresh boolean
);
create type exchange_counter as (
    member int, place int, used numeric, held numeric, least numeric, most numeric, relied timestamptz, period_start timestamptz, period_end timestamptz,
    carried numeric, spent numeric, notify numeric
);
create index vd_counters_told on vd_counters (period_end) where exceeded or notified;
drop function exchange(text[], bigint[], bigint[], text[], int[], text[]);

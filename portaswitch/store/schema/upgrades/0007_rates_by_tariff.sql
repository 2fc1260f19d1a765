-- Rates in partitions, so that a price list of a million rates is swapped in by a short transaction. The rows and their ids stay.
create sequence rates_i_rate;
select setval('rates_i_rate', nextval(pg_get_serial_sequence('rates', 'i_rate')));
create temporary table rates_before on commit drop as select * from rates;
drop table rates;
create table rates (
    i_rate bigint not null default nextval('rates_i_rate'), i_tariff bigint not null references tariffs, i_dest bigint not null references destinations,
    effective_from timestamptz not null default '-infinity', discontinued boolean not null default false, forbidden boolean not null default false,
    hidden boolean not null default false, interval_first bigint not null default 1, interval_n bigint not null default 1, price_first numeric not null,
    price_n numeric not null, connect_fee numeric, off_peak jsonb, formula jsonb
) partition by list (i_tariff);
create table rates_default partition of rates default;
alter sequence rates_i_rate owned by rates.i_rate;
insert into rates (i_rate, i_tariff, i_dest, effective_from, discontinued, forbidden, hidden, interval_first, interval_n, price_first, price_n, connect_fee,
    off_peak, formula)
select i_rate, i_tariff, i_dest, effective_from, discontinued, forbidden, hidden, interval_first, interval_n, price_first, price_n, connect_fee, off_peak, formula
from rates_before;
alter table rates add primary key (i_tariff, i_rate), add unique (i_tariff, i_dest, effective_from), add check (interval_first > 0), add check (interval_n > 0);

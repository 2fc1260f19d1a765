-- Rating: levels of the day, free units, surcharges, bounds and added duration of tariffs; formulas of rates as text.
alter table tariffs
    add constraint tariffs_free_units_check check (free_units >= 0),
    add column free_units_mode text not null default 'short' check (free_units_mode in ('short', 'first')),
    add column off_peak_period text not null default '', add column second_off_peak_period text not null default '',
    add column off_peak_mode text not null default 'split' check (off_peak_mode in ('split', 'starts', 'finishes', 'both')),
    add column post_call_fee numeric not null default 0, add column post_call_percent numeric not null default 0 check (post_call_percent >= 0),
    add column minimum_charge numeric, add column maximum_charge numeric, add column add_duration text not null default '';
alter table rates alter column formula type text using formula #>> '{}';

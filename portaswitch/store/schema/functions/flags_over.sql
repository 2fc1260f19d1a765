-- Letters by place (service_flags) laid over others: a blank leaves what was there, and what nobody says is a hyphen.
create or replace function flags_over(below text, above text) returns text language sql immutable as $$
    select coalesce(string_agg(coalesce(nullif(nullif(substr(above, place, 1), ' '), ''), nullif(substr(below, place, 1), ''), '-'), '' order by place), '')
    from generate_series(1, greatest(length(below), length(above))) place
$$;

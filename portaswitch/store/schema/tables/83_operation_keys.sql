-- What operations were done under a key, so that a repetition gives the same answer and nothing is done twice (DESIGN.md 3.4). Kept for 30 days.
create table operation_keys (
    i_env     int not null,
    key       text not null,
    operation text not null,
    digest    text not null,                              -- of the values that it was asked with: another question under a used key is refused
    answer    json not null,                              -- as it was told: jsonb would put its fields in another order
    at        timestamptz not null default now(),
    primary key (i_env, key)
);
create index operation_keys_at on operation_keys using brin (at);

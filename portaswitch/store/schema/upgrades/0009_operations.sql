-- Operations: the keys under which they are done once.
create table operation_keys (
    i_env int not null, key text not null, operation text not null, digest text not null, answer jsonb not null,
    at timestamptz not null default now(), primary key (i_env, key)
);
create index operation_keys_at on operation_keys using brin (at);

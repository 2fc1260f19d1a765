-- Environments: walls between operators on one installation (DESIGN.md 3.11). Every entity belongs to one.
create table environments (
    i_env      int primary key,
    name       text not null unique,
    currency   text not null default 'USD',
    timezone   text not null default 'UTC',
    created    timestamptz not null default now()
);

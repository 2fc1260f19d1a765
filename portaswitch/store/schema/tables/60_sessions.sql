-- Sessions with their holds. Only live sessions are in `sessions`, so that the sweeper may scan it; nothing that a request changes is indexed (SPIKE_FACTS 1).
-- The session owns its account (DESIGN.md 3.5): plan keeps product, tariff versions and prices of its start.
create table sessions (
    session_key  text primary key,                 -- i_node '/' session id of the wire
    version      int not null,                     -- rises by one with every change; a decision names the version it relied on
    last_key     text not null,                    -- idempotency key of the last request, and
    answer       text not null,                    -- its Decision as JSON ('' the plain acceptance)
    i_env        int not null,
    i_node       int not null,
    i_account    bigint not null,                  -- no foreign key: exchange has the row locked, and the check costs a sixth of an authorization
    i_customer   bigint not null,
    held         numeric not null check (held >= 0),   -- what it holds of its account's funds, all quota keys together
    expires      timestamptz not null,             -- when the sweeper takes it for dead
    status       "char" not null,                  -- o open, p closed provisionally, c closed
    started      timestamptz not null,
    updated      timestamptz not null,
    service      text not null,
    cli          text not null,
    cld          text not null,
    opened       text not null,                    -- JSON: what never changes (parties, kept attributes, plans)
    state        text not null,                    -- JSON: quota keys with usage, grants, holds and charges
    incoming     boolean not null default false    -- the direction it is counted by
) with (fillfactor = 50);
-- Sessions whose node has not named them yet (store.session_names); no charge touches what this index is made of.
create index sessions_made_up on sessions (i_node, i_account) where session_key like '%/auth-%';

-- Closed sessions, for late and repeated requests: 7 days, by day of closing; a job makes partitions ahead and drops old ones.
create table sessions_closed (like sessions, closed timestamptz not null) partition by range (closed);
create index sessions_closed_key on sessions_closed (session_key);
create index sessions_closed_account on sessions_closed (i_account, started);
create table sessions_closed_default partition of sessions_closed default;

-- Whether the client of a live session was told that nothing follows what it has (billing.final_units): who gives money to its account asks it to ask again.
-- Made of the state, so that no charge has to write it; while it stays as it is, updates are HOT still.
alter table sessions add column final boolean not null generated always as (strpos(state, '"fi":1') > 0) stored;
create index sessions_final on sessions (i_customer, i_account) where final;
-- The same of sessions that hold a part of a counter: of those that share one, the largest holder is asked to report when little is left (press_largest).
alter table sessions add column counted boolean not null generated always as (strpos(state, '"s":"counter"') > 0) stored;
create index sessions_counted on sessions (i_customer, i_account) where counted;

-- Keys of one-shots (event debit, message, voucher, payment) with the Decision that was answered.
create table request_keys (
    key        text primary key,
    i_account  bigint,
    answer     text not null,
    created    timestamptz not null default now()
);

-- Charges of resellers and vendors not yet folded into their balance rows (DESIGN.md 3.7); a job empties it every second.
create table pending_charges (
    role      "char" not null,                     -- c customer (reseller), v vendor
    i_party   bigint not null,
    amount    numeric not null
);

-- Usage that no account could be found for, or that can't be true: kept whole, alarmed, decided by an operator (DESIGN.md 3.3, 3.5).
create table orphans (
    i_orphan    bigint generated always as identity primary key,
    i_env       int not null,
    i_node      int not null,
    session_key text not null,
    key         text not null unique,
    reason      text not null default 'no account',    -- or 'impossible': then `why` of the request says what can't be true
    request     text not null,                     -- JSON of the AAARequest
    received    timestamptz not null default now()
);

-- What an operator sees: one row per session and quota key.
create view holds as
    select s.session_key, s.i_account, s.i_env, q ->> 'k' as quota_key, (q ->> 'g')::bigint as granted, (q ->> 'u')::bigint as used,
           coalesce((select sum((t ->> 'a')::numeric) from json_array_elements(q -> 'h') t), 0) as held, s.expires
    from sessions s, json_array_elements(s.state::json -> 'q') q;

-- Resellers that something was better for: the sessions below them that wait are asked once more, some seconds behind the commit (store.turned).
create table relieved_customers (
    i_customer bigint primary key references customers on delete cascade,
    seen       timestamptz      -- when the job first saw the change; null: not yet
);

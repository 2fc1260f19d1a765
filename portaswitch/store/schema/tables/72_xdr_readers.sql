-- Jobs that read xDRs in the order of their ids: how far each has come, and the newest id that was given out when its last pass ended.
create table xdr_readers (
    name    text primary key,                         -- usage: first and last use of accounts (store/usage_dates.py); notices: low balances (store/notices.py), from its first pass on
    last_id bigint not null default 0,
    safe_id bigint not null default 0,
    safe_at timestamptz not null default 'epoch'      -- when that was
);
insert into xdr_readers (name) values ('usage');

-- rolling from 9
-- Diameter peers: nodes by Origin-Host or Origin-Realm (tables/40_network.sql).
alter table nodes add origin_host text check (origin_host = lower(origin_host));
alter table nodes add origin_realm text check (origin_realm = lower(origin_realm));
alter table nodes add require_tls boolean not null default false;
alter table nodes add max_connections int not null default 4 check (max_connections > 0);
create unique index nodes_origin on nodes (coalesce(origin_host, ''), coalesce(origin_realm, '')) where origin_host is not null or origin_realm is not null;
create unique index nodes_origin_host on nodes (origin_host) where origin_host is not null;
-- One re-authorization is pending for a session; further causes merge. The predicate that servers of before name implies this one.
drop index session_tasks_once;
create unique index session_tasks_once on session_tasks (session_key, kind) where status = 'pending' and kind in ('pod', 'asr', 'rar');

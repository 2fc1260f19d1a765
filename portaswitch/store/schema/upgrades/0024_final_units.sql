-- rolling from 11
-- Sessions in their final state, to be re-authorized by what adds funds. Older servers write no mark: their sessions are asked by nobody, as before.
alter table sessions add column final boolean not null generated always as (strpos(state, '"fi":1') > 0) stored;
create index sessions_final on sessions (i_customer, i_account) where final;
-- The last Origin-State-Id that each Diameter host told, so that a restart of ours does not hide one of the client's (RFC 6733 8.16).
create table diameter_origins (
    i_env       int not null references environments,
    i_node      bigint not null references nodes on delete cascade,
    origin_host text not null,
    state_id    bigint not null,
    risen       timestamptz,                    -- when it rose, while sessions from before are still to be closed
    primary key (i_env, origin_host)
);
create index diameter_origins_node on diameter_origins (i_node);

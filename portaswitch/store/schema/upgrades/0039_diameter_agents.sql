-- rolling from 23
-- By which agents hosts are reached that are not connected themselves; older servers each remember what they heard.
create table diameter_agents (
    agent        text not null,
    origin_host  text not null,
    i_node       bigint not null references nodes on delete cascade,
    origin_realm text not null,
    heard        timestamptz not null default now(),
    primary key (agent, origin_host)
);
create index diameter_agents_node on diameter_agents (i_node);

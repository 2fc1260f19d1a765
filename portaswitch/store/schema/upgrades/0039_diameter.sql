-- rolling from 23
-- By which agents hosts are reached that are not connected themselves; older servers each remember what they heard. Resellers
-- that something was better for, whose accounts' sessions are asked once more when every server knows of it.
create table diameter_agents (
    agent        text not null,
    origin_host  text not null,
    i_node       bigint not null references nodes on delete cascade,
    origin_realm text not null,
    heard        timestamptz not null default now(),
    primary key (agent, origin_host)
);
create index diameter_agents_node on diameter_agents (i_node);
create table relieved_customers (i_customer bigint primary key references customers on delete cascade, seen timestamptz);

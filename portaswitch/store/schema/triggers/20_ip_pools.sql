-- A pool whose ranges change (functions/ip_leases.sql).
create or replace trigger ip_pools_changed after update of ranges on ip_pools for each row execute function ip_pool_changed();

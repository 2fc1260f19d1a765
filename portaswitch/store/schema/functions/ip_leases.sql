-- Leases on addresses of pools. Each function is one statement of its own; leases are not money. Times are the database's (`at` is for tests).

-- The address at a place (from 0) of a pool's ranges; null behind the last one.
create or replace function ip_pool_address(ranges jsonb, place bigint) returns inet language plpgsql immutable as $$
declare
    part jsonb;
    size bigint;
begin
    for part in select jsonb_array_elements(ranges) loop
        size := (part ->> 'last')::inet - (part ->> 'first')::inet + 1;
        if place < size then
            return (part ->> 'first')::inet + place;
        end if;
        place := place - size;
    end loop;
    return null;
end $$;

-- Take an address for a session: the one it has, else the one that its account had last, else one that was never given, else the one that is free
-- for the longest time. Null: none is free. No step looks at more than a few rows, whatever the size of the pool.
create or replace function ip_lease_take(
    pool bigint, key text, account bigint, named text, node bigint, made_up boolean, lease interval, at timestamptz default now()
) returns inet language plpgsql as $$
declare
    p ip_pools;
    found_at inet;
    place bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(key, 4101));     -- a repeated request on another process must find what the first one took
    select * into p from ip_pools where i_ip_pool = pool;
    if p.i_ip_pool is null then
        return null;
    end if;
    lease := greatest(lease, p.lease_time * interval '1 second');
    update ip_leases l set until = greatest(l.until, at + lease) where l.session_key = key and l.until > at and l.i_ip_pool = pool
        returning l.address into found_at;
    if found_at is not null then
        return found_at;
    end if;
    update ip_leases l set session_key = null, until = least(l.until, at) where l.session_key = key;     -- lapsed, or of another pool: it begins anew
    select l.address into found_at from ip_leases l
        where l.i_account = account and l.i_ip_pool = pool and l.until <= at and not l.retired
        order by l.until desc limit 1 for update skip locked;
    while found_at is null loop
        select m.used into place from ip_pool_marks m where m.i_ip_pool = pool;
        exit when ip_pool_address(p.ranges, coalesce(place, 0)) is null;
        insert into ip_pool_marks as m values (pool, p.i_env, 1) on conflict (i_ip_pool) do update set used = m.used + 1 returning used - 1 into place;
        insert into ip_leases
            select p.i_env, a, pool, key, account, named, node, made_up, false, at, at + lease from ip_pool_address(p.ranges, place) a where a is not null
            on conflict do nothing returning address into found_at;
        if found_at is not null then
            return found_at;
        end if;
    end loop;
    if found_at is null then
        select l.address into found_at from ip_leases l
            where l.i_ip_pool = pool and l.until <= at and not l.retired order by l.until limit 1 for update skip locked;
    end if;
    update ip_leases l set session_key = key, i_account = account, user_name = named, i_node = node, provisional = made_up, since = at, until = at + lease
        where l.i_env = p.i_env and l.address = found_at;
    return found_at;
end $$;

-- A Start or an Alive of a session: its lease lives on. A session that comes under another id than it was authorized by is known by user and address, and
-- one whose lease has lapsed takes its address again while nobody has it. False: it has none.
create or replace function ip_lease_renew(env int, key text, named text, told inet, at timestamptz default now()) returns boolean language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(key, 4101));
    update ip_leases l set until = greatest(l.until, at + p.lease_time * interval '1 second'), provisional = false
        from ip_pools p where p.i_ip_pool = l.i_ip_pool and l.session_key = key and l.until > at;
    if found then
        return true;
    end if;
    update ip_leases l set session_key = null where l.session_key = key and l.address is distinct from told;    -- lapsed, and the session has another one
    update ip_leases l set session_key = key, provisional = false, until = greatest(l.until, at + p.lease_time * interval '1 second')
        from ip_pools p where p.i_ip_pool = l.i_ip_pool and l.i_env = env and l.address = told and l.user_name = named and (l.provisional or l.until <= at);
    return found;
end $$;

-- A Stop: the address is free.
create or replace function ip_lease_free(env int, key text, named text, told inet, at timestamptz default now()) returns boolean language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(key, 4101));
    update ip_leases set session_key = null, provisional = false, until = least(until, at) where session_key = key;
    if not found then
        update ip_leases l set session_key = null, provisional = false, until = least(until, at)
            where l.i_env = env and l.address = told and l.user_name = named and l.provisional;
    end if;
    return found;
end $$;

-- A node has restarted at `began`: what it had before is free.
create or replace function ip_lease_free_node(node bigint, began timestamptz, at timestamptz default now()) returns bigint language sql as $$
    with freed as (
        update ip_leases set session_key = null, provisional = false, until = least(until, at)
        where i_node = node and session_key is not null and since < began returning 1
    ) select count(*) from freed
$$;

-- AFTER UPDATE of ranges, per row of ip_pools: free addresses are forgotten and given anew in the new order; those in use that the pool no longer has go
-- with their session.
create or replace function ip_pool_changed() returns trigger language plpgsql as $$
begin
    if new.ranges is not distinct from old.ranges then
        return null;
    end if;
    delete from ip_pool_marks where i_ip_pool = new.i_ip_pool;
    delete from ip_leases where i_ip_pool = new.i_ip_pool and until <= now();
    update ip_leases l set retired = not exists (
        select 1 from jsonb_array_elements(new.ranges) part where l.address between (part ->> 'first')::inet and (part ->> 'last')::inet
    ) where l.i_ip_pool = new.i_ip_pool;
    return null;
end $$;

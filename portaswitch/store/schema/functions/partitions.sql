-- Partitions by day of every table that is partitioned by range on one timestamptz (xdr, sessions_closed, event_history, audit_log). A day is a UTC day; a
-- partition is named <table>_YYYYMMDD by its first one. What no partition takes goes to <table>_default, so that a late job loses nothing. PostgreSQL 15 to 18.

-- Those tables with their partition key, by name (everybody takes the locks in this order), and the days of a partition: one, but for the closed sessions,
-- which every new session is looked for in: there the number of partitions is what counts.
drop function if exists daily_tables() cascade;
create function daily_tables() returns table (parent regclass, name text, key text, days int) language sql stable as $$
    select c.oid::regclass, c.relname::text, a.attname::text, case c.relname when 'sessions_closed' then 4 else 1 end
    from pg_partitioned_table p
        join pg_class c on c.oid = p.partrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
    where p.partstrat = 'r' and p.partnatts = 1 and a.atttypid = 'timestamptz'::regtype and c.relnamespace = current_schema()::regnamespace
    order by c.relname
$$;

-- Makes the partition that begins with a day, and moves there what the default partition holds of its days. The default partition is locked meanwhile; ATTACH keeps
-- readers and writers of the other partitions running, where CREATE ... PARTITION OF would stop them.
drop function if exists make_partition(regclass, text, text, date);
create or replace function make_partition(parent regclass, name text, key text, day date, days int) returns void language plpgsql as $$
declare
    child text := format('%s_%s', name, to_char(day, 'YYYYMMDD'));
    since timestamptz := day::timestamp at time zone 'UTC';
    until timestamptz := (day + days)::timestamp at time zone 'UTC';
begin
    execute format('create table %I (like %s including defaults including constraints including storage)', child, parent);
    if to_regclass(name || '_default') is not null then
        execute format('lock table %I in access exclusive mode', name || '_default');
        execute format('with moved as (delete from %1$I where %2$I >= %3$L and %2$I < %4$L returning *) insert into %5$I select * from moved',
                       name || '_default', key, since, until, child);
    end if;
    execute format('alter table %s attach partition %I for values from (%L) to (%L)', parent, child, since, until);
end $$;

-- Makes what is missing of the days from today - days_back to today + days_ahead, by the database's clock; answers how many partitions it made. May run
-- in several processes at once: one works, the others wait for it and find nothing left to do. Gives up with 55P03 (lock_not_available) after 2 s behind
-- another one or a long transaction, having changed nothing: run it again at the next pass.
create or replace function make_partitions(days_back int, days_ahead int) returns int language plpgsql set lock_timeout = '2s' as $$
declare
    today date := (now() at time zone 'UTC')::date;
    missing record;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtext('portaswitch.partitions'));
    for missing in
        select distinct t.parent, t.name, t.key, t.days, d.day
        from daily_tables() t, generate_series(-days_back, days_ahead) away,
             lateral (select today + away - (today + away - date '2000-01-01') % t.days as day) d
        where to_regclass(format('%I', t.name || to_char(d.day, '_YYYYMMDD'))) is null
        order by t.name, d.day
    loop
        perform make_partition(missing.parent, missing.name, missing.key, missing.day, missing.days);
        made := made + 1;
    end loop;
    return made;
end $$;

-- Drops the partitions of `parent` that end at or before `older_than`, and such rows of its default partition; answers the names of what was dropped. Locks
-- the table for a moment (after at most 2 s of waiting, else 55P03).
create or replace function drop_partitions(parent regclass, older_than timestamptz) returns setof text
    language plpgsql set lock_timeout = '2s' set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    daily record;
    old record;
begin
    perform pg_advisory_xact_lock(hashtext('portaswitch.partitions'));
    select * into daily from daily_tables() t where t.parent = drop_partitions.parent;
    if not found then
        raise exception 'no table with daily partitions: %', parent using hint = 'one of: ' || (select string_agg(t.name, ', ') from daily_tables() t);
    end if;
    for old in
        select c.relname::text as name
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = drop_partitions.parent
            and substring(pg_get_expr(c.relpartbound, c.oid) from $bound$TO \('([^']+)'\)$bound$)::timestamptz <= older_than
        order by c.relname
    loop
        execute format('drop table %I', old.name);
        return next old.name;
    end loop;
    if to_regclass(daily.name || '_default') is not null then
        execute format('delete from %I where %I < %L', daily.name || '_default', daily.key, older_than);
    end if;
end $$;

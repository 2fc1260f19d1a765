-- Change counters and configuration notices. Nothing here runs for a charge: triggers/10_revision.sql names every column but the money.

-- BEFORE UPDATE, per row: the row's revision rises when anything really changed (a load of the same catalogue changes nothing).
create or replace function touch_revision() returns trigger language plpgsql as $$
begin
    if new is distinct from old then
        new.revision := old.revision + 1;
    end if;
    return new;
end $$;

-- AFTER, per statement: caches of the catalogue read that table again. PostgreSQL merges equal notices of one transaction.
create or replace function notify_catalogue() returns trigger language plpgsql as $$
begin
    perform pg_notify('catalogue', tg_table_name);
    return null;
end $$;

-- AFTER, per statement on rates: the revision of the tariffs whose rates it touched rises (one that is moved to another tariff counts for the new one).
create or replace function touch_tariffs() returns trigger language plpgsql as $$
begin
    update tariffs set revision = revision + 1 where i_tariff in (select i_tariff from touched);
    return null;
end $$;

-- AFTER, per statement on destinations: their environments are there (a foreign key would look at the same row for each of a million).
create or replace function known_environment() returns trigger language plpgsql as $$
begin
    if exists (select from touched t where t.i_env not in (select i_env from environments)) then
        raise foreign_key_violation using message = 'a destination is of an environment that is not there';
    end if;
    return null;
end $$;

-- Tells caches that a subscriber is stale: 'a:17' an account, 'c:4' a customer. A transaction names at most 100 of them; from then on it says '*' once
-- (all are stale). The count is a setting of the transaction, so that a rolled back savepoint takes back both the notices and their count.
-- Operations that move a balance (a top-up) call it themselves: no trigger looks at money. exchange() never does.
create or replace function notify_subscriber(subscriber text) returns void language plpgsql as $$
declare
    named int := coalesce(nullif(current_setting('portaswitch.named', true), ''), '0')::int;
begin
    if named > 100 then
        return;
    end if;
    perform pg_notify('subscribers', case when named = 100 then '*' else subscriber end);
    perform set_config('portaswitch.named', (named + 1)::text, true);
end $$;

-- BEFORE UPDATE, per row of customers: the sessions of a customer are counted only while it has a limit (a debit account's charges then lock its customer
-- too), so its first limit begins with the count of its accounts' sessions. Its accounts are locked while that is taken: an exchange either is in the count,
-- or meets the customer's new revision.
create or replace function count_places() returns trigger language plpgsql as $$
begin
    if num_nonnulls(new.max_sessions, new.max_outgoing, new.max_incoming) = 0 then
        new.open_outgoing := 0;
        new.open_incoming := 0;
    elsif num_nonnulls(old.max_sessions, old.max_outgoing, old.max_incoming) = 0 then
        select coalesce(sum(l.open_outgoing), 0), coalesce(sum(l.open_incoming), 0) into new.open_outgoing, new.open_incoming
        from (select a.open_outgoing, a.open_incoming from accounts a where a.i_customer = new.i_customer order by a.i_account for no key update) l;
    end if;
    return new;
end $$;

-- AFTER, per row of accounts.
create or replace function notify_account() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new is not distinct from old then
        return null;
    end if;
    -- An alias is known by its master: who remembers the name must look it up anew.
    if tg_op <> 'INSERT' then
        perform notify_subscriber('a:' || coalesce(old.i_master_account, old.i_account));
    end if;
    if tg_op <> 'DELETE' then
        perform notify_subscriber('a:' || coalesce(new.i_master_account, new.i_account));
    end if;
    return null;
end $$;

-- AFTER INSERT, per statement on accounts: whoever pays for a new beneficiary is known to do so (exchange_view, `pays`).
create or replace function touch_payers() returns trigger language plpgsql as $$
begin
    update accounts set revision = revision + 1 where i_account in (select i_payer from touched where i_payer is not null);
    perform notify_subscriber('a:' || t.i_payer) from touched t where t.i_payer is not null;
    return null;
end $$;

-- AFTER, per row of customers. Resellers are part of the catalogue too: their tariffs and states are kept in memory with it.
create or replace function notify_customer() returns trigger language plpgsql as $$
declare
    changed customers := case when tg_op = 'DELETE' then old else new end;
begin
    if tg_op = 'UPDATE' and new is not distinct from old then
        return null;
    end if;
    perform notify_subscriber('c:' || changed.i_customer);
    if changed.i_customer_type <> 1 then
        perform pg_notify('catalogue', 'customers');
    end if;
    return null;
end $$;

-- AFTER, per row of a table whose rows belong to an account (add-ons) or to one of several owners (service attributes): the owner's revision rises, since
-- decisions rely on them, and caches are told. Rows of products and sites belong to the catalogue.
create or replace function touch_owner() returns trigger language plpgsql as $$
declare
    rows jsonb[] := array_remove(array[case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end], null);
    owner jsonb;
begin
    if tg_op = 'UPDATE' and new is not distinct from old then
        return null;
    end if;
    foreach owner in array rows loop
        if owner ->> 'i_account' is not null then
            update accounts set revision = revision + 1 where i_account = (owner ->> 'i_account')::bigint;
            perform notify_subscriber('a:' || (owner ->> 'i_account'));
        elsif owner ->> 'i_customer' is not null then
            update customers set revision = revision + 1 where i_customer = (owner ->> 'i_customer')::bigint;
            perform notify_subscriber('c:' || (owner ->> 'i_customer'));
        else
            perform pg_notify('catalogue', tg_table_name);
        end if;
    end loop;
    return null;
end $$;

-- AFTER, per row of sim_cards that was an account's: whoever remembers its IMSI as that account's name must look it up anew.
create or replace function touch_sim() returns trigger language plpgsql as $$
begin
    update accounts set revision = revision + 1 where i_account = old.i_account;
    perform notify_subscriber('a:' || old.i_account);
    return null;
end $$;

-- The columns of a table but some, quoted and joined, for "update of ...": lists made this way can't miss a column that an upgrade adds.
create or replace function columns_but(watched regclass, variadic left_out text[]) returns text language sql stable as $$
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = watched and attnum > 0 and not attisdropped and attname <> all (left_out)
$$;

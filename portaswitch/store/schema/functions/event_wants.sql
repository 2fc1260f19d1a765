-- What is wanted of each table's changes, for its triggers to look up by one key: a join over subscriptions and handlers costs a charge three times as much.

-- One at a time, so that each sees what the one before has committed.
create or replace function keep_event_wants() returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('event_wants', 0));
    delete from event_wants;
    insert into event_wants (place, events)
    select p.place, array_agg(distinct s.event_type) from event_places() p
    join event_subscriptions s on s.event_type = any (p.events) join event_handlers h on h.i_handler = s.i_handler
    where h.enabled and not exists (select from events_off f where f.event_type = s.event_type)
        -- What happens to accounts matters to the dispatcher where some pay for others: until then no charge has to look.
        and (h.class <> 'CustomerToAccountsDispatcher' or s.event_type not like 'Account/%' or exists (select from accounts b where b.i_payer is not null))
    group by p.place;
end $$;

-- AFTER INSERT, per statement on accounts: the first beneficiaries.
create or replace function first_beneficiaries() returns trigger language plpgsql as $$
begin
    if exists (select from new_rows where i_payer is not null) and not exists (
        select from accounts b where b.i_payer is not null and not exists (select from new_rows n where n.i_account = b.i_account)) then
        perform keep_event_wants();
    end if;
    return null;
end $$;

create or replace function event_wants_changed() returns trigger language plpgsql as $$
begin
    perform keep_event_wants();
    return null;
end $$;

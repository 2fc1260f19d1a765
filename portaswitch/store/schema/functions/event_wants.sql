-- What is wanted of each table's changes, for its triggers to look up by one key: a join over subscriptions and handlers costs a charge three times as much.

-- One at a time, so that each sees what the one before has committed.
create or replace function keep_event_wants() returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('event_wants', 0));
    delete from event_wants;
    insert into event_wants (place, events)
    select p.place, array_agg(distinct s.event_type) from event_places() p
    join event_subscriptions s on s.event_type = any (p.events) join event_handlers h on h.i_handler = s.i_handler
    where h.enabled and not exists (select from events_off f where f.event_type = s.event_type) group by p.place;
end $$;

create or replace function event_wants_changed() returns trigger language plpgsql as $$
begin
    perform keep_event_wants();
    return null;
end $$;

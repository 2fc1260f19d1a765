-- rolling from 9
-- Events can be switched off one by one (tables/80_events.sql).
create table events_off (
    event_type text primary key
);

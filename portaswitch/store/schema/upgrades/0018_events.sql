-- rolling from 9
-- Events can be switched off one by one; what is wanted is kept for the triggers (tables/80_events.sql).
create table events_off (event_type text primary key);
create table event_wants (place text primary key, events text[] not null);

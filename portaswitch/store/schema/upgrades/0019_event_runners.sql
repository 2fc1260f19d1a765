-- rolling from 11
-- Which process runs an event handler, what stopped one, and how far a fan-out has come (tables/80_events.sql).
alter table event_handlers add column worker text;
alter table event_handlers add column leased_until timestamptz;
alter table event_handlers add column stopped text;
alter table event_notifications add column progress bigint;

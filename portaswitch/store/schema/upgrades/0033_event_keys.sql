-- rolling from 23
-- The external key of an event is kept in its history; what is parked of an entity is found by it.
alter table event_history add external_key text;
create index event_notifications_stuck on event_notifications (i_handler, entity, i_event) where status = 'parked';

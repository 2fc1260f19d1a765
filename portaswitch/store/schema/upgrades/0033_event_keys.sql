-- rolling from 23
-- The external key of an event is kept in its history. What is older of one entity or key is found by indexes that leave the planner no choice.
alter table event_history add external_key text;
drop index event_notifications_entity, event_notifications_key;
create index event_notifications_of_entity on event_notifications (entity, i_event) where status = 'pending';
create index event_notifications_of_key on event_notifications (external_key, i_event) where status = 'pending' and external_key is not null;
create index event_notifications_stuck on event_notifications (entity, i_event) where status = 'parked';

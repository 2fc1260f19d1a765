-- rolling from 33
-- Periodic jobs read by pages: indexes whose order they follow. Older servers claim session tasks by the new index too, and sort.
create index customers_resellers on customers (i_customer) where i_customer_type = 2;
create index vd_counters_notified on vd_counters (i_vd_counter) where notified;
create index session_tasks_waiting on session_tasks (i_node, kind, lane, next_try) where status = 'pending';
drop index session_tasks_due;

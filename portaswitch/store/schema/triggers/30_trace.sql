-- Watches that come and go are told to every process.
create or replace trigger trace_watches_notify after insert or update or delete on trace_watches for each statement execute function notify_trace();

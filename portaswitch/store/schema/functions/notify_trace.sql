-- AFTER, per statement: processes read the watches again.
create or replace function notify_trace() returns trigger language plpgsql as $$
begin
    perform pg_notify('trace', '');
    return null;
end $$;

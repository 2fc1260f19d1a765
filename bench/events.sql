-- A backlog of the receiver's, as the triggers write it: entities of their own, which no account of the bench is (:count).
with queued as (
    insert into event_queue (i_env, event_type, entity, variables)
    select 1, 'Account/Blocked', 'account:' || 1000000000 + n % 100000, jsonb_build_object('i_env', '1', 'i_account', (1000000000 + n % 100000)::text)
    from generate_series(1, :count) n returning i_event, entity
)
insert into event_notifications (i_event, i_handler, entity) select i_event, i_handler, entity from queued, event_handlers where name = 'crm';

-- Events (DESIGN.md 5.1): the triggers of 40_events_*.sql ask what is wanted and say what happened; a row is written for what somebody wants only.
-- `hashjoin`: see there.

-- Those of the events that at least one enabled handler subscribes to; null: none, and the trigger is done.
create or replace function wanted_events(types text[]) returns text[] language plpgsql stable as $$
begin
    return (select array_agg(distinct s.event_type) from event_subscriptions s join event_handlers h on h.i_handler = s.i_handler
            where s.event_type = any (types) and h.enabled and not exists (select from events_off f where f.event_type = s.event_type));
end $$;

-- What happened, in order, one place of each array an event. Who caused it, as its answer was applied (setting portaswitch.cause), is not told; a handler of
-- one environment hears of that one only. The trigger has looked up what is switched off.
create or replace function raise_events(types text[], entities text[], keys text[], lanes int[], envs int[], told jsonb[])
returns void language plpgsql set enable_hashjoin = on as $$
declare
    origin int := nullif(current_setting('portaswitch.cause', true), '')::int;
    again  int[] := '{}';
begin
    if types && array['Account/BalanceChanged', 'Customer/BalanceChanged'] then
        again := renew_balances(types, entities, lanes, envs, told, origin);
    end if;
    with audience as materialized (
        select s.event_type, h.i_handler, h.i_env from event_subscriptions s join event_handlers h on h.i_handler = s.i_handler
        where s.event_type = any (types) and h.enabled and h.i_handler is distinct from origin
    ), happened as materialized (
        select nextval('event_queue_i_event_seq') as i_event, e.*
        from (
            select u.* from unnest(types, entities, keys, lanes, envs, told) with ordinality u (event_type, entity, external_key, lane, i_env, variables, no)
            where u.no <> all (again)
              and exists (select from audience a where a.event_type = u.event_type and (a.i_env is null or a.i_env = u.i_env)) order by u.no
        ) e
    ), queued as (
        insert into event_queue (i_event, i_env, event_type, entity, variables, cause)
        select e.i_event, e.i_env, e.event_type, e.entity, e.variables, origin from happened e
    )
    insert into event_notifications (i_event, i_handler, entity, external_key, lane)
    select e.i_event, a.i_handler, e.entity, e.external_key, e.lane
    from happened e join audience a on a.event_type = e.event_type and (a.i_env is null or a.i_env = e.i_env);
end $$;

-- Balances whose last event nobody has begun to deliver: that event tells the new one too, and the one before as it was. Gives the places of those events.
-- A notification once tried may have been received, and receivers tell events apart by their number: it stays as it is. The notifications stay locked to the
-- end of the transaction, so that nobody claims them with the old variables; the row of the account or customer is locked already.
create or replace function renew_balances(types text[], entities text[], lanes int[], envs int[], told jsonb[], origin int)
returns int[] language plpgsql set enable_hashjoin = on as $$
declare
    renewed int[];
begin
    with audience as materialized (
        select s.event_type, h.i_handler, h.i_env from event_subscriptions s join event_handlers h on h.i_handler = s.i_handler
        where s.event_type = any (types) and s.event_type like '%/BalanceChanged' and h.enabled and h.i_handler is distinct from origin
    ), waiting as materialized (
        select u.*, q.i_event
        from unnest(types, entities, lanes, envs, told) with ordinality u (event_type, entity, lane, i_env, variables, no)
        cross join lateral (select max(q.i_event) as i_event from event_queue q where q.entity = u.entity and q.event_type = u.event_type) q
        where u.event_type like '%/BalanceChanged' and q.i_event is not null
    ), untouched as materialized (
        select n.i_event, n.i_handler from waiting w join event_notifications n on n.i_event = w.i_event
        where n.status = 'pending' and n.attempts = 0 and n.locked_until is null
        for no key update of n skip locked
    ), whole as materialized (
        select w.* from waiting w join (select t.i_event, array_agg(t.i_handler) as handlers from untouched t group by t.i_event) t on t.i_event = w.i_event
        where cardinality(t.handlers) = (select count(*) from event_notifications n where n.i_event = w.i_event)
          and not exists (select from audience a where a.event_type = w.event_type and (a.i_env is null or a.i_env = w.i_env)
                          and a.i_handler <> all (t.handlers))
    ), changed as (
        update event_queue q set variables = q.variables || (w.variables - 'prev_balance') from whole w where q.i_event = w.i_event
    ), hurried as (
        update event_notifications n set lane = 0 from whole w where n.i_event = w.i_event and n.lane = 1 and w.lane = 0
    )
    select array_agg(w.no) into renewed from whole w;
    return coalesce(renewed, '{}');
end $$;

-- Events (DESIGN.md 5.1): the triggers of 40_events_*.sql look what is wanted and say what happened; a row is written for what somebody wants only.

-- Whether an account ('account:17') pays for others: of such alone the dispatcher is told what happened to accounts.
create or replace function pays_for_others(entity text) returns boolean language sql stable as $$
    select exists (select from accounts b where b.i_payer = substring(entity from '^account:([0-9]+)$')::bigint)
$$;

-- What happened, in order, one place of each array an event. Who caused it, as its answer was applied (setting portaswitch.cause), is not told; a handler of
-- one environment hears of that one only. The trigger has looked up what is switched off.
create or replace function raise_events(types text[], entities text[], keys text[], lanes int[], envs int[], told jsonb[])
returns void language plpgsql as $$
declare
    origin int := nullif(current_setting('portaswitch.cause', true), '')::int;
    again  int[] := '{}';
begin
    if types && array['Account/BalanceChanged', 'Customer/BalanceChanged'] then
        again := renew_balances(types, entities, lanes, envs, told, origin);
    end if;
    with audience as materialized (
        select s.event_type, h.i_handler, h.i_env, h.class = 'CustomerToAccountsDispatcher' and s.event_type like 'Account/%' as of_payers
        from event_subscriptions s join event_handlers h on h.i_handler = s.i_handler
        where s.event_type = any (types) and h.enabled and h.i_handler is distinct from origin
    ), happened as materialized (
        select nextval('event_queue_i_event_seq') as i_event, e.*
        from (
            select u.* from unnest(types, entities, keys, lanes, envs, told) with ordinality u (event_type, entity, external_key, lane, i_env, variables, no)
            where u.no <> all (again)
              and exists (select from audience a where a.event_type = u.event_type and (a.i_env is null or a.i_env = u.i_env)
                          and (not a.of_payers or pays_for_others(u.entity))) order by u.no
        ) e
    ), queued as (
        insert into event_queue (i_event, i_env, event_type, entity, variables, cause)
        select e.i_event, e.i_env, e.event_type, e.entity, e.variables, origin from happened e
    )
    insert into event_notifications (i_event, i_handler, entity, external_key, lane)
    select e.i_event, a.i_handler, e.entity, e.external_key, e.lane
    from happened e join audience a on a.event_type = e.event_type and (a.i_env is null or a.i_env = e.i_env)
        and (not a.of_payers or pays_for_others(e.entity));
end $$;

-- Balances whose last event nobody has begun to deliver: that event tells the new one too, and the one before as it was. Gives the places of those events.
-- A notification once tried may have been received, and receivers tell events apart by their number: it stays as it is. The notifications stay locked to the
-- end of the transaction, so that nobody claims them with the old variables; the row of the account or customer is locked already.
-- Plans that are made while the queue is empty must serve when it is full: it is reached by the indexes that begin with entity and with i_event. `+ 0` and
-- `coalesce` keep the planner from walking the primary key backwards, and from the indexes of pending notifications, which begin with the handler; the look
-- at `attempts` keeps it from index-only scans, which are slow until the first vacuum.
create or replace function renew_balances(types text[], entities text[], lanes int[], envs int[], told jsonb[], origin int)
returns int[] language plpgsql set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    renewed int[];
begin
    with audience as materialized (
        select s.event_type, h.i_handler, h.i_env from event_subscriptions s join event_handlers h on h.i_handler = s.i_handler
        where s.event_type = any (types) and s.event_type like '%/BalanceChanged' and h.enabled and h.i_handler is distinct from origin
    ), waiting as materialized (
        select u.no, q.i_event from unnest(types, entities) with ordinality u (event_type, entity, no)
        cross join lateral (select max(q.i_event + 0) as i_event from event_queue q where q.entity = u.entity and q.event_type = u.event_type) q
        where u.event_type like '%/BalanceChanged' and q.i_event is not null
    ), untouched as materialized (
        select w.no, w.i_event, n.i_handler from waiting w cross join lateral (
            select n.i_handler from event_notifications n
            where n.i_event = w.i_event and coalesce(n.status, '') = 'pending' and n.attempts = 0 and n.locked_until is null
            for no key update skip locked) n
    ), whole as materialized (
        select u.no, u.i_event from (select u.no, u.i_event, array_agg(u.i_handler) as handlers from untouched u group by u.no, u.i_event) u
        where not exists (select from event_notifications n where n.i_event = u.i_event and (n.i_handler <> all (u.handlers) or n.attempts > 0))
          and not exists (select from audience a where a.event_type = types[u.no] and (a.i_env is null or a.i_env = envs[u.no])
                          and a.i_handler <> all (u.handlers))
    ), changed as (
        update event_queue q set variables = q.variables || (told[w.no] - 'prev_balance') from whole w where q.i_event = w.i_event
    ), hurried as (
        update event_notifications n set lane = 0 from whole w where n.i_event = w.i_event and n.lane = 1 and lanes[w.no] = 0
    )
    select array_agg(w.no) into renewed from whole w;
    return coalesce(renewed, '{}');
end $$;

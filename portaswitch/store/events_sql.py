"""
Statements of the event queue: rows are claimed as leases, so that no lock is held over a vendor call (DESIGN.md 5.2, 5.3).

A notification that is done moves to event_history in the transaction that says so; the last one takes its event with it.
"""

from __future__ import annotations

from typing import Final

HOLD: Final = """
update event_handlers set worker = %(worker)s, seen = now(), leased_until = now() + make_interval(secs => %(seconds)s)
where i_handler = %(handler)s and enabled and stopped is null and (worker is null or worker = %(worker)s or leased_until <= now())
returning i_handler
"""
RELEASE: Final = "update event_handlers set worker = null, leased_until = null where i_handler = %s and worker = %s"
#: What earlier processes of an instance, which are dead, had leased: it is free at once instead of when the leases run out.
INHERIT: Final = """
with dead as (
    update event_handlers set worker = null, leased_until = null where starts_with(worker, %(instance)s || '/') and worker <> %(worker)s)
update event_notifications set locked_until = null, worker = null
where status = 'pending' and locked_until is not null and starts_with(worker, %(instance)s || '/') and worker <> %(worker)s
"""
STOP: Final = "update event_handlers set stopped = %s, worker = null, leased_until = null where i_handler = %s"

# The queue may be empty when its statistics are taken and hold a million rows when they count, so the statements below leave the planner no choice: what
# looks at one entity or key is a subquery in the order of the one index that begins with it. `+ 0` keeps those out that begin with the handler: to a planner
# that knows of no rows they look as good, and they read all.

#: A claim that a crash of the database forgets is due again, which loses nothing.
HASTE: Final = "set local synchronous_commit = off"
#: What a user waits for must not wait behind older bulk of the same entity: that goes with it.
PROMOTE: Final = """
with urgent as materialized (
    select entity, i_event from event_notifications where i_handler = %(handler)s and status = 'pending' and lane = 0 order by i_event limit 500
), late as materialized (
    select u.entity, u.i_event from urgent u
    where (select e.i_event from event_notifications e where e.entity = u.entity and e.status = 'pending' and e.i_handler + 0 = %(handler)s
           order by e.i_event limit 1) < u.i_event
), before as materialized (
    select b.i_notification from late l cross join lateral (
        select e.i_notification, e.lane from event_notifications e
        where e.entity = l.entity and e.status = 'pending' and e.i_event < l.i_event and e.i_handler + 0 = %(handler)s order by e.i_event limit 1000) b
    where b.lane + 0 = 1
)
update event_notifications n set lane = 0 from (select distinct i_notification from before) b where n.i_notification = b.i_notification
"""
CLAIM: Final = """
with due as materialized (
    select n.i_notification from event_notifications n
    where n.i_handler = %(handler)s and n.status = 'pending' and n.next_try <= now() and (n.locked_until is null or n.locked_until <= now())
      and n.i_event = (select e.i_event from event_notifications e where e.entity = n.entity and e.status = 'pending' and e.i_handler + 0 = n.i_handler
                       order by e.i_event limit 1)
      and (n.external_key is null or n.i_event = (select k.i_event from event_notifications k where k.external_key = n.external_key and k.status = 'pending'
                                                  and k.i_handler + 0 = n.i_handler order by k.i_event limit 1))
      and exists (select from event_handlers h where h.i_handler = %(handler)s and h.enabled and h.worker = %(worker)s and h.leased_until > now())
    order by n.lane, n.i_event limit %(limit)s for update of n skip locked
)
update event_notifications n
set locked_until = now() + make_interval(secs => %(lease)s), worker = %(worker)s, attempts = least(n.attempts + 1, 32767)
where n.i_notification = any (array(select due.i_notification from due))
returning n.i_notification
"""
#: In a statement after the claim, which so sees the last change of a balance that nobody had begun to deliver (schema/functions/raise_events.sql). The events
#: that the entity has besides are told one by one: numbers are given before the commit, so that what has a lower number than one of these may not be there yet.
CLAIMED: Final = """
select n.i_notification, n.i_handler, n.attempts, n.lane, coalesce(n.external_key, ''), coalesce(n.progress, 0),
       array(select m.i_event from event_notifications m where m.entity = n.entity and m.status = 'pending' and m.i_handler + 0 = n.i_handler
             order by m.i_event limit %(known)s)
       || array(select m.i_event from event_notifications m where m.entity = n.entity and m.status = 'parked' and m.i_handler + 0 = n.i_handler
                order by m.i_event limit %(known)s),
       q.i_event, q.event_type, q.entity, q.variables, q.created, q.i_env
from event_notifications n join event_queue q using (i_event) where n.i_notification = any (%(notifications)s) order by n.lane, q.i_event
"""

#: Of those whose effects are to be applied, the ones to which that has not happened yet.
STILL_THERE: Final = """
select i_notification from event_notifications where i_notification = any (%(notifications)s::bigint[]) and status = 'pending'
order by i_notification for update
"""
#: What an entity's state, now at the vendor, makes needless, but for the given ones. What an outside system reports is in no snapshot: no newer event stands
#: for it.
OVERTAKEN: Final = """
select o.i_notification, o.i_event, o.entity from unnest(%(handlers)s::int[], %(known)s::bigint[]) g (i_handler, i_event)
cross join lateral (
    select n.i_notification, n.i_event, n.entity from event_notifications n
    where n.i_event = g.i_event and n.i_handler = g.i_handler and n.status in ('pending', 'parked') limit 1) o
where o.i_notification <> all (%(notifications)s::bigint[])
  and not exists (select from event_queue r where r.i_event = o.i_event and r.event_type like 'Custom/%%')
"""
#: Who settles an event holds its row, so that of two handlers that end it at once the later one sees that it is the last. With what follows in one message.
FINISH: Final = """
select q.i_event from event_queue q where q.i_event = any (%(events)s::bigint[]) order by q.i_event for update;
with gone as (
    delete from event_notifications n
    using unnest(%(notifications)s::bigint[], %(statuses)s::text[], %(notes)s::text[]) g (i_notification, outcome, note)
    where n.i_notification = g.i_notification and n.i_notification = any (%(notifications)s::bigint[])
    returning n.i_event, n.i_handler, n.external_key, n.attempts, coalesce(nullif(g.note, ''), n.last_error) as note, g.outcome
), kept as (
    insert into event_history (i_event, i_handler, i_env, event_type, entity, external_key, variables, status, attempts, last_error, created, finished)
    select q.i_event, e.i_handler, q.i_env, q.event_type, q.entity, e.external_key, q.variables, e.outcome, e.attempts, e.note, q.created, now()
    from gone e join event_queue q using (i_event) where q.i_event = any (%(events)s::bigint[])
)
delete from event_queue q where q.i_event = any (array(select gone.i_event from gone))
  and (select n.i_event from event_notifications n where n.i_event = q.i_event and n.i_notification <> all (%(notifications)s::bigint[]) limit 1) is null
"""
AGAIN: Final = """
update event_notifications n
set next_try = now() + make_interval(secs => g.delay), locked_until = null, worker = null, last_error = g.note,
    attempts = case when g.counted then n.attempts else greatest(n.attempts - 1, 0) end
from unnest(%(notifications)s::bigint[], %(attempts)s::int[], %(delays)s::float[], %(notes)s::text[], %(counted)s::boolean[])
    g (i_notification, attempts, delay, note, counted)
where n.i_notification = g.i_notification and n.status = 'pending' and n.worker = %(worker)s and n.attempts = g.attempts
"""
PARK: Final = """
update event_notifications n set status = 'parked', locked_until = null, worker = null, last_error = g.note
from unnest(%(notifications)s::bigint[], %(notes)s::text[]) g (i_notification, note) where n.i_notification = g.i_notification and n.status = 'pending'
"""
GOES_ON: Final = """
update event_notifications set progress = %(progress)s, attempts = greatest(attempts - 1, 1), locked_until = null, worker = null
where i_notification = %(notification)s and status = 'pending'
"""
#: Events that nobody has to be told of, of the next ones behind `after`: of handlers that were removed. Gives where they end, null behind the last.
LEFT_OVER: Final = """
with part as materialized (select i_event, created from event_queue where i_event > %(after)s order by i_event limit 500),
gone as (
    delete from event_queue q where q.i_event = any (array(
        select p.i_event from part p where p.created < now() - interval '1 hour'
          and (select n.i_event from event_notifications n where n.i_event = p.i_event limit 1) is null)))
select max(i_event) from part
"""

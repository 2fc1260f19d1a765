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

#: What a user waits for must not wait behind older bulk of the same entity or key: that goes with it.
PROMOTE: Final = """
with urgent as (select entity, external_key, i_event from event_notifications where i_handler = %(handler)s and status = 'pending' and lane = 0
                order by i_event limit 500)
update event_notifications e set lane = 0 from urgent u
where e.i_handler = %(handler)s and e.status = 'pending' and e.lane = 1 and e.i_event < u.i_event and e.entity = u.entity
"""
CLAIM: Final = """
with due as (
    select n.i_notification from event_notifications n
    where n.i_handler = %(handler)s and n.status = 'pending' and n.next_try <= now() and (n.locked_until is null or n.locked_until <= now())
      and not exists (select from event_notifications e where e.i_handler = n.i_handler and e.entity = n.entity and e.status = 'pending'
                      and e.i_event < n.i_event)
      and not exists (select from event_notifications k where k.i_handler = n.i_handler and k.external_key = n.external_key and k.status = 'pending'
                      and k.external_key is not null and k.i_event < n.i_event)
      and exists (select from event_handlers h where h.i_handler = %(handler)s and h.enabled and h.worker = %(worker)s and h.leased_until > now())
    order by n.lane, n.i_event limit %(limit)s for update of n skip locked
)
update event_notifications n
set locked_until = now() + make_interval(secs => %(lease)s), worker = %(worker)s, attempts = least(n.attempts + 1, 32767)
from due where due.i_notification = n.i_notification
returning n.i_notification
"""
#: In a statement after the claim, which so sees the last change of a balance that nobody had begun to deliver (schema/functions/raise_events.sql).
CLAIMED: Final = """
select n.i_notification, n.i_handler, n.attempts, n.lane, coalesce(n.external_key, ''), coalesce(n.progress, 0),
       (select max(m.i_event) from event_notifications m where m.i_handler = n.i_handler and m.entity = n.entity and m.status = 'pending'),
       q.i_event, q.event_type, q.entity, q.variables, q.created, q.i_env
from event_notifications n join event_queue q using (i_event) where n.i_notification = any (%(notifications)s) order by n.lane, q.i_event
"""

#: Who settles an event holds its row, so that of two handlers that end it at once the later one sees that it is the last.
LOCK_EVENTS: Final = """
select q.i_event from event_queue q where q.i_event in (
    select i_event from event_notifications where i_notification = any (%(notifications)s::bigint[])
    union select n.i_event from event_notifications n join unnest(%(handlers)s::int[], %(entities)s::text[], %(upto)s::bigint[]) g (i_handler, entity, upto)
          on n.i_handler = g.i_handler and n.entity = g.entity and n.i_event <= g.upto and n.status in ('pending', 'parked') where g.upto > 0)
order by q.i_event for update
"""
#: What an outside system reports is in no snapshot: no newer event stands for it.
FINISH: Final = """
with given as (
    select * from unnest(%(notifications)s::bigint[], %(statuses)s::text[], %(notes)s::text[], %(handlers)s::int[], %(entities)s::text[], %(upto)s::bigint[])
        g (i_notification, outcome, note, i_handler, entity, upto)
), gone as (
    delete from event_notifications n using given g where n.i_notification = g.i_notification
    returning n.*, g.outcome, nullif(g.note, '') as note
), superseded as (
    delete from event_notifications n using given g
    where g.upto > 0 and n.i_handler = g.i_handler and n.entity = g.entity and n.i_event <= g.upto and n.status in ('pending', 'parked')
      and n.i_notification <> all (%(notifications)s::bigint[])
      and not exists (select from event_queue r where r.i_event = n.i_event and r.event_type like 'Custom/%%')
    returning n.*, 'superseded' as outcome, 'by a newer event of ' || g.entity as note
), ended as (select * from gone union all select * from superseded
), kept as (
    insert into event_history (i_event, i_handler, i_env, event_type, entity, variables, status, attempts, last_error, created, finished)
    select q.i_event, e.i_handler, q.i_env, q.event_type, q.entity, q.variables, e.outcome, e.attempts, coalesce(e.note, e.last_error), q.created, now()
    from ended e join event_queue q using (i_event)
)
delete from event_queue q using (select distinct i_event from ended) e
where q.i_event = e.i_event
  and not exists (select from event_notifications n where n.i_event = q.i_event and n.i_notification not in (select i_notification from ended))
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
#: Events that nobody has to be told of: of handlers that were removed.
LEFT_OVER: Final = """
delete from event_queue q where q.created < now() - interval '1 hour' and not exists (select from event_notifications n where n.i_event = q.i_event)
"""

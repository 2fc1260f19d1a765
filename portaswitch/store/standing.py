"""
The job that looks after living Internet sessions (`billing.standing` decides): their CoAs and disconnects are rows of session_tasks.

Only sessions at nodes that take CoA, or are Diameter peers (which ask again, and are refused), are looked at; the others end by their
Session-Timeout. Nothing is remembered between passes but turns that have been told: a task in the table says that a
session was told, so that several processes, or one that starts again, tell nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from portaswitch.billing.access_policy import level_of
from portaswitch.billing.local_time import zone_of
from portaswitch.billing.standing import Standing, level_since, must_end, words
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.metrics import Counter
from portaswitch.model.access_policy import Level, LevelName
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.session_task import TaskKind, Wish
from portaswitch.store import pages
from portaswitch.store.pool import Cursor, Pool
from portaswitch.store.session_tasks import wish

WISHED = Counter("portaswitch_session_wishes_total", "CoA and Disconnect that were asked for because of a change behind a living session", ("kind",))
#: The key of the advisory lock under which turns are told: "turns".
LOCK = 0x7475726E73
#: Minutes after which a disconnect that did not end its session is asked for again.
AGAIN = 10
#: Within so much time a policy and zone that somebody new uses are seen; whose sessions began in the present level were told it by their accepts.
LOOK_EVERY = timedelta(seconds=60)
INSTANT = timedelta(seconds=1)
#: Blocks of the table of sessions that one statement looks at, some milliseconds; where what sessions keep is read it is more. And such statements of a pass.
BLOCKS, READ_BLOCKS, SPANS = 200, 100, 40
SERVICES = "('Netaccess', 'Wifi', 'Dialup', 'Data')"
IN_RANGE = "s.ctid >= %(low)s::tid and s.ctid < %(high)s::tid and "
#: In the words of the index session_tasks_told: without the second condition none leads to a session's tasks.
TOLD = "t.session_key = s.session_key and t.session_key <> ''"
JOINS = (
    "from sessions s join nodes n on n.i_node = s.i_node and coalesce(host(n.coa_address), n.origin_host, n.origin_realm) is not null "
    "join accounts a on a.i_account = s.i_account join accounts w on w.i_account = coalesce(a.i_payer, a.i_account) "
    "join customers c on c.i_customer = a.i_customer left join products p on p.i_product = a.i_product "
)
#: Money in its own sense becomes what may be spent; the lower of the account's (w: of a beneficiary its payer's) and the customer's room.
FUNDS = (
    "case when w.billing_model < 0 then w.balance else least(w.credit_limit - w.balance, "
    "case when c.temp_credit_until > now() then c.temp_credit_limit else c.credit_limit end - c.balance) end"
)
#: What a session keeps is read once, and where it keeps nothing, as those of charging alone, not at all.
SEEN = (
    "select s.session_key, s.i_env, s.i_node, s.i_account, not (a.blocked or w.blocked or c.blocked) and a.bill_status = 'O' and w.bill_status = 'O' "
    "and c.bill_status = 'O', "
    "coalesce(a.i_product, 0), (o.k ->> 'i_product')::bigint, coalesce(a.i_access_policy, p.i_access_policy, 0), "
    f"(o.k ->> 'access_policy')::bigint, (o.k ->> 'hotline_funds')::numeric, {FUNDS}, "
    f"case when n.coa_address is null then 'rar' else 'pod' end {JOINS}"
    """cross join lateral (select case when strpos(s.opened, '"k":{}') = 0 then s.opened::json -> 'k' end as k offset 0) o """
    f"where {IN_RANGE}s.service in {SERVICES} and not exists (select from session_tasks t "
    f"where {TOLD} and t.kind in ('pod', 'rar') and (t.status = 'pending' or t.created > now() - interval '{AGAIN} minutes'))"
)
ZONES = (
    f"select distinct coalesce(a.i_access_policy, p.i_access_policy), c.timezone {JOINS}where {IN_RANGE}s.service in {SERVICES} "
    "and coalesce(a.i_access_policy, p.i_access_policy) = any (%(timed)s)"
)
#: Diameter has no word for speeds: its sessions ask again where the blocked level begins or ends.
UNTOLD = (
    "select case when n.coa_address is null then 'rar' else 'coa' end, s.i_env, s.i_node, s.session_key, s.i_account "
    f"{JOINS}where {IN_RANGE}(n.coa_address is not null or %(bars)s) and s.service in {SERVICES} and c.timezone = %(zone)s "
    "and coalesce(a.i_access_policy, p.i_access_policy) = %(policy)s and s.started < %(since)s "
    """and (strpos(s.opened, '"hotline"') = 0 or (s.opened::json -> 'k' ->> 'hotline') is null) """
    f"and not exists (select from session_tasks t where {TOLD} and t.kind in ('coa', 'rar') and t.created >= %(since)s)"
)


class StandingJob:
    """One a process with the role jobs; `run` is one pass. `now` is aware UTC."""

    def __init__(self, pool: Pool, catalogue: Callable[[], Catalogue], now: Callable[[], datetime]) -> None:
        self._pool, self._catalogue, self._now = pool, catalogue, now
        self._page = 0
        self._told: dict[tuple[int, str], tuple[datetime, int]] = {}
        self._next, self._generation = datetime.min.replace(tzinfo=UTC), -1

    async def run(self, rest: Rest = at_once) -> None:
        """Ask for the end of the sessions that have to end, and tell those whose policy has turned. Errors of the database end the pass."""
        await self._end(rest)
        try:
            await self._turn(rest)
        except BaseException:
            self._generation = -1  # not all was told: the next pass looks again
            raise

    async def _end(self, rest: Rest) -> None:
        """The sessions on the next pages of the table."""
        ((size,),) = await self._pool.query(pages.SIZE, ("sessions",))
        for _ in range(SPANS):
            rows = await self._pool.query(SEEN, pages.span(self._page, READ_BLOCKS))
            found = [Wish(TaskKind(row[-1]), row[1], row[2], row[0], row[3]) for row in rows if must_end(Standing(*row[4:-1]))]
            if found:
                await wish(self._pool, found)
            for one in found:
                WISHED.inc(one.kind.value)
            self._page = self._page + READ_BLOCKS if self._page + READ_BLOCKS < size else 0
            if not self._page or not await rest():
                return

    async def _turn(self, rest: Rest) -> None:
        """The policies that have a timetable, in each zone where somebody uses one, whose last turn has not been told by us."""
        catalogue, now = self._catalogue(), self._now()
        timed = [policy.i_access_policy for policy in catalogue.access_policies.values() if policy.phases]
        if not timed or (catalogue.generation == self._generation and now < self._next):
            return
        self._next, self._generation = now + LOOK_EVERY, catalogue.generation
        zones = {row async for rows in pages.found(self._pool, "sessions", ZONES, {"timed": timed}, rest, BLOCKS) for row in rows}
        for i_policy, zone in sorted(zones):
            told = self._told.get((i_policy, zone))
            if told is None or told[1] != catalogue.generation or now >= told[0]:
                level, since = level_since(catalogue.access_policies[i_policy], now, zone_of(zone))
                bars = LevelName.BLOCKED in (level.name, level_of(catalogue.access_policies[i_policy], since - INSTANT, zone_of(zone)).name)
                await self._tell(i_policy, zone, since, level, bars, rest)
                told = self._told[i_policy, zone] = level.until or datetime.max.replace(tzinfo=UTC), catalogue.generation
            self._next = min(self._next, told[0])

    async def _tell(self, i_policy: int, zone: str, since: datetime, level: Level, bars: bool, rest: Rest) -> None:
        """Tell a level that holds since then; `bars`: it, or the one before it, is the blocked one."""
        asked = {"bars": bars, "zone": zone, "policy": i_policy, "since": since}

        async def body(cursor: Cursor, part: Mapping[str, object]) -> None:
            await cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            rows = await cursor.query(UNTOLD, {**asked, **part})
            if rows:
                told: dict[str, dict[str, Any]] = {"coa": words(level), "rar": {}}
                made = [Wish(TaskKind(kind), env, node, key, account, told[kind], expires=level.until) for kind, env, node, key, account in rows]
                await wish(cursor, made)
                for kind, *_ in rows:
                    WISHED.inc(kind)

        async for part in pages.ranges(self._pool, "sessions", rest, BLOCKS):
            await self._pool.transaction(partial(body, part=part))

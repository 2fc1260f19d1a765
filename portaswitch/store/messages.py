"""
`IMessages` on PostgreSQL: messages that were accepted, until they are delivered. A claim is a lease, a time in the row: a process that dies loses its claims by
time, and another one goes on (DESIGN.md 5.2, as for session tasks).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.messages import IMessages
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.interfaces.turn import Later, in_this_turn
from portaswitch.model.message import Charge, Fate, Kept, Text
from portaswitch.store.grouped import Grouped
from portaswitch.store.pages import removal, remove
from portaswitch.store.pool import Pool
from portaswitch.store.texts import row

#: Seconds of a lease: longer than a transaction of SIP lasts (64*T1 = 32 s).
LEASE: Final = 45
COLUMNS: Final = (
    "i_env, i_node, key, account, sender, recipient, coalesce(i_recipient, 0), content_type, body, call_id, created, expires, charge, peer, attempts, i_message"
)
KEEP: Final = f"select * from message_keep(%(rows)s::jsonb, %(worker)s, {LEASE})"
KNOWN: Final = "select exists (select from messages where key = %s)"
#: A claim: whose lease is over may be taken by anybody.
CLAIM: Final = f"""
update messages m set locked_until = now() + make_interval(secs => {LEASE}), worker = %(worker)s, attempts = least(m.attempts + 1, 32000),
    next_try = now() + make_interval(secs => {LEASE})
from due where m.i_message = due.i_message
returning {COLUMNS.replace("i_message", "m.i_message")}
"""
WAITING_FOR: Final = f"""
with due as (
    select w.i_message from unnest(%(accounts)s::bigint[]) a (i_account) cross join lateral (
        select i_message from messages where i_recipient = a.i_account and state = 'waiting' and (locked_until is null or locked_until <= now())
        order by i_message limit %(limit)s for update skip locked) w
) {CLAIM}
"""
#: Who has contacts waits for a process that has a way to one of them; who has none any more is anybody's. What is at an edge node all reach by way of it.
DUE: Final = f"""
with due as (
    select i_message from messages m where state = 'waiting' and next_try <= now() and (locked_until is null or locked_until <= now())
        and coalesce((select bool_or(r.worker in ('', %(worker)s) or r.edge <> '') from registrations r
            where r.i_account = m.i_recipient and r.expires > now()), true)
    order by next_try limit %(limit)s for update skip locked
) {CLAIM}
"""
SETTLE: Final = "select message_settle(%s::text[], %s::text[], %s::text[], %s::int[], %s::int[])"
#: Those of a moment ago are being settled by who delivered them.
UNPAID: Final = f"""
select {COLUMNS} from messages where charge in ('commit', 'release') and coalesce(finished, created) < now() - interval '10 seconds' order by i_message limit %s
"""
PAID: Final = "update messages set charge = 'settled' where key = any(%s) and charge <> 'free'"
EXPIRE: Final = f"""
with due as (
    select i_message from messages where state = 'waiting' and expires <= now() and (locked_until is null or locked_until <= now())
    order by expires limit %s for update skip locked
)
update messages m set state = 'expired', finished = now(), body = '', charge = case charge when 'held' then 'release' else charge end
from due where m.i_message = due.i_message returning {COLUMNS.replace("i_message", "m.i_message")}
"""
PURGE: Final = removal("messages", "t.finished < now() - make_interval(days => %s) and t.charge in ('settled', 'free')", "t.finished")


@implementer(IMessages)
class Messages:
    """Messages with the connections of `pool`; `worker` names this process among those that share the table. `later` as in `Grouped`."""

    def __init__(self, pool: Pool, worker: str, later: Later = in_this_turn) -> None:
        self._pool, self._worker = pool, worker
        self._keeps: Grouped[tuple[Text, int], Kept] = Grouped(self._keep, later)
        self._claims: Grouped[tuple[int, int], list[Text]] = Grouped(self._claim, later)
        self._fates: Grouped[Fate, None] = Grouped(self._settle, later, abreast=1)
        self._pays: Grouped[str, None] = Grouped(self._pay, later)

    def keep(self, text: Text, most: int) -> Deferred[Kept]:
        """See `IMessages.keep`."""
        return self._keeps.add((text, most))

    def known(self, key: str) -> Deferred[bool]:
        """See `IMessages.known`."""
        return self._pool.query(KNOWN, (key,)).addCallback(lambda rows: bool(rows[0][0]))

    def waiting_for(self, i_account: int, limit: int) -> Deferred[list[Text]]:
        """See `IMessages.waiting_for`."""
        return self._claims.add((i_account, limit))

    def due(self, limit: int) -> Deferred[list[Text]]:
        """See `IMessages.due`."""
        return self._pool.query(DUE, {"limit": limit, "worker": self._worker}).addCallback(_texts)

    def settle(self, fate: Fate) -> Deferred[None]:
        """See `IMessages.settle`."""
        return self._fates.add(fate)

    def unpaid(self, limit: int) -> Deferred[list[Text]]:
        """See `IMessages.unpaid`."""
        return self._pool.query(UNPAID, (limit,)).addCallback(_texts)

    def paid(self, key: str) -> Deferred[None]:
        """See `IMessages.paid`."""
        return self._pays.add(key)

    def expire(self, limit: int) -> Deferred[list[Text]]:
        """See `IMessages.expire`."""
        return self._pool.query(EXPIRE, (limit,)).addCallback(_texts)

    async def purge(self, days: int, rest: Rest = at_once) -> None:
        """Forget messages that were over so many days ago."""
        await remove(self._pool, PURGE, (days,), rest)

    # -- groups -----------------------------------------------------------------------------------------------------------------------------------

    def _keep(self, asked: Sequence[tuple[Text, int]]) -> Deferred[list[Kept]]:
        texts = {text.key: (text, most) for text, most in asked}  # one key twice in a group is one message
        rows = f"[{','.join([row(text, text.account, 'most', most) for text, most in texts.values()])}]"

        def read(found: list[tuple[str, int | None, bool]]) -> list[Kept]:
            told = {key: Kept.STORED if number is not None else Kept.REPEATED if known else Kept.FULL for key, number, known in found}
            first: set[str] = set()
            kept = []
            for text, _ in asked:
                kept.append(Kept.REPEATED if text.key in first and told[text.key] is Kept.STORED else told[text.key])
                first.add(text.key)
            return kept

        return self._pool.query(KEEP, {"rows": rows, "worker": self._worker}).addCallback(read)

    def _claim(self, asked: Sequence[tuple[int, int]]) -> Deferred[list[list[Text]]]:
        values = {"accounts": [i_account for i_account, _ in asked], "limit": min(limit for _, limit in asked), "worker": self._worker}

        def read(rows: list[tuple[Any, ...]]) -> list[list[Text]]:
            found: dict[int, list[Text]] = {}
            for text in _texts(rows):
                found.setdefault(text.i_recipient, []).append(text)
            return [found.pop(i_account, []) for i_account, _ in asked]

        return self._pool.query(WAITING_FOR, values).addCallback(read)

    def _settle(self, fates: Sequence[Fate]) -> Deferred[list[None]]:
        columns = [
            [fate.key for fate in fates], [fate.state.value for fate in fates], [fate.charge.value for fate in fates],
            [fate.status for fate in fates], [fate.delay for fate in fates],
        ]  # fmt: skip
        return self._pool.execute(SETTLE, columns).addCallback(lambda _: [None] * len(fates))

    def _pay(self, keys: Sequence[str]) -> Deferred[list[None]]:
        return self._pool.execute(PAID, (list(keys),)).addCallback(lambda _: [None] * len(keys))


def _texts(rows: list[tuple[Any, ...]]) -> list[Text]:
    """An update gives its rows in any order: by age."""
    return [_text(*row) for row in sorted(rows, key=lambda row: row[-1])]


def _text(
    i_env: int, i_node: int, key: str, account: str, sender: str, recipient: str, i_recipient: int, content_type: str, body: memoryview, *more: Any
) -> Text:
    call_id, created, expires, charge, peer, attempts, i_message = more
    known = (i_env, i_node, key, account, sender, recipient, i_recipient, content_type, bytes(body), call_id, created, expires)
    return Text(*known, Charge(charge), peer, attempts, i_message)

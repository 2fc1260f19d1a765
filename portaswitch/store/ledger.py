"""
The ledger on PostgreSQL: one call of `exchange(batch)` is one transaction.

A batch that loses a deadlock or a serialization race is sent again whole; one that fails otherwise is sent again member by member, so that one bad member
does not harm the others (DESIGN.md 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg2
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.billing import reused
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.ledger import Applied, Failed, Member, Repeated, SessionName, Short, Stale, Verdict
from portaswitch.model.money import ZERO
from portaswitch.model.party import Funds
from portaswitch.model.session import Session
from portaswitch.store import documents, exchange_calls, literals, pages
from portaswitch.store.pool import Pool
from portaswitch.store.views import parse, view_of

ORPHAN = "insert into orphans (i_env, i_node, session_key, key, request, received) values (%s, %s, %s, %s, %s, %s) on conflict (key) do nothing"
#: Under the lock of its account, as whatever changes a session; `exchange` looks for a session behind that lock.
RELEASE = """
with locked as materialized (select i_account from accounts where i_account = %(i_account)s for no key update)
update sessions_closed s set session_key = %(left)s from locked l
where s.session_key = %(key)s and s.version = %(version)s and s.i_account = l.i_account
"""
NAMES = "select s.i_env, s.i_node, s.session_key, a.id, s.version from sessions s join accounts a using (i_account) where "
RANGE = "s.ctid >= %(low)s::tid and s.ctid < %(high)s::tid and "
#: Blocks that one statement of a search for the dead looks at, some milliseconds, and statements of a search: 32 MB in all.
BLOCKS, SPANS = 200, 20
DEAD = NAMES + RANGE + "s.expires < now() order by s.expires limit %(limit)s"
RACES = frozenset(("40001", "40P01"))
#: Classes of SQLSTATE that speak of the server and not of the statement: connection, resources, operator (a shutdown, our statement_timeout).
UNAVAILABLE = frozenset(("08", "53", "57"))
RETRIES = 5


@implementer(ILedger)
class Ledger:
    """
    Implements `ILedger`. `unseal` opens sealed service passwords of the accounts in views; `committed` is told of batches that changed something. Messages
    that are kept are `worker`'s to deliver.
    """

    _log = Logger()

    def __init__(self, pool: Pool, unseal: Callable[[bytes], str], committed: Callable[[], None] = lambda: None, worker: str = "") -> None:
        self._pool, self._committed, self._worker = pool, committed, worker
        self._unseal = unseal
        self._page = 0

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """One transaction for all members; see `ILedger.exchange`."""
        return self._try(members, RETRIES)

    def _try(self, members: Sequence[Member], tries: int) -> Deferred[list[Verdict]]:
        return self._pool.query(*exchange_calls.of(members, self._worker)).addCallback(self._verdicts, members).addErrback(self._again, members, tries)

    def record_orphan(self, member: Member) -> Deferred[None]:
        """Keep a request whose account nobody knows, for an operator (DESIGN.md 3.5); a repeated one is kept once."""
        request = member.request
        row = (request.origin.i_env, request.origin.i_node, member.session_key, request.key, literals.orphan(request), request.received)
        return self._pool.execute(ORPHAN, row)

    def release_name(self, session: Session) -> Deferred[None]:
        """See `ILedger.release_name`."""
        values = {"i_account": session.opened.i_account, "key": session.key, "version": session.version, "left": reused.left_name(session)}
        return self._pool.execute(RELEASE, values)

    def node_sessions(self, i_node: int, until: datetime) -> Deferred[list[SessionName]]:
        """See `ILedger.node_sessions`."""
        return Deferred.fromCoroutine(self._of_node({"node": i_node, "until": until}))

    async def _of_node(self, values: Mapping[str, object]) -> list[SessionName]:
        condition = NAMES + RANGE + "s.i_node = %(node)s and s.started < %(until)s"
        return [_session_name(row) async for rows in pages.found(self._pool, "sessions", condition, values) for row in rows]

    def dead_sessions(self, limit: int) -> Deferred[list[SessionName]]:
        """See `ILedger.dead_sessions`."""
        return Deferred.fromCoroutine(self._dead(limit))

    async def _dead(self, limit: int) -> list[SessionName]:
        """The dead of the next pages of the table: no index leads to them, since every request of a session would have to move its entry."""
        ((size,),) = await self._pool.query(pages.SIZE, ("sessions",))
        found: list[SessionName] = []
        for _ in range(SPANS):
            left = limit - len(found)
            rows = await self._pool.query(DEAD, {**pages.span(self._page, BLOCKS), "limit": left})
            found += map(_session_name, rows)
            if len(rows) == left:  # there may be more on these pages
                break
            self._page = self._page + BLOCKS if self._page + BLOCKS < size else 0
            if not self._page:
                break
        return found

    def _verdicts(self, rows: list[tuple[Any, ...]], members: Sequence[Member]) -> list[Verdict]:
        if any(member.change is not None for member in members):
            self._committed()
        verdicts: list[Verdict] = [Failed("no verdict")] * len(rows)
        for row in rows:
            try:
                verdicts[row[0] - 1] = self._verdict(row)
            except Exception as error:  # one row that can't be read (a password our key doesn't open) must not fail a batch that is committed
                self._log.failure("a row could not be read")
                verdicts[row[0] - 1] = Failed(f"a row could not be read: {error}")
        return verdicts

    def _verdict(self, row: tuple[Any, ...]) -> Verdict:
        _, verdict, balance, held, outgoing, incoming, locked_by, c_balance, c_held, c_outgoing, c_incoming, answer, view = row
        if verdict == "S":
            return Stale(view_of(parse(view), self._unseal))
        if verdict == "R":
            return Repeated(documents.decision_of(answer))
        # Nothing is always the same object, as in `views.money`: most rows hold nothing, and hundreds of thousands are remembered.
        customer_funds = Funds() if c_balance is None else Funds(c_balance, c_held or ZERO, c_outgoing, c_incoming)
        return (Applied if verdict == "A" else Short)(Funds(balance, held or ZERO, outgoing, incoming, locked_by or ""), customer_funds)

    def _again(self, failure: Any, members: Sequence[Member], tries: int) -> Any:
        """An error of the statement (not of the connection): race, or one member's fault."""
        error = failure.value
        code = getattr(error, "pgcode", None)
        if not isinstance(error, psycopg2.Error | UnicodeError):
            return failure
        if not isinstance(error, UnicodeError) and (code is None or code[:2] in UNAVAILABLE):
            return Failure(DatabaseDown(str(error).strip()))  # whether it took effect, the keys tell when the clients ask again
        if code in RACES and tries > 0:
            return self._try(members, tries - 1)
        if len(members) == 1:
            self._log.error("the ledger refused a member: {error}", error=str(error).strip(), key=members[0].request.key)
            return [Failed(str(error).strip())]
        return Deferred.fromCoroutine(self._one_by_one(members))

    async def _one_by_one(self, members: Sequence[Member]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for member in members:
            verdicts += await self.exchange([member])
        return verdicts


def _session_name(row: tuple[Any, ...]) -> SessionName:
    return SessionName(row[0], row[1], row[2].partition("/")[2], row[3], row[4])

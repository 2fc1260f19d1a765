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

from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.ledger import ILedger
from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.ledger import Applied, Change, Failed, Member, Repeated, SessionName, Short, Stale, Verdict
from portaswitch.model.money import ZERO
from portaswitch.model.party import Funds
from portaswitch.store import copies, documents, literals, literals_waiting, pages, texts
from portaswitch.store.pool import Pool
from portaswitch.store.views import parse, view_of

#: The view comes as text: the driver's own JSON parser would make floats of money.
SQL = (
    "select pos, verdict, balance, held, outgoing, incoming, locked_by, c_balance, c_held, c_outgoing, c_incoming, answer, view::text "
    "from exchange(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::text[])"
)
#: The same for a batch that moves counters or wallets,
COUNTING = SQL.replace("%s::text[])", "%s::text[], %s::text[], %s::text[])")
#: for one that sessions wait for, or that has them wait (`literals_waiting`),
WAITING = COUNTING.replace("from exchange(", "from exchange_waited(").replace("%s::text[])", "%s::text[], %s::text[], %s::text[], %s::text[])")
#: and for one with messages that are kept when their members are applied.
KEEPING = SQL.replace("from exchange(", "from exchange_kept(").replace(
    "%s::text[])", "%s::text[], %s::text[], %s::text[], %s::jsonb, %s, %s::text[], %s::text[], %s::text[])"
)
#: For one that leaves copies for collectors, whatever else it has (`copies`).
COPYING = SQL.replace("from exchange(", "from exchange_copied(").replace(
    "%s::text[])", "%s::text[], %s::text[], %s::text[], %s::jsonb, %s::jsonb, %s, %s::text[], %s::text[], %s::text[])"
)
#: Each of them for a batch of which members have payers.
PAYING = {sql: f"{sql[:-1]}, payers => %s::int[])" for sql in (SQL, COUNTING, WAITING, KEEPING, COPYING)}
ORPHAN = "insert into orphans (i_env, i_node, session_key, key, request, received) values (%s, %s, %s, %s, %s, %s) on conflict (key) do nothing"
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
        return self._pool.query(*self._call(members)).addCallback(self._verdicts, members).addErrback(self._again, members, tries)

    def _call(self, members: Sequence[Member]) -> tuple[str, tuple[Any, ...]]:
        """The statement and its arguments: most batches are plain, and none of them is looked through for what others have."""
        values = parameters(members)
        if all(map(_plain, members)):
            return SQL, values
        places, payers = counter_places(members), paying(members, values[1])
        counted, kept = counting(members, places) if places else None, texts.of(members)
        waits = literals_waiting.of(members, lambda change, key: places[_name_of(change, key)])
        copied = copies.of(members)
        if copied:
            sql, values = COPYING, (*values, *(counted or ([], [])), copied, kept or "[]", self._worker, *(waits or ([], [], [])))
        elif kept:
            sql, values = KEEPING, (*values, *(counted or ([], [])), kept, self._worker, *(waits or ([], [], [])))
        elif waits is not None:
            sql, values = WAITING, (*values, *(counted or ([], [])), *waits)
        else:
            sql, values = (COUNTING, (*values, *counted)) if counted else (SQL, values)
        return (PAYING[sql], (*values, payers)) if payers else (sql, values)

    def record_orphan(self, member: Member) -> Deferred[None]:
        """Keep a request whose account nobody knows, for an operator (DESIGN.md 3.5); a repeated one is kept once."""
        request = member.request
        row = (request.origin.i_env, request.origin.i_node, member.session_key, request.key, literals.orphan(request), request.received)
        return self._pool.execute(ORPHAN, row)

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


def _plain(member: Member) -> bool:
    """Money, a session, xDRs: as most members, which need none of the further arguments."""
    change = member.change
    if change is None:
        return True
    more = change.counters or change.i_payer or change.frees or change.presses or change.spent is not None or change.copies
    return not more and member.request.text is None


def _session_name(row: tuple[Any, ...]) -> SessionName:
    return SessionName(row[0], row[1], row[2].partition("/")[2], row[3], row[4])


def parameters(members: Sequence[Member]) -> tuple[Any, ...]:
    """The arguments of `exchange` for a batch: literals, the ids to lock in their order, xDRs and parties with their members' places."""
    changes = [member.change for member in members]
    payers = [change.i_payer for change in changes if change is not None and change.i_payer]
    accounts = sorted({change.i_account for change in changes if change is not None}.union(payers))
    customers = sorted({change.i_customer for change in changes if change is not None and change.locks_customer})
    a_places = {i_account: place for place, i_account in enumerate(accounts, 1)}
    c_places = {i_customer: place for place, i_customer in enumerate(customers, 1)}
    rows: list[str] = []
    xdrs: list[str] = []
    owners: list[int] = []
    parties: list[str] = []
    for place, (member, change) in enumerate(zip(members, changes, strict=True), 1):
        if change is None:
            rows.append(literals.read(member))
            continue
        c_place = c_places[change.i_customer] if change.locks_customer else 0
        rows.append(literals.write(member, change, a_places[change.i_account], c_place))
        _append(change, place, xdrs, owners, parties)
    return rows, accounts, customers, xdrs, owners, parties


def paying(members: Sequence[Member], accounts: list[int]) -> list[int | None] | None:
    """The places of the members' payers among the accounts that are locked (None: it pays itself); None where no member has one."""
    found = [member.change.i_payer if member.change is not None else 0 for member in members]
    return [accounts.index(i_payer) + 1 if i_payer else None for i_payer in found] if any(found) else None


#: A row of vd_counters or service_wallets: the customer, the account (0: the customer's own), and its key.
RowName = tuple[int, int, SourceKey]


def counter_places(members: Sequence[Member]) -> dict[RowName, int]:
    """The counters and wallets that a batch moves by their places in it, counters first; empty: it moves none."""
    names = {_name_of(member.change, move.key) for member in members if member.change is not None for move in member.change.counters}
    return {name: place for place, name in enumerate(sorted(names, key=_counters_first), 1)} if names else {}


def counting(members: Sequence[Member], places: dict[RowName, int]) -> tuple[list[str], list[str]]:
    """The counters and wallets in their places, and the members' moves of them."""
    rows: dict[RowName, str] = {}
    moves: list[str] = []
    for number, member in enumerate(members, 1):
        change = member.change
        for move in change.counters if change is not None else ():
            assert change is not None
            name = _name_of(change, move.key)
            if name not in rows:
                rows[name] = literals.counter_row(move.key, change, move)
            moves.append(literals.counter_move(number, places[name], move))
    return [rows[name] for name in places], moves


def _name_of(change: Change, key: SourceKey) -> RowName:
    return change.i_customer, 0 if key.shared else change.i_payer or change.i_account, key


def _counters_first(name: RowName) -> tuple[bool, RowName]:
    return name[2].source is Source.WALLET, name


def _append(change: Change, place: int, xdrs: list[str], owners: list[int], parties: list[str]) -> None:
    for row in change.xdrs:
        xdrs.append(literals.xdr(row))
        owners.append(place)
    for party in change.parties:
        parties.append(literals.party(place, party))

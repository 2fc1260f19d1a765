"""
`ILocations` on PostgreSQL: the table is the truth, so that a restart loses no contact and every process that shares the database delivers to what any other has
registered. Changes and look-ups that come together are one statement; of those who can be reached a bounded memory saves the look-up (`store.contacts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from json import dumps
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from portaswitch.errors import LedgerFailed
from portaswitch.interfaces.messages import ILocations
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.interfaces.turn import Later, in_this_turn
from portaswitch.model.message import Callee, Contact
from portaswitch.model.registration import Bound
from portaswitch.model.value import dataclass
from portaswitch.store.contacts import Contacts, Looking, Names
from portaswitch.store.grouped import Grouped
from portaswitch.store.pages import removal, remove
from portaswitch.store.pool import Pool

T = TypeVar("T")

COLUMNS: Final = "i_account, uri, transport, host, port, listener, call_id, cseq, expires, worker, flow, q, edge, user_agent, i_contact"
CALLEES: Final = "select * from message_callees(%s::int[], %s::jsonb[], %s)"
BIND: Final = "select * from registrations_bind(%s::jsonb, %s)"
OF_ACCOUNTS: Final = f"select {COLUMNS} from registrations where i_account = any(%s) and expires > now() order by q desc, i_contact"
LOST: Final = "delete from registrations where worker = %s and flow = any(%s)"
#: All connections of a process that is called so, whatever number it had.
LOST_ALL: Final = "delete from registrations where worker like %s and flow <> ''"
EXPIRED: Final = removal("registrations", "t.expires < now() - interval '1 minute'", "t.expires")


#: What a new contact is written with.
NAMES: Final = ("uri", "transport", "host", "port", "listener", "call_id", "cseq", "worker", "flow", "q", "edge", "user_agent")
#: Somebody else changes the same account again and again: no race, but a defect.
MOST_TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class _Change:
    """Contacts that an account shall have where it has the known ones."""

    i_account: int
    known: tuple[Contact, ...]
    wanted: tuple[Contact, ...]


#: Whether it was changed, whether messages wait for the account, and what is in force.
_Done = tuple[bool, bool, list[Contact]]


@implementer(ILocations)
class Registrations:
    """
    Contacts with the connections of `pool`; waiting messages of one account are counted up to `most`. `writer` names this process among those that change
    contacts, `now` is the wall clock (aware UTC), `later` as in `Grouped`.
    """

    def __init__(self, pool: Pool, now: Callable[[], datetime], writer: str, most: int = 100, later: Later = in_this_turn) -> None:
        self._pool, self._writer, self._most = pool, writer, most
        self.memory = Contacts(now)
        self._callees: Grouped[Names, Callee | None] = Grouped(self._find, later)
        self._lists: Grouped[int, list[Contact]] = Grouped(self._list, later)
        self._changes: Grouped[_Change, _Done] = Grouped(self._change, later)
        #: Accounts whose contacts this process changes now, and who waits to do so.
        self._turns: dict[int, list[Deferred[None]]] = {}

    def callee(self, i_env: int, names: Sequence[str]) -> Deferred[Callee | None]:
        """See `ILocations.callee`."""
        asked = i_env, tuple(names)
        known = self.memory.callee(asked)
        return self._callees.add(asked) if known is None else succeed(known)

    def contacts(self, i_account: int) -> Deferred[list[Contact]]:
        """See `ILocations.contacts`."""
        known = self.memory.contacts(i_account)
        return self._lists.add(i_account) if known is None else succeed(list(known))

    def missed(self, i_account: int) -> None:
        """See `ILocations.missed`."""
        self.memory.drop(i_account)

    def bind(self, i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Deferred[Bound]:
        """See `ILocations.bind`."""
        return Deferred.fromCoroutine(self._bind(i_account, change))

    def lost(self, worker: str, flows: Sequence[str]) -> Deferred[None]:
        """See `ILocations.lost`."""
        return self._pool.execute(LOST, (worker, list(flows))) if flows else self._pool.execute(LOST_ALL, (worker.partition("/")[0] + "/%",))

    async def purge(self, rest: Rest = at_once) -> None:
        """Forget contacts that are over."""
        await remove(self._pool, EXPIRED, (), rest)

    # -- changes ----------------------------------------------------------------------------------------------------------------------------------

    async def _bind(self, i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Bound:
        waiting = self._turns.get(i_account)
        if waiting is None:
            self._turns[i_account] = []
        else:
            turn: Deferred[None] = Deferred()
            waiting.append(turn)
            await turn
        try:
            return await self._decided(i_account, change)
        finally:
            others = self._turns[i_account]
            if others:
                others.pop(0).callback(None)
            else:
                del self._turns[i_account]

    async def _decided(self, i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Bound:
        """Decide on what is remembered (nothing, mostly: a phone registers once an hour), and again on the truth where that was wrong."""
        known = self.memory.contacts(i_account) or ()
        for _ in range(MOST_TRIES):
            refusal: Exception | None = None
            try:
                wanted = tuple(change(known))
            except Exception as error:  # it holds if it was decided on the truth
                refusal, wanted = error, known
            done, waiting, found = await self._changes.add(_Change(i_account, known, wanted))
            known = tuple(found)
            if done and refusal is not None:
                raise refusal
            if done:
                return Bound(found, waiting)
        raise LedgerFailed(f"the contacts of account {i_account} change all the time")

    def _change(self, asked: Sequence[_Change]) -> Deferred[list[_Done]]:
        rows = dumps([_row(place, change) for place, change in enumerate(asked)])
        looking = self.memory.looking()

        def read(rows: list[tuple[Any, ...]]) -> list[_Done]:
            told: list[_Done] = [(False, False, [])] * len(asked)
            for place, done, waiting, *rest in rows:
                before = told[place][2]
                told[place] = done, waiting, [*before, _contact(rest)] if rest[0] is not None else before
            for change, (done, _, contacts) in zip(asked, told, strict=True):
                holds = done and looking.holds(change.i_account)
                self.memory.drop(change.i_account)  # for look-ups under way, too
                if holds:
                    self.memory.keep(change.i_account, tuple(contacts))
            return told

        return self._looked(looking, self._pool.query(BIND, (rows, self._writer)).addCallback(read))

    # -- look-ups ---------------------------------------------------------------------------------------------------------------------------------

    def _find(self, asked: Sequence[Names]) -> Deferred[list[Callee | None]]:
        values = [i_env for i_env, _ in asked], [dumps(names) for _, names in asked], self._most
        looking = self.memory.looking()

        def read(rows: list[tuple[Any, ...]]) -> list[Callee | None]:
            found: list[Callee | None] = [None] * len(asked)
            for place, i_account, name, waiting, *rest in rows:
                before = found[place - 1]
                contacts = () if before is None else before.contacts
                found[place - 1] = Callee(i_account, name, (*contacts, _contact(rest)) if rest[0] is not None else contacts, waiting)
            for names, callee in zip(asked, found, strict=True):
                if callee is not None and looking.holds(callee.i_account):
                    self.memory.keep_callee(names, callee, self._most - callee.waiting)
            return found

        return self._looked(looking, self._pool.query(CALLEES, values).addCallback(read))

    def _list(self, asked: Sequence[int]) -> Deferred[list[list[Contact]]]:
        def read(rows: list[tuple[Any, ...]]) -> list[list[Contact]]:
            found: dict[int, list[Contact]] = {i_account: [] for i_account in asked}
            for row in rows:
                found[row[0]].append(_contact(row))
            return [found[i_account] for i_account in asked]

        return self._pool.query(OF_ACCOUNTS, (list(asked),)).addCallback(read)

    def _looked(self, looking: Looking, found: Deferred[T]) -> Deferred[T]:
        def over(result: T) -> T:
            self.memory.seen(looking)
            return result

        return found.addBoth(over)


def _contact(row: Sequence[Any]) -> Contact:
    return Contact(*row)


def _row(place: int, change: _Change) -> dict[str, Any]:
    numbers = sorted(contact.i_contact for contact in change.known)
    kept = [contact.i_contact for contact in change.wanted if contact.i_contact]
    added = [
        {"place": which, "expires": contact.expires.isoformat(), **{name: getattr(contact, name) for name in NAMES}}
        for which, contact in enumerate(change.wanted) if not contact.i_contact
    ]  # fmt: skip
    return {"n": place, "i_account": change.i_account, "known": numbers, "kept": kept, "added": added}

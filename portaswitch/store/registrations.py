"""
`ILocations` on PostgreSQL. No contact is kept in memory: 100,000 of them cost this process nothing, a restart loses none, and every process that shares the
database delivers to what any other has registered. A look-up is one statement by index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from json import dumps
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.messages import ILocations
from portaswitch.model.message import Callee, Contact
from portaswitch.store.grouped import Grouped
from portaswitch.store.pool import Cursor, Pool

COLUMNS: Final = "i_account, uri, transport, host, port, listener, call_id, cseq, expires, worker, flow, q, edge, user_agent, i_contact"
CALLEES: Final = "select * from message_callees(%s::int[], %s::jsonb[], %s)"
#: One change of an account's contacts at a time; the lock's first half keeps clear of others'.
LOCK: Final = "select pg_advisory_xact_lock(%s, %s)"
SPACE: Final = 0x534950
OF_ACCOUNT: Final = f"select {COLUMNS} from registrations where i_account = %s and expires > now() order by q desc, i_contact"
REMOVE: Final = "delete from registrations where i_account = %s and i_contact <> all(%s)"
INSERT: Final = f"""
insert into registrations ({COLUMNS.removesuffix(", i_contact")}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning i_contact
"""
LOST: Final = "delete from registrations where worker = %s and flow = any(%s)"
#: All connections of a process that is called so, whatever number it had.
LOST_ALL: Final = "delete from registrations where worker like %s and flow <> ''"
EXPIRED: Final = "delete from registrations where i_contact in (select i_contact from registrations where expires < now() - interval '1 minute' limit 5000)"


@implementer(ILocations)
class Registrations:
    """Contacts with the connections of `pool`; waiting messages of one account are counted up to `most`."""

    def __init__(self, pool: Pool, most: int = 100) -> None:
        self._pool, self._most = pool, most
        self._callees: Grouped[tuple[int, tuple[str, ...]], Callee | None] = Grouped(self._find)

    def callee(self, i_env: int, names: Sequence[str]) -> Deferred[Callee | None]:
        """See `ILocations.callee`."""
        return self._callees.add((i_env, tuple(names)))

    def contacts(self, i_account: int) -> Deferred[list[Contact]]:
        """See `ILocations.contacts`."""
        return self._pool.query(OF_ACCOUNT, (i_account,)).addCallback(lambda rows: [_contact(row) for row in rows])

    def bind(self, i_account: int, change: Callable[[Sequence[Contact]], Sequence[Contact]]) -> Deferred[list[Contact]]:
        """See `ILocations.bind`."""

        async def work(cursor: Cursor) -> list[Contact]:
            await cursor.query(LOCK, (SPACE, i_account % 2**31))
            known = [_contact(row) for row in await cursor.query(OF_ACCOUNT, (i_account,))]
            wanted = list(change(known))
            await cursor.execute(REMOVE, (i_account, [contact.i_contact for contact in wanted]))
            for place, contact in enumerate(wanted):
                if not contact.i_contact:
                    wanted[place] = replace(contact, i_contact=(await cursor.query(INSERT, _values(contact)))[0][0])
            return wanted

        return self._pool.transaction(work)

    def lost(self, worker: str, flows: Sequence[str]) -> Deferred[None]:
        """See `ILocations.lost`."""
        return self._pool.execute(LOST, (worker, list(flows))) if flows else self._pool.execute(LOST_ALL, (worker.partition("/")[0] + "/%",))

    def purge(self) -> Deferred[None]:
        """Forget contacts that are over."""
        return self._pool.execute(EXPIRED)

    def _find(self, asked: Sequence[tuple[int, tuple[str, ...]]]) -> Deferred[list[Callee | None]]:
        values = [i_env for i_env, _ in asked], [dumps(names) for _, names in asked], self._most

        def read(rows: list[tuple[Any, ...]]) -> list[Callee | None]:
            found: list[Callee | None] = [None] * len(asked)
            for place, i_account, name, waiting, *rest in rows:
                before = found[place - 1]
                contacts = () if before is None else before.contacts
                found[place - 1] = Callee(i_account, name, (*contacts, _contact(rest)) if rest[0] is not None else contacts, waiting)
            return found

        return self._pool.query(CALLEES, values).addCallback(read)


def _contact(row: Sequence[Any]) -> Contact:
    return Contact(*row)


def _values(contact: Contact) -> tuple[Any, ...]:
    return (
        contact.i_account, contact.uri, contact.transport, contact.host, contact.port, contact.listener, contact.call_id, contact.cseq, contact.expires,
        contact.worker, contact.flow, contact.q, contact.edge, contact.user_agent,
    )  # fmt: skip

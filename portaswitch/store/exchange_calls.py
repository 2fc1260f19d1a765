"""
How a batch travels to PostgreSQL: which function of the `exchange` family takes it, and the arguments.

Most batches are plain (money, sessions, xDRs), and none of them is looked through for what others have. Rows go as row literals (`literals`), the rows of an
array as one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.ledger import Change, Member
from portaswitch.store import copies, literals, literals_waiting, texts
from portaswitch.store.arrays import array
from portaswitch.store.prepared import SEPARATOR, Prepared, split

Arguments = tuple[Any, ...]


def _prepared(function: str, types: str, paying: bool) -> Prepared:
    """
    A call of a function whose arguments have these types, a letter each: t an array of texts, b, i one of bigint or int, s a text, j jsonb. The view comes as
    text, since the driver's own JSON parser would make floats of money.
    """
    named = {"t": "text", "b": "bigint[]", "i": "int[]", "s": "text", "j": "jsonb"}
    words = [split(number) if letter == "t" else f"${number}" for number, letter in enumerate(types, 1)]
    more, letters = (f", payers => ${len(types) + 1}", f"{types}i") if paying else ("", types)
    return Prepared(
        f"{function}_{len(letters)}",
        tuple(named[letter] for letter in letters),
        "select pos, verdict, balance, held, outgoing, incoming, locked_by, c_balance, c_held, c_outgoing, c_incoming, answer, view::text "
        f"from {function}({', '.join(words)}{more})",
    )


def _both(function: str, types: str) -> tuple[Prepared, Prepared]:
    """The call of a batch without payers, and that of one with them."""
    return _prepared(function, types, paying=False), _prepared(function, types, paying=True)


_PLAIN = "tbbtit"
PLAIN = _both("exchange", _PLAIN)
#: The same for a batch that moves counters or wallets,
COUNTING = _both("exchange", f"{_PLAIN}tt")
#: for one that sessions wait for, or that has them wait (`literals_waiting`),
WAITING = _both("exchange_waited", f"{_PLAIN}ttttt")
#: for one with messages that are kept when their members are applied,
KEEPING = _both("exchange_kept", f"{_PLAIN}ttjsttt")
#: and for one that leaves copies for collectors, whatever else it has (`copies`).
COPYING = _both("exchange_copied", f"{_PLAIN}ttjjsttt")


def of(members: Sequence[Member], worker: str) -> tuple[Prepared, Arguments]:
    """The call for a batch, and its arguments. Messages that are kept are `worker`'s to deliver."""
    accounts, values = parameters(members)
    if all(map(_plain, members)):
        return PLAIN[False], values
    places, payers = counter_places(members), paying(members, accounts)
    counted, kept = counting(members, places) if places else ("", ""), texts.of(members)
    waits = literals_waiting.of(members, lambda change, key: places[_name_of(change, key)])
    waiting = tuple(map(SEPARATOR.join, waits)) if waits is not None else ("", "", "")
    copied = copies.of(members)
    if copied:
        call, more = COPYING, (*counted, copied, kept or "[]", worker, *waiting)
    elif kept:
        call, more = KEEPING, (*counted, kept, worker, *waiting)
    elif waits is not None:
        call, more = WAITING, (*counted, *waiting)
    else:
        call, more = (COUNTING, counted) if places else (PLAIN, ())
    return (call[True], (*values, *more, array(payers))) if payers else (call[False], (*values, *more))


def _plain(member: Member) -> bool:
    """Money, a session, xDRs: as most members, which need none of the further arguments."""
    change = member.change
    if change is None:
        return True
    more = change.counters or change.i_payer or change.frees or change.presses or change.spent is not None or change.copies
    return not more and member.request.text is None


def parameters(members: Sequence[Member]) -> tuple[list[int], Arguments]:
    """The accounts to lock; and what all calls begin with: members, ids to lock in their order, xDRs and parties with their members' places."""
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
    join = SEPARATOR.join
    return accounts, (join(rows), array(accounts), array(customers), join(xdrs), array(owners), join(parties))


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


def counting(members: Sequence[Member], places: dict[RowName, int]) -> tuple[str, str]:
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
    return SEPARATOR.join([rows[name] for name in places]), SEPARATOR.join(moves)


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

"""Row literals of what a batch says about sessions that wait for more (`billing.final_units`): conditions of last parts, what is freed, who has to report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portaswitch.model.charge import SourceKey
from portaswitch.model.ledger import Change, Member
from portaswitch.store.literals import quote

ACCOUNT, CUSTOMER = -1, 0
"""Places of the money in a condition; those of counters and wallets begin at 1."""

Waiting = tuple[list[str], list[str], list[str]]
"""Rows of the types exchange_relied, exchange_freed and exchange_pressed."""


def of(members: Sequence[Member], place_of: Callable[[Change, SourceKey], int]) -> Waiting | None:
    """What the members say; `place_of` is the place of a counter or wallet of a change in the batch. None, as of most batches: nothing."""
    found: Waiting = ([], [], [])
    for number, member in enumerate(members, 1):
        change = member.change
        if change is not None and (change.spent is not None or change.frees is not None or change.presses):
            _add(found, number, member, change, place_of)
    return found if any(found) else None


def _add(found: Waiting, number: int, member: Member, change: Change, place_of: Callable[[Change, SourceKey], int]) -> None:
    relied, freed, pressed = found
    if change.spent is not None:
        relied.append(f"({number},{ACCOUNT},{change.spent[0]})")
        if change.shared:
            relied.append(f"({number},{CUSTOMER},{change.spent[1]})")
        relied += [f"({number},{place_of(change, move.key)},{move.floor})" for move in change.counters if move.floor is not None]
    name = quote(member.session_key)
    if change.frees is not None:
        whose = change.frees
        account, owing = "" if whose.shared else change.i_payer or change.i_account, "t" if whose.owing else "f"
        freed.append(f"({number},{change.i_customer},{account},{owing},{'' if whose.itself else name})")
    for one in change.presses:
        account = "" if one.key.shared else str(change.i_payer or change.i_account)
        pressed.append(f"({number},{change.i_customer},{account},{one.key.i_source},{one.key.level},{one.least},{name})")

"""
Incremental charging: a long session is charged at its reports, for what it used so far (DESIGN.md 3.1).

Each piece is round(cumulative) minus what was charged before, so that the pieces add up to the whole. Money that is debited is no longer held; the rest of
what is held for a grant stays held.
"""

from __future__ import annotations

from decimal import Decimal

from portaswitch.billing import access, budgets, closing, counter_moves
from portaswitch.billing.closing import NO_PIECES, Pieces
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.charge import Source, Take
from portaswitch.model.discount import total
from portaswitch.model.ledger import Party, View
from portaswitch.model.money import ZERO
from portaswitch.model.request import AAARequest
from portaswitch.model.session import Opened, Quota, Session
from portaswitch.model.xdr import Xdr

#: Seconds between two pieces of a session where its policy does not say: Internet sessions last for days, and their money should not wait for the end.
CHARGE_EVERY = {"Netaccess": 3600, "Data": 3600}


def charge_every(opened: Opened) -> int:
    """Seconds after which an open session is charged at its next report; 0: only at its end."""
    every = opened.policy.charge_every
    return CHARGE_EVERY.get(opened.service_type, 0) if every is None else every


def due(view: View, session: Session, used: tuple[Quota, ...], request: AAARequest, catalogue: Catalogue) -> Pieces:
    """The pieces of an open session whose turn it is, with its quotas behind them; `NO_PIECES` where it isn't, or where nothing costs anything yet."""
    every = charge_every(session.opened)
    if not every or view.session is None or (request.received - (session.charged_at or session.opened.started)).total_seconds() < every:
        return NO_PIECES
    debit, covered = ZERO, closing.cover(view, session, request.received)
    xdrs: list[Xdr] = []
    parties: list[Party] = []
    quotas: list[Quota] = []
    takes: tuple[Take, ...] = ()
    for quota in used:
        if quota.legs and quota.used and _owes(view, quota, session.opened):
            quota = access.with_vendor(session, quota, request, catalogue)
            piece = closing.piece(view, session, quota, request, None if covered is None else covered - debit)
            view = counter_moves.settled(view, quota, piece.takes)
            debit += piece.debit
            xdrs += piece.xdrs
            parties += piece.parties
            takes += piece.takes
            quota = budgets.along(view, piece.quotas[0].holding(_rest(quota.holds, piece.debit, piece.takes), quota.granted))
        quotas.append(quota)
    return Pieces(tuple(quotas), debit, tuple(xdrs), tuple(parties), takes) if xdrs else NO_PIECES


def _owes(view: View, quota: Quota, opened: Opened) -> bool:
    """Whether the use so far costs anything more, in money or in units of counters and wallets."""
    cost, takes = closing.due(view, quota, opened)
    return cost > ZERO or bool(takes)


def _rest(holds: tuple[Take, ...], debit: Decimal, takes: tuple[Take, ...]) -> tuple[Take, ...]:
    """What stays held when `debit` and `takes` have been paid out of it; what goes beyond it leaves nothing held."""
    rest: list[Take] = []
    taken = total(takes)
    for take in holds:
        if take.source is not Source.MONEY:
            left = take.units - taken.get(take.key, ZERO)
            if left > ZERO:
                rest.append(Take(take.key, ZERO, left))
            continue
        paid = min(take.amount, debit)
        debit -= paid
        if take.amount > paid:
            rest.append(Take(take.key, take.amount - paid))
    return tuple(rest)

"""
Charging what was used: the pieces (debit, xDRs, charges of resellers and vendors) that a session owes now.

A piece is round(cumulative) minus what the session was charged before, so that pieces add up to the whole whatever the number of reports (DESIGN.md 3.1).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from portaswitch.billing import counter_moves, counters, discounts
from portaswitch.billing.rating import rate
from portaswitch.billing.rules.discount import stretches
from portaswitch.model.charge import Charge, Part, Source, Take, Usage
from portaswitch.model.discount import NOT_DRAWN, Draws
from portaswitch.model.ledger import Party, View
from portaswitch.model.money import ZERO, plain, round_amount
from portaswitch.model.party import least, room
from portaswitch.model.request import AAARequest, Base, Kind
from portaswitch.model.session import Leg, Opened, Quota, Role, Session
from portaswitch.model.value import dataclass
from portaswitch.model.xdr import Storage, Xdr

REPORTS = frozenset((Kind.UPDATE, Kind.STOP))
STORAGE = {Role.ACCOUNT: Storage.ACCOUNT, Role.CUSTOMER: Storage.CUSTOMER, Role.VENDOR: Storage.VENDOR}


@dataclass(frozen=True, slots=True)
class Pieces:
    """
    What is charged now: from the account, as xDRs, from resellers and vendors, from counters and wallets (`takes`); and the quota keys behind it, without
    holds.
    """

    quotas: tuple[Quota, ...] = ()
    debit: Decimal = ZERO
    xdrs: tuple[Xdr, ...] = ()
    parties: tuple[Party, ...] = ()
    takes: tuple[Take, ...] = ()


NO_PIECES: Final[Pieces] = Pieces()
#: Attributes that are numbers in an xDR: longer or greater ones are nonsense that no integer column takes.
MOST_DIGITS, MOST_NUMBER = 10, 2**31 - 1


def cost(view: View, quota: Quota, opened: Opened) -> Decimal:
    """What the account leg's use so far costs beyond what it was charged."""
    return due(view, quota, opened)[0]


def price(view: View, quota: Quota, opened: Opened) -> Charge:
    """What the account leg's use so far costs, with what it takes."""
    return _charge(quota.legs[0], quota, opened, discounts.drawn(view, opened, quota))


def due(view: View, quota: Quota, opened: Opened, known: Draws | None = None) -> tuple[Decimal, tuple[Take, ...]]:
    """The same with what the use so far takes from counters and wallets beyond what it took; `known`: what it draws on, where that was looked up already."""
    drawn = discounts.drawn(view, opened, quota) if known is None else known
    charge = _charge(quota.legs[0], quota, opened, drawn)
    return charge.figure - quota.charged[0], counted(charge.takes) if drawn else ()


def counted(takes: tuple[Take, ...]) -> tuple[Take, ...]:
    """What is taken from counters and wallets."""
    return tuple([take for take in takes if take.source is not Source.MONEY])


def _charge(leg: Leg, quota: Quota, opened: Opened, drawn: Draws = NOT_DRAWN) -> Charge:
    return rate(leg.plan, drawn, Usage(-(-max(quota.used, quota.bought) // opened.unit)), opened.started)


def pieces(view: View, session: Session, used: tuple[Quota, ...], request: AAARequest, failure: str = "not connected", known: Charge | None = None) -> Pieces:
    """
    The pieces of all quota keys of `session`, with the use in `used`; their xDRs are dated by `request`. `failure`: the history of a key without use;
    `known`: the :func:`price` of the only key, where somebody has it.
    """
    debit, covered = ZERO, cover(view, session, request.received)
    xdrs: list[Xdr] = []
    parties: list[Party] = []
    quotas: list[Quota] = []
    takes: tuple[Take, ...] = ()
    for quota in used:
        told = piece(view, session, quota, request, None if covered is None else covered - debit, failure, known)
        if quota is not used[-1]:
            view = counter_moves.settled(view, quota, told.takes)
        debit += told.debit
        xdrs += told.xdrs
        parties += told.parties
        quotas += told.quotas
        takes += told.takes
    return Pieces(tuple(quotas), debit, tuple(xdrs), tuple(parties), takes)


def piece(
    view: View, session: Session, quota: Quota, request: AAARequest, covered: Decimal | None, failure: str = "not connected", known: Charge | None = None
) -> Pieces:
    """
    The piece of one quota key: no connection leaves one failed xDR; a repeated report of the same use leaves nothing. `covered`: the money that there is for it
    (None: no limit); what goes beyond is charged all the same, and marked as overrun (DESIGN.md 3.3). `known` as of :func:`pieces`.
    """
    if not quota.legs or not quota.used:
        failed = () if quota.pieces else (_failed(session, quota, request, failure),)
        return Pieces((quota.settled(quota.charged, quota.quantity, quota.pieces or 1, quota.past),), ZERO, failed)
    drawn = discounts.drawn(view, session.opened, quota)
    own = _charge(quota.legs[0], quota, session.opened, drawn) if known is None else known
    charges = [own, *[_charge(leg, quota, session.opened) for leg in quota.legs[1:]]]
    amounts = [charge.figure - before for charge, before in zip(charges, quota.charged, strict=True)]
    if quota.pieces and charges[0].quantity == quota.quantity and not any(amounts):
        return Pieces((quota.settled(quota.charged, quota.quantity, quota.pieces, quota.past),))
    overrun = ZERO if covered is None else max(ZERO, amounts[0] - max(ZERO, covered))
    xdrs, parties = _account_xdrs(session, quota, request, charges[0], amounts[0], overrun), []
    for leg, charge, amount in zip(quota.legs[1:], charges[1:], amounts[1:], strict=True):
        xdrs.append(_xdr(session, quota, request, leg, charge, amount, ZERO))
        parties.append(Party(leg.role._value_, leg.i_party, amount))
    past = stretches(charges[0].segments) if drawn else ()
    settled = quota.settled(tuple([charge.figure for charge in charges]), charges[0].quantity, quota.pieces + len(xdrs) - len(parties), past)
    return Pieces((settled,), amounts[0], tuple(xdrs), tuple(parties), counted(charges[0].takes) if drawn else ())


def given_back(session: Session, quota: Quota, request: AAARequest, amount: Decimal) -> Pieces:
    """The pieces of a refund of `amount` (more than nothing, at most what the account was charged): each leg gives back the same part of its charge."""
    whole, xdrs, parties, charged = quota.charged[0], [], [], []
    for leg, before in zip(quota.legs, quota.charged, strict=True):
        part = amount if leg is quota.legs[0] else round_amount(before * amount / whole, leg.plan.precision, leg.plan.rounding)
        xdrs.append(_row(session, quota, request, leg, 0, -part, f"refund of {plain(part)} out of {plain(before)}", 0, ZERO))
        charged.append(before - part)
        if leg is not quota.legs[0]:
            parties.append(Party(leg.role._value_, leg.i_party, -part))
    return Pieces((quota.settled(tuple(charged), quota.quantity, quota.pieces + 1, quota.past),), -amount, tuple(xdrs), tuple(parties))


def cover(view: View, session: Session, at: datetime) -> Decimal | None:
    """What the session's hold and the free funds cover, for all its quota keys together; None: no limit."""
    account, customer = view.account, view.customer
    if account is None or customer is None:
        return None
    own = session.held if view.session is not None else ZERO
    rooms = [room(account.billing_model, view.funds, account.credit_limit)]
    if account.billing_model.owes > 0:
        rooms.append(room(account.billing_model, view.customer_funds, customer.limit(at)))
    free = least(*rooms)
    return None if free is None else free + own


def _account_xdrs(session: Session, quota: Quota, request: AAARequest, charge: Charge, amount: Decimal, overrun: Decimal) -> list[Xdr]:
    """One xDR, or one a part that a crossed threshold makes of the use; parts that were charged before are left out (split_order goes on)."""
    parts = [part for part in charge.parts if part.units > quota.quantity] if charge.parts else []
    if len(parts) < 2:
        return [_xdr(session, quota, request, quota.legs[0], charge, amount, overrun)]
    before, units, rows = charge.figure - amount, quota.quantity, []
    for order, part in enumerate(parts, quota.pieces):
        figure, over = (charge.figure, overrun) if part is parts[-1] else (max(part.figure, before), ZERO)
        row = _row(session, quota, request, quota.legs[0], part.units - units, figure - before, _part_history(part, before), charge.peak_level, over)
        rows.append(replace(row, split_order=order))
        before, units = figure, part.units
    return rows


def _part_history(part: Part, before: Decimal) -> str:
    """The steps of one part, and the figure of the whole use up to its end."""
    steps = " + ".join([segment.text for segment in part.segments])
    return f"{steps} = {plain(part.figure)}" + (f"; {plain(before)} charged before" if before else "")


def _xdr(session: Session, quota: Quota, request: AAARequest, leg: Leg, charge: Charge, amount: Decimal, overrun: Decimal) -> Xdr:
    history, before = charge.history, charge.figure - amount
    if quota.pieces:
        history += f"; {plain(before)} charged before"
    return _row(session, quota, request, leg, max(charge.quantity - quota.quantity, 0), amount, history, charge.peak_level, overrun)


def _failed(session: Session, quota: Quota, request: AAARequest, failure: str) -> Xdr:
    """The xDR of an attempt that was not answered, or that nothing prices: amount 0 and its cause."""
    unrated = "hotline: not charged" if "hotline" in session.opened.kept else "not rated: no rating entry or no rate"
    history = failure if quota.legs else unrated
    return _row(session, quota, request, quota.legs[0] if quota.legs else None, 0, ZERO, history, 0, ZERO, failed=True)


def _row(
    session: Session,
    quota: Quota,
    request: AAARequest,
    leg: Leg | None,
    quantity: int,
    amount: Decimal,
    history: str,
    peak_level: int,
    overrun: Decimal,
    failed: bool = False,
) -> Xdr:
    opened, kept = session.opened, {**session.opened.kept, **session.brought, **request.kept}
    role = leg.role if leg is not None else Role.ACCOUNT
    plan = leg.plan if leg is not None else None
    begin = session.connected or request.connected or began(quota, request) or opened.started
    return Xdr(
        i_env=opened.i_env, storage=STORAGE[role], failed=failed, h323_conf_id=opened.session, call_id=kept.get("call_id", ""), cli=opened.cli, cld=opened.cld,
        connect_time=begin, disconnect_time=max(begin, _ended(begin, quota, request)), bill_time=request.received,
        disconnect_cause=_number(kept.get("disconnect_cause"), 16), used_quantity=quota.used,
        account_id=opened.account_id, i_account=opened.i_account, i_dest=plan.i_dest if plan else 0, i_dest_group=plan.i_dest_group if plan else 0,
        i_tariff=plan.i_tariff if plan else 0, i_rate=plan.i_rate if plan else 0, charged_quantity=quantity, charged_amount=amount, history=history,
        peak_level=peak_level, i_vendor=leg.i_party if leg is not None and role is Role.VENDOR else 0, i_service=opened.i_service,
        i_accessibility=opened.i_accessibility, i_customer=leg.i_party if leg is not None and role is Role.CUSTOMER else opened.i_customer,
        h323_incoming_conf_id=kept.get("incoming_conf_id", ""), rating_pattern=quota.rated, subscriber_ip=kept.get("subscriber_ip", ""),
        split_order=quota.pieces, billing_model=opened.billing_model.xdr, setup_time=_number(kept.get("setup_time")),
        voice_quality=_number(kept.get("voice_quality")), overrun=overrun, i_node=opened.i_node,
    )  # fmt: skip


def began(quota: Quota, request: AAARequest) -> datetime | None:
    """When a use began whose seconds a request reports, as its measure or beside it; None where it does not say."""
    if request.kind not in REPORTS:
        return None
    seconds = quota.used if quota.base is Base.TIME else counters.seconds(request, quota.key, quota.base)
    return None if seconds is None else request.at - timedelta(seconds=seconds)


def _ended(begin: datetime, quota: Quota, request: AAARequest) -> datetime:
    """A session in seconds ends its use behind its beginning; another one at the event."""
    return begin + timedelta(seconds=quota.used) if quota.base is Base.TIME else request.at


def _number(text: str | None, base: int = 10) -> int | None:
    """A kept attribute as a number that a column holds (disconnect causes are hexadecimal, with or without 0x); None where it is none."""
    try:
        number = int(text, base) if text and len(text) <= MOST_DIGITS else -1
    except ValueError:
        return None
    return number if 0 <= number <= MOST_NUMBER else None

"""
Row literals: how members, xDRs and parties travel to `exchange` (PostgreSQL's composite input syntax).

Only text needs quoting; numbers, times and letters are ours. One function quotes, so that what comes from the network can't break out of its field.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from portaswitch.model.charge import Source, SourceKey
from portaswitch.model.ledger import FREELY, Change, CounterMove, Member, Party
from portaswitch.model.party import NO_LIMITS, SessionLimits
from portaswitch.model.request import AAARequest, Direction, Kind
from portaswitch.model.session import Session
from portaswitch.model.xdr import Xdr
from portaswitch.store import documents
from portaswitch.store.prepared import SEPARATOR

#: A session's failed attempts have one xDR within this time; none of the wires' retransmissions come later, and the look-up stays in two partitions.
ONE_ATTEMPT = timedelta(days=1)
NO_PLACES = "," * 9


def quote(text: str) -> str:
    """
    A text field: in double quotes, with backslash and quote escaped. Replaced are NUL, which PostgreSQL's text can't hold, and the separator of rows.
    Quotes are doubled, as the lexer is slower with each backslash.
    """
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '""')
    if "\0" in text or SEPARATOR in text:
        text = text.replace("\0", "\ufffd").replace(SEPARATOR, "\ufffd")
    return f'"{text}"'


def read(member: Member) -> str:
    """A member that only wants a view, or the money where it relies on one; that of a beneficiary stands in another row, so that it gets a view always."""
    request, basis = member.request, member.basis
    key = quote(member.session_key) if member.session_key else '""'
    a_revision = c_revision = relied = 0
    if basis is not None and basis.account is not None and basis.customer is not None and basis.account.payer is None:
        a_revision, c_revision = basis.account.revision, basis.customer.revision
        relied = basis.session.version if basis.session is not None else 0
    # A one-shot that changes nothing may be the repetition of one that did.
    once = f"{quote(request.key)},t" if request.kind is Kind.EVENT else ",f"
    return f"({request.origin.i_env},{quote(request.parties.user)},0,{member.i_account},{a_revision},0,{c_revision},{key},{relied},{once},f{',' * 30})"


def write(member: Member, change: Change, a_no: int, c_no: int) -> str:
    """A member with its change; `a_no` and `c_no` are the places of its account and customer among the locked ones."""
    need = "" if change.need is None else str(change.need)
    head = (
        f"({member.request.origin.i_env},,{a_no},{change.i_account},{change.account_revision},{c_no},{change.customer_revision},{quote(member.session_key)},"
        f"{change.relied},{quote(change.key)},{'t' if change.once else 'f'},t,{change.owes},{change.debit},{change.hold},{need},"
    )
    answer = quote(documents.decision_text(change.decision))
    if change.session is None:
        return f"{head},{change.i_customer},,,,,,,,,,,{answer},{_places(change)},)"
    aside = quote(f"impossible {documents.request_text(member.request, why=change.aside)}") if change.aside else ""
    return f"{head}{_session(change.session, change)}{answer},{_places(change)},{aside})"


def _places(change: Change) -> str:
    """Whose money and sessions move, the limits that count, the login lock, and the failed attempt."""
    places, shared, session = change.places, "t" if change.shared else "f", change.session
    incoming = session is not None and session.opened.direction is Direction.INCOMING
    if places is FREELY and not incoming and not change.attempt:
        return f"{shared},f,f{NO_PLACES}"
    counted = "t" if places.counted else "f"
    until, since = "" if places.until is None else places.until.isoformat(), (change.xdrs[0].bill_time - ONE_ATTEMPT).isoformat() if change.attempt else ""
    return (
        f"{shared},{counted},{'t' if incoming else 'f'},{_most(places.account, incoming)},{_most(places.customer, incoming)},{places.step._value_},"
        f"{places.locker and quote(places.locker)},{until},{change.attempt and quote(change.attempt)},{since}"
    )


def _most(limits: SessionLimits, incoming: bool) -> str:
    if limits is NO_LIMITS:
        return ","
    way = limits.incoming if incoming else limits.outgoing
    return f"{'' if limits.total is None else limits.total},{'' if way is None else way}"


def _session(session: Session, change: Change) -> str:
    opened = session.opened
    # What never changes is sent with the first value only.
    started, fixed = "", ",,,"
    if change.relied == 0:
        started = opened.started.isoformat()
        fixed = f"{quote(opened.service_type)},{quote(opened.cli)},{quote(opened.cld)},{quote(documents.opened_text(session))}"
    return (
        f"{opened.i_node},{opened.i_customer},{session.held},{session.expires.isoformat()},{session.status._value_},{started},"
        f"{session.updated.isoformat()},{fixed},{quote(documents.state_text(session))},"
    )


def xdr(row: Xdr) -> str:
    """One xDR in the order of the type exchange_xdr; row ids of 0 and empty texts are null."""
    cause, setup, quality, revenue = row.disconnect_cause, row.setup_time, row.voice_quality, row.revenue
    return (
        f"({row.i_env},{row.storage._value_},{'t' if row.failed else 'f'},{quote(row.h323_conf_id)},{row.call_id and quote(row.call_id)},{quote(row.cli)},"
        f"{quote(row.cld)},{row.connect_time.isoformat()},{row.disconnect_time.isoformat()},{row.bill_time.isoformat()},{'' if cause is None else cause},"
        f"{row.used_quantity},{quote(row.account_id)},{row.i_account},{row.i_dest or ''},{row.i_dest_group or ''},{row.i_tariff or ''},{row.i_rate or ''},"
        f"{row.charged_quantity},{row.charged_amount},{quote(row.history)},{row.peak_level},{row.i_vendor or ''},{row.i_service or ''},"
        f"{row.i_accessibility or ''},{row.i_customer or ''},{row.h323_incoming_conf_id and quote(row.h323_incoming_conf_id)},"
        f"{row.rating_pattern and quote(row.rating_pattern)},{row.subscriber_ip and quote(row.subscriber_ip)},{row.split_order},{row.billing_model},"
        f"{'' if setup is None else setup},{'' if quality is None else quality},{row.i_invoice or ''},{'' if revenue is None else revenue},{row.overrun},"
        f"{row.i_node or ''})"
    )


def party(no: int, charged: Party) -> str:
    """A reseller's or vendor's charge of member `no` (from 1)."""
    return f"({no},{charged.role},{charged.i_party},{charged.amount})"


def counter_row(key: SourceKey, change: Change, move: CounterMove) -> str:
    """A counter or wallet that a batch moves, as one of its members says it."""
    if key.source is Source.WALLET:
        return f"(,,,,,{key.i_source},,,,f)"
    end = "infinity" if move.end is None else _time(move.end)
    return (
        f"({change.i_customer},{'' if key.shared else change.i_payer or change.i_account},{change.i_env},{key.i_source or ''},{key.level},,{move.carried},"
        f"{_time(move.start)},{end},{'t' if move.fresh else 'f'})"
    )


def counter_move(no: int, place: int, move: CounterMove) -> str:
    """What member `no` does to the counter or wallet at a place."""
    end = "infinity" if move.end is None else _time(move.end)
    spent, notify = "" if move.limit is None else move.limit, "" if move.notify is None else move.notify
    return (
        f"({no},{place},{move.used},{move.held},{move.least},{move.most},{_time(move.relied)},{_time(move.start)},{end},{move.carried},{spent},{notify})"
    )


@lru_cache(4096)  # the bounds of periods: counters of one reset and zone have the same ones
def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def orphan(request: AAARequest) -> str:
    """A request of usage without an account, whole, as JSON for the operator."""
    return documents.request_text(request)

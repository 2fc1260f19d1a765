"""
Row literals: how members, xDRs and parties travel to `exchange` (PostgreSQL's composite input syntax).

Only text needs quoting; numbers, times and letters are ours. One function quotes, so that what comes from the network can't break out of its field.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from portaswitch.model.ledger import Change, Member, Party
from portaswitch.model.request import AAARequest
from portaswitch.model.session import Session
from portaswitch.model.xdr import Xdr
from portaswitch.store import documents


def quote(text: str) -> str:
    """A text field: in double quotes, with backslash and quote escaped; NUL, which PostgreSQL's text can't hold, is replaced."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if "\0" not in text else f'"{text}"'.replace("\0", "\ufffd")


def optional(text: str) -> str:
    """A text field that is null where empty."""
    return quote(text) if text else ""


def number(value: int | Decimal | None) -> str:
    """A number, or null."""
    return "" if value is None else str(value)


def reference(value: int) -> str:
    """A row id, null where 0."""
    return str(value) if value else ""


def instant(value: datetime) -> str:
    """A time in ISO form; its blank-free text needs no quotes."""
    return value.isoformat()


def read(member: Member) -> str:
    """A member that only wants a view, or the money where it relies on one."""
    request, basis = member.request, member.basis
    key = quote(member.session_key) if member.session_key else '""'
    a_revision = c_revision = relied = 0
    if basis is not None and basis.account is not None and basis.customer is not None:
        a_revision, c_revision = basis.account.revision, basis.customer.revision
        relied = basis.session.version if basis.session is not None else 0
    return f"({request.origin.i_env},{quote(request.parties.user)},0,{member.i_account},{a_revision},0,{c_revision},{key},{relied},,f,f{',' * 17})"


def write(member: Member, change: Change, a_no: int, c_no: int) -> str:
    """A member with its change; `a_no` and `c_no` are the places of its account and customer among the locked ones."""
    need = "" if change.need is None else str(change.need)
    head = (
        f"({member.request.origin.i_env},,{a_no},{change.i_account},{change.account_revision},{c_no},{change.customer_revision},{quote(member.session_key)},"
        f"{change.relied},{quote(change.key)},{'t' if change.once else 'f'},t,{change.owes},{change.debit},{change.hold},{need},"
    )
    answer = quote(documents.decision_text(change.decision))
    if change.session is None:
        return f"{head},{change.i_customer},,,,,,,,,,,{answer})"
    return f"{head}{_session(change.session, change)}{answer})"


def _session(session: Session, change: Change) -> str:
    opened = session.opened
    # What never changes is sent with the first value only.
    fixed = ",,,"
    if change.relied == 0:
        fixed = f"{quote(opened.service_type)},{quote(opened.cli)},{quote(opened.cld)},{quote(documents.opened_text(session))}"
    return (
        f"{opened.i_node},{opened.i_customer},{session.held},{instant(session.expires)},{session.status.value},{instant(opened.started)},{instant(session.updated)},"
        f"{fixed},{quote(documents.state_text(session))},"
    )


def xdr(row: Xdr) -> str:
    """One xDR in the order of the type exchange_xdr."""
    return (
        f"({row.i_env},{row.storage.value},{'t' if row.failed else 'f'},{quote(row.h323_conf_id)},{optional(row.call_id)},{quote(row.cli)},{quote(row.cld)},"
        f"{instant(row.connect_time)},{instant(row.disconnect_time)},{instant(row.bill_time)},{number(row.disconnect_cause)},{row.used_quantity},"
        f"{quote(row.account_id)},{row.i_account},{reference(row.i_dest)},{reference(row.i_dest_group)},{reference(row.i_tariff)},{reference(row.i_rate)},"
        f"{row.charged_quantity},{row.charged_amount},{quote(row.history)},{row.peak_level},{reference(row.i_vendor)},{reference(row.i_service)},"
        f"{reference(row.i_accessibility)},{reference(row.i_customer)},{optional(row.h323_incoming_conf_id)},{optional(row.rating_pattern)},"
        f"{optional(row.subscriber_ip)},{row.split_order},{row.billing_model},{number(row.setup_time)},{number(row.voice_quality)},{reference(row.i_invoice)},"
        f"{number(row.revenue)},{row.overrun})"
    )


def party(no: int, charged: Party) -> str:
    """A reseller's or vendor's charge of member `no` (from 1)."""
    return f"({no},{charged.role},{charged.i_party},{charged.amount})"


def orphan(request: AAARequest) -> str:
    """A request of usage without an account, whole, as JSON for the operator."""
    return documents.request_text(request)

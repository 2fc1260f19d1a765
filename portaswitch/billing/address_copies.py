"""
Copies of a node's accounting for a collector that has to know which subscriber an address belongs to (a policy broker in front of the Internet, say).

    Start, Alive with a Framed-IP-Address that was not told yet      Start of that address; of another address first Stop of the old one
    Stop, the sweeper, a restart of the node                         Stop of the address that was told

What was told stands in the session, so that a repetition tells nothing, and a session that began before its node got a collector is told by its next Alive.
The copies are part of the change and so are committed with the charge, or not at all (DESIGN.md 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from portaswitch.billing.transition import LIVING, Outcome
from portaswitch.model.catalogue import Catalogue
from portaswitch.model.ledger import Change, View
from portaswitch.model.request import AAARequest, Base, Kind
from portaswitch.model.session import Session
from portaswitch.model.session_task import AddressCopy, AddressStatus

#: The address that was told last, among what a session keeps.
TOLD: Final = "told_ip"
#: Requests that speak of one session.
OWN: Final = LIVING | {Kind.STOP}
#: Framed-IP-Address that leaves the address open (RFC 2865 5.8).
OPEN: Final = frozenset(("", "0.0.0.0", "255.255.255.254", "255.255.255.255"))
#: What a copy says of the session beside its address, by the names of `AAARequest.kept`, as far as it is known.
KEPT: Final = (
    "acct_session_id", "multi_session_id", "nas_port", "nas_port_id", "nas_port_name", "nas_port_type", "called_station", "service_kind", "framed_protocol",
    "terminate_cause",
)  # fmt: skip


def due(session: Session, request: AAARequest, catalogue: Catalogue) -> bool:
    """Whether a report of a living session says an address that its collector was not told: it may not go by without a change."""
    if request.origin.i_node not in catalogue.collectors:
        return False
    now = _address(request)
    return now not in OPEN and now != _told(session)


def copied(outcome: Outcome, request: AAARequest, catalogue: Catalogue) -> Outcome:
    """The same outcome with the copies that its change of a session has to leave behind; the very same where there are none."""
    change, i_collector = outcome.change, catalogue.collectors.get(request.origin.i_node, 0)
    if change is None or change.session is None or not i_collector or "failed" in request.kept:
        return outcome
    told, now = _told(change.session), _address(request)
    if request.kind in LIVING:
        if now in OPEN or now == told:
            return outcome
        return _with(outcome, request, i_collector, _moves(told, now), change, now)
    if request.kind is Kind.AUTH:
        return outcome
    gone = told or ("" if now in OPEN or request.kind not in OWN else now)  # of a session never told, such as one that is seen first by its Stop
    return _with(outcome, request, i_collector, ((AddressStatus.STOP, gone),), change, "") if gone else outcome


def _told(session: Session) -> str:
    return session.brought.get(TOLD, "")


def _address(request: AAARequest) -> str:
    return request.kept.get("subscriber_ip", "")


def _moves(told: str, now: str) -> tuple[tuple[AddressStatus, str], ...]:
    start = (AddressStatus.START, now)
    return ((AddressStatus.STOP, told), start) if told else (start,)


def _with(
    outcome: Outcome, request: AAARequest, i_collector: int, said: tuple[tuple[AddressStatus, str], ...], change: Change, now: str
) -> Outcome:
    """The outcome with these copies, and with what is told now kept in the session behind it."""
    session = change.session
    assert session is not None
    brought = {name: text for name, text in session.brought.items() if name != TOLD}
    after = replace(session, brought={**brought, TOLD: now} if now else brought)
    facts = _facts(outcome.view, session, request)
    copies = tuple([AddressCopy(i_collector, status, request.at, {**facts, "subscriber_ip": address}) for status, address in said])
    return replace(outcome, change=replace(change, session=after, copies=copies), view=replace(outcome.view, session=after))


def _facts(view: View, session: Session, request: AAARequest) -> Mapping[str, str]:
    """The facts of the session. `account` is the account's id of today: who changed it has renamed the subscriber at the collector too."""
    own = request.kept if request.kind in OWN else {}  # what a restarting node says is of no session
    opened, known = session.opened, {**session.opened.kept, **session.brought, **own}
    facts = {
        "session": opened.session, "account": view.account.id if view.account is not None else opened.account_id, "user": opened.user,
        "calling": opened.cli, "called": opened.cld, "service": opened.service_type,
    }  # fmt: skip
    facts |= {name: known[name] for name in KEPT if known.get(name)}
    facts.setdefault("acct_session_id", opened.session)
    seconds = next((asked.counters.get(Base.TIME, asked.used if asked.base is Base.TIME else None) for asked in request.units), None)
    return facts if seconds is None else {**facts, "session_time": str(seconds)}

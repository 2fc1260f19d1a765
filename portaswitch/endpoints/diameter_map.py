"""
Credit control requests as the core's, and its decisions as their answers (RFC 8506, TS 32.299): `to_request`, `to_reply`.

    CCR-I AUTH, CCR-U UPDATE, CCR-T STOP: numbered requests of a session (`billing.numbered`)      CCR-E EVENT (`billing.event`)

A request is known again by Session-Id, CC-Sub-Session-Id, type and number, with the T bit or without, whatever connection it comes by (DESIGN.md 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from portaswitch.endpoints.diameter_faults import Malformed as Malformed
from portaswitch.endpoints.diameter_faults import missing, too_many, wrong
from portaswitch.endpoints.diameter_peers import LONGEST_NAME, DiameterPeer
from portaswitch.endpoints.diameter_profiles import DiameterProfile, Use, profile
from portaswitch.endpoints.diameter_reply import to_reply as to_reply
from portaswitch.endpoints.diameter_service import NOTHING, Subject, access_code, rated, sccp_text, subject
from portaswitch.endpoints.diameter_subscriber import subscribers
from portaswitch.endpoints.diameter_units import MSCC, key_of, units
from portaswitch.model.request import AAARequest, Direction, Kind, Operation, Origin, Parties, Refusing
from portaswitch.wire.diameter.message import Message

INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
KINDS: Final = {INITIAL: Kind.AUTH, UPDATE: Kind.UPDATE, TERMINATION: Kind.STOP, EVENT: Kind.EVENT}
OPERATIONS: Final = {0: Operation.DEBIT, 1: Operation.REFUND, 2: Operation.BALANCE, 3: Operation.PRICE}
LONGEST_SESSION: Final = 200
"""Octets of a Session-Id that are kept as they are; a longer one is known by its digest, as an index holds no more."""

BEFORE, AFTER = timedelta(days=7), timedelta(minutes=5)
"""How far Event-Timestamp is believed: direct debits are buffered for days, and no clock is right to the second."""

HASHED: Final = 2**40
"""Numbers of refunds begin here: they belong to the session that they name, and have numbers of their own session."""


def to_request(ccr: Message, peer: DiameterPeer, at: datetime, request_id: str) -> AAARequest:
    """What a CCR, received at `at` (aware UTC), asks of the core. Raises `Malformed`, and nothing else whatever the message holds."""
    kind, number = _kind(ccr), ccr.integer("CC-Request-Number")
    if number is None:
        missing("CC-Request-Number")
    told, session = profile(peer.profile, peer.profiles), _session(ccr)
    found = subject(ccr, told)
    asked = units(ccr, kind, found.use, lambda key: rated(found, key))
    operation = _operation(ccr) if kind is Kind.EVENT else Operation.DEBIT
    if kind is Kind.EVENT and operation is not Operation.REFUND and len(asked) > 1:
        too_many(MSCC, ccr.groups(MSCC)[1])  # an event is one use with one price
    key, place = f"{peer.i_node}/{session}/{ccr.integer('CC-Request-Type')}/{number}", number
    if operation is Operation.REFUND:
        asked = asked if _named_units(ccr) else tuple([replace(one, requested=0) for one in asked])  # all that is left
        session, place = _charged(ccr, session), HASHED + int.from_bytes(sha256(key.encode()).digest()[:5], "big")
    alone = operation in (Operation.BALANCE, Operation.PRICE)
    return AAARequest(
        kind, request_id, Origin(peer.i_node, peer.i_env, peer.name), "" if alone else session, key, _parties(ccr, kind, found, told), _event_time(ccr, at), at,
        asked, service=told.services[found.use], access_code=access_code(found, asked[0].key if asked else key_of(ccr.body), told),
        kept=_kept(ccr, peer, kind, found), direction=found.direction, lock_seconds=told.validity[found.use], number=None if alone else place,
        operation=operation, refusing=_refusing(ccr, kind, found, told),
    )  # fmt: skip


def _kept(ccr: Message, peer: DiameterPeer, kind: Kind, found: Subject) -> Mapping[str, str]:
    """
    What the session keeps: also the host that it is of, as its CCR-I names it, where the node does not name that one. A Re-Auth-Request is for that host
    (RFC 8506 5.5), and the session dies with its restart.
    """
    host, realm = ccr.text("Origin-Host") or "", ccr.text("Origin-Realm") or ""
    named = host in ("", peer.node.origin_host) or max(len(host), len(realm)) > LONGEST_NAME
    return found.kept if named or kind is not Kind.AUTH else {**found.kept, "origin_host": host, "origin_realm": realm}


def _refusing(ccr: Message, kind: Kind, found: Subject, told: DiameterProfile) -> Refusing:
    """
    A data session whose groups are refused has begun all the same, since the answer has 2001 (RFC 8506 7), but for clients that give it up; a refused call has
    not, whatever the answer says.
    """
    stands = kind is Kind.AUTH and found.use is Use.DATA and told.keeps_refused and not told.rise_result_code and ccr.get(MSCC) is not None
    return Refusing.KEYS if stands else Refusing.SESSION


def _kind(ccr: Message) -> Kind:
    number = ccr.integer("CC-Request-Type")
    if number is None:
        missing("CC-Request-Type")
    if number not in KINDS:
        wrong(("CC-Request-Type",), number)
    return KINDS[number]


def _named_units(ccr: Message) -> bool:
    """Whether a Requested-Service-Unit says how much."""
    return any([group.pairs for place in (ccr.body, *ccr.groups(MSCC)) for group in place.groups("Requested-Service-Unit")])


def _operation(ccr: Message) -> Operation:
    """Requested-Action: needed in events, noise elsewhere (Open5GS sends it always)."""
    action = ccr.integer("Requested-Action")
    if action is None:
        missing("Requested-Action")
    if action not in OPERATIONS:
        wrong(("Requested-Action",), action)
    return OPERATIONS[action]


def _session(ccr: Message) -> str:
    """The session's name in the store: any text will do (examples have none of RFC form), and a sub-session is one of its own."""
    name, part = ccr.text("Session-Id"), ccr.integer("CC-Sub-Session-Id")
    if not name:
        missing("Session-Id")
    return _short(name if part is None else f"{name};sub={part}")


def _short(name: str) -> str:
    octets = name.encode()
    return name if len(octets) <= LONGEST_SESSION and name.isprintable() else f"sha256:{sha256(octets).hexdigest()}"


def _charged(ccr: Message, session: str) -> str:
    """The session that a refund is about: of Refund-Information (TS 32.299 7.2.171), else of CC-Correlation-Id, else its own."""
    for value in (ccr.get("Refund-Information"), ccr.get("CC-Correlation-Id")):
        if isinstance(value, bytes) and value:
            return _short(value.decode("utf-8", "replace"))
    return session


def _parties(ccr: Message, kind: Kind, found: Subject, told: DiameterProfile) -> Parties:
    """Who takes part. A session that goes on belongs to whom it began with, so that only its beginning and events have to name a user."""
    users = subscribers(ccr, told.subscriber)
    if not users and kind is Kind.EVENT:
        sms = (ccr.group("Service-Information") or NOTHING).group("SMS-Information")
        users = (text,) if sms is not None and (text := sccp_text(sms)) else ()
    if not users and kind in (Kind.AUTH, Kind.EVENT):
        missing("Subscription-Id")
    user, others = (users[0], users[1:]) if users else ("", ())
    if found.direction is Direction.OUTGOING:
        return Parties(user, found.calling or user, found.called, others=others)
    return Parties(user, found.calling, found.called or user, others=others)


def _event_time(ccr: Message, at: datetime) -> datetime:
    stamp = ccr.integer("Event-Timestamp")
    if stamp is None:
        return at
    event = datetime.fromtimestamp(stamp, UTC)
    return event if at - BEFORE <= event <= at + AFTER else at

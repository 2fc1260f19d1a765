"""
The map between RADIUS packets and the core's values: `to_request` and `to_reply` (spec/radius.yaml).

Access-Request without a called number is authentication (A1), with one it is authorization (A2). Accounting maps by Acct-Status-Type; the leg `answer`, and a
leg that says neither origin nor duration, reports no units: it is not rated.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from hmac import compare_digest

from portaswitch.endpoints import h323_time
from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Node, RadiusClient
from portaswitch.model.request import AAARequest, Base, Credentials, Decision, Facts, Grant, Kind, Lock, Login, Origin, Parties, Report, UnitRequest, Verify
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code, Packet

KINDS = {
    "Start": Kind.START,
    "Alive": Kind.UPDATE,
    "Interim-Update": Kind.UPDATE,
    "Stop": Kind.STOP,
    "Accounting-On": Kind.ON_OFF,
    "Accounting-Off": Kind.ON_OFF,
}
#: Attributes that travel to the session and its xDRs, by our name.
KEPT = (
    ("call_id", "call-id"),
    ("incoming_conf_id", "h323-incoming-conf-id"),
    ("disconnect_cause", "h323-disconnect-cause"),
    ("remote_address", "h323-remote-address"),
    ("subscriber_ip", "Framed-IP-Address"),
    ("voice_quality", "h323-voice-quality"),
    ("acct_session_id", "Acct-Session-Id"),
)
BASES = {"session-time": Base.TIME, "sessiontime": Base.TIME, "quantity": Base.QUANTITY}
ACCESS_REQUEST = int(Code.ACCESS_REQUEST)

Attributes = list[tuple[str, Value]]


class Unmappable(Exception):
    """A packet that means nothing to the core; `reason` is one short word for the metrics. It is dropped."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# -- requests -------------------------------------------------------------------------------------------------------------------------------------


def to_request(packet: Packet, client: RadiusClient, node: Node, received: datetime, number: str) -> AAARequest:
    """What the packet asks of the core. `number` is the id that the request has in all logs. Errors: `Unmappable`."""
    ivr = packet.ivr_out()
    if packet.code == ACCESS_REQUEST:
        return _access(packet, client, node, received, number, ivr)
    kind = KINDS.get(packet.named("Acct-Status-Type") or "")
    if kind is None:
        raise Unmappable("status-type")
    return _accounting(kind, packet, node, received, number, ivr)


def _access(packet: Packet, client: RadiusClient, node: Node, received: datetime, number: str, ivr: dict[str, list[str]]) -> AAARequest:
    parties = _parties(packet, ivr)
    session = _session(packet)
    stamp = packet.authenticator.hex()
    units = _units_asked(_last(ivr, "PortaBilling_Authorize")) if parties.called else ()
    return AAARequest(
        Kind.AUTH, number, Origin(node.i_node, node.i_env, node.name), (session or f"auth-{stamp}") if units else "", f"{node.i_node}/auth/{stamp}", parties,
        received, received, units, _credentials(packet, client, ivr), "", packet.text("PortaOne-Service-Type") or "", _last(ivr, "PortaBilling_AccessCode"),
        _lock(ivr), None, _kept(packet),
    )  # fmt: skip


def _accounting(kind: Kind, packet: Packet, node: Node, received: datetime, number: str, ivr: dict[str, list[str]]) -> AAARequest:
    session = "" if kind is Kind.ON_OFF else _session(packet)
    if not session and kind is not Kind.ON_OFF:
        raise Unmappable("session-id")
    stamp, delay = packet.integer("Event-Timestamp"), packet.integer("Acct-Delay-Time") or 0
    at = received if stamp is None else datetime.fromtimestamp(stamp, UTC)
    if delay:
        at -= timedelta(seconds=delay)
    connected = h323_time.parse(packet.text("h323-connect-time"), node.zones)
    origin = packet.text("h323-call-origin") or ""
    leg = f"{origin}/{packet.text('h323-call-type') or ''}"
    used = _used(packet, connected, node)
    rated = origin != "answer" and (origin != "" or used is not None or packet.get("h323-conf-id") is None)
    units: tuple[UnitRequest, ...] = ()
    if rated and kind is not Kind.ON_OFF:
        report = Report.FINAL if kind is Kind.STOP else Report.INTERIM
        units = (UnitRequest(used=(used or 0) if kind is Kind.STOP else used, report=report),)
    key = f"{node.i_node}/{session}/{leg}/{kind._value_}" + (f"/{used}" if kind is Kind.UPDATE else "")
    return AAARequest(
        kind, number, Origin(node.i_node, node.i_env, node.name), session, key, _parties(packet, ivr), at, received, units, None, leg,
        packet.text("PortaOne-Service-Type") or "", _last(ivr, "PortaBilling_AccessCode"), _lock(ivr), connected, _kept(packet),
    )  # fmt: skip


def _session(packet: Packet) -> str:
    """The session's id: h323-conf-id, else Acct-Session-Id, else the call-id."""
    return packet.text("h323-conf-id") or packet.text("Acct-Session-Id") or packet.text("call-id") or ""


def _used(packet: Packet, connected: datetime | None, node: Node) -> int | None:
    """Seconds used: Acct-Session-Time, else from connect to disconnect, to the nearest second; None where the packet tells neither."""
    told = packet.integer("Acct-Session-Time")
    if told is not None or connected is None:
        return told
    ended = h323_time.parse(packet.text("h323-disconnect-time"), node.zones)
    return None if ended is None else _seconds(ended - connected)


def _seconds(length: timedelta) -> int:
    """A measured length to the nearest second; a call that was connected at all lasted one."""
    seconds = length.total_seconds()
    return max(1, int(seconds + 0.5)) if seconds > 0 else 0


def _parties(packet: Packet, ivr: dict[str, list[str]]) -> Parties:
    called = _last(ivr, "PortaBilling_Original_DNIS") or packet.text("Called-Station-Id") or ""
    user = _last(ivr, "PortaBilling_UserName") or packet.text("User-Name") or ""
    return Parties(user, packet.text("Calling-Station-Id") or "", called)


@lru_cache(256)
def _units_asked(asked: str) -> tuple[UnitRequest, ...]:
    """
    PortaBilling_Authorize: base=session-time;min=5;max=10. Without it the server decides how much; numbers that are none are as if absent.

    Remembered, since a client asks for the same amounts all day.
    """
    if not asked:
        return (UnitRequest(requested=0),)
    options = dict(part.strip().partition("=")[::2] for part in asked.split(";"))
    minimum, most = _positive(options.get("min")), _positive(options.get("max"))
    return (UnitRequest(base=BASES.get(options.get("base", ""), Base.TIME), requested=most or 0, minimum=minimum),)


def _positive(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and 0 < len(text) < 16 and int(text) > 0 else None


def _last(ivr: dict[str, list[str]], name: str) -> str:
    values = ivr.get(name)
    return values[-1] if values else ""


def _lock(ivr: dict[str, list[str]]) -> Lock:
    word = _last(ivr, "PortaBilling_Session").partition(";")[0].strip().lower()
    return Lock(word) if word in LOCKS else Lock.DEFAULT


#: Octets that a pair may have in one Cisco-AVPair "h323-ivr-in=...", and characters that surely are no more.
ROOM, SURE = 253 - 6 - len("h323-ivr-in="), 50
LOCKS = frozenset(lock.value for lock in Lock)


def _kept(packet: Packet) -> dict[str, str]:
    kept = {}
    for ours, name in KEPT:
        value = packet.get(name)
        if isinstance(value, str) and value:
            kept[ours] = value
    return kept


# -- credentials ----------------------------------------------------------------------------------------------------------------------------------


class PapVerify(Verify):
    """User-Password (RFC 2865 5.2), already revealed; absent counts as empty."""

    __slots__ = ("_given",)

    def __init__(self, given: bytes) -> None:
        self._given = given

    def __call__(self, password: str) -> bool:
        """Compared in constant time."""
        return compare_digest(password.encode(), self._given)


class ChapVerify(Verify):
    """CHAP-Password (RFC 2865 5.3)."""

    __slots__ = ("_packet",)

    def __init__(self, packet: Packet) -> None:
        self._packet = packet

    def __call__(self, password: str) -> bool:
        """The response is computed from the packet's challenge."""
        return self._packet.chap_matches(password.encode())


class NeverVerify(Verify):
    """A proof of a kind that is not known, or two proofs at once (RFC 2865 5.44): right for no password."""

    __slots__ = ()

    def __call__(self, password: str) -> bool:
        """Always False."""
        return False


#: Proofs that are not looked at yet: a request with one is not a request without any.
OTHER_PROOFS = ("Digest-Response", "Sterman-Digest-Response", "EAP-Message")
NOT_ASKED = Credentials(Login.NONE, NeverVerify())


def _credentials(packet: Packet, client: RadiusClient, ivr: dict[str, list[str]]) -> Credentials:
    if client.ignore_password and _last(ivr, "PortaBilling_Ignore_Password").upper() == "YES":
        return NOT_ASKED
    given, chap = packet.user_password(client.secret), packet.get("CHAP-Password") is not None
    if (chap and given is not None) or any(packet.get(name) is not None for name in OTHER_PROOFS):
        return Credentials(Login.DIGEST, NeverVerify())
    if chap:
        return Credentials(Login.CHAP, ChapVerify(packet))
    return Credentials(Login.PAP, PapVerify((given or b"").rstrip(b"\0")))


# -- replies --------------------------------------------------------------------------------------------------------------------------------------


def to_reply(request: AAARequest, decision: Decision) -> tuple[int, Attributes]:
    """Code and attributes of the answer, in the order of the guide's examples."""
    if request.kind is not Kind.AUTH:
        return Code.ACCOUNTING_RESPONSE, []
    if decision.refusal is not None:
        return Code.ACCESS_REJECT, _rejected(decision)
    facts = decision.facts
    if not request.units:
        return Code.ACCESS_ACCEPT, _authenticated(facts)
    return Code.ACCESS_ACCEPT, _authorized(request, decision.grants[0], facts)


def _authenticated(facts: Facts) -> Attributes:
    available = facts.available
    money: Attributes = [] if available is None else [("h323-credit-amount", cents(available))]
    told: Attributes = [*money, ("h323-billing-model", _model(facts))]
    if facts.tariff:
        told.append(_ivr("Tariff", facts.tariff))
    told.append(_ivr("PortaBilling_AccountBalance", five(facts.balance or Decimal(0))))
    if facts.breakage is not None:
        told.append(_ivr("PortaBilling_ProductBreakage", five(facts.breakage)))
    if available is not None:
        told.append(_ivr("available-funds", cents(available)))
    return told + _common(facts, "0")


def _authorized(request: AAARequest, grant: Grant, facts: Facts) -> Attributes:
    told: Attributes = [("h323-billing-model", _model(facts)), _ivr("Tariff", facts.tariff), _ivr("PortaBilling_CompleteNumber", facts.complete_number)]
    told.append(_ivr("PortaBilling_Auth_CLD", facts.rated_number))
    if facts.reseller_number:
        told.append(_ivr("PortaBilling_Auth_Reseller_CLD", facts.reseller_number))
    if grant.units is not None:
        told += [_ivr("DURATION", str(grant.units)), ("h323-credit-time", str(grant.units))]
    asked = request.units[0]
    if asked.minimum is not None or asked.requested:
        expires = f";expires={int(grant.expires.timestamp())}" if grant.expires is not None else ""
        available = -1 if grant.units is None else grant.units
        told.append(_ivr("PortaBilling_Authorize", f"base={grant.base._value_};avail={available};retained={grant.retained}{expires}"))
    return told + _common(facts, "0" if facts.limited else "13")


def _rejected(decision: Decision) -> Attributes:
    refusal, facts = decision.refusal, decision.facts
    assert refusal is not None
    told: Attributes = [("Reply-Message", refusal.reply_message), ("h323-return-code", str(refusal.return_code)), _ivr("ErrorExplanation", refusal.word)]
    if facts.product:
        told.append(_ivr("Product", facts.product))
    if facts.tariff:
        told.append(_ivr("Tariff", facts.tariff))
    if facts.i_account:
        told += [("h323-billing-model", _model(facts)), ("h323-currency", facts.currency), ("h323-preferred-lang", facts.language)]
    return told


def _common(facts: Facts, return_code: str) -> Attributes:
    return [("h323-return-code", return_code), ("h323-currency", facts.currency), ("h323-preferred-lang", facts.language)]


def _ivr(name: str, value: str) -> tuple[str, Value]:
    pair = f"{name}:{value}"
    if len(pair) > SURE and len(octets := pair.encode()) > ROOM:
        pair = octets[:ROOM].decode(errors="ignore")  # the name of a product or tariff is cut rather than the answer lost
    return ("h323-ivr-in", pair)


def _model(facts: Facts) -> str:
    return BillingModel(facts.billing_model or 0).h323


def cents(amount: Decimal) -> str:
    """An amount with two places, never more than it is: '10.00' (h323-credit-amount, available-funds in the guide's examples)."""
    return format(amount.quantize(Decimal("0.01"), ROUND_FLOOR), "f")


def five(amount: Decimal) -> str:
    """An amount with five places: '10.00000' (PortaBilling_AccountBalance)."""
    return format(amount.quantize(Decimal("0.00001"), ROUND_FLOOR), "f")

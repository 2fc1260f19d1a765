"""
RADIUS requests as the core's (spec/radius.yaml): `to_request`.

Access-Request without a called number is authentication (A1), with one it is authorization (A2). Accounting maps by Acct-Status-Type; the leg `answer`, and a
leg that says neither origin nor duration, reports no units: it is not rated.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from portaswitch.endpoints import h323_time
from portaswitch.endpoints.radius_credentials import credentials
from portaswitch.model.catalogue import Node, RadiusClient
from portaswitch.model.request import AAARequest, Base, Kind, Lock, Origin, Parties, Report, UnitRequest
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


class Unmappable(Exception):
    """A packet that means nothing to the core; `reason` is one short word for the metrics. It is dropped."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
    units = _units_asked(last(ivr, "PortaBilling_Authorize")) if parties.called else ()
    return AAARequest(
        Kind.AUTH, number, Origin(node.i_node, node.i_env, node.name), (session or f"auth-{stamp}") if units else "", f"{node.i_node}/auth/{stamp}", parties,
        received, received, units, credentials(packet, client, last(ivr, "PortaBilling_Ignore_Password")), "",
        packet.text("PortaOne-Service-Type") or "", last(ivr, "PortaBilling_AccessCode"), _lock(ivr), None, _kept(packet),
        login="" if units else packet.text("h323-conf-id") or "",
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
        packet.text("PortaOne-Service-Type") or "", last(ivr, "PortaBilling_AccessCode"), _lock(ivr), connected, _kept(packet),
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
    called = last(ivr, "PortaBilling_Original_DNIS") or packet.text("Called-Station-Id") or ""
    user = last(ivr, "PortaBilling_UserName") or packet.text("User-Name") or ""
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


def last(ivr: dict[str, list[str]], name: str) -> str:
    """The last value of a pair that may come once; '' where it is absent."""
    values = ivr.get(name)
    return values[-1] if values else ""


def _lock(ivr: dict[str, list[str]]) -> Lock:
    word = last(ivr, "PortaBilling_Session").partition(";")[0].strip().lower()
    return Lock(word) if word in LOCKS else Lock.DEFAULT


LOCKS = frozenset(lock.value for lock in Lock)


def _kept(packet: Packet) -> dict[str, str]:
    kept = {}
    for ours, name in KEPT:
        value = packet.get(name)
        if isinstance(value, str) and value:
            kept[ours] = value
    return kept

"""
Accounting-Requests as the core's (spec/radius.yaml; RFC 2866): `accounting`.

They map by Acct-Status-Type. The leg `answer`, and a leg of a call that says neither origin nor use, reports no units: it is not rated. Use is told in every
base that the packet tells it in (`UnitRequest.counters`), absent where it does not; `used` are its seconds.

The session is named by Acct-Session-Id as it is, without the start time: only the core can tell a repeated name from a late report, since the start that an
Alive implies (its time less Acct-Session-Time) differs by seconds from report to report, and a key made of it would split sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from portaswitch.endpoints import h323_time, portaone
from portaswitch.endpoints.ivr import Pairs, session_control
from portaswitch.endpoints.lenient import IGNORED, whole
from portaswitch.endpoints.radius_quota import BASES
from portaswitch.endpoints.radius_reading import Reading
from portaswitch.model.catalogue import Node
from portaswitch.model.request import AAARequest, Base, Kind, Origin, Report, UnitRequest
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Packet

KINDS = {
    "Start": Kind.START,
    "Alive": Kind.UPDATE,
    "Interim-Update": Kind.UPDATE,
    "Stop": Kind.STOP,
    "Failed": Kind.STOP,
    "Accounting-On": Kind.ON_OFF,
    "Accounting-Off": Kind.ON_OFF,
}
#: RFC 2866's status of an attempt that came to nothing (a SIP proxy's for a call that was not answered).
FAILED = "Failed"
#: Attributes of gateways that tell times: a Stop of theirs without a connect time is of a call that was not connected.
TIMES = ("h323-conf-id", "h323-setup-time", "h323-connect-time", "h323-disconnect-time")
#: Octets that a gigaword stands for, as bits (RFC 2869 5.1, 5.2).
GIGAWORD = 32
#: Octets and gigawords of each direction, and where they are kept.
INPUT = ("Acct-Input-Octets", "Acct-Input-Gigawords", "input_octets")
OUTPUT = ("Acct-Output-Octets", "Acct-Output-Gigawords", "output_octets")
USED_UNIT, USED_RESOURCE = "Used-Service-Unit", "PortaOne-Used-Resource"
#: The longest use that times may show, in seconds: what Acct-Session-Time can carry.
LONGEST = 2**32 - 1
#: How far ahead of ours a clock may be that says when a session began.
AHEAD = timedelta(seconds=30)
#: No accounting is older; a clock that says so was never set.
CLOCKS_SET = datetime(2000, 1, 1, tzinfo=UTC)


class Unmappable(Exception):
    """A packet that means nothing to the core; `reason` is one short word for the metrics. It is dropped."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def accounting(reading: Reading, received: datetime, number: str) -> AAARequest:
    """What an Accounting-Request asks of the core. Errors: `Unmappable`."""
    packet, node, kept = reading.packet, reading.node, reading.kept
    kind = KINDS.get(packet.named("Acct-Status-Type") or "")
    if kind is None:
        raise Unmappable("status-type")
    session = "" if kind is Kind.ON_OFF else reading.session
    if not session and kind is not Kind.ON_OFF:
        raise Unmappable("session-id")
    if kind is Kind.STOP and reading.part and packet.integer("3GPP2-Session-Continue") == 1:
        kind = Kind.UPDATE  # the sub-session is over, the session goes on with the next one
    connected = _time(packet, "h323-connect-time", node)
    origin = (packet.text("h323-call-origin") or kept.get("leg_type", "")).lower()  # AudioCodes' gateways write Answer and Originate
    leg = f"{origin}/{packet.text('h323-call-type') or ''}"
    counters = _counters(reading, connected)
    rated = origin != "answer" and (origin != "" or bool(counters) or packet.get("h323-conf-id") is None)
    units = (_reported(packet, kind, counters),) if rated and kind is not Kind.ON_OFF else ()
    if kind is Kind.STOP and rated:
        _setup_time(packet, connected, node, kept)
    failed = packet.named("Acct-Status-Type") == FAILED
    if failed:
        kept["failed"] = "yes"
    lock = session_control(reading.ivr)
    if lock.stage:
        kept["session_stage"] = lock.stage
    return AAARequest(
        kind, number, Origin(node.i_node, node.i_env, node.name), session, _key(reading, session, leg, kind, counters, units), reading.parties,
        _happened(packet, received), received, units, None, leg, reading.service, reading.access_code, lock.lock, connected, kept, reading.direction,
        lock.seconds, reading.access_node, begun=_begun(packet, node, kind, connected, counters, received),
    )  # fmt: skip


def _key(reading: Reading, session: str, leg: str, kind: Kind, counters: Mapping[Base, int], units: Sequence[UnitRequest]) -> str:
    """
    The idempotency key (DESIGN.md 3.4): node, session, leg, status, and the sub-session where there is one; an Alive also by all its cumulative counters, or
    the second of two with equal octets and a later time would be taken for a repetition. The Stop of a leg that nobody answered has a key of its own: a gateway
    that hunts reports the next leg, which is answered, by the same names.
    """
    part = f"/{reading.part}" if reading.part else "/failed" if "failed" in reading.kept else ""
    if kind is Kind.STOP and not part and any([asked.used == 0 for asked in units]):
        part = "/unused"
    so_far = "".join([f"/{base._value_}={counters[base]}" for base in Base if base in counters]) if kind is Kind.UPDATE else ""
    return f"{reading.node.i_node}/{session}/{leg}/{kind._value_}{part}{so_far}"


def _reported(packet: Packet, kind: Kind, counters: Mapping[Base, int]) -> UnitRequest:
    """The use told. A Stop without seconds tells of none where its sender tells times; where it does not, the core knows when the session began."""
    used = counters.get(Base.TIME)
    final = kind is Kind.STOP
    if final and used is None and (packet.named("Acct-Status-Type") == FAILED or any(packet.get(name) is not None for name in TIMES)):
        used = 0
        counters = {**counters, Base.TIME: 0} if counters else counters
    return UnitRequest(used=used, report=Report.FINAL if final else Report.INTERIM, counters=counters)


def _happened(packet: Packet, received: datetime) -> datetime:
    """
    When it happened: Event-Timestamp or receipt, minus Acct-Delay-Time (DESIGN.md 3.8). A clock that is not set yet (1970 ...), or one that is ahead, tells
    nothing: the receipt counts, or a tariff of no date would price the session and a hold would last for years.
    """
    stamp, delay = packet.integer("Event-Timestamp"), packet.integer("Acct-Delay-Time")
    if stamp is None and not delay:
        return received
    at = received if stamp is None else datetime.fromtimestamp(stamp, UTC)
    if delay:
        at -= timedelta(seconds=delay)
    return at if CLOCKS_SET <= at < received else received


def _begun(packet: Packet, node: Node, kind: Kind, connected: datetime | None, counters: Mapping[Base, int], received: datetime) -> datetime | None:
    """
    When the session began by its node's own clock: connected or set up, else Event-Timestamp less the time it has lasted. None where the packet tells no time
    of its own (the receipt is that of a repetition, too) or one that is ahead of ours.
    """
    begun = connected or h323_time.parse(packet.text("h323-setup-time"), node.zones)
    if begun is None:
        stamp, lasted = packet.integer("Event-Timestamp"), counters.get(Base.TIME, 0 if kind is Kind.START else None)
        if stamp is None or lasted is None:
            return None
        told = datetime.fromtimestamp(stamp, UTC)
        if told > received + AHEAD:
            return None
        begun = told - timedelta(seconds=lasted + (packet.integer("Acct-Delay-Time") or 0))
    return begun if CLOCKS_SET <= begun <= received + AHEAD else None


def _counters(reading: Reading, connected: datetime | None) -> dict[Base, int]:
    """
    The cumulative use in each base that the packet tells: seconds, octets of both directions, pieces. PortaOne-Used-Resource is said for billing alone, and
    counts before what the NAS says of the session.
    """
    packet, ivr = reading.packet, reading.ivr
    seconds = _seconds_used(packet, connected, reading.node)
    found: dict[Base, int] = {} if seconds is None else {Base.TIME: seconds}
    if packet.get(INPUT[0]) is not None or packet.get(OUTPUT[0]) is not None:
        found[Base.OCTETS] = _octets(packet, INPUT, reading.kept) + _octets(packet, OUTPUT, reading.kept)
    if pieces := _texts(packet, ivr, USED_UNIT):
        _note(USED_UNIT, Base.QUANTITY, pieces[-1], found)
    for text in _texts(packet, ivr, USED_RESOURCE):
        resource = portaone.parse(text) if isinstance(text, str) else {}
        _note(USED_RESOURCE, BASES.get(resource.get("base", "").lower()), resource.get("amount") or resource.get("value"), found)
    return found


def _texts(packet: Packet, ivr: Pairs, name: str) -> Sequence[Value]:
    """All values of a name, inside h323-ivr-out or as an attribute of its own."""
    if name in ivr:
        return ivr[name]
    return packet.all(name) if packet.get(name) is not None else ()


def _note(attribute: str, base: Base | None, told: Value | None, found: dict[Base, int]) -> None:
    number = whole(told) if isinstance(told, str) else None
    if base is None or number is None or (base is Base.TIME and number > LONGEST):
        IGNORED.inc(attribute)
    else:
        found[base] = number


def _time(packet: Packet, name: str, node: Node) -> datetime | None:
    """An h323 time; one that can't be read is as if absent, and counted."""
    text = packet.text(name)
    at = h323_time.parse(text, node.zones)
    if at is None and text:
        IGNORED.inc(name)
    return at


def _seconds_used(packet: Packet, connected: datetime | None, node: Node) -> int | None:
    """Acct-Session-Time, else from connect to disconnect, to the nearest second; None where the packet tells neither."""
    told, begin = packet.integer("Acct-Session-Time"), packet.text("h323-connect-time")
    if told is not None or begin is None:
        return told
    lasted = h323_time.elapsed(connected or begin, packet.text("h323-disconnect-time"), node.zones)
    if lasted is None:
        return None
    seconds = lasted.total_seconds()
    if seconds > LONGEST:
        IGNORED.inc("h323-disconnect-time")
        return None
    return max(1, int(seconds + 0.5)) if seconds > 0 else 0  # a call that was connected at all lasted a second


def _octets(packet: Packet, names: tuple[str, str, str], kept: dict[str, str]) -> int:
    """Octets of one direction with its gigawords, kept by itself. A direction that is absent counts nothing."""
    low = packet.integer(names[0])
    if low is None:
        return 0
    octets = ((packet.integer(names[1]) or 0) << GIGAWORD) | low
    kept[names[2]] = str(octets)
    return octets


def _setup_time(packet: Packet, connected: datetime | None, node: Node, kept: dict[str, str]) -> None:
    """The xDR's post-dial delay in milliseconds: alert-timepoint, else the connect time, minus the set-up time (spec/xdr.yaml)."""
    setup = h323_time.parse(packet.text("h323-setup-time"), node.zones)
    if setup is None:
        return
    alert = h323_time.parse(packet.text("alert-timepoint"), node.zones) or connected
    if alert is not None and 0 <= (delay := (alert - setup).total_seconds()) < LONGEST:
        kept["setup_time"] = str(round(delay * 1000))

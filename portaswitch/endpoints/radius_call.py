"""
One call with a prepaid card as a gateway makes it, for trying a server out (the guide's Appendix A,
"Successful prepaid card IVR session"; tests/spec/examples/radius/03).

    -> Access-Request              who is this?              <- Access-Accept: balance
    -> Access-Request              may they call NUMBER?     <- Access-Accept: seconds
    -> Accounting-Request, Stop    the leg that went out     <- Accounting-Response
    -> Accounting-Request, Stop    the leg that came in      <- Accounting-Response
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Protocol

from twisted.internet.defer import Deferred

from portaswitch.endpoints.radius_client import Answer, NoAnswer
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet

Attributes = list[tuple[str, Value]]
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PASSWORD = "User-Password"
#: Between the set-up of the leg that goes out and its answer, as in the guide's example.
RINGING = timedelta(seconds=3)


class IAsk(Protocol):
    """The part of NasClient that a call needs."""

    def ask(self, code: int, attributes: Attributes) -> Deferred[Answer]:
        """Send a request; fires with its answer or fails with NoAnswer."""


@dataclass(frozen=True, slots=True)
class Call:
    """
    Who calls whom, and how long. The access number is what the card's owner dialled to reach the gateway.
    """

    account: str
    number: str
    seconds: int = 71
    calling: str = "6045550193"
    password: str = field(default="", repr=False)
    nas_ip: str = "164.9.9.100"
    remote_address: str = "164.9.9.101"
    access_number: str = "6045551600"
    session: str = field(default_factory=lambda: new_session())


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    A request and what came of it, as text for people: `code` and `answer` are names of packet codes,
    attributes are pairs in the order of the wire. Without an answer `answer` is None and `fault` says why.
    `signed`: the answer had a Message-Authenticator.
    """

    title: str
    code: str
    sent: tuple[tuple[str, str], ...]
    answer: str | None
    received: tuple[tuple[str, str], ...]
    seconds: float | None
    tries: int | None
    signed: bool
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    How the call went: `text` is one line; `granted` None means no limit, or that it was never granted; `used`
    in seconds.
    """

    ok: bool
    text: str
    session: str
    granted: int | None
    used: int


def new_session() -> str:
    """A new h323-conf-id: 128 random bits as four groups of hexadecimal digits."""
    return " ".join(token_hex(4).upper() for _ in range(4))


def h323_time(at: datetime) -> str:
    """A time as gateways write it: 00:16:21.164 UTC Fri Mar 9 2007. `at` is aware UTC."""
    clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return f"{clock} UTC {DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day} {at.year}"


async def place(
    call: Call, auth: IAsk, acct: IAsk, now: Callable[[], datetime], told: Callable[[Exchange], None]
) -> Verdict:
    """
    Make the call: at `auth` and `acct`, the two ports of a server; `told` gets each exchange when it is over.

    Ends at the first request that is rejected or not answered. A grant shorter than the call cuts it, as a
    gateway would.
    """
    verdict = await _step("authentication", Code.ACCESS_REQUEST, authentication(call), auth, call, told)
    if isinstance(verdict, Verdict):
        return verdict
    leave = await _step("authorization", Code.ACCESS_REQUEST, authorization(call), auth, call, told)
    if isinstance(leave, Verdict):
        return leave
    granted = _number(leave.text("h323-credit-time"))
    used = call.seconds if granted is None else min(call.seconds, granted)
    number = _pairs(leave).get("PortaBilling_CompleteNumber") or call.number
    for title, attributes in (
        ("accounting, outgoing leg", outgoing(call, number, now(), used)),
        ("accounting, incoming leg", incoming(call, now())),
    ):
        ended = await _step(title, Code.ACCOUNTING_REQUEST, attributes, acct, call, told)
        if isinstance(ended, Verdict):
            return ended
    limit = "without a limit" if granted is None else f"{granted} s granted"
    return Verdict(
        True, f"OK: {limit}, {used} s used and accounted, session {call.session}", call.session, granted, used
    )


def authentication(call: Call) -> Attributes:
    """The first request: no called number, so it asks who this is and what they have."""
    return [
        ("NAS-IP-Address", call.nas_ip),
        ("NAS-Port-Type", "Async"),
        ("User-Name", call.account),
        ("Calling-Station-Id", call.calling),
        ("Service-Type", "Login-User"),
        ("h323-conf-id", call.session),
        (PASSWORD, call.password),
        ("h323-ivr-out", f"PortaBilling_AccessCode:{call.access_number}"),
        ("NAS-Port", 0),
        ("NAS-Port-Id", "ISDN 3/0:D:13"),
    ]


def authorization(call: Call) -> Attributes:
    """The second request: the number that was dialled, so it asks for how long."""
    return [
        ("NAS-IP-Address", call.nas_ip),
        ("User-Name", call.account),
        ("Called-Station-Id", call.number),
        ("Calling-Station-Id", call.calling),
        ("Service-Type", "Login-User"),
        ("h323-conf-id", call.session),
        (PASSWORD, call.password),
        ("h323-ivr-out", f"PortaBilling_Original_CLD:{call.access_number}"),
    ]


def outgoing(call: Call, number: str, now: datetime, used: int) -> Attributes:
    """
    The Stop of the leg to the called number: its duration is disconnect minus connect time, there is no
    Acct-Session-Time.
    """
    connect = now - timedelta(seconds=used)
    return [
        ("NAS-IP-Address", call.nas_ip),
        ("User-Name", call.account),
        ("Called-Station-Id", number),
        ("Calling-Station-Id", call.calling),
        ("Acct-Status-Type", "Stop"),
        ("Service-Type", "Login-User"),
        ("h323-call-origin", "originate"),
        ("h323-call-type", "VoIP"),
        ("h323-setup-time", h323_time(connect - RINGING)),
        ("h323-connect-time", h323_time(connect)),
        ("h323-disconnect-time", h323_time(now)),
        ("h323-disconnect-cause", "10"),
        ("h323-conf-id", call.session),
        ("call-id", f"{call.session.replace(' ', '-')}@{call.nas_ip}"),
        ("h323-incoming-conf-id", call.session),
        ("h323-ivr-out", f"PortaBilling_Original_CLD:{call.access_number}"),
        ("h323-remote-address", call.remote_address),
        ("remote-media-address", call.remote_address),
    ]


def incoming(call: Call, now: datetime) -> Attributes:
    """The Stop of the leg from the caller: it isn't charged, and unlocks what the session still holds."""
    return [
        ("NAS-IP-Address", call.nas_ip),
        ("NAS-Port-Type", "Async"),
        ("User-Name", call.account),
        ("Called-Station-Id", call.access_number),
        ("Calling-Station-Id", call.calling),
        ("Acct-Status-Type", "Stop"),
        ("Service-Type", "Login-User"),
        ("h323-disconnect-time", h323_time(now)),
        ("h323-disconnect-cause", "10"),
        ("h323-conf-id", call.session),
        ("h323-incoming-conf-id", call.session),
        ("h323-ivr-out", "PortaBilling_Session:unlock"),
        ("NAS-Port", 0),
        ("NAS-Port-Id", "ISDN 3/0:D:13"),
    ]


async def _step(
    title: str, code: Code, attributes: Attributes, port: IAsk, call: Call, told: Callable[[Exchange], None]
) -> Packet | Verdict:
    """One exchange: the answer when the call may go on, else the verdict that ends it."""
    sent = tuple((name, "(hidden)" if name == PASSWORD else str(value)) for name, value in attributes)
    try:
        answer = await port.ask(code, attributes)
    except NoAnswer as error:
        told(Exchange(title, _name(code), sent, None, (), None, None, False, str(error)))
        return Verdict(False, f"TIMEOUT at {title}: {error}", call.session, None, 0)
    packet = answer.packet
    signed = packet.has_message_authenticator
    told(
        Exchange(
            title, _name(code), sent, _name(packet.code), shown(packet), answer.seconds, answer.tries, signed
        )
    )
    if packet.code in (Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE):
        return packet
    return Verdict(False, f"REJECTED at {title}: {_why(packet)}", call.session, None, 0)


def shown(packet: Packet) -> tuple[tuple[str, str], ...]:
    """The attributes of a packet as text, numbers that have a word by it, octets in hexadecimal."""
    dictionary, pairs = Dictionary.standard(), []
    for name, value in packet.attributes:
        word = dictionary.word(name, value) if isinstance(value, int) else None
        pairs.append((name, word or (value.hex() if isinstance(value, bytes) else str(value))))
    return tuple(pairs)


def _why(packet: Packet) -> str:
    """Return code, word and text of a reject, as far as it has them."""
    parts = []
    if (code := packet.text("h323-return-code")) is not None:
        parts.append(f"return code {code}")
    if word := _pairs(packet).get("ErrorExplanation"):
        parts.append(word)
    if text := packet.text("Reply-Message"):
        parts.append(f'"{text}"')
    return ", ".join(parts) or f"{_name(packet.code)} without a reason"


def _pairs(packet: Packet) -> dict[str, str]:
    """The Name:Value pairs inside h323-ivr-in."""
    parted = (value.partition(":") for value in packet.all("h323-ivr-in") if isinstance(value, str))
    return {name: value for name, _, value in parted}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _name(code: int) -> str:
    """The name of a packet code as RFCs write it: Access-Request."""
    return "-".join(part.capitalize() for part in Code(code).name.split("_"))

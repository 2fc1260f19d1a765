"""
What a credit control request is about: data, voice, SMS or USSD, between whom, and where the user is (TS 32.299 7.2, Service-Information).

Service-Context-Id alone does not tell it: calls and messages come under 32251, which is the document of data (spec/examples/diameter).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from portaswitch.endpoints.diameter_network import serving
from portaswitch.endpoints.diameter_profiles import DiameterProfile, Use
from portaswitch.endpoints.diameter_subscriber import LONGEST, number
from portaswitch.model.request import Direction, QuotaKey
from portaswitch.model.value import dataclass
from portaswitch.wire.diameter.message import Group, Message

#: What in Service-Information tells the use.
CONTENTS: Final[Mapping[str, Use]] = {
    "SMS-Information": Use.SMS,
    "IMS-Information": Use.VOICE,
    "IN-Information": Use.VOICE,
    "PS-Information": Use.DATA,
}
TERMINATING_ROLE: Final = 1
TERMINATED: Final = frozenset(("MT", "MTC"))
NOTHING: Final = Group()
E164_FAMILY: Final = b"\0\x08"
"""Address family 8 (IANA, Address Family Numbers)."""

#: Attributes that are kept: by the names of docs/radius-requests.rst, where they are in PS-Information or IMS-Information.
KEPT: Final = {"Called-Station-Id": "called_station", "PDP-Address": "subscriber_ip", "IMS-Charging-Identifier": "call_id"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is charged. `called` '' of data; `plmn` MCC and MNC of the network that serves the user, '' unknown, or where nobody roams."""

    use: Use
    direction: Direction
    calling: str
    called: str
    plmn: str
    kept: Mapping[str, str]


def subject(ccr: Message, profile: DiameterProfile) -> Subject:
    """What the request is about."""
    information = ccr.group("Service-Information") or NOTHING
    use = _use(ccr, information, profile)
    parts = [found for name in ("PS-Information", "IMS-Information") if (found := information.group(name)) is not None]
    kept = {told: value[:LONGEST].replace("\0", "") for part in parts for name, told in KEPT.items() if (value := part.text(name))}
    ims = information.group("IMS-Information") or NOTHING
    direction = _direction(ims) if use is not Use.DATA and use is not Use.SMS else Direction.OUTGOING
    plmn = serving(profile.serving, information.group("PS-Information") or NOTHING, ims, direction) if profile.home else ""
    if use is Use.DATA:
        return Subject(use, Direction.OUTGOING, "", "", plmn, kept)
    if use is Use.SMS:
        sms = information.group("SMS-Information") or NOTHING
        return Subject(use, Direction.OUTGOING, _first(_senders(sms)), _first(_recipients(sms)), plmn, kept)
    intelligent = information.group("IN-Information") or NOTHING
    calling = _first((ims.text("Calling-Party-Address"), intelligent.text("Huawei-Calling-Party-Address"), intelligent.text("Calling-Party-Address")))
    called = _first((
        ims.text("Called-Party-Address"), intelligent.text("Huawei-Real-Called-Number"), intelligent.text("Huawei-Called-Party-Address"),
        intelligent.text("Called-Party-Address"),
    ))  # fmt: skip
    return Subject(use, direction, calling, called, plmn, kept)


def _use(ccr: Message, information: Group, profile: DiameterProfile) -> Use:
    context = ccr.text("Service-Context-Id") or ""
    if context in profile.contexts:
        return profile.contexts[context]
    for name, use in CONTENTS.items():
        if information.get(name) is not None:
            return use
    for part in context.partition("@")[0].split("."):
        if part in profile.documents:
            return profile.documents[part]
    return Use.DATA


def _direction(ims: Group) -> Direction:
    event = ims.group("Event-Type")
    said = (event.text("Event") or "") if event is not None else ""
    incoming = ims.integer("Role-Of-Node") == TERMINATING_ROLE or said in TERMINATED
    return Direction.INCOMING if incoming else Direction.OUTGOING


def _senders(sms: Group) -> Iterator[str | None]:
    for name in ("Originator-Received-Address", "Originator-Address"):
        address = sms.group(name)
        yield address.text("Address-Data") if address is not None else None
    yield sccp_text(sms)


def sccp_text(sms: Group) -> str | None:
    """Originator-SCCP-Address as a number: an Address of the family E.164, or the bare text that clients fill it with (PROTOCOLS.md 2.2.10)."""
    value = sms.get("Originator-SCCP-Address")
    if not isinstance(value, bytes):
        return None
    text = value.removeprefix(E164_FAMILY).decode("ascii", "replace")
    return number(text) if text.isprintable() and text else None


def _recipients(sms: Group) -> Iterator[str | None]:
    for recipient in sms.groups("Recipient-Info"):
        for name in ("Recipient-Address", "Recipient-Received-Address"):
            address = recipient.group(name)
            yield address.text("Address-Data") if address is not None else None


def _first(texts: Iterator[str | None] | tuple[str | None, ...]) -> str:
    """The first that there is, as a number, no longer than numbers are."""
    return next((_dialled(number(text))[:LONGEST] for text in texts if text), "")


def _dialled(address: str) -> str:
    """A SIP address whose user is a number stands for that number (RFC 3261 19.1.6): an S-CSCF tells the Request-URI as it came."""
    user, at, _ = address.partition("@")
    digits = number(user.partition(";")[0])
    return digits if at and digits.isascii() and digits.isdigit() else address


def access_code(found: Subject, key: QuotaKey, profile: DiameterProfile) -> str:
    """The access codes by which the rating entry is found, joined by | (`billing.access`)."""
    way = found.direction.name
    code = profile.access_code.format(direction=way, service_identifier=key.service_identifier) if key.service_identifier else way
    away = found.plmn and profile.home and found.plmn not in profile.home
    return f"ROAMING.{found.plmn}|{code}" if away else code


def rated(found: Subject, key: QuotaKey) -> str:
    """What a quota key is rated by: of data its rating group, else its service; '' as the session is."""
    if found.use is not Use.DATA:
        return ""
    selector = key.rating_group or key.service_identifier
    return str(selector) if selector else ""

"""A Diameter client made of python-diameter's AVPs: what it builds and reads is not ours (DESIGN.md 8). Messages are mappings of printed values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from diameter.message import Message
from diameter.message.avp import Avp
from diameter.message.avp.dictionary import AVP_DICTIONARY, AVP_VENDOR_DICTIONARY

EXAMPLES: Final = Path(__file__).parents[1] / "spec" / "examples" / "diameter"
#: Words of values as the guide prints them.
WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "CC-Request-Type": {"INITIAL_REQUEST": 1, "UPDATE_REQUEST": 2, "TERMINATION_REQUEST": 3, "EVENT_REQUEST": 4},
    "Subscription-Id-Type": {"END_USER_E164": 0, "END_USER_IMSI": 1},
    "Multiple-Services-Indicator": {"NOT_SUPPORTED": 0, "SUPPORTED": 1},
    "Requested-Action": {"DIRECT_DEBITING": 0, "REFUND_ACCOUNT": 1, "CHECK_BALANCE": 2, "PRICE_ENQUIRY": 3},
    "Final-Unit-Action": {"TERMINATE": 0, "REDIRECT": 1},
    "Node-Functionality": {"S-CSCF": 0},
    "Address-Type": {"MSISDN": 1},
    "SMS-Node": {"SMS_ROUTER": 0, "SMS-SC": 3},
    "Interface-Type": {"MOBILE_ORIGINATING": 1, "MOBILE_TERMINATING": 2},
    "SM-Message-Type": {"SUBMISSION": 0},
}


def _known() -> dict[str, tuple[int, int]]:
    """Code and vendor of each AVP by its name."""
    found = {entry["name"]: (code, vendor) for vendor, avps in AVP_VENDOR_DICTIONARY.items() for code, entry in avps.items() if vendor == 10415}
    return found | {entry["name"]: (code, 0) for code, entry in AVP_DICTIONARY.items()} | {"Reporting-Reason": (872, 10415)}


CODES: Final = _known()
NAMES: Final = {key: name for name, key in CODES.items()}


def examples(number: str) -> list[dict[str, Any]]:
    """The AVPs of each message of an example file, by its number."""
    (path,) = EXAMPLES.glob(f"{number}_*.yaml")
    return [message["avps"] for message in yaml.safe_load(path.read_text("utf-8"))["messages"]]


def build(avps: Mapping[str, Any]) -> bytes:
    """A CCR's octets."""
    message = Message()
    message.header.command_code, message.header.application_id, message.header.command_flags = 272, 4, 0xC0
    message.header.hop_by_hop_identifier, message.header.end_to_end_identifier = 0x01020304, 0x05060708
    for avp in _avps(avps):
        message.append_avp(avp)
    return bytes(message.as_bytes())


def _avps(avps: Mapping[str, Any]) -> list[Avp]:
    return [_avp(name, one) for name, value in avps.items() for one in (value if isinstance(value, list) else [value])]


def _avp(name: str, printed: Any) -> Avp:
    made = Avp.new(*CODES[name])
    made.is_mandatory = True
    if isinstance(printed, Mapping):
        made.value = _avps(printed)
    elif name in WORDS:
        made.value = WORDS[name][str(printed)]
    elif name == "SMSC-Address":
        made.payload = bytes.fromhex(printed.rpartition(":")[2])
        made.payload = int(printed.split(":")[1]).to_bytes(2, "big") + made.payload
    elif name == "Originator-SCCP-Address":
        made.payload = b"\0\x08" + printed.removeprefix("tel:").encode()
    elif name == "Event-Timestamp":
        made.payload = (int(printed) + 2_208_988_800).to_bytes(4, "big")
    else:
        kind = type(made).__name__
        number = "Integer" in kind or "Unsigned" in kind or "Enumerated" in kind
        made.value = int(printed) if number else str(printed).encode() if kind == "AvpOctetString" else str(printed)
    return made


def read(octets: bytes) -> dict[str, Any]:
    """A CCA as printed values: numbers and words as text, groups as mappings; an AVP that is there twice as a list."""
    message = Message.from_bytes(octets, plain_msg=True)  # all AVPs, and not those alone that its CCA has fields for
    if (message.header.hop_by_hop_identifier, message.header.command_code, message.header.is_request) != (0x01020304, 272, False):
        raise AssertionError("not the answer to the request")
    return _plain(message.avps)


def _plain(avps: list[Avp]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for avp in avps:
        name = NAMES[avp.code, avp.vendor_id]
        value: Any = _plain(avp.value) if isinstance(avp.value, list) else avp.value.decode() if isinstance(avp.value, bytes) else avp.value
        for word, number in WORDS.get(name, {}).items():
            value = word if value == number else value
        shown = value if isinstance(value, dict) else str(value)
        told[name] = [*told[name], shown] if isinstance(told.get(name), list) else [told[name], shown] if name in told else shown
    return told

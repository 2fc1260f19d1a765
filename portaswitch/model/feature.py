"""
Service features (PORTABILLING.md a.10): what their owners say of them, and what holds for an account in the end.

An owner (account, customer, site of a customer, product) says of a feature a flag, which is one letter of its service_flags, and values of its attributes:

    Y on    N off    ~ as the product says    ^ as the customer says    another letter or digit: a mode of that feature    - nothing
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from portaswitch.model.text_values import NATURAL, POSITIVE, TextKind, choice, line, pattern
from portaswitch.model.value import dataclass

ON, OFF, OF_PRODUCT, OF_CUSTOMER, NOTHING = "Y", "N", "~", "^", ""
INHERITED: Final = frozenset({OF_PRODUCT, OF_CUSTOMER, NOTHING})

MODAL: Final = frozenset({"voice_authentication", "default_action", "forward_mode", "clip", "clir", "cli", "emergency", "unified_messaging"})
"""Features whose flag may be a mode; of the others only on and off have a meaning, so that a slip is not kept as one."""

OWN_CHOICE: Final = frozenset({"call_barring", "forward_mode", "default_action", "clir", "unified_messaging", "lan_name"})
"""Features that users set for themselves in self-care; the others are what they bought."""

FLAGS: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset({ON, OFF, OF_PRODUCT, OF_CUSTOMER}),
    "customer": frozenset({ON, OFF}),
    "site": frozenset({ON, OFF, OF_CUSTOMER}),
    "product": frozenset({ON, OFF, OF_CUSTOMER}),
}
"""What each kind of owner may say beside modes: who stands above nobody's heir has nothing to inherit."""


CUSTOMER_RANKS: Final = frozenset({"site", "customer"})
"""The kinds of owner that ^ means."""


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError("is not an IPv4 address, such as 192.0.2.17") from None


def _network(text: str) -> str:
    try:
        return str(IPv4Network(text))
    except ValueError:
        raise ValueError("is not an IPv4 network, such as 198.51.100.0/24 (host bits zero)") from None


def _netmask(text: str) -> str:
    try:
        IPv4Network(f"0.0.0.0/{_address(text)}")
    except ValueError:
        raise ValueError("is not a netmask, such as 255.255.255.0") from None
    return text


WORD: Final = TextKind("text", line)
DIGITS: Final = pattern(r"[0-9]{1,20}", "first digits of numbers", "is no beginning of a number: write digits")
LANGUAGE: Final = pattern(r"[a-z]{2}", "language of ISO 639-1", "is no language: write two small letters, such as en")
PIN: Final = pattern(r"[0-9]{3,20}", "digits", "is no PIN: write 3 to 20 digits")
KINDS: Final[Mapping[tuple[str, str], TextKind]] = {
    ("netaccess_sessions", "max_sessions"): NATURAL,
    ("netaccess_static_ip", "address"): TextKind("IPv4 address", _address),
    ("netaccess_static_ip", "netmask"): TextKind("netmask", _netmask),
    ("netaccess_static_ip", "routed_network"): TextKind("IPv4 network", _network),
    ("voice_authentication", "pin"): PIN,
    ("default_action", "timeout"): NATURAL,
    ("sip_static_contact", "use_tcp"): choice("Y", "N"),
    ("individual_routing_plan", "i_routing_plan"): POSITIVE,
    ("lan_name", "iso_639_1"): LANGUAGE,
    ("sim_calls_limit", "max_calls"): NATURAL,
    ("sim_calls_limit", "max_in"): NATURAL,
    ("sim_calls_limit", "max_out"): NATURAL,
    ("cps_account_limit", "max_cps"): NATURAL,
    ("call_barring", "prefixes"): DIGITS,
    ("forward_mode", "max_forwards"): NATURAL,
}
"""How a value of an attribute is read; the others are text."""

SECRET: Final = frozenset({("voice_authentication", "pin")})
"""Attributes that are neither shown nor audited."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a feature: its i_attribute and name; `multiple`: it may have several values."""

    number: int
    name: str
    multiple: bool


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: its i_service_feature, name, place in service_flags (from 1), service type ('' for none) and attributes."""

    number: int
    name: str
    position: int
    service_type: str
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name."""
        return next((one for one in self.attributes if one.name == name), None)


Values = Mapping[str, tuple[str, ...]]
"""By attribute; one without values is not set."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one owner (`by`, for people) says of a feature."""

    by: str
    flag: str
    values: Values


def effective(own: Said, products: Sequence[Said], customers: Sequence[Said]) -> Said:
    """
    What holds: the owner's own word; else what the products say (the add-ons in force, the one of the highest priority first, then the main product); else
    what the customers say (the site, then the customer). Who decides the flag gives the values too. Nobody's word is off.

    A flag ~ stops at the products and ^ goes past them, while an owner that says nothing asks all of them in turn.
    """
    chain = [own]
    if own.flag in (OF_PRODUCT, NOTHING):
        chain += products
    if own.flag in (OF_CUSTOMER, NOTHING):
        chain += customers
    for said in chain:
        if said.flag not in INHERITED:
            return said
        if said.flag == OF_CUSTOMER and said is not own:
            return next((one for one in customers if one.flag not in INHERITED), Said(said.by, OFF, {}))
    return Said("", OFF, {})


def flag_at(flags: str, position: int) -> str:
    """The letter of a feature in service_flags, '' where they say nothing of it."""
    letter = flags[position - 1 : position]
    return NOTHING if letter in (" ", "-") else letter


def flags_with(flags: str, position: int, flag: str) -> str:
    """The service_flags with another letter at a place; what is before it says nothing where it said nothing."""
    listed = list(flags.ljust(position, "-"))
    listed[position - 1] = flag or "-"
    return "".join(listed)


def flag_faults(feature: Feature, owner: str, flag: str) -> Iterator[str]:
    """Why a kind of owner can't say that of a feature; each continues "flag "."""
    usual = FLAGS[owner]
    modal = feature.name in MODAL
    if flag == NOTHING or flag in usual or (modal and re.fullmatch("[A-Z0-9]", flag)):
        return
    or_mode = ", or a capital letter or digit, a mode of it" if modal else ""
    yield f"{flag!r} is nothing that a {owner} says of {feature.name}: write {', '.join(sorted(usual, key='YN~^'.index))}{or_mode}"


def read_values(feature: Feature, name: str, values: Sequence[str]) -> tuple[str, ...]:
    """
    The values of an attribute as they are kept.

    Errors: ValueError with the reason, which begins with the value; a secret is not quoted.
    """
    attribute = feature.attribute(name)
    if attribute is None:
        raise ValueError(f"is no attribute of {feature.name}: it has {', '.join(one.name for one in feature.attributes) or 'none'}")
    if len(values) > 1 and not attribute.multiple:
        raise ValueError("has one value only")
    if len(set(values)) < len(values):
        raise ValueError("has a value twice: write it once")
    kind = KINDS.get((feature.name, name), WORD)
    found = []
    for value in values:
        try:
            found.append(str(kind.convert(value)))
        except ValueError as reason:
            quoted = "the value" if (feature.name, name) in SECRET else repr(value)
            raise ValueError(f"{quoted} {reason}") from None
    return tuple(found)


def shown(feature: str, values: Values) -> dict[str, str]:
    """The values for people: with commas between them, secrets hidden, what is not set left out."""
    return {name: "(hidden)" if (feature, name) in SECRET else ", ".join(listed) for name, listed in values.items() if listed}

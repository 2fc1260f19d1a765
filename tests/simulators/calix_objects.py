"""
The objects of a Calix CMS network: ONTs with their ports and services, and what the CMS refuses to do with them (CMS R14.1 NBI API guide).

Hardware has ports: creating an Ont makes its OntEthGe and OntRg, deleting it takes them away. Texts of refusals are ours, the guide gives none
but says that they come as rpc-error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.simulators.core import Refused
from tests.simulators.soap import Element

ADMIN = ("enabled", "disabled", "enabled-no-alarms")
GE_SLOT, FULL_BRIDGE_SLOT, RG_SLOT = 3, 9, 8


@dataclass(frozen=True)
class Hardware:
    """What an ONT profile stands for: its GE ports, and whether it can be a residential gateway (GPON only)."""

    name: str
    ports: int
    gateway: bool


#: ONT profiles, bandwidth profiles and tag actions that this CMS knows; ids are numbers of the site.
ONT_PROFILES: Mapping[int, Hardware] = {
    1: Hardware("803G", 1, True),
    2: Hardware("844E", 4, True),
    3: Hardware("844G", 4, True),
    4: Hardware("854G", 4, True),
    5: Hardware("716GE-I", 4, False),
}
BANDWIDTH_PROFILES = range(1, 301)
TAG_ACTIONS = range(1, 256)
MULTICAST_PROFILES = range(1, 33)


@dataclass(frozen=True)
class Kind:
    """A type of object: the parts of its id with their ranges, its fields, and the fields that creating it needs."""

    id_parts: Mapping[str, range]
    fields: frozenset[str]
    needed: frozenset[str] = frozenset()


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ONTS = range(1, 64_000_001)
KINDS: Mapping[str, Kind] = {
    "Ont": Kind(
        {"ont": _ONTS},
        _fields(
            "admin ontprof pwe3prof serno reg-id subscr-id descr us-sdber-rate low-rx-opt-pwr-ne-thresh high-rx-opt-pwr-ne-thresh "
            "battery-present pse-max-power-budget poe-class-control"
        ),
        _fields("ontprof"),
    ),
    "OntEthGe": Kind({"ont": _ONTS, "ontslot": range(GE_SLOT, GE_SLOT + 1), "ontethge": range(1, 9)}, _fields("admin subscr-id descr speed duplex")),
    "OntRg": Kind(
        {"ont": _ONTS, "ontslot": range(RG_SLOT, RG_SLOT + 1), "ontrg": range(1, 2)},
        _fields("admin subscr-id descr mgmt-mode wan-protocol pppoe-user pppoe-password mgmt-prof"),
    ),
    "EthSvc": Kind(
        {"ont": _ONTS, "ontslot": range(3, 10), "ontethany": range(1, 9), "ethsvc": range(1, 13)},
        _fields(
            "admin descr tag-action bw-prof out-tag in-tag mcast-prof pon-cos us-cir-override us-pir-override ds-pir-override hot-swap pppoe-force-discard"
        ),
        _fields("tag-action bw-prof"),
    ),
}
PROFILES: Mapping[str, tuple[str, str, range]] = {
    "ontprof": ("OntProf", "ontprof", range(1, max(ONT_PROFILES) + 1)),
    "pwe3prof": ("OntPwe3Prof", "ontpwe3prof", range(1, 2)),
    "bw-prof": ("BwProf", "bwprof", BANDWIDTH_PROFILES),
    "tag-action": ("SvcTagAction", "svctagaction", TAG_ACTIONS),
    "mcast-prof": ("McastProf", "mcastprof", MULTICAST_PROFILES),
    "mgmt-prof": ("OntRgMgmtProf", "ontrgmgmtprof", range(1, 33)),
}
ENUMS: Mapping[str, tuple[str, ...]] = {
    "admin": ADMIN,
    "mgmt-mode": ("native", "external"),
    "pon-cos": ("derived", "cos-1", "cos-2", "cos-3", "cos-4", "user-1", "user-2", "user-3", "user-4", "fixed"),
}
_RATE = re.compile(r"none|\d+[kmg]")
_OVERRIDES = ("us-cir-override", "us-pir-override", "ds-pir-override")

#: Type and numbers of the id: ("Ont", (7,)).
Key = tuple[str, tuple[int, ...]]


def refused(text: str) -> Refused:
    """An rpc-error with this message."""
    return Refused("operation failed", text)


@dataclass
class Network:
    """The objects of one node, by key; the values are their fields as they came."""

    objects: dict[Key, dict[str, Element]] = field(default_factory=dict)

    def copy(self) -> Network:
        """For changes that are kept only when all go well."""
        return Network({key: dict(fields) for key, fields in self.objects.items()})

    def onts(self) -> Iterator[int]:
        """The numbers of the ONTs."""
        return (key[1][0] for key in list(self.objects) if key[0] == "Ont")

    def get(self, key: Key) -> dict[str, Element]:
        """The fields of an object, or the refusal."""
        if key not in self.objects:
            raise refused(f"object does not exist: {shown(key)}")
        return self.objects[key]

    def create(self, asked: Element) -> Key:
        """Create an object; an Ont with number 0 gets the lowest free one."""
        kind, numbers = key_of(asked, allocate=True)
        if kind == "Ont" and numbers == (0,):
            numbers = (next(number for number in _ONTS if ("Ont", (number,)) not in self.objects),)
        key, fields = (kind, numbers), fields_of(asked)
        if key in self.objects:
            raise refused(f"object already exists: {shown(key)}")
        missing = KINDS[kind].needed - set(fields)
        if missing:
            raise refused(f"missing attribute {min(missing)}")
        if kind in ("OntEthGe", "OntRg"):
            raise refused(f"{kind} comes with the hardware of its Ont")
        self._place(key, fields)
        return key

    def _place(self, key: Key, fields: dict[str, Element]) -> None:
        if key[0] == "Ont":
            self._check_serial(key, fields)
            self.objects[key] = fields
            hardware, ont = ONT_PROFILES[number_of(fields["ontprof"])], key[1][0]
            for port in range(1, hardware.ports + 1):
                self.objects["OntEthGe", (ont, GE_SLOT, port)] = {}
            if hardware.gateway:
                self.objects["OntRg", (ont, RG_SLOT, 1)] = {}
        else:
            self._check_port(key)
            self.objects[key] = fields

    def merge(self, asked: Element) -> Key:
        """Change the fields that are given."""
        key = key_of(asked)
        here, fields = self.get(key), fields_of(asked)
        if key[0] == "Ont":
            self._check_serial(key, fields)
            before, after = serial(here), serial(fields)
            if before and after and before != after:
                raise refused("serial number is in use by this ONT: set it to 0 before another one")
            if "ontprof" in fields and number_of(fields["ontprof"]) != number_of(here["ontprof"]):
                raise refused("the profile of an ONT can't be changed")
        here.update(fields)
        return key

    def delete(self, asked: Element) -> Key:
        """Delete an object; an Ont with services only by force, which takes them along."""
        key = key_of(asked)
        self.get(key)
        if key[0] in ("OntEthGe", "OntRg"):
            raise refused(f"{key[0]} comes with the hardware of its Ont")
        below = [other for other in self.objects if other != key and key[0] == "Ont" and other[1][0] == key[1][0]]
        if any(kind == "EthSvc" for kind, _ in below) and asked.attributes.get("force") != "true":
            raise refused("ONT has services")
        for other in [key, *below]:
            del self.objects[other]
        return key

    def _check_serial(self, key: Key, fields: dict[str, Element]) -> None:
        wanted = serial(fields)
        if wanted and any(other != key and other[0] == "Ont" and serial(there) == wanted for other, there in self.objects.items()):
            raise refused(f"serial number already in use: {wanted}")

    def _check_port(self, key: Key) -> None:
        """A service stands on a port that its ONT has; full bridge and GE ports are the same sockets."""
        ont, slot, port, _ = key[1]
        if ("Ont", (ont,)) not in self.objects:
            raise refused(f"ONT does not exist: {ont}")
        owner: Key = ("OntRg", (ont, RG_SLOT, port)) if slot == RG_SLOT else ("OntEthGe", (ont, GE_SLOT, port))
        if slot not in (GE_SLOT, FULL_BRIDGE_SLOT, RG_SLOT) or owner not in self.objects:
            raise refused(f"port does not exist: {ont}/{slot}/{port}")


def key_of(asked: Element, allocate: bool = False) -> Key:
    """The key that an `object` names; number 0 is right only for an Ont to be created (`allocate`)."""
    kind = asked.value("type") or ""
    known, given = KINDS.get(kind), asked.child("id")
    if known is None:
        raise refused(f"unknown object type {kind}")
    parts = given.values() if given is not None else {}
    if set(parts) != set(known.id_parts):
        raise refused(f"id of {kind} is {', '.join(known.id_parts)}")
    numbers = []
    for name, allowed in known.id_parts.items():
        number = int(parts[name]) if re.fullmatch(r"\d{1,9}", parts[name]) else -1
        if number not in allowed and not (allocate and kind == "Ont" and number == 0):
            raise refused(f"value out of range: {name} {parts[name]}")
        numbers.append(number)
    return kind, tuple(numbers)


def fields_of(asked: Element) -> dict[str, Element]:
    """The fields that an `object` gives, each checked."""
    kind = asked.value("type") or ""
    fields = {one.name: one for one in asked.children if one.name not in ("type", "id")}
    for name, given in fields.items():
        if name not in KINDS[kind].fields:
            raise refused(f"unknown attribute {name} of {kind}")
        _check(name, given)
    return fields


def _check(name: str, given: Element) -> None:
    text = given.text
    if name in PROFILES:
        _check_profile(name, given)
    elif name in ENUMS and text not in ENUMS[name]:
        raise refused(f"invalid value of {name}: {text}")
    elif name == "serno" and not re.fullmatch(r"[0-9A-Fa-f]{1,12}", text):
        raise refused(f"invalid serial number {text}: hexadecimal digits only, without the vendor's prefix")
    elif name in _OVERRIDES and not _RATE.fullmatch(text):
        raise refused(f"invalid value of {name}: {text}")


def _check_profile(name: str, given: Element) -> None:
    kind, part, known = PROFILES[name]
    text = given.value("id", part) or ""
    if given.value("type") != kind or not re.fullmatch(r"(local:)?\d{1,9}", text):
        raise refused(f"{name} is a reference: type {kind}, id/{part}")
    if number_of(given) not in known:
        raise refused(f"profile does not exist: {kind} {text}")


def number_of(reference: Element) -> int:
    """The number in a reference to a profile, 1 for `local:1` too."""
    given = reference.child("id")
    text = given.children[0].text if given is not None and given.children else ""
    return int(text.removeprefix("local:") or 0)


def serial(fields: Mapping[str, Element]) -> str:
    """The serial number in capitals, '' for none or 0."""
    text = fields["serno"].text.upper() if "serno" in fields else ""
    return text if text.strip("0") else ""


def shown(key: Key) -> str:
    """A key as text: Ont 7, EthSvc 7/3/1/1."""
    return f"{key[0]} {'/'.join(map(str, key[1]))}"

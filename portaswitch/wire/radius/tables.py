"""
The decoding tables: what the walk over a packet's octets looks up, one tuple an attribute, built once at
load.

WHY tuples and lists instead of the definitions: a packet of 26 attributes must cost about 5 us, which is one
list look-up, one unpacking and one or two calls an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from portaswitch.wire.radius.datatypes import DECODERS, Decoder, Value, decode_octets, decode_text
from portaswitch.wire.radius.definitions import STANDARD, Attribute, Vendor

#: What the walk does with an attribute.
TEXT: Final = 0  # decoded in place
PREFIXED: Final = 1  # a text that may repeat its own name
PAIR: Final = 2  # a text that carries "name=value"
NUMBER: Final = 3  # 32 bits, decoded in place
SIGNATURE: Final = 4  # the Message-Authenticator
CONVERTED: Final = 5  # by the entry's decoder
EXPANDED: Final = 6  # one attribute gives several pairs, or a name with a tag

#: form, name, decoder, prefix
Entry = tuple[int, str, Decoder, str]
Pairs = list[tuple[str, Value]]
Expander = Callable[[bytes], Pairs | None]

#: Names that the codec itself must know.
MESSAGE_AUTHENTICATOR: Final = "Message-Authenticator"
PROXY_STATE: Final = "Proxy-State"
USER_PASSWORD: Final = "User-Password"
EAP_MESSAGE: Final = "EAP-Message"
AVPAIR: Final = "Cisco-AVPair"
VENDOR_SPECIFIC: Final = "Vendor-Specific"


class VendorTable:
    """A vendor's attributes by code, for layouts that the walk has no short way for."""

    __slots__ = ("entries", "vendor")

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.entries: dict[int, Entry] = {}

    def split(self, data: bytes, at: int, end: int) -> list[tuple[int, int, int]] | None:
        """
        The sub-attributes between two offsets: code, start and end of the value.

        None when a length is wrong: the whole Vendor-Specific is then opaque (RFC 2865 5.26).
        """
        types, header = self.vendor.type_octets, self.vendor.header
        found = []
        while at < end:
            start = at + header
            if start > end:
                return None
            stop = at + int.from_bytes(data[at + types : start], "big") if header > types else end
            if stop < start or stop > end:
                return None
            found.append((int.from_bytes(data[at : at + types], "big"), start, stop))
            at = stop
        return found


class Tables:
    """
    :ivar container: the code of Vendor-Specific.
    :ivar standard: an entry or None for each of the 256 types.
    :ivar short: the same for vendors of the usual layout (1,1), by the four octets of their number.
    :ivar vendors: all vendors' tables, by the same key.
    :ivar expanders: what the EXPANDED entries of that name do.
    """

    __slots__ = ("container", "expanders", "short", "standard", "vendors")

    def __init__(self, vendors: Iterable[Vendor], attributes: Iterable[Attribute], container: int) -> None:
        self.container = container
        self.standard: list[Entry | None] = [None] * 256
        self.short: dict[bytes, list[Entry | None]] = {}
        self.vendors: dict[bytes, VendorTable] = {}
        self.expanders: dict[str, Expander] = {}
        for vendor in vendors:
            self.vendors[vendor.octets] = VendorTable(vendor)
            if (vendor.type_octets, vendor.length_octets) == (1, 1):
                self.short[vendor.octets] = [None] * 256
        # The carried ones have no number of their own.
        numbered = [attribute for attribute in attributes if attribute.code >= 0]
        for attribute in numbered:
            if attribute.parent is None and attribute.type != "vsa":
                self._place(attribute, numbered)

    def _place(self, attribute: Attribute, attributes: Iterable[Attribute]) -> None:
        """Put one attribute where the walk will find it."""
        entry = _entry(attribute)
        if entry[0] == EXPANDED:
            self.expanders[attribute.name] = (
                _tlv_expander(attribute, attributes) if attribute.type == "tlv" else _tag_expander(attribute)
            )
        if attribute.vendor == STANDARD:
            self.standard[attribute.code] = entry
            return
        key = attribute.vendor.to_bytes(4, "big")
        self.vendors[key].entries[attribute.code] = entry
        if key in self.short:
            self.short[key][attribute.code] = entry


def _entry(attribute: Attribute) -> Entry:
    """The tuple for one attribute."""
    name, kind = attribute.name, attribute.type
    if name == MESSAGE_AUTHENTICATOR:
        return SIGNATURE, name, decode_octets, ""
    if kind == "tlv" or attribute.tagged:
        return EXPANDED, name, decode_octets, ""
    # What travels hidden is no text yet.
    if attribute.encrypt:
        return CONVERTED, name, decode_octets, ""
    if name == AVPAIR:
        return PAIR, name, decode_text, ""
    if kind == "string":
        return PREFIXED if attribute.prefix else TEXT, name, decode_text, attribute.prefix
    return NUMBER if kind in ("integer", "date") else CONVERTED, name, DECODERS[kind], ""


def _tag_expander(attribute: Attribute) -> Expander:
    """
    A tagged attribute (RFC 2868 3): its name becomes ``name:tag`` when the tag is 1 to 31.

    The tag takes the place of an integer's first octet; before other values it is optional and there when the
    first octet is at most 31, except before salted ones, which always have it.
    """
    name, integer = attribute.name, attribute.type == "integer"
    decode = decode_octets if attribute.encrypt else DECODERS[attribute.type]

    def expand(octets: bytes) -> Pairs | None:
        tag = octets[0] if octets else 0
        if integer:
            value = decode(b"\0" + octets[1:]) if octets else None
        else:
            value = decode(octets[1:] if octets and (tag <= 0x1F or attribute.encrypt) else octets)
        if value is None:
            return None
        return [(f"{name}:{tag}" if 0 < tag <= 0x1F else name, value)]

    return expand


def _tlv_expander(attribute: Attribute, attributes: Iterable[Attribute]) -> Expander:
    """A TLV: each known sub-attribute becomes a pair of its own; a wrong length makes the TLV opaque."""
    children: Mapping[int, tuple[str, Decoder]] = {
        child.code: (child.name, DECODERS[child.type])
        for child in attributes
        if child.parent == attribute.code and child.vendor == attribute.vendor
    }
    layout = VendorTable(Vendor("", STANDARD))

    def expand(octets: bytes) -> Pairs | None:
        split = layout.split(octets, 0, len(octets))
        if split is None:
            return None
        pairs: Pairs = []
        for code, start, end in split:
            if code in children:
                name, decode = children[code]
                value = decode(octets[start:end])
                if value is not None:
                    pairs.append((name, value))
        return pairs

    return expand

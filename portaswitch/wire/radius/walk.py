"""The walk over the attributes of a packet: the hot loop of decoding."""

from __future__ import annotations

from struct import Struct

from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.tables import (
    CONVERTED,
    EXPANDED,
    NUMBER,
    PAIR,
    SIGNATURE,
    TEXT,
    Entry,
    Tables,
)

_number_at = Struct(">I").unpack_from


class Walk:
    """
    What a walk found.

    :ivar attributes: name and value in the order of the wire.
    :ivar first: the first value of each name, of a tagged attribute with and without its tag.
    :ivar pairs: the texts of all carriers of pairs (Cisco-AVPair).
    :ivar expanded: what tagged attributes and TLVs gave.
    :ivar ignored: how many can't be of their type, or are Vendor-Specific without sense.
    :ivar unknown: how many aren't in the dictionary.
    :ivar signed_at: offset of the Message-Authenticator's value, 0 for none.
    """

    __slots__ = ("attributes", "expanded", "first", "ignored", "pairs", "signed_at", "unknown")

    def __init__(
        self,
        attributes: list[tuple[str, Value]],
        first: dict[str, Value],
        pairs: list[str],
        expanded: list[tuple[str, Value]],
    ) -> None:
        self.attributes = attributes
        self.first = first
        self.pairs = pairs
        self.expanded = expanded
        self.ignored = self.unknown = self.signed_at = 0


class Malformed(Exception):
    """
    A datagram that must be discarded in silence (RFC 2865 3, RFC 5080 2.2.2).

    :ivar reason: one word, for the counter of drops: short, length, long, code, attribute, authenticator,
        message-authenticator, password, identifier.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def walk(data: bytes, at: int, tables: Tables) -> Walk:
    """
    Decode the attributes from an offset to the end.

    One loop with the common types in place, because calls are what it would otherwise spend its time on.

    :raises Malformed: attribute, for a length under 2 or past the end (RFC 2865 5); message-authenticator,
        for one of another length than 16 octets, or two (RFC 3579 3.2).
    """
    last = len(data) - 1
    standard, short, container = tables.standard, tables.short, tables.container
    found = Walk([], {}, [], [])
    append = found.attributes.append
    while at < last:
        size = data[at + 1]
        stop = at + size
        if size < 2 or stop > last + 1:
            raise Malformed("attribute")
        code = data[at]
        if code != container:
            entry = standard[code]
            at += 2
        else:
            codes = short.get(data[at + 2 : at + 6])
            if codes is None or size < 8 or data[at + 7] != size - 6:
                _sub_attributes(data, at + 2, stop, found, tables)
                at = stop
                continue
            entry = codes[data[at + 6]]
            at += 8
        if entry is None:
            found.unknown += 1
        else:
            form, name, convert, prefix = entry
            if form <= PAIR:
                try:
                    text = data[at:stop].decode()
                    if "\0" in text:
                        append((name, data[at:stop]))
                    elif form == TEXT:
                        append((name, text))
                    else:
                        append((name, text.removeprefix(prefix)))
                        if form == PAIR:
                            found.pairs.append(text)
                except UnicodeDecodeError:
                    append((name, data[at:stop]))
            elif form == NUMBER and stop - at == 4:
                append((name, _number_at(data, at)[0]))
            elif form == CONVERTED and (value := convert(data[at:stop])) is not None:
                append((name, value))
            else:
                _others(entry, data, at, stop, found, tables)
        at = stop
    if at != last + 1:
        raise Malformed("attribute")
    return _indexed(found)


def _indexed(found: Walk) -> Walk:
    """The walk with the first value of each name, and of each tagged one without its tag."""
    found.first = dict(reversed(found.attributes))
    for name, value in found.expanded:
        found.first.setdefault(name.partition(":")[0], value)
    return found


def _others(entry: Entry, data: bytes, at: int, stop: int, found: Walk, tables: Tables) -> None:
    """
    Decode what the walk has no place for; an attribute is ignored when its octets can't be of its type.

    :raises Malformed: message-authenticator, as the walk.
    """
    form, name, convert, prefix = entry
    octets = data[at:stop]
    if form == SIGNATURE:
        if found.signed_at or len(octets) != 16:
            raise Malformed("message-authenticator")
        found.signed_at = at
        return
    if form == EXPANDED:
        pairs = tables.expanders[name](octets)
        if pairs is None:
            found.ignored += 1
        else:
            found.attributes += pairs
            found.expanded += pairs
        return
    value = convert(octets)
    if value is None:
        found.ignored += 1
    elif isinstance(value, str):
        found.attributes.append((name, value.removeprefix(prefix)))
        if form == PAIR:
            found.pairs.append(value)
    else:
        found.attributes.append((name, value))


def _sub_attributes(data: bytes, at: int, stop: int, found: Walk, tables: Tables) -> None:
    """A Vendor-Specific of another layout, of several sub-attributes or of none that makes sense."""
    vendor = tables.vendors.get(data[at : at + 4])
    if vendor is None:
        if stop - at < 4:
            found.ignored += 1
        else:
            found.unknown += 1
        return
    split = vendor.split(data, at + 4, stop)
    if not split:
        found.ignored += 1
        return
    for code, start, end in split:
        entry = vendor.entries.get(code)
        if entry is None:
            found.unknown += 1
        else:
            _others(entry, data, start, end, found, tables)

"""What a dictionary defines: vendors and attributes, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

#: The vendor number of the attributes that have no vendor (IANA's own space).
STANDARD = 0


def _no_words() -> Mapping[str, int]:
    """The enumerated values of an attribute that has none."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Vendor:
    """
    A vendor and the layout of its sub-attributes inside Vendor-Specific (RFC 2865 5.26).

    :ivar number: the private enterprise number.
    :ivar type_octets: size of a sub-attribute's type: 1, 2 or 4.
    :ivar length_octets: size of its length, which counts type, length and value: 1, 2, or 0 when there is
        none and the value goes to the end.
    """

    name: str
    number: int
    type_octets: int = 1
    length_octets: int = 1

    @property
    def header(self) -> int:
        """Octets before a sub-attribute's value."""
        return self.type_octets + self.length_octets

    @property
    def octets(self) -> bytes:
        """The vendor number as it stands in the packet."""
        return self.number.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Attribute:
    """
    One attribute.

    :ivar code: its number, in its vendor's space or, with a parent, in that TLV's; -1 for one that only a
        carrier has.
    :ivar type: the word of a data type (:mod:`.datatypes`), or ``tlv`` or ``vsa``.
    :ivar vendor: the vendor number; :data:`STANDARD` for none.
    :ivar parent: the code of the TLV that it is in, None outside a TLV.
    :ivar tagged: the value begins with a tag (RFC 2868 3.1).
    :ivar encrypt: 0 in clear, 1 as User-Password, 2 salted (RFC 2868 3.5), 3 Ascend's own way.
    :ivar prefix: what the value repeats on the wire before itself, such as ``h323-conf-id=``; empty for
        nothing.
    :ivar carrier: name of the attribute inside which it is sent as ``name=value``; empty for none.
    :ivar words: the names of its enumerated values.
    """

    name: str
    code: int
    type: str
    vendor: int = STANDARD
    parent: int | None = None
    tagged: bool = False
    encrypt: int = 0
    prefix: str = ""
    carrier: str = ""
    words: Mapping[str, int] = field(default_factory=_no_words, hash=False)

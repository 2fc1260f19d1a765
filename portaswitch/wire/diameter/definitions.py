"""What a dictionary defines: AVPs, commands and grammars, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

#: The vendor of AVPs that have none: IANA's own space, and no V bit.
STANDARD: Final = 0

#: Bits of the header's flags (RFC 6733 3).
REQUEST: Final = 0x80
PROXIABLE: Final = 0x40
ERROR: Final = 0x20
RETRANSMITTED: Final = 0x10

#: Bits of an AVP's flags (RFC 6733 4.1).
VENDOR: Final = 0x80
MANDATORY: Final = 0x40
PROTECTED: Final = 0x20

#: Version, length, flags, command, application, hop-by-hop and end-to-end identifiers (RFC 6733 3).
HEADER_OCTETS: Final = 20


def _no_words() -> Mapping[str, int]:
    """The enumerated values of an AVP that has none."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Avp:
    """
    One AVP.

    :ivar code: its number in its vendor's space.
    :ivar type: a data type of RFC 6733 4.2 or 4.3, or ``Grouped`` (:mod:`.datatypes`).
    :ivar mandatory: we send it with the M bit; what others send is taken with or without.
    :ivar words: the names of its enumerated values.
    """

    name: str
    code: int
    type: str
    vendor: int = STANDARD
    mandatory: bool = False
    words: Mapping[str, int] = field(default_factory=_no_words, hash=False)

    @property
    def key(self) -> int:
        """Vendor and code as one number, which decoding looks up."""
        return self.vendor << 32 | self.code

    @property
    def flags(self) -> int:
        """The flags that we send."""
        return (VENDOR if self.vendor else 0) | (MANDATORY if self.mandatory else 0)


@dataclass(frozen=True, slots=True)
class Command:
    """
    A request and its answer.

    :ivar name: without the R or A of request and answer: ``CC``.
    :ivar application: the number of the application whose header it carries, None for any.
    :ivar proxiable: its request may have the P bit.
    """

    name: str
    code: int
    application: int | None
    proxiable: bool


@dataclass(frozen=True, slots=True)
class Grammar:
    """
    How often AVPs may be in a message or group; all others any number of times.

    :ivar required: at least once (5005 otherwise).
    :ivar once: at most once (5009 otherwise).
    :ivar same: at most once, or again with the same value, which clients in use do.
    """

    required: tuple[str, ...] = ()
    once: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()

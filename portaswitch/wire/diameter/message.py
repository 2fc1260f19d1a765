"""A decoded message: AVPs in order, and look-ups by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from portaswitch.wire.diameter.datatypes import Value
from portaswitch.wire.diameter.definitions import ERROR, PROXIABLE, REQUEST, RETRANSMITTED

if TYPE_CHECKING:
    from portaswitch.wire.diameter.faults import Fault

Pair = tuple[str, Value]

#: The name under which AVPs stand that the dictionary hasn't got.
UNKNOWN: Final = "Unknown-AVP"


class Unknown(NamedTuple):
    """An AVP that the dictionary hasn't got, kept whole."""

    code: int
    vendor: int
    flags: int
    octets: bytes


class Group:
    """
    The AVPs of a Grouped AVP.

    :ivar pairs: name and value in the order of the wire; unknown AVPs under :data:`UNKNOWN`.
    :ivar odd: the flags of AVPs, by their place in pairs, which came with others than we send.
    """

    __slots__ = ("odd", "pairs")

    def __init__(self, pairs: Iterable[Pair] | None = None) -> None:
        self.pairs: list[Pair] = [] if pairs is None else list(pairs)
        self.odd: dict[int, int] | None = None

    def __repr__(self) -> str:
        """The number of AVPs: never values, which name subscribers."""
        return f"<Group avps={len(self.pairs)}>"

    def __eq__(self, other: object) -> bool:
        """The same AVPs in the same order."""
        return isinstance(other, Group) and self.pairs == other.pairs

    def get(self, name: str) -> Value | None:
        """The first value of a name, or None."""
        for key, value in self.pairs:
            if key == name:
                return value
        return None

    def all(self, name: str) -> list[Value]:
        """Every value of a name in the order of the wire."""
        return [value for key, value in self.pairs if key == name]

    def text(self, name: str) -> str | None:
        """The first value if it is text, else None."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """The first value if it is a whole number, else None."""
        value = self.get(name)
        return value if isinstance(value, int) else None

    def octets(self, name: str) -> bytes | None:
        """The first value if it is octets, else None."""
        value = self.get(name)
        return value if isinstance(value, bytes) else None

    def group(self, name: str) -> Group | None:
        """The first value if it is a group, else None."""
        value = self.get(name)
        return value if isinstance(value, Group) else None

    def groups(self, name: str) -> list[Group]:
        """Every group of a name."""
        return [value for key, value in self.pairs if key == name and isinstance(value, Group)]


class Message:
    """
    A message, as far as it could be read.

    :ivar flags: R, P, E and T bits (:mod:`.definitions`), with any reserved ones.
    :ivar code: the number of the command.
    :ivar body: its AVPs.
    :ivar get: the first value of a name on the top level, or None; the dict's own method.
    :ivar fault: the first thing that is wrong with it, None for a sound message. A message with a fault has
        the AVPs before the fault, which its answer needs.
    :ivar repeated: AVPs that were there again with the value of the first, which is let pass.
    """

    __slots__ = ("application", "body", "code", "end_to_end", "fault", "flags", "get", "hop_by_hop", "repeated")

    def __init__(self, flags: int, code: int, application: int, hop_by_hop: int, end_to_end: int, body: Group | None = None) -> None:
        self.flags = flags
        self.code = code
        self.application = application
        self.hop_by_hop = hop_by_hop
        self.end_to_end = end_to_end
        self.body = Group() if body is None else body
        self.fault: Fault | None = None
        self.repeated = 0
        self.get: Callable[[str], Value | None] = self.body.get

    def __repr__(self) -> str:
        """Header and number of AVPs: never values, which name subscribers."""
        return (
            f"<Message code={self.code} flags={self.flags:#04x} application={self.application} "
            f"hop_by_hop={self.hop_by_hop:#x} avps={len(self.body.pairs)}>"
        )

    @property
    def is_request(self) -> bool:
        """It has the R bit."""
        return self.flags & REQUEST > 0

    @property
    def is_proxiable(self) -> bool:
        """It has the P bit."""
        return self.flags & PROXIABLE > 0

    @property
    def is_error(self) -> bool:
        """It has the E bit: an answer in the generic grammar (RFC 6733 7.2)."""
        return self.flags & ERROR > 0

    @property
    def is_retransmitted(self) -> bool:
        """It has the T bit: perhaps a copy, after a failover (RFC 6733 3)."""
        return self.flags & RETRANSMITTED > 0

    @property
    def pairs(self) -> list[Pair]:
        """Name and value of every AVP of the top level, in the order of the wire."""
        return self.body.pairs

    def all(self, name: str) -> list[Value]:
        """Every value of a name on the top level, in the order of the wire."""
        return self.body.all(name)

    def text(self, name: str) -> str | None:
        """The first value if it is text, else None."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """The first value if it is a whole number, else None."""
        value = self.get(name)
        return value if isinstance(value, int) else None

    def group(self, name: str) -> Group | None:
        """The first value if it is a group, else None."""
        value = self.get(name)
        return value if isinstance(value, Group) else None

    def groups(self, name: str) -> list[Group]:
        """Every group of a name on the top level."""
        return self.body.groups(name)

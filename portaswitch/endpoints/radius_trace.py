"""RADIUS packets as a trace shows them: what was understood of them, in the order of the wire, secrets masked."""

from __future__ import annotations

from collections.abc import Iterable

from portaswitch.model.catalogue import Node
from portaswitch.model.request import AAARequest
from portaswitch.trace import masking
from portaswitch.trace.line import Facts
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code

#: Attributes of a packet that are shown: more has no sender of sense.
MOST = 120
#: Octets that are worth their hexadecimal digits: by Class a session is found again.
HEXADECIMAL = frozenset(("Class",))
#: The profile of nodes whose users type card numbers; such a number is all that one has to know.
IVR = "ivr"


def title(code: int) -> str:
    """The name of a packet: Access-Request."""
    return Code(code).name.replace("_", "-").title()


def types_cards(node: Node, request: AAARequest) -> bool:
    """Whether the user of a request is a card number that somebody typed."""
    return node.profile == IVR and request.parties.user != ""


def described(attributes: Iterable[tuple[str, Value]], dictionary: Dictionary) -> Facts:
    """Name and text of each attribute."""
    shown = [(name, _text(name, value, dictionary)) for name, value in list(attributes)[:MOST]]
    return tuple(shown)


def _text(name: str, value: Value, dictionary: Dictionary) -> str:
    if masking.is_secret(name):
        return masking.MASK
    if isinstance(value, bytes):
        return value.hex() if name in HEXADECIMAL else f"({len(value)} octets)"
    if isinstance(value, int):
        return dictionary.word(name.partition(":")[0], value) or str(value)
    return masking.masked(name, value)

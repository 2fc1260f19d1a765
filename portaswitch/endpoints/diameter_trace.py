"""Diameter messages as a trace shows them: what was understood of them, in the order of the wire, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from portaswitch.trace import masking
from portaswitch.trace.line import Facts
from portaswitch.wire.diameter.datatypes import Value
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import Group, Message, Pair, Unknown

#: AVPs of a message that are shown: more has no sender of sense.
MOST = 200


def title(message: Message) -> str:
    """The name of a message: CCR, CCA."""
    name = Dictionary.standard().commands[message.code].name
    return f"{name}{'R' if message.is_request else 'A'}"


def described(pairs: Sequence[Pair], dictionary: Dictionary) -> Facts:
    """Name and text of each AVP, those of groups after the name of the group and a dot."""
    shown = []
    for name, value in _flat("", pairs):
        shown.append((name, _text(name, value, dictionary)))
        if len(shown) == MOST:
            break
    return tuple(shown)


def _flat(above: str, pairs: Sequence[Pair]) -> Iterator[Pair]:
    for name, value in pairs:
        if isinstance(value, Group):
            yield from _flat(f"{above}{name}.", value.pairs)
        else:
            yield f"{above}{name}", value


def _text(name: str, value: Value, dictionary: Dictionary) -> str:
    if masking.is_secret(name):
        return masking.MASK
    if isinstance(value, Unknown):
        return f"(code {value.code}, vendor {value.vendor}, {len(value.octets)} octets)"
    if isinstance(value, bytes):
        return f"({len(value)} octets)"
    if isinstance(value, int):
        return dictionary.word(name.rpartition(".")[2], value) or str(value)
    return masking.masked(name, str(value))

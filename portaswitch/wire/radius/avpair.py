"""
Pairs inside attributes: ``name=value`` in Cisco-AVPair, ``Name:Value`` in h323-ivr-out.

Lax in: equipment writes ``h323-ivr-out=PortaBilling_Session:lock``, ``h323-ivr-out = "PortaBilling
Session:lock"`` and ``PortaOne-Service-Type = Conference`` alike (External System Interfaces guide, chapter
1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_QUOTES: Final = "\"'"


def unquote(text: str) -> str:
    """The text without blanks around it, and without one pair of equal quotes around the rest."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in _QUOTES:
        return text[1:-1]
    return text


def split_avpair(text: str) -> tuple[str, str] | None:
    """Name and value of a Cisco-AVPair, or None when there is no ``=`` or no name before it."""
    name, sign, value = text.partition("=")
    name = name.strip()
    return (name, unquote(value)) if sign and name else None


@lru_cache(1024)
def split_ivr(text: str) -> tuple[str, str] | None:
    """
    Name and value of an h323-ivr-out, parted by the first ``:`` or ``=``; None without either.

    A blank inside the name is an underscore that was lost in print, so both give the name with the
    underscore.
    """
    text = unquote(text)
    colon, equals = text.find(":"), text.find("=")
    cut = min(colon, equals) if colon >= 0 and equals >= 0 else max(colon, equals)
    name = text[: max(cut, 0)].strip().replace(" ", "_")
    return (name, unquote(text[cut + 1 :])) if name else None

"""Whose a credit control request is: the ids of its Subscription-Ids, in the order in which accounts are looked for (RFC 8506 8.46)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from portaswitch.wire.diameter.datatypes import REMEMBERED
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import Group, Message

E164: Final = "END_USER_E164"
IMSI: Final = "END_USER_IMSI"
"""Its leading zeros count: 001 is a country code (that of test networks)."""
OF_IMSI: Final = frozenset(("END_USER_NAI", "END_USER_PRIVATE"))
"""Their user is an IMSI, as a rule."""
MOST_IDS: Final = 4
MOST_REMEMBERED: Final = 8
"""Subscription-Ids of a request whose order is remembered."""
LONGEST: Final = 128
"""Characters of an account's id, and of a number."""


def subscribers(ccr: Message, order: tuple[str, ...]) -> tuple[str, ...]:
    """The ids that the user may have, most wanted first, none twice; empty where nothing names a user."""
    told = tuple([(group.integer("Subscription-Id-Type") or 0, group.text("Subscription-Id-Data") or "") for group in _groups(ccr)])
    if len(told) > MOST_REMEMBERED or sum([len(text) for _, text in told]) > REMEMBERED:
        return _ranked(told, order)
    return _known(told, order) if told else ()


def _ranked(told: tuple[tuple[int, str], ...], order: tuple[str, ...]) -> tuple[str, ...]:
    word = Dictionary.standard().word
    named = [(word("Subscription-Id-Type", number) or "", text) for number, text in told]
    ranked = sorted(named, key=lambda one: order.index(one[0]) if one[0] in order else len(order))
    found: dict[str, None] = {}
    for kind, text in ranked:
        found.update(dict.fromkeys(_forms(kind, text)))
    return tuple([name for name in found if name and len(name) <= LONGEST][:MOST_IDS])


_known = lru_cache(4096)(_ranked)  # a subscriber's requests come one after the other


def _groups(ccr: Message) -> Iterator[Group]:
    """Those of the top, then those of Service-Information: some clients send either, some both."""
    yield from ccr.groups("Subscription-Id")
    information = ccr.group("Service-Information")
    if information is not None:
        yield from information.groups("Subscription-Id")


def _forms(kind: str, text: str) -> Iterator[str]:
    """The ids that a Subscription-Id may stand for: a number bare, an address whole and by its user."""
    bare = text.replace("\0", "") if kind == IMSI else number(text)
    yield bare
    if kind != E164 and "@" in bare:
        user = bare.partition("@")[0]
        yield user if kind in OF_IMSI else number(user)


def number(text: str) -> str:
    """A number or address without its scheme and parameters; digits without the plus or the two zeros before them. No database keeps a NUL."""
    text = text.replace("\0", "")
    for scheme in ("tel:", "sip:", "sips:"):
        if text[: len(scheme)].lower() == scheme:
            text = text[len(scheme) :].partition(";")[0]
    digits = text.removeprefix("+")
    if digits.startswith("00") and digits.isascii() and digits.isdigit():
        return digits[2:]
    return digits if digits.isascii() and digits.isdigit() else text

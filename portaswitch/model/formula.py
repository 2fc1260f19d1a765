"""
The two small languages of a price list, compiled (ours: the public documentation has the concepts and no grammar).

    formula   = element {"," element}
    element   = [times "*"] units "@" price               times is a number or "unlimited"; without it once
              | "fee" (amount | "connect" | percent) {"tricky" | "random" percent}
              | "disconnect" {"random" percent | "spread" units}
    portions  = units "+" percent {"," units "+" percent}
    percent   = number "%"

    60*1@1.80, 2*60@1.80, fee 0.50 random 25%, 7*60@1.80, disconnect
    300+20%, 300+10%, 600+5%

Blanks and case don't matter. What can't be so is an error that says at which character.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from portaswitch.model.money import ZERO
from portaswitch.model.pricing import Element, Kind, Portion

MOST: Final = 50
"""Elements of a formula, or portions: a price list has no use for more, and every charge walks through them."""

HUNDRED: Final = Decimal(100)
_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,10})?"
_INTERVAL: Final = re.compile(rf"(?:(unlimited|[0-9]{{1,12}})\s*\*\s*)?([0-9]{{1,15}})\s*@\s*(-?{_NUMBER})")
_FEE: Final = re.compile(rf"fee\s+(?:(connect)|(-?{_NUMBER})(?:\s*(%))?)")
_DISCONNECT: Final = re.compile(r"disconnect\b")
_OPTION: Final = re.compile(rf"\s+(?:(tricky)\b|random\s+({_NUMBER})\s*%|spread\s+([0-9]{{1,9}})\b)")
_PORTION: Final = re.compile(rf"\s*([0-9]{{1,12}})\s*\+\s*({_NUMBER})\s*%\s*")


class FormulaError(ValueError):
    """A text that is no formula; `place` is the number of the character (from 1) where it goes wrong."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(f"character {place}: {reason}")
        self.place = place


@lru_cache(1024)
def parse(text: str) -> tuple[Element, ...]:
    """Compile a formula. Errors: `FormulaError`."""
    found, ended = [], False
    for place, piece in _pieces(text):
        if ended:
            raise FormulaError(place, "nothing is reached behind unlimited intervals: surcharges at the end belong to the tariff (post_call)")
        element = _element(piece, place)
        ended = element.kind is Kind.INTERVAL and not element.count
        found.append(element)
    if not any(element.kind is Kind.INTERVAL for element in found):
        raise FormulaError(1, "there is no interval: write at least one, such as 60@0.10 or unlimited*1@0.02")
    return tuple(found)


@lru_cache(1024)
def parse_portions(text: str) -> tuple[Portion, ...]:
    """Compile portions of added duration; '' is none. Errors: `FormulaError`."""
    found = []
    for place, piece in _pieces(text) if text.strip() else ():
        match = _PORTION.fullmatch(piece)
        if match is None or not int(match[1]):
            raise FormulaError(place, "a portion belongs here: its units and its percentage, such as 300+20%")
        if Decimal(match[2]) > 1000:
            raise FormulaError(place, "more than 1000% is no lengthening that anybody means")
        found.append(Portion(int(match[1]), Decimal(match[2])))
    return tuple(found)


def _pieces(text: str) -> list[tuple[int, str]]:
    """What stands between commas, in small letters, each with the number of its first character that is no blank."""
    pieces, at = [], 0
    for piece in text.lower().split(","):
        pieces.append((at + len(piece) - len(piece.lstrip()) + 1, piece.strip()))
        at += len(piece) + 1
    if len(pieces) > MOST:
        raise FormulaError(pieces[MOST][0], f"more than {MOST} of them")
    return pieces


def _element(piece: str, place: int) -> Element:
    interval = _INTERVAL.match(piece)
    if interval is not None:
        count = 0 if interval[1] == "unlimited" else int(interval[1] or 1)
        if not int(interval[2]) or (not count and interval[1] != "unlimited"):
            raise FormulaError(place, "an interval has at least one unit, and happens at least once")
        _whole(piece, interval.end(), place)
        return Element(Kind.INTERVAL, Decimal(interval[3]), count, int(interval[2]))
    fee, disconnect = _FEE.match(piece), _DISCONNECT.match(piece)
    if fee is not None:
        amount = Decimal(fee[2] or 0)
        if fee[3] and amount < 0:
            raise FormulaError(place, "a percentage is 0 or more")
        kind = Kind.CONNECT if fee[1] else Kind.SHARE if fee[3] else Kind.FEE
        return _options(Element(kind, amount), piece, fee.end(), place)
    if disconnect is not None:
        return _options(Element(Kind.DISCONNECT), piece, disconnect.end(), place)
    raise FormulaError(place, "an element belongs here: an interval (60*1@1.80), fee 0.50, fee connect, fee 10%, or disconnect")


def _options(element: Element, piece: str, at: int, place: int) -> Element:
    while match := _OPTION.match(piece, at):
        if match[1] and element.kind is not Kind.DISCONNECT:
            element = replace(element, tricky=True)
        elif match[2]:
            element = replace(element, chance=_chance(Decimal(match[2]), place + at))
        elif match[3] and element.kind is Kind.DISCONNECT:
            element = replace(element, units=int(match[3]))
        else:
            break
        at = match.end()
    _whole(piece, at, place)
    return element


def _chance(percent: Decimal, place: int) -> Decimal:
    if not ZERO < percent <= HUNDRED:
        raise FormulaError(place, "random is more than 0% and at most 100% of the sessions")
    return percent


def _whole(piece: str, at: int, place: int) -> None:
    if at < len(piece):
        raise FormulaError(place + at, f"{piece[at:].strip()} is not understood here: tricky, random 25% belong to a fee, random and spread 30 to disconnect")

"""The values of a price list: from what an operator or a spreadsheet writes to what COPY reads; Refused says what is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from portaswitch.model import formula
from portaswitch.model.catalogue import SPECIAL
from portaswitch.model.price_level import LEVELS
from portaswitch.model.price_upload import ALWAYS

NULL: Final = "\\N"
"""How COPY writes null."""

_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_ITEM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_SCIENTIFIC: Final = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_UNITS: Final = re.compile(r"[0-9]{1,16}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([+-][0-9]{2}:?[0-9]{2}|Z)?)?")
_TRUTH: Final = {word: value for value, words in (("t", "1 y yes t true x"), ("f", "0 n no f false")) for word in words.split()}
_ACTIONS: Final = {"+": "f", "add": "f", "-": "t", "remove": "t", "delete": "t"}
LONGEST_TEXT: Final = 1024
MOST_UNITS: Final = 10**15


class Refused(Exception):
    """A value is wrong; the text says why and what is right."""


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")


def prefix_of(text: str, items: bool) -> str:
    """A destination: digits (a + before them is left out), a special one, or where `items` says so the name of an item."""
    bare = text.removeprefix("+")
    if _DIGITS.fullmatch(bare):
        return bare
    if not text:
        raise Refused("there is no destination")
    if text in SPECIAL or (items and _ITEM.fullmatch(text)):
        return text
    if _SCIENTIFIC.fullmatch(text):
        raise Refused(f"{_shown(text)} is what a spreadsheet makes of a long number: format the column as text")
    raise Refused(f"{_shown(text)} is neither 1 to 20 digits nor a special destination ({', '.join(sorted(SPECIAL))})")


def amount(text: str) -> str:
    """An amount of money: digits and a point."""
    if _AMOUNT.fullmatch(text):
        return text
    if "," in text:
        raise Refused(f"{_shown(text)} is not an amount: write a decimal point, no comma")
    raise Refused(f"{_shown(text)} is not an amount: write digits with a point, such as 0.0125")


def units(text: str) -> str:
    """A length of an interval, in base units of the service."""
    if _UNITS.fullmatch(text) and 1 <= int(text) <= MOST_UNITS:
        return str(int(text))
    raise Refused(f"{_shown(text)} is not a whole number of units, 1 to {MOST_UNITS}")


def truth(text: str) -> str:
    """Yes or no."""
    found = _TRUTH.get(text.lower())
    if found is None:
        raise Refused(f"{_shown(text)} is neither yes nor no: write 1 or 0")
    return found


def action(text: str) -> str:
    """Whether a row ends its rate."""
    found = _ACTIONS.get(text.lower())
    if found is None:
        raise Refused(f"{_shown(text)} is no action: write + (or nothing) for a rate that comes, - for one that ends")
    return found


def words(text: str) -> str:
    """A description, escaped for COPY."""
    if len(text) > LONGEST_TEXT:
        raise Refused(f"is longer than {LONGEST_TEXT} characters")
    if _CONTROL.search(text):
        raise Refused("has control characters in it: remove them")
    return text.replace("\\", "\\\\")


def country(text: str) -> str:
    """A country by its two letters."""
    if not _COUNTRY.fullmatch(text.upper()):
        raise Refused(f"{_shown(text)} is not a country: write the two letters of ISO 3166, such as CZ")
    return text.upper()


def numbering(text: str) -> str:
    """Of which kind a prefix is."""
    if text not in ("E.164", "E.212"):
        raise Refused(f"{_shown(text)} is neither E.164 nor E.212")
    return text


def formula_of(text: str) -> str:
    """A rate formula, as the document that the table keeps, escaped for COPY."""
    if len(text) > LONGEST_TEXT:
        raise Refused(f"is longer than {LONGEST_TEXT} characters")
    try:
        formula.parse(text)
    except formula.FormulaError as error:
        raise Refused(f"{_shown(text)} is not a formula: {error}") from None
    return json.dumps({"text": text}).replace("\\", "\\\\")


def time_of(text: str, now: datetime) -> datetime | None:
    """A moment: a date (its midnight, UTC), a date and time (UTC unless it says otherwise), `now`; None of `always`."""
    if text.lower() in ("always", ALWAYS):
        return None
    if text.lower() == "now":
        return now
    if not _TIME.fullmatch(text):
        raise Refused(f"{_shown(text)} is no time: write 2026-01-31, 2026-01-31T12:00:00Z, now or always")
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{_shown(text)} is no day of the calendar, or no time of a day") from None


CONVERTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "format": numbering,
    "country": country,
    "description": words,
    "interval_first": units,
    "interval_n": units,
    "price_first": amount,
    "price_n": amount,
    "price": amount,
    "connect_fee": amount,
    "forbidden": truth,
    "hidden": truth,
    "discontinued": truth,
    "payback": truth,
    "action": action,
    "formula": formula_of,
    **{f"{level}_{figure}": units for level in LEVELS for figure in ("interval_first", "interval_n")},
    **{f"{level}_{figure}": amount for level in LEVELS for figure in ("price_first", "price_n", "price")},
}
"""How the value of each field is read that depends on nothing else; an empty one is left out before."""

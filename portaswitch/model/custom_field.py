"""Custom fields (PORTABILLING.md a.13): how a value is read, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from portaswitch.model.text_values import AMOUNT, INSTANT, LINE, TextKind

KINDS: Final[Mapping[str, TextKind]] = {"text": LINE, "number": AMOUNT, "date": INSTANT, "datetime": INSTANT}
FORMS: Final = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S"}


def kept(kind: str, choices: Sequence[str], text: str) -> str:
    """
    A value of a field of that type as it is kept: dates as YYYY-MM-DD, times in UTC.

    Errors: ValueError with the reason, whose subject is the text.
    """
    if kind == "list":
        if text not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return text
    value = KINDS[kind].convert(text)
    return value.strftime(FORMS[kind]) if kind in FORMS else str(value)

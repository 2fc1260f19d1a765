"""
The law of Error-Cause (RFC 5176 3.5, and the registry of RADIUS attribute 101): what a refusal means for the task behind it.

    2xx  done                    it is as we wanted it
    4xx  what we asked is wrong  final: the same again gets the same answer
    5xx  the node or a proxy     as the table says; unknown ones are final
    none                         later: a node that gives no reason may have had a passing one
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Law(StrEnum):
    """What follows of a refusal."""

    DONE = "done"
    FINAL = "final"
    LATER = "later"


#: Causes that pass: the node could not now. All others of 400 and above are final.
PASSING: Final[Mapping[int, str]] = MappingProxyType(
    {
        504: "Session Context Not Removable: found, but could not be removed for now",
        506: "Resources Unavailable",
        507: "Request Initiated: the node asks for authorization itself first",
    }
)


def law(cause: int | None, success: frozenset[int]) -> Law:
    """What a NAK with this Error-Cause (None: it had none) means; `success` are the causes that the node's profile counts as done."""
    if cause is None:
        return Law.LATER
    if cause in success or 200 <= cause < 300:
        return Law.DONE
    return Law.LATER if cause in PASSING else Law.FINAL

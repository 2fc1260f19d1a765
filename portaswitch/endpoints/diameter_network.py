"""
The network that serves a user, as MCC and MNC: what a request says of it, the plainest first.

    3GPP-SGSN-MCC-MNC              digits                                   (TS 29.061 16.4.7)
    3GPP-User-Location-Info        the octets behind its kind of location   (TS 29.274 8.21)
    IMS-Visited-Network-Identifier ims.mnc001.mcc262.3gppnetwork.org        (TS 23.003 13.2)
"""

from __future__ import annotations

import re
from typing import Final

from portaswitch.wire.diameter.message import Group

VISITED: Final = re.compile(r"(?:^|\.)mnc([0-9]{3})\.mcc([0-9]{3})\.", re.IGNORECASE | re.ASCII)
LOCATED: Final = frozenset((0, 1, 2, 128, 129, 130, 131, 132, 133, 135, 136, 137))
"""Kinds of location that begin with a PLMN: CGI, SAI, RAI, TAI, ECGI, eNodeB, NCGI, 5GS TAI and what is made of them."""

NO_DIGIT: Final = 15


def serving(packet: Group, ims: Group) -> str:
    """MCC and MNC of the serving network by PS-Information and IMS-Information; '' unknown."""
    told = packet.text("3GPP-SGSN-MCC-MNC") or ""
    if told.isascii() and told.isdigit() and len(told) in (5, 6):
        return told
    place = packet.get("3GPP-User-Location-Info")
    located = _located(place) if isinstance(place, bytes) else ""
    return located or _visited(ims.text("IMS-Visited-Network-Identifier") or "")


def _located(place: bytes) -> str:
    if len(place) < 4 or place[0] not in LOCATED:
        return ""
    first, second, third = place[1:4]
    digits = (first & 15, first >> 4, second & 15, third & 15, third >> 4, second >> 4)
    if any(digit > 9 for digit in digits[:5]) or (digits[5] > 9 and digits[5] != NO_DIGIT):
        return ""
    return "".join(str(digit) for digit in digits if digit != NO_DIGIT)


def _visited(name: str) -> str:
    """Of names an MNC has three digits always: a shorter one has a zero in front."""
    found = VISITED.search(name)
    return f"{found[2]}{found[1][1:] if found[1].startswith('0') else found[1]}" if found else ""

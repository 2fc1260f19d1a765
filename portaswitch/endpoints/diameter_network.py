"""
The network that serves a user, as MCC and MNC: what a request says of it, by the AVPs that the profile names, the plainest first (`serving`).

    3GPP-SGSN-MCC-MNC              digits                                                       (TS 29.061 16.4.7)
    3GPP-User-Location-Info        the octets behind its kind of location                       (TS 29.274 8.21)
    IMS-Visited-Network-Identifier ims.mnc001.mcc262.3gppnetwork.org                            (TS 23.003 13.2)
    Access-Network-Information     3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620100a10012345         (RFC 7315 5.4, TS 24.229 7.2A.4)
    Inter-Operator-Identifier      Type 1 and the name of the network that the user's edge is in (TS 24.229 7.2A.5, TS 32.299 7.2.77)

An AVP that tells of no network of this kind (a WLAN, a name of another form) leaves it to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from portaswitch.model.request import Direction
from portaswitch.wire.diameter.message import Group

VISITED: Final = re.compile(r"(?:^|\.)mnc([0-9]{3})\.mcc([0-9]{3})\.", re.IGNORECASE | re.ASCII)
LOCATED: Final = frozenset((0, 1, 2, 128, 129, 130, 131, 132, 133, 135, 136, 137))
"""Kinds of location that begin with a PLMN: CGI, SAI, RAI, TAI, ECGI, eNodeB, NCGI, 5GS TAI and what is made of them."""

NO_DIGIT: Final = 15
CELL: Final = re.compile(r';\s*(cgi-3gpp|utran-sai-3gpp|utran-cell-id-3gpp)\s*=\s*"?([0-9]{5}[0-9A-F]+)"?\s*(?:;|$)', re.IGNORECASE | re.ASCII)
AREAS: Final[Mapping[str, tuple[int, ...]]] = {"cgi-3gpp": (8,), "utran-sai-3gpp": (8,), "utran-cell-id-3gpp": (11, 15)}
"""Hexadecimal digits behind MCC and MNC: area and cell of GSM, area and service area; area and cell of UTRAN and E-UTRAN, of NR."""

OWN_WORD: Final = re.compile(r";\s*network-provided\s*(?:;|$)", re.IGNORECASE)
EDGE: Final = re.compile(r'"?type 1\s*', re.IGNORECASE)
"""Begins the IOI of the network of the P-CSCF, and of the home network towards it; types 2 and 3 name home networks and application servers."""

IOIS: Final = {Direction.OUTGOING: "Originating-IOI", Direction.INCOMING: "Terminating-IOI"}


def serving(order: tuple[str, ...], packet: Group, ims: Group, direction: Direction = Direction.OUTGOING) -> str:
    """MCC and MNC of the serving network by PS-Information and IMS-Information, of the first AVP of `order` (names of READERS) that tells it; '' unknown."""
    for name in order:
        found = READERS[name](name, packet, ims, direction)
        if found:
            return found
    return ""


def _digits(name: str, packet: Group, _ims: Group, _direction: Direction) -> str:
    told = packet.text(name) or ""
    return told if told.isascii() and told.isdigit() and len(told) in (5, 6) else ""


def _located(name: str, packet: Group, _ims: Group, _direction: Direction) -> str:
    place = packet.get(name)
    if not isinstance(place, bytes) or len(place) < 4 or place[0] not in LOCATED:
        return ""
    first, second, third = place[1:4]
    digits = (first & 15, first >> 4, second & 15, third & 15, third >> 4, second >> 4)
    if any(digit > 9 for digit in digits[:5]) or (digits[5] > 9 and digits[5] != NO_DIGIT):
        return ""
    return "".join(str(digit) for digit in digits if digit != NO_DIGIT)


def _visited(name: str, _packet: Group, ims: Group, _direction: Direction) -> str:
    return _named(ims.text(name) or "")


def _named(name: str) -> str:
    """Of names an MNC has three digits always: a shorter one has a zero in front."""
    found = VISITED.search(name)
    return f"{found[2]}{found[1][1:] if found[1].startswith('0') else found[1]}" if found else ""


def _accessed(name: str, _packet: Group, ims: Group, _direction: Direction) -> str:
    """The cell of an access network, as P-Access-Network-Info tells it; of several what the network says goes before what the telephone says."""
    told = [text for value in ims.all(name) if isinstance(value, bytes) for text in value.decode("utf-8", "replace").split(",")]
    told.sort(key=lambda text: OWN_WORD.search(text) is None)
    return next((found for text in told for found in _cells(text)), "")


def _cells(text: str) -> Iterator[str]:
    """MCC and MNC of each cell of an access network: what is before the area, whose length the parameter tells."""
    for parameter, cell in CELL.findall(text):
        for behind in AREAS[parameter.lower()]:
            network = cell[:-behind]
            if len(network) in (5, 6) and network.isdigit():
                yield network


def _neighbour(name: str, _packet: Group, ims: Group, direction: Direction) -> str:
    """Who calls comes in by the edge of the originating network, who is called is reached by that of the terminating one."""
    for group in ims.groups(name):
        told = group.text(IOIS[direction]) or ""
        edge = EDGE.match(told)
        if edge is not None and (found := _named(told[edge.end() :])):
            return found
    return ""


READERS: Final[Mapping[str, Callable[[str, Group, Group, Direction], str]]] = {
    "3GPP-SGSN-MCC-MNC": _digits, "3GPP-User-Location-Info": _located, "IMS-Visited-Network-Identifier": _visited, "Access-Network-Information": _accessed,
    "Inter-Operator-Identifier": _neighbour,
}  # fmt: skip
"""The AVPs that a profile may name."""

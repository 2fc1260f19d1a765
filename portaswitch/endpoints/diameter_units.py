"""
The units that a credit control request asks for and reports, by Multiple-Services-Credit-Control or on the level of the message (RFC 8506 8.16 to 8.26).

Usage is what was used since the last report; several Used-Service-Units of a group (before and after a tariff change, several bearers) are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from portaswitch.endpoints.diameter_faults import too_many, wrong
from portaswitch.endpoints.diameter_profiles import Use
from portaswitch.model.request import Base, Counting, Kind, QuotaKey, Report, UnitRequest
from portaswitch.wire.diameter.message import Group, Message

MSCC: Final = "Multiple-Services-Credit-Control"
UNITS: Final = {Base.TIME: "CC-Time", Base.OCTETS: "CC-Total-Octets", Base.QUANTITY: "CC-Service-Specific-Units"}
NAMED: Final = {name: base for base, name in UNITS.items()}
HALVES: Final = ("CC-Input-Octets", "CC-Output-Octets")
BASES: Final = {Use.DATA: Base.OCTETS, Use.VOICE: Base.TIME, Use.SMS: Base.QUANTITY, Use.USSD: Base.TIME}
MOST_GROUPS: Final = 128
"""Groups of one request: a P-GW has some dozens of rating groups."""

MOST_UNITS: Final = 2**50
"""Units of one report that may be true (a petabyte), and the most that is asked for."""

MOST_EXPONENT: Final = 18
MOST_MONEY: Final = Decimal(10**15)
"""An amount that may be meant; more can't be reckoned with to the last digit."""

AS_MUCH_AS_IT_BUYS: Final = MOST_UNITS
AFTER_CHANGE: Final = 1
"""Tariff-Change-Usage UNIT_AFTER_TARIFF_CHANGE (RFC 8506 8.27)."""

FINAL: Final = 2
"""Reporting-Reason FINAL (TS 32.299 7.2.175)."""

#: What a key is rated by.
Rated = Callable[[QuotaKey], str]


def units(ccr: Message, kind: Kind, use: Use, rated: Rated) -> tuple[UnitRequest, ...]:
    """What is asked and reported, one for each quota key. Raises `Malformed`."""
    groups = ccr.groups(MSCC)
    if len(groups) > MOST_GROUPS:
        too_many(MSCC, groups[MOST_GROUPS])
    if not groups and not _at_top(ccr):
        return (_asked(ccr.body, (), kind, use, rated),) if kind is Kind.EVENT else ()
    found: dict[QuotaKey, UnitRequest] = {}
    for group in groups or (ccr.body,):
        asked = _asked(group, (MSCC,) if groups else (), kind, use, rated)
        before = found.get(asked.key)
        found[asked.key] = asked if before is None else _together(before, asked)
    return tuple(found.values())


def _at_top(ccr: Message) -> bool:
    """Whether units stand on the level of the message."""
    return any(ccr.get(name) is not None for name in ("Requested-Service-Unit", "Used-Service-Unit"))


def key_of(group: Group) -> QuotaKey:
    """The quota key that a group names (0: not named)."""
    return QuotaKey(group.integer("Rating-Group") or 0, group.integer("Service-Identifier") or 0)


def _asked(group: Group, path: tuple[str, ...], kind: Kind, use: Use, rated: Rated) -> UnitRequest:
    rating_group = 0
    service: int | None = None
    wish: Group | None = None
    used: dict[Base, int] = {}
    later: dict[Base, int] = {}
    over = kind is Kind.STOP
    for name, value in group.pairs:  # one pass: this is the hottest part of a request
        if name == "Rating-Group":
            rating_group = value if isinstance(value, int) else 0
        elif name == "Service-Identifier":
            service = (value if isinstance(value, int) else 0) if service is None else service  # of several the first, as in key_of
        elif name == "Requested-Service-Unit":
            wish = value if isinstance(value, Group) else None
        elif name == "Used-Service-Unit" and isinstance(value, Group):
            over = _reported(value, path, used, later) or over
        elif name == "Reporting-Reason" and value == FINAL:
            over = True
    key = QuotaKey(rating_group, service or 0)
    wished = _wished(wish, path, kind, BASES[use], bool(used))
    others = tuple([replace(other, key=key, minimum=1) for other in wished.alternatives]) if wished.alternatives else ()
    return UnitRequest(
        key, wished.base, wished.requested, 1, None, Report.FINAL if over else Report.INTERIM, used, wished.most_funds, alternatives=others,
        counting=Counting.DELTA, rated=rated(key), later=later,
    )  # fmt: skip


def _reported(unit: Group, path: tuple[str, ...], used: dict[Base, int], later: dict[Base, int]) -> bool:
    """Add what a Used-Service-Unit reports to `used`, and to `later` what came behind a change of prices; whether it is the key's last one."""
    behind = unit.integer("Tariff-Change-Usage") == AFTER_CHANGE
    for base, figure in figures(unit, (*path, "Used-Service-Unit")).items():
        used[base] = used.get(base, 0) + figure
        if behind:
            later[base] = later.get(base, 0) + figure
    return unit.integer("Reporting-Reason") == FINAL


def _wished(group: Group | None, path: tuple[str, ...], kind: Kind, base: Base, reports: bool) -> UnitRequest:
    """What is asked for. A group without Requested-Service-Unit asks for as much as is right when it opens the session, and for one unit as an event."""
    if group is None:
        asks = {Kind.AUTH: None if reports else 0, Kind.EVENT: 1}
        return UnitRequest(base=base, requested=asks.get(kind))
    if not group.pairs:
        return UnitRequest(base=base, requested=1 if kind is Kind.EVENT else 0)
    path = (*path, "Requested-Service-Unit")
    amount = money(group, path)
    if amount is not None:
        wanted = 0 if kind is Kind.EVENT else AS_MUCH_AS_IT_BUYS
        return UnitRequest(base=base, requested=wanted, most_funds=amount)
    wishes = [UnitRequest(base=one, requested=count) for one, count in figures(group, path).items() if count]
    if not wishes:
        empty = not any(name in NAMED or name in HALVES for name, _ in group.pairs)
        return UnitRequest(base=base, requested=(1 if kind is Kind.EVENT else 0) if empty else None)
    first, *others = wishes
    return replace(first, alternatives=tuple(others))


def _together(one: UnitRequest, other: UnitRequest) -> UnitRequest:
    """Two groups of one key: what they report is added up, what the later one asks for counts where it asks."""
    used, later = _sum(one.counters, other.counters), _sum(one.later, other.later)
    return replace(one if other.requested is None else other, counters=used, later=later)


def _sum(one: Mapping[Base, int], other: Mapping[Base, int]) -> Mapping[Base, int]:
    return {base: one.get(base, 0) + other.get(base, 0) for base in (*one, *other)}


def figures(group: Group, path: tuple[str, ...]) -> Mapping[Base, int]:
    """The units in a group, by base: octets as the total where it is told, else as what went in and out. Raises `Malformed`."""
    found: dict[Base, int] = {}
    halves: int | None = None
    for name, value in group.pairs:
        if not isinstance(value, int):
            continue
        base = NAMED.get(name)
        if base is not None:
            found.setdefault(base, _believed(value, path, name))
        elif name in HALVES:
            halves = (halves or 0) + _believed(value, path, name)
    if halves is not None and Base.OCTETS not in found:
        found[Base.OCTETS] = halves
    return found


def _believed(value: int, path: tuple[str, ...], name: str) -> int:
    if value > MOST_UNITS:
        wrong((*path, name), value)
    return value


def money(group: Group, path: tuple[str, ...]) -> Decimal | None:
    """The amount of a CC-Money: digits times ten to the exponent (RFC 8506 8.8), as exact as it is. Raises `Malformed` for less than nothing and the absurd."""
    told = group.group("CC-Money")
    value = told.group("Unit-Value") if told is not None else None
    if value is None:
        return None
    digits, exponent = value.integer("Value-Digits") or 0, value.integer("Exponent") or 0
    path = (*path, "CC-Money", "Unit-Value")
    if digits < 0:
        wrong((*path, "Value-Digits"), digits)
    if abs(exponent) > MOST_EXPONENT:
        wrong((*path, "Exponent"), exponent)
    amount = Decimal((0, tuple(map(int, str(digits))), exponent))
    if amount > MOST_MONEY:
        wrong((*path, "Value-Digits"), digits)
    return amount

"""
The kinds of scalar that only a catalogue file has: money, currencies, dates, zones, prefixes and networks.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import available_timezones

from portaswitch.config.grammar import Refused, ScalarKind
from portaswitch.config.node import Node
from portaswitch.model.catalogue import SPECIAL

_AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PREFIX: Final = re.compile(r"[0-9]{1,20}")
#: An item of a Quantity service: what a request has for a called number there; that other services have none is a rule of its own (operations).
_ITEM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+-][0-9]{2}:[0-9]{2}|Z)?)?"
)


class Money(ScalarKind[Decimal]):
    """An amount of money or a price in the currency of the thing it belongs to; digits, never a float."""

    def convert(self, node: Node) -> Decimal:
        if not _AMOUNT.fullmatch(node.text):
            raise Refused("is not an amount: write digits with a point, such as 10.00")
        return Decimal(node.text)

    def describe(self) -> str:
        return "amount with a point, such as 10.00"


class Currency(ScalarKind[str]):
    """A currency (ISO 4217)."""

    def convert(self, node: Node) -> str:
        if not _CURRENCY.fullmatch(node.text):
            raise Refused("is not a currency: write the three letters of ISO 4217, such as CAD")
        return node.text

    def describe(self) -> str:
        return "currency, three letters of ISO 4217"


class Instant(ScalarKind[datetime]):
    """
    A date (its midnight) or a date and time (ISO 8601), in UTC unless it says otherwise; aware UTC
    afterwards.
    """

    def convert(self, node: Node) -> datetime:
        if not _TIME.fullmatch(node.text):
            raise Refused("is not a date: write 2026-01-31 or 2026-01-31T12:00:00Z")
        try:
            found = datetime.fromisoformat(node.text)
            return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Refused("is no day of the calendar, or no time of a day") from None

    def describe(self) -> str:
        return "date or time (2026-01-31, 2026-01-31T12:00:00Z), UTC"


class Zone(ScalarKind[str]):
    """A time zone of the IANA database."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def convert(self, node: Node) -> str:
        self._known = self._known or frozenset(available_timezones())
        if node.text not in self._known:
            raise Refused("is not a time zone: write a name of the IANA database, such as America/Vancouver")
        return node.text

    def describe(self) -> str:
        return "time zone, such as America/Vancouver"


class Prefix(ScalarKind[str]):
    """A destination: the first digits of a number (E.164 or E.212), a special one, or an item of a Quantity service."""

    def convert(self, node: Node) -> str:
        if not (_PREFIX.fullmatch(node.text) or node.text in SPECIAL or _ITEM.fullmatch(node.text)):
            raise Refused(f"is neither digits nor a special destination ({', '.join(sorted(SPECIAL))})")
        return node.text

    def describe(self) -> str:
        return "prefix of 1 to 20 digits, a special destination, or an item of a Quantity service"


class Network(ScalarKind[str]):
    """An address or a network whose host bits are zero, as PostgreSQL's cidr prints it."""

    def convert(self, node: Node) -> str:
        try:
            return str(ipaddress.ip_network(node.text))
        except ValueError:
            raise Refused(
                "is not an address or network, such as 127.0.0.1 or 192.0.2.0/24 (host bits zero)"
            ) from None

    def describe(self) -> str:
        return "IPv4 or IPv6 address, or network with its length"

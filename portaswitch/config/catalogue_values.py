"""
The kinds of scalar that only a catalogue file has: money, currencies, dates, zones, prefixes and networks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from portaswitch.config.grammar import Refused, ScalarKind
from portaswitch.config.node import Node
from portaswitch.model import text_values
from portaswitch.model.catalogue import SPECIAL

T = TypeVar("T")

_PREFIX: Final = re.compile(r"[0-9]{1,20}")
#: An item of a Quantity service: what a request has for a called number there; that other services have none is a rule of its own (operations).
_ITEM: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class Money(ScalarKind[Decimal]):
    """An amount of money or a price in the currency of the thing it belongs to; digits, never a float."""

    def convert(self, node: Node) -> Decimal:
        return _said(text_values.amount, node)

    def describe(self) -> str:
        return "amount with a point, such as 10.00"


class Currency(ScalarKind[str]):
    """A currency (ISO 4217)."""

    def convert(self, node: Node) -> str:
        return _said(text_values.currency, node)

    def describe(self) -> str:
        return "currency, three letters of ISO 4217"


class Instant(ScalarKind[datetime]):
    """
    A date (its midnight) or a date and time (ISO 8601), in UTC unless it says otherwise; aware UTC
    afterwards.
    """

    def convert(self, node: Node) -> datetime:
        return _said(text_values.instant, node)

    def describe(self) -> str:
        return "date or time (2026-01-31, 2026-01-31T12:00:00Z), UTC"


class Zone(ScalarKind[str]):
    """A time zone of the IANA database."""

    def convert(self, node: Node) -> str:
        return _said(text_values.zone, node)

    def describe(self) -> str:
        return "time zone, such as America/Vancouver"


def _said(convert: Callable[[str], T], node: Node) -> T:
    """The value of a node's text; its reason as a fault of the file."""
    try:
        return convert(node.text)
    except ValueError as reason:
        raise Refused(str(reason)) from None


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

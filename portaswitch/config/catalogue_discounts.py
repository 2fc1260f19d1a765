"""What a catalogue file says of discounts: plans, their items with steps, and what can be bought of wallets (docs/discounts.rst)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from portaswitch.config.catalogue_kinds import Section, Thing, Things, Words
from portaswitch.config.catalogue_values import Currency
from portaswitch.config.grammar import OrNone, Refused, ScalarKind
from portaswitch.config.node import Node
from portaswitch.config.values import Boolean, Choice, Integer, Text
from portaswitch.model import text_values
from portaswitch.model.discount_steps import LEVELS

NAME: Final = Text("a name of printable characters", r"[^\x00-\x1f\x7f]+", longest=128)
SECONDS: Final = Integer(1, 2**31 - 1, "seconds")


class Quantity(ScalarKind[Decimal]):
    """Units or money, 0 or more."""

    def convert(self, node: Node) -> Decimal:
        try:
            return text_values.natural_amount(node.text)
        except ValueError as reason:
            raise Refused(str(reason)) from None

    def describe(self) -> str:
        return "number of 0 or more: base units of the service, or money"


class Percent(Quantity):
    """A percentage, 0 to 100."""

    def convert(self, node: Node) -> Decimal:
        found = super().convert(node)
        if found > 100:
            raise Refused("is more than 100 percent")
        return found

    def describe(self) -> str:
        return "percentage from 0 to 100, without the sign"


STEP: Final = Thing({"from": Quantity(), "discount": Percent(), "forbidden": Boolean()})
TOPUP: Final = Thing({"units": Integer(1, 10**15, "base units of the service"), "expires_after": OrNone(SECONDS), "fee": Quantity()})
ITEM: Final = Thing(
    {
        "service": NAME,
        "pool": Words(NAME),
        "group": OrNone(NAME),
        "kind": Choice("discount", "quota", "wallet"),
        "counted_in": Choice("money", "units"),
        "reset": Choice("daily", "billing_period", "once", "never"),
        "peak_level": OrNone(Choice(*LEVELS)),
        "exclusive": Boolean(),
        "split": Boolean(),
        "prorate_first": Boolean(),
        "rollover": Boolean(),
        "notify_percent": OrNone(Integer(1, 100, "percent")),
        "sort_order": Integer(0, 32767, "(the lowest one first)"),
        "thresholds": Things(STEP),
        "topups": Section(NAME, TOPUP),
    }
)
DISCOUNT_PLAN: Final = Thing(
    {
        "currency": Currency(),
        "destination_groups": OrNone(NAME),
        "managed_by": OrNone(NAME),
        "combine": Choice("ordered", "first"),
        "closed": Boolean(),
        "items": Things(ITEM),
    }
)

"""What a catalogue file says of rating beyond two intervals: formulas, added duration, the figures of other levels of the day."""

from __future__ import annotations

from typing import Final

from portaswitch.config.catalogue_kinds import Thing, long
from portaswitch.config.catalogue_values import Money
from portaswitch.config.grammar import Kind, Refused, ScalarKind
from portaswitch.config.node import Node
from portaswitch.config.reader import Reader
from portaswitch.config.values import Integer
from portaswitch.model import formula
from portaswitch.model.loading import Entry
from portaswitch.model.period import PeriodError, parse

UNITS: Final = Integer(1, 10**15, "base units of the service")
MONEY: Final = Money()


class PeriodOrNone(ScalarKind[str]):
    """A period in the language of Time::Period; null and '' are none."""

    def convert(self, node: Node) -> str:
        try:
            parse(node.text)
        except PeriodError as error:
            raise Refused(f"is not a period: {error}") from None
        return node.text.strip()

    def describe(self) -> str:
        return "period, such as hr{7pm-6am}, wd{sa-su}"


class FormulaText(ScalarKind[str]):
    """A rate formula (`portaswitch.model.formula`)."""

    def convert(self, node: Node) -> str:
        try:
            formula.parse(node.text)
        except formula.FormulaError as error:
            raise Refused(f"is not a formula: {error}") from None
        return node.text

    def describe(self) -> str:
        return "formula, such as 60*1@1.80, fee 0.50, unlimited*60@0.90"


class PortionsText(ScalarKind[str]):
    """Portions of added duration; '' is none."""

    def convert(self, node: Node) -> str:
        try:
            formula.parse_portions(node.text)
        except formula.FormulaError as error:
            raise Refused(f"is not a list of portions: {error}") from None
        return node.text

    def describe(self) -> str:
        return "portions, such as 300+20%, 300+10%, 600+5%"


class Level(Kind[tuple[Entry, ...]]):
    """The figures of another level of the day, with long keys."""

    thing: Final = Thing(
        {"first": UNITS, "interval_first": UNITS, "next": UNITS, "interval_n": UNITS, "price": MONEY, "price_first": MONEY, "price_n": MONEY}
    )

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        if node.is_scalar():
            return (Entry("", {"price_first": (price := MONEY.read(node, reader)), "price_n": price}, node),)
        return (long(self.thing.read(node, reader), node, reader),)

    def describe(self) -> str:
        return "price, or a mapping of intervals and prices as those of the rate"

"""Prices beyond two intervals as operators write them: periods, portions, levels of the day, formulas (docs/rating.rst); and the addition of a rate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model import formula, period, price_level
from portaswitch.model.actor import Actor
from portaswitch.model.operation import Entity, Field, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import FLAG, TextKind
from portaswitch.operations.records import add, record_operations, refuse_fields


def _checked(parse: Callable[[str], object], text: str) -> str:
    """A text that `parse` reads, or none."""
    try:
        if text.strip():
            parse(text)
    except ValueError as reason:
        raise ValueError(f"can't be read: {reason}") from None
    return text.strip()


PERIOD: Final = TextKind("period, such as hr{7pm-6am}, wd{sa-su}", lambda text: _checked(period.parse, text))
PORTIONS: Final = TextKind("portions, such as 300+20%, 300+10%", lambda text: _checked(formula.parse_portions, text))
FORMULA: Final = TextKind(
    "formula, such as 60*1@1.80, fee 0.50", lambda text: {"text": _checked(formula.parse, text)}, show=lambda document: document and document.get("text")
)
PAYBACK: Final = Field("payback", "prices below 0 are meant: they are credited", FLAG)
PRICES: Final = ("price_first", "price_n", "connect_fee")


def level(name: str) -> TextKind:
    """The figures of a level of the day; the column holds all levels of a rate by their names."""
    return TextKind("0.10, or 60/6@0.10/0.08", price_level.parse, show=lambda document: document and price_level.shown(document.get(name)))


async def bounds(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """The minimum of a tariff is no more than its maximum."""
    least, most = after["minimum_charge"], after["maximum_charge"]
    if least is not None and most is not None and least > most:
        yield f"minimum_charge: {least} is more than maximum_charge, {most}"


def _faults(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the prices of a new rate."""
    text, levels = values.get("formula"), {name: values[name] for name in price_level.LEVELS if values.get(name)}
    prices = [name for name in ("price_first", "price_n") if values.get(name) is not None]
    if text and (prices or levels):
        yield f"formula: stands beside {', '.join([*prices, *levels])}: keep one of the two"
    if not (text or values.get("forbidden") or values.get("discontinued")):
        yield from (f"{name} is missing: write a price, or a formula; or forbidden" for name in ("price_first", "price_n") if name not in prices)
    if values.get("payback"):
        return
    negative = [name for name in PRICES if values.get(name) is not None and values[name] < 0]
    negative += [name for name, figures in levels.items() if price_level.is_negative(figures)]
    if text and any(element.amount < 0 for element in formula.parse(text["text"])):
        negative.append("formula")
    yield from (f"{name}: is negative: a rate that pays back says payback" for name in negative)


def adding(entity: Entity) -> Operation:
    """The addition of a rate, with levels of the day, or a formula instead of prices."""
    (plain,) = record_operations(entity, verbs=("add",))

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        given = {name: value for name, value in values.items() if name not in ("payback", *price_level.LEVELS)}
        refuse_fields(entity, actor, given)
        wrong = list(_faults(values))
        if wrong:
            raise OperationRefused(wrong)
        levels = {name: values[name] for name in price_level.LEVELS if values.get(name)}
        prices = {name: given.get(name) or Decimal(0) for name in ("price_first", "price_n")}
        return await add(work, entity, (), {**given, **prices, "off_peak": levels or None})

    start = "portaswitch rate add 'Office retail' 1604"
    examples = f"{start} --price-first 0.01 --price-n 0.01 --effective-from 2030-01-01\n{start} --formula '60*1@1.80, fee 0.50' --effective-from 2030-01-01"
    return replace(plain, run=run, arguments=(*plain.arguments, PAYBACK), examples=examples)

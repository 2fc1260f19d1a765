"""Rules about prices beyond two intervals: levels of the day, formulas, surcharges and bounds of tariffs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.model import formula
from portaswitch.model.loading import Entry, Fault, Section
from portaswitch.operations.world import World

LEVELS: Final = {"off_peak": "off_peak_period", "second_off_peak": "second_off_peak_period"}
"""The levels of the day of a rate, and the key of the tariff that says when they hold."""


def levels(world: World) -> Iterator[Fault]:
    """A level of the day has a price, a time when it holds, and no formula beside it; it pays back only where the rate says so."""
    for tariff, rate in world.inner(Section.TARIFFS, "rates"):
        for key, period in LEVELS.items():
            for level in rate.parts(key):
                yield from _level(rate, key, level)
                if world.known(Section.TARIFFS, tariff.name) is None and all(not tariff.text(one) and one not in tariff.broken for one in LEVELS.values()):
                    yield rate.place.find(key).fault(f"never holds, as the tariff has no {period}: write one, or leave the price out")


def _level(rate: Entry, key: str, level: Entry) -> Iterator[Fault]:
    place = rate.place.find(key)
    if level.silent("price_first") or level.silent("price_n"):
        yield place.fault("needs a price: write price, or price_first and price_n")
    amounts = [level.amount(price) for price in ("price_first", "price_n")]
    if rate.values.get("payback") is not True and any(amount is not None and amount < 0 for amount in amounts):
        yield place.fault("has a negative price: a rate that pays back says payback: true")
    if rate.text("formula") is not None:
        yield place.fault("stands beside a formula, which is the same at all times: keep one of the two")


def formulas(world: World) -> Iterator[Fault]:
    """A formula stands instead of prices, and pays back only where the rate says so."""
    for _, rate in world.inner(Section.TARIFFS, "rates"):
        text = rate.text("formula")
        if text is None:
            continue
        if not rate.silent("price_first") or not rate.silent("price_n"):
            yield rate.place.find("formula").fault("stands beside a price: keep one of the two")
        if rate.values.get("payback") is not True and any(element.amount < 0 for element in formula.parse(text)):
            yield rate.place.find("formula").fault("has a negative amount: a rate that pays back says payback: true")


def managed_alike(world: World) -> Iterator[Fault]:
    """A product is sold by tariffs of whoever manages it: administrators' ones by administrators only, a reseller's by that reseller alone (MR15)."""
    for product, entry in world.inner(Section.PRODUCTS, "entries"):
        name = entry.text("tariff")
        if name is None or not world.exists(Section.TARIFFS, name) or "managed_by" in product.broken:
            continue
        own, other = (world.fact(section, one, "managed_by") or "" for section, one in ((Section.PRODUCTS, product.name), (Section.TARIFFS, name)))
        if own != other and world.fact(Section.CUSTOMERS, other, "type") != "retail":
            yield entry.place.find("tariff").fault(
                f"{name} is managed by {other or 'administrators only'} and the product by {own or 'administrators only'}: they must agree"
            )


def exchange(world: World) -> Iterator[Fault]:
    """Exchange rates are above 0, and each pair of currencies has one of a date."""
    for pair in world.file.of(Section.EXCHANGE_RATES):
        seen = set()
        for value in pair.parts("values"):
            rate, since = value.amount("rate"), value.values.get("effective_from")
            if rate is not None and rate <= 0:
                yield value.place.find("rate").fault(f"{rate} is no exchange rate: write more than 0")
            if since in seen and "effective_from" not in value.broken:
                yield value.place.fault("there is a rate of that date already: remove one, or give effective_from")
            seen.add(since)


def bounds(world: World) -> Iterator[Fault]:
    """Surcharges and bounds of a tariff are not negative, and the minimum is no more than the maximum."""
    for tariff in world.file.of(Section.TARIFFS):
        for key in ("post_call_fee", "post_call_percent", "minimum_charge", "maximum_charge"):
            amount = tariff.amount(key)
            if amount is not None and amount < 0:
                yield tariff.place.find(key).fault(f"{amount} is negative: write 0 or more")
        least, most = tariff.amount("minimum_charge"), tariff.amount("maximum_charge")
        if least is not None and most is not None and least > most:
            yield tariff.place.find("minimum_charge").fault(f"{least} is more than maximum_charge, {most}")

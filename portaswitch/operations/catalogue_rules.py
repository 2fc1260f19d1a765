"""Rules about what is sold: nodes and RADIUS clients, prices, rating entries, connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.model.catalogue import SPECIAL
from portaswitch.model.loading import Entry, Fault, Place, Section
from portaswitch.operations.world import World

SHORTEST_SECRET: Final = 12
"""
Octets of a shared secret: shorter ones are guessed off-line from one recorded packet (RFC 2865 section 3 asks
for 16).
"""

PRICES: Final = ("price_first", "price_n", "connect_fee")
IDENTITIES: Final = ("nas_ip", "nas_identifier", "origin_host")
REALM: Final = "origin_realm"


def networks(world: World) -> Iterator[Fault]:
    """
    A node can be recognised and by itself only; a RADIUS client is ours and its secret is not easily guessed.
    """
    yield from _identities(world)
    for client in world.file.of(Section.RADIUS_CLIENTS):
        known = world.known(Section.RADIUS_CLIENTS, client.name)
        if known is not None and known.facts["environment"] != str(world.file.i_env):
            yield client.place.fault(
                f"is a client of environment {known.facts['environment']}: an address has one environment"
            )
        secret = client.text("secret")
        if secret is None:
            continue
        if not secret:
            yield client.place.find("secret").fault("is empty: write a random secret of 16 octets or more")
        elif len(secret.encode()) < SHORTEST_SECRET and client.values.get("weak_secret") is not True:
            yield client.place.find("secret").fault(
                f"is shorter than {SHORTEST_SECRET} octets: write 16 random ones, or weak_secret: true"
            )


def _identities(world: World) -> Iterator[Fault]:
    stock = world.stock.get(Section.NODES, {})
    for key in IDENTITIES:
        taken = {
            known.facts[key]: name
            for name, known in stock.items()
            if known.facts.get(key) and _keeps(world, name, key)
        }
        for node in world.file.of(Section.NODES):
            value = node.text(key)
            if value is not None and taken.setdefault(value, node.name) != node.name:
                yield node.place.find(key).fault(
                    f"node {taken[value]} has the same: a node is recognised by it"
                )
    for node in world.file.of(Section.NODES):
        if world.known(Section.NODES, node.name) is None and all(node.silent(key) for key in (*IDENTITIES, REALM)):
            yield node.place.fault("is new: it needs nas_ip or nas_identifier, by which it is recognised (a Diameter peer: origin_host or origin_realm)")


def _keeps(world: World, name: str, key: str) -> bool:
    entry = world.entries[Section.NODES].get(name)
    return entry is None or entry.silent(key)


def prices(world: World) -> Iterator[Fault]:
    """
    A rate has a price, unless nothing can be charged by it; prices are not negative, unless the rate says
    that it pays back.
    """
    for _, rate in world.inner(Section.TARIFFS, "rates"):
        barred = rate.values.get("forbidden") is True or rate.values.get("discontinued") is True
        if not barred and rate.silent("formula") and (rate.silent("price_first") or rate.silent("price_n")):
            yield rate.place.fault(
                "needs a price: write price, or price_first and price_n; or forbidden: true"
            )
        if rate.values.get("payback") is not True:
            yield from _negative(rate, PRICES, "a rate that pays back says payback: true")
    for tariff in world.file.of(Section.TARIFFS):
        yield from _negative(tariff, ("connect_fee",), "write 0 or more")
    for product in world.file.of(Section.PRODUCTS):
        yield from _negative(product, ("breakage",), "write 0 or more")


def _negative(entry: Entry, keys: tuple[str, ...], advice: str) -> Iterator[Fault]:
    for key in keys:
        amount = entry.amount(key)
        if amount is not None and amount < 0:
            yield _written(entry, key).fault(f"{amount} is negative: {advice}")


def _written(entry: Entry, key: str) -> Place:
    """The place of a key, or of the short one that stands for it."""
    place = entry.place.find(key)
    return entry.place.find("price") if place is entry.place and key in ("price_first", "price_n") else place


def items(world: World) -> Iterator[Fault]:
    """Only a Quantity service sells items by name; anywhere else a word is a special destination, or a slip in one."""
    for tariff, rate in world.inner(Section.TARIFFS, "rates"):
        if rate.name.isdigit() or rate.name in SPECIAL:
            continue
        rated = world.fact(Section.SERVICES, world.fact(Section.TARIFFS, tariff.name, "service"), "type")
        if rated is not None and rated != "Quantity":
            told = ", ".join(sorted(SPECIAL))
            yield rate.place.fault(f"'{rate.name}' is neither digits nor a special destination ({told}); only tariffs of a Quantity service have items by name")


def repeated_rates(world: World) -> Iterator[Fault]:
    """A destination has one rate of one date in a tariff."""
    for tariff in world.file.of(Section.TARIFFS):
        seen = set()
        for rate in tariff.parts("rates"):
            key = rate.name, rate.values.get("effective_from")
            if key in seen and "effective_from" not in rate.broken:
                yield rate.place.fault(
                    f"{rate.name} has a rate of that date in this tariff: remove one, or give effective_from"
                )
            seen.add(key)


def groups(world: World) -> Iterator[Fault]:
    """Within a set a destination is in one group (the longest prefix decides)."""
    for entry in world.file.of(Section.DESTINATION_GROUPS):
        holders: dict[str, str] = {}
        for group in entry.parts("groups"):
            for member in group.parts("members"):
                if holders.setdefault(member.name, group.name) != group.name:
                    yield member.place.fault(
                        f"{member.name} is in the group {holders[member.name]} of this set already"
                    )


def products(world: World) -> Iterator[Fault]:
    """
    Rating entries: each case once; tariffs for that service, for whom they are meant, and in the product's
    currency.
    """
    for product in world.file.of(Section.PRODUCTS):
        currency = world.fact(Section.PRODUCTS, product.name, "currency")
        seen = set()
        for entry in product.parts("entries"):
            case = entry.text("service"), entry.text("node"), entry.text("access_code") or ""
            if case in seen and case[0] is not None:
                yield entry.place.fault(
                    "the product has an entry for that service, node and access_code: remove one of the two"
                )
            seen.add(case)
            yield from tariff_fits(world, entry, "tariff", "customer", currency)
            yield from tariff_fits(world, entry, "reseller_tariff", "reseller", None)
            for key in ("tariff", "reseller_tariff"):
                yield from _service(world, entry, key)
    for entry in world.file.of(Section.TARIFFS):
        yield from managed(world, entry)
    for entry in world.file.of(Section.PRODUCTS):
        yield from managed(world, entry)


def _service(world: World, entry: Entry, key: str) -> Iterator[Fault]:
    service, rated = entry.text("service"), world.fact(Section.TARIFFS, entry.text(key), "service")
    if service is not None and rated is not None and service != rated:
        yield entry.place.find(key).fault(f"{entry.text(key)} rates the service {rated}, not {service}")


def managed(world: World, entry: Entry) -> Iterator[Fault]:
    """Who manages a tariff or product is a reseller."""
    kind = world.fact(Section.CUSTOMERS, entry.text("managed_by"), "type")
    if kind == "retail":
        yield entry.place.find("managed_by").fault(
            f"{entry.text('managed_by')} is a retail customer: only resellers and distributors manage"
        )


def connections(world: World) -> Iterator[Fault]:
    """A connection's tariff is a vendor's and in the vendor's currency."""
    for vendor, connection in world.inner(Section.VENDORS, "connections"):
        yield from tariff_fits(
            world, connection, "tariff", "vendor", world.fact(Section.VENDORS, vendor.name, "currency")
        )


def exchanges(world: World, currency: str, into: str) -> bool:
    """Whether there will be an exchange rate between two currencies."""
    return world.exists(Section.EXCHANGE_RATES, f"{currency}/{into}")


def tariff_fits(
    world: World, entry: Entry, key: str, meant_for: str, currency: str | None
) -> Iterator[Fault]:
    """
    The tariff under a key is applied to that kind of party and in that currency (None: any); of resellers and vendors an exchange rate into it will do.
    """
    name = entry.text(key)
    applied, own = (
        world.fact(Section.TARIFFS, name, "applied_to"),
        world.fact(Section.TARIFFS, name, "currency"),
    )
    if applied is not None and applied != meant_for:
        yield entry.place.find(key).fault(
            f"{name} is applied_to {applied}: a tariff for {meant_for} belongs here"
        )
    if currency is not None and own is not None and own != currency and (meant_for == "customer" or not exchanges(world, own, currency)):
        yield entry.place.find(key).fault(f"{name} is in {own}, and {currency} is needed here")

"""Rules of catalogue files about discounts: steps, what fits which kind of item, and who may have which plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portaswitch.model.discount_steps import PERIODIC, UNFIT, Step, faults
from portaswitch.model.loading import Entry, Fault, Section, plan_item
from portaswitch.operations.catalogue_rules import managed
from portaswitch.operations.references import missing
from portaswitch.operations.world import World

DEFAULTS: Final = {"counted_in": "units", "reset": "billing_period"}
"""What a new item is when the file does not say it."""
HOLDERS: Final = {Section.PRODUCTS: "product", Section.CUSTOMERS: "customer", Section.ACCOUNTS: "account"}
"""What may have a plan."""


def plans(world: World) -> Iterator[Fault]:
    """Plans are managed by resellers or by administrators only, and an item is known by service, group, kind and level."""
    for plan in world.file.of(Section.DISCOUNT_PLANS):
        yield from managed(world, plan)
        seen: set[str] = set()
        for item in plan.parts("items"):
            name = plan_item(plan.name, item)
            known = world.known(Section.PLAN_ITEMS, name)
            if name in seen and item.text("service") is not None:
                yield item.place.fault("the plan has an item of that service, group, kind and peak_level: remove one of the two")
            elif known is not None and known.facts["count"] != "1":
                yield item.place.fault(f"{known.facts['count']} items of the plan are like that in the database: a load can't tell them apart")
            seen.add(name)
            yield from _group(world, plan, item)


def _group(world: World, plan: Entry, item: Entry) -> Iterator[Fault]:
    """A group is one of the plan's set."""
    group = item.text("group")
    if group is None or "destination_groups" in plan.broken:
        return
    name = world.fact(Section.DISCOUNT_PLANS, plan.name, "destination_groups")
    if not name:
        yield item.place.find("group").fault("the plan has no destination_groups: name the set that the group is in")
        return
    known, entry = world.known(Section.DESTINATION_GROUPS, name), world.entries[Section.DESTINATION_GROUPS].get(name)
    groups = set(known.facts["groups"].split("\x1f")) if known is not None else set()
    groups |= {part.name for part in entry.parts("groups")} if entry is not None else set()
    if world.exists(Section.DESTINATION_GROUPS, name) and group not in groups:
        yield item.place.find("group").fault(f"{group} is no group of {name}: add it there, or correct the name")


def items(world: World) -> Iterator[Fault]:
    """An item says what fits its kind, and its steps rise."""
    for plan, item in world.inner(Section.DISCOUNT_PLANS, "items"):
        kind = item.text("kind")
        if kind is None:
            continue
        known = world.known(Section.PLAN_ITEMS, plan_item(plan.name, item))
        for key in sorted(UNFIT.get(kind, ())):
            if item.values.get(key) not in (None, False):
                yield item.place.find(key).fault(f"does not fit a {kind}: leave it out")
        facts = {key: item.text(key) or (known.facts[key] if known is not None else default) for key, default in DEFAULTS.items()}
        if kind == "wallet" and item.text("counted_in") == "money":
            yield item.place.find("counted_in").fault("a wallet holds units: money is what top-ups of the account are for")
        if known is not None and item.text("counted_in") not in (None, known.facts["counted_in"]):
            yield item.place.find("counted_in").fault(f"is {known.facts['counted_in']} in the database, which a load does not change: its counters count so")
        for key, resets in PERIODIC.items():
            if kind != "wallet" and item.values.get(key) is True and facts["reset"] not in resets:
                yield item.place.find(key).fault(f"means nothing when the counter is reset {facts['reset']}: write reset: {' or '.join(sorted(resets))}")
        yield from _topups(item, kind)
        yield from _pool(world, item, facts["counted_in"])
        if kind != "wallet" and (known is None or not item.silent("thresholds")) and "thresholds" not in item.broken:
            yield from _steps(item, kind, facts["counted_in"])


def _pool(world: World, item: Entry, counted_in: str | None) -> Iterator[Fault]:
    """The services of a pool exist, and what is counted in units is counted in the same ones."""
    own = item.text("service") or ""
    if "pool" in item.values and not item.parts("pool") and "pool" not in item.broken:
        yield item.place.find("pool").fault("names no service: leave it out, or take the pool away by `portaswitch discount-plan item change --pool null`")
    for service in item.parts("pool"):
        if not world.exists(Section.SERVICES, service.name):
            yield service.place.fault(missing(world, Section.SERVICES, service.name))
        elif service.name == own:
            yield service.place.fault("is the item's own service: leave it out")
        elif counted_in == "units" and world.exists(Section.SERVICES, own) and not _alike(world, own, service.name):
            yield service.place.fault(f"is not counted in the units of {own}: write counted_in: money, or an item of its own")


def _alike(world: World, one: str, other: str) -> bool:
    """Whether two services are counted in the same units; one that is new and names no base has that of its type."""
    for fact in "base", "type":
        found = [world.fact(Section.SERVICES, name, fact) for name in (one, other)]
        if None not in found:
            return found[0] == found[1]
    return False


def _topups(item: Entry, kind: str) -> Iterator[Fault]:
    if kind != "wallet" and item.parts("topups"):
        yield item.place.find("topups").fault(f"does not fit a {kind}: only units of a wallet are bought")
    for option in item.parts("topups"):
        if option.silent("units"):
            yield option.place.fault("needs units")


def _steps(item: Entry, kind: str, counted_in: str) -> Iterator[Fault]:
    parts = item.parts("thresholds")
    steps = []
    for part in parts:
        begin, percent, forbidden = part.amount("from"), part.amount("discount"), part.values.get("forbidden") is True
        if part.broken:
            return
        if begin is None:
            yield part.place.fault("needs from")
        elif (percent is None) == (not forbidden):
            yield part.place.fault("says one of the two: discount: PERCENT, or forbidden: true")
        else:
            steps.append(Step(begin, percent or Step(begin).discount, forbidden))
    if len(steps) == len(parts):
        for place, reason in faults(kind, counted_in, steps):
            yield (parts[place].place if parts else item.place).fault(reason)


def holders(world: World) -> Iterator[Fault]:
    """A plan is in the currency of who has it, and its manager is theirs: administrators' plans are for everybody's customers, a reseller's for its own."""
    for section, what in HOLDERS.items():
        for entry in world.file.of(section):
            name = entry.text("discount_plan")
            if name is None or not world.exists(Section.DISCOUNT_PLANS, name):
                continue
            currency, own = world.fact(Section.DISCOUNT_PLANS, name, "currency"), world.fact(section, entry.name, "currency")
            if currency is not None and own is not None and currency != own:
                yield entry.place.find("discount_plan").fault(f"{name} is in {currency} and the {what} in {own}: they must agree")
            yield from _manager(world, section, entry, name)


def _manager(world: World, section: Section, entry: Entry, name: str) -> Iterator[Fault]:
    manager = world.fact(Section.DISCOUNT_PLANS, name, "managed_by") or ""
    if not manager or world.fact(Section.CUSTOMERS, manager, "type") == "retail":
        return
    if section is Section.PRODUCTS:
        own = world.fact(Section.PRODUCTS, entry.name, "managed_by") or ""
        if own != manager and "managed_by" not in entry.broken:
            yield entry.place.find("discount_plan").fault(
                f"{name} is managed by {manager} and the product by {own or 'administrators only'}: they must agree"
            )
        return
    customer = entry.name if section is Section.CUSTOMERS else world.fact(Section.ACCOUNTS, entry.name, "customer") or None
    if customer is not None and manager not in _chain(world, customer):
        yield entry.place.find("discount_plan").fault(f"{name} is managed by {manager}, which is not above {customer}")


def _chain(world: World, customer: str) -> set[str]:
    """A customer and all above it."""
    found: set[str] = set()
    above: str | None = customer
    while above is not None and above not in found:
        found.add(above)
        above = world.parent(above)
    return found

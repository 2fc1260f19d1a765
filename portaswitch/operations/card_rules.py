"""Rules about what customers and accounts bring along: SIM cards and counters of discount plans."""

from __future__ import annotations

from collections.abc import Iterator

from portaswitch.model.loading import Entry, Fault, Section, item_name
from portaswitch.operations.world import World


def sim_cards(world: World) -> Iterator[Fault]:
    """A card is in use exactly when an account has it; an account has one card, an ICCID one IMSI, here and in the database."""
    held = {key: _held(world, key) for key in ("iccid", "account")}
    for card in world.file.of(Section.SIM_CARDS):
        for key, what in (("iccid", "ICCID"), ("account", "account")):
            name = card.text(key)
            if name is not None and (other := held[key].setdefault(name, card.name)) != card.name:
                yield card.place.find(key).fault(f"the {what} {name} is that of the card {other} already")
        account, status = card.text("account"), card.text("status")
        if account is not None and status not in (None, "in_use"):
            yield card.place.find("status").fault(f"the account {account} has the card: it is in_use, or the account must go")
        elif card.silent("account") and status == "in_use" and not world.fact(Section.SIM_CARDS, card.name, "account"):
            yield card.place.find("status").fault("no account has the card: name it, or write free")
        yield from owner(world, card)


def counters(world: World) -> Iterator[Fault]:
    """A counter is of one item of one plan, of an account or a customer, once for a peak level."""
    seen: dict[tuple[object, ...], str] = {}
    for counter in world.file.of(Section.COUNTERS):
        if counter.silent("account") and counter.silent("customer"):
            yield counter.place.fault("is nobody's: name an account, or a customer for a counter of all its accounts")
        yield from owner(world, counter)
        yield from _item(world, counter)
        begin, end = counter.values.get("period_start"), counter.values.get("period_end")
        if begin is not None and end is not None and str(begin) >= str(end):
            yield counter.place.find("period_end").fault("is not after period_start")
        whose = counter.text("account") or "", "" if counter.text("account") else counter.text("customer") or ""
        key = *whose, item_name(counter), counter.values.get("peak_level") or 0
        if seen.setdefault(key, counter.name) != counter.name:
            yield counter.place.fault(f"is the same counter as that of line {seen[key]}: remove one of the two")


def _held(world: World, key: str) -> dict[str, str]:
    """Which card of the database has an ICCID or an account, unless the file gives the card another one."""
    stock = world.stock.get(Section.SIM_CARDS, {})
    return {known.facts[key]: name for name, known in stock.items() if known.facts.get(key)}


def owner(world: World, entry: Entry) -> Iterator[Fault]:
    """Of something that an account and a customer may have: the account is no alias, and the customer is the account's."""
    account, customer = entry.text("account"), entry.text("customer")
    if account is None or not world.exists(Section.ACCOUNTS, account):
        return
    master = world.fact(Section.ACCOUNTS, account, "alias_of")
    if master:
        yield entry.place.find("account").fault(f"{account} is an alias: name its account, {master}")
        return
    owner = world.fact(Section.ACCOUNTS, account, "customer")
    if customer is not None and owner and owner != customer:
        yield entry.place.find("customer").fault(f"the account {account} is of the customer {owner}: they must agree")


def _item(world: World, counter: Entry) -> Iterator[Fault]:
    if not counter.broken.isdisjoint(("plan", "service", "group", "kind")):
        return
    known = world.known(Section.DISCOUNT_ITEMS, item_name(counter))
    if known is None:
        plan, service, group, kind = item_name(counter).split("\x1f")
        of = f"the destination group {group}" if group else "all destinations"
        yield counter.place.find("plan").fault(f"the database has no {kind} of the service {service} for {of} in a discount plan {plan}: make it first")
    elif known.facts["count"] != "1":
        yield counter.place.find("plan").fault(f"{known.facts['count']} items of the plan are like that: a counter can't tell them apart")

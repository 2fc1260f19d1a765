"""Rules about who buys: customers and resellers, accounts and their aliases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from portaswitch.model.loading import Entry, Fault, Section
from portaswitch.operations.catalogue_rules import exchanges, tariff_fits
from portaswitch.operations.world import World

LIMITED: Final = frozenset({"reseller", "distributor"})
"""The types of customer that others may be below."""


def customers(world: World) -> Iterator[Fault]:
    """
    Resellers stand above, never in a circle; a customer's own tariff is a reseller's and in its currency.
    """
    for customer in world.file.of(Section.CUSTOMERS):
        kind = world.fact(Section.CUSTOMERS, customer.name, "type")
        yield from _above(world, customer)
        if customer.text("tariff") is not None and kind == "retail":
            yield customer.place.find("tariff").fault(
                "is for resellers: the tariffs of a retail customer are those of its accounts' products"
            )
        elif kind is not None:
            yield from tariff_fits(
                world,
                customer,
                "tariff",
                "reseller",
                world.fact(Section.CUSTOMERS, customer.name, "currency"),
            )
        yield from _limit(customer)


def _above(world: World, customer: Entry) -> Iterator[Fault]:
    parent = customer.text("parent")
    if parent is None:
        return
    kind = world.fact(Section.CUSTOMERS, parent, "type")
    if kind is not None and kind not in LIMITED:
        yield customer.place.find("parent").fault(
            f"{parent} is a {kind} customer: write the name of a reseller"
        )
    seen = {customer.name}
    above: str | None = parent
    while above is not None and above not in seen:
        seen.add(above)
        above = world.parent(above)
    if above == customer.name:
        yield customer.place.find("parent").fault("closes a circle of resellers: none may be above itself")


def _limit(entry: Entry) -> Iterator[Fault]:
    limit = entry.amount("credit_limit")
    if limit is not None and limit < 0:
        yield entry.place.find("credit_limit").fault(
            f"{limit} is negative: write 0 or more, or null for no limit"
        )


def accounts(world: World) -> Iterator[Fault]:
    """Models and limits, dates in their order, and one currency for account, customer and product."""
    for account in world.accounts():
        yield from _limit(account)
        model = world.fact(Section.ACCOUNTS, account.name, "model")
        if model == "debit":
            yield from _debit(account)
        begin, end = account.values.get("activation_date"), account.values.get("expiration_date")
        if isinstance(begin, datetime) and isinstance(end, datetime) and begin >= end:
            yield account.place.find("expiration_date").fault("is not after activation_date")
        customer = _fact_name(world, account, "customer")
        if world.fact(Section.CUSTOMERS, customer, "type") in LIMITED and "customer" in account.values:
            yield account.place.find("customer").fault(
                f"{customer} is a reseller: accounts belong to retail customers below it"
            )
        yield from _one_currency(world, account, customer)


PAYING: Final = frozenset({"debit", "credit", "internal"})
"""Models of accounts that can pay for beneficiaries."""


def beneficiaries(world: World) -> Iterator[Fault]:
    """A beneficiary has a payer of its customer and currency that pays for itself, and no money of its own; nobody else has one."""
    for account in world.accounts():
        model = world.fact(Section.ACCOUNTS, account.name, "model")
        payer = world.fact(Section.ACCOUNTS, account.name, "payer") or None
        if model is None:
            continue
        if model != "beneficiary":
            if payer is not None:
                yield account.place.find("payer").fault(f"is for accounts of the model beneficiary: remove it, a {model} account pays for itself")
            continue
        if payer is None:
            yield account.place.fault("is a beneficiary: it needs payer, the account that pays for it")
            continue
        for key in ("opening_balance", "credit_limit", "spend_limit", "discount_plan"):
            if account.values.get(key):
                yield account.place.find(key).fault(f"a beneficiary has none: remove it, what counts is that of its payer {payer}")
        yield from _payer(world, account, payer)


def _payer(world: World, account: Entry, payer: str) -> Iterator[Fault]:
    place, model = account.place.find("payer"), world.fact(Section.ACCOUNTS, payer, "model")
    entry = world.entries[Section.ACCOUNTS].get(payer)
    if world.fact(Section.ACCOUNTS, payer, "alias_of") or (entry is not None and entry.text("alias_of")):
        yield place.fault(f"{payer} is an alias: name the account that it points to")
        return
    if model is not None and model not in PAYING:
        yield place.fault(f"{payer} is a {model}: a debit, credit or internal account pays for others")
    for key in ("customer", "currency"):
        own, theirs = (world.fact(Section.ACCOUNTS, name, key) for name in (account.name, payer))
        if own and theirs and own != theirs:
            yield place.fault(f"{payer} is of {theirs} and the account of {own}: they must agree" if key == "customer"
                              else f"{payer} is in {theirs} and the account in {own}: they must agree")  # fmt: skip


def _debit(account: Entry) -> Iterator[Fault]:
    if account.amount("credit_limit") is not None:
        yield account.place.find("credit_limit").fault(
            "a debit account has no credit limit: remove it, or write model: credit"
        )


def openings(world: World) -> Iterator[Fault]:
    """A debit account begins with money or with nothing; only one that is moved here from elsewhere may be overdrawn."""
    for account in world.accounts():
        opening = account.amount("opening_balance")
        if opening is not None and opening < 0 and world.fact(Section.ACCOUNTS, account.name, "model") == "debit":
            yield account.place.find("opening_balance").fault(
                f"{opening} is negative: a debit account begins with money, or with 0"
            )


def _one_currency(world: World, account: Entry, customer: str | None) -> Iterator[Fault]:
    own = world.fact(Section.ACCOUNTS, account.name, "currency")
    theirs = world.fact(Section.CUSTOMERS, customer, "currency")
    if own is not None and theirs is not None and own != theirs:
        key = "currency" if "currency" in account.values else "customer"
        yield account.place.find(key).fault(
            f"the account is in {own} and its customer {customer} in {theirs}: they must agree"
        )
    product = account.text("product")
    sold = world.fact(Section.PRODUCTS, product, "currency")
    if own is not None and sold is not None and own != sold:
        yield account.place.find("product").fault(
            f"{product} is in {sold} and the account in {own}: they must agree"
        )


def _fact_name(world: World, account: Entry, key: str) -> str | None:
    return world.fact(Section.ACCOUNTS, account.name, key) or None


def aliases(world: World) -> Iterator[Fault]:
    """
    An id is given once in the environment, aliases included; an alias points to a real account and says
    nothing else.
    """
    owners: dict[str, str] = {}
    for account in world.file.of(Section.ACCOUNTS):
        known = world.known(Section.ACCOUNTS, account.name)
        master = account.text("alias_of")
        if master is not None:
            yield from _alias(world, account, account.name, master)
            if len(account.values) > 1:
                yield account.place.fault(
                    "is an alias: alias_of is all that it says, the rest is its account's"
                )
        elif known is not None and known.facts.get("alias_of") and account.silent("alias_of"):
            yield account.place.fault(
                f"is an alias of {known.facts['alias_of']} in the database: take another id"
            )
        for alias in account.parts("aliases"):
            if alias.name in world.entries[Section.ACCOUNTS]:
                yield alias.place.fault(
                    f"{alias.name} is an account of this file itself: an id is given once"
                )
            elif owners.setdefault(alias.name, account.name) != account.name:
                yield alias.place.fault(
                    f"{alias.name} is an alias of {owners[alias.name]} already: an id is given once"
                )
            else:
                yield from _alias(world, alias, alias.name, account.name)


def _alias(world: World, entry: Entry, name: str, master: str) -> Iterator[Fault]:
    """What the database says about an alias and its account."""
    place = entry.place.find("alias_of")
    known = world.known(Section.ACCOUNTS, name)
    if known is not None and known.facts.get("alias_of") != master:
        is_now = (
            f"an alias of {known.facts['alias_of']}"
            if known.facts.get("alias_of")
            else "an account of its own"
        )
        yield place.fault(f"{name} is {is_now} in the database: take another id")
    if world.fact(Section.ACCOUNTS, master, "alias_of"):
        yield place.fault(f"{master} is an alias itself: name the account that it points to")


def resellers(world: World) -> Iterator[Fault]:
    """The reseller's tariff of a product is in the currency of the resellers whose accounts have it."""
    tariffs = {
        product.name: {entry.text("reseller_tariff") for entry in product.parts("entries")} - {None}
        for product in world.file.of(Section.PRODUCTS)
    }
    for account in world.accounts():
        customer = _fact_name(world, account, "customer")
        above = world.parent(customer) if customer is not None else None
        currency = world.fact(Section.CUSTOMERS, above, "currency")
        for tariff in tariffs.get(account.text("product") or "", ()):
            own = world.fact(Section.TARIFFS, tariff, "currency")
            if own is not None and currency is not None and own != currency and not exchanges(world, own, currency):
                yield account.place.find("product").fault(
                    f"its reseller_tariff {tariff} is in {own} and the reseller {above} in {currency}:"
                    f" they must agree"
                )

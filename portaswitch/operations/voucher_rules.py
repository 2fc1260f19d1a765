"""Rules about vouchers of a catalogue file: a new one is whole, its number nobody's; what money has moved by, or may any moment, stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

from portaswitch.model.loading import Entry, Fault, Known, Section, vouchers_of
from portaswitch.operations.world import World


def batches(world: World) -> Iterator[Fault]:
    """Who manages a batch is a reseller, and stays."""
    for batch in world.file.of(Section.VOUCHER_BATCHES):
        manager, known = batch.text("managed_by"), world.known(Section.VOUCHER_BATCHES, batch.name)
        if manager is None:
            continue
        if known is not None and known.facts["managed_by"] != manager:
            yield batch.place.find("managed_by").fault(f"is {known.facts['managed_by'] or 'nobody'} in the database, which a load does not change")
        elif world.fact(Section.CUSTOMERS, manager, "type") == "retail":
            yield batch.place.find("managed_by").fault(f"{manager} is a retail customer: only resellers and distributors manage")


def vouchers(world: World) -> Iterator[Fault]:
    """The vouchers of all batches."""
    seen: dict[str, str] = {}
    for name, batch, voucher in vouchers_of(world.file):
        if voucher.is_unread:
            continue
        known = world.known(Section.VOUCHERS, name)
        yield from _new(batch, voucher) if known is None else _kept(batch, voucher, known)
        yield from _number(world, seen, name, voucher, is_new=known is None)


def _new(batch: Entry, voucher: Entry) -> Iterator[Fault]:
    absent = ["number"] if voucher.silent("number") else []
    absent += ["amount"] if voucher.silent("amount") and batch.silent("amount") else []
    if absent:
        yield voucher.place.fault(f"is new: it needs {' and '.join(absent)}")
    for entry in (voucher, batch):
        amount = entry.amount("amount")
        if amount is not None:
            if amount <= 0:
                yield entry.place.find("amount").fault("a voucher is worth more than 0")
            return


def _kept(batch: Entry, voucher: Entry, known: Known) -> Iterator[Fault]:
    """What a voucher that exists is worth; one that says nothing keeps it, whatever its batch says of new ones."""
    amount, currency, has = voucher.amount("amount"), voucher.text("currency"), known.facts
    if amount is not None and f"{amount.normalize():f}" != has["amount"]:
        yield voucher.place.find("amount").fault(f"is {has['amount']} in the database, which a load does not change")
    if currency is not None and currency != has["currency"]:
        yield voucher.place.find("currency").fault(f"is {has['currency']} in the database, which a load does not change")


def _number(world: World, seen: dict[str, str], name: str, voucher: Entry, is_new: bool) -> Iterator[Fault]:
    number, found = voucher.text("number"), world.known(Section.VOUCHER_NUMBERS, name)
    if number is None:
        return
    if seen.setdefault(number, name) != name:
        yield voucher.place.find("number").fault(f"is that of {_told(seen[number])} too: numbers are given once")
    elif found is not None and found.facts["holder"] not in ("", name):
        yield voucher.place.find("number").fault(f"is that of {_told(found.facts['holder'])} in the database: numbers are given once")
    elif found is not None and not found.facts["holder"] and not is_new:
        yield voucher.place.find("number").fault("is another one in the database, which a load does not change: close it, and add a new voucher")


def _told(name: str) -> str:
    """A voucher as people call it."""
    batch, _, control = name.partition("\x1f")
    return f"voucher {control} of {batch}" if batch else "a voucher without a batch"

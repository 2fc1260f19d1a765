"""The people behind accounts: an address book of customers. Whoever changes a person changes it for all accounts that have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.operation import Operation, Row
from portaswitch.operations.entities_people import SUBSCRIBER
from portaswitch.operations.records import record_operations


async def person_fits(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """An account's person is in its customer's address book, or in nobody's."""
    if after["_subscriber"] is None or (before is not None and (before["_subscriber"], before["_customer"]) == (after["_subscriber"], after["_customer"])):
        return
    person = await work.get(SUBSCRIBER, after["_subscriber"])
    if person is not None and person["_customer"] not in (None, after["_customer"]):
        yield f"subscriber: {person['number']} is one of {person['customer']}, and the account of {after['customer']}"


async def _somebody(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A person has a name, or a firm has."""
    if not any(after[name] for name in ("companyname", "firstname", "lastname")):
        yield "companyname, firstname, lastname: name somebody"


def _operations() -> Iterator[Operation]:
    start = "portaswitch subscriber"
    for operation in record_operations(SUBSCRIBER, (_somebody,)):
        match operation.words[1]:
            case "add":
                yield replace(operation, examples=f"{start} add --customer 'Demo retail' --firstname Ann --lastname Baker --city Vancouver")
            case "change":
                kept = tuple(field for field in operation.arguments if field.name != "rename")
                yield replace(operation, arguments=kept, examples=f"{start} change 17 --city Calgary --zip 'T2P 1J9'")
            case _:
                yield operation


OPERATIONS: Final = tuple(_operations())

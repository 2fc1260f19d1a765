"""What is done with customers: open, change, suspend, block, close; who stands above whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import FLAG, INSTANT, NAME
from portaswitch.operations import accounts_end
from portaswitch.operations.discounts import plan_fits
from portaswitch.operations.entities_catalogue import TARIFF
from portaswitch.operations.entities_parties import CUSTOMER, CUSTOMER_CLASS
from portaswitch.operations.life import blocks, follow, refuse_closed, turn, turns
from portaswitch.operations.records import change, key_fields, record_operations, the
from portaswitch.operations.standing import Chain, chains, customer_word

NAMED: Final = key_fields(CUSTOMER)
DEEPEST: Final = 16
"""Levels of resellers that a charge looks at."""


async def the_customer(work: IWork, values: Mapping[str, Any]) -> Row:
    """The customer that the arguments name, locked."""
    return await the(work, CUSTOMER, values, lock=True)


# -- rules ----------------------------------------------------------------------------------------------------------------------------------------


async def _below_a_reseller(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Who stands above is a reseller, open, and not below."""
    if after["_parent"] is None or (before is not None and before["_parent"] == after["_parent"]):
        return
    chain = (await chains(work, [after["_id"]]))[after["_id"]]
    above = chain[1]
    if any(party.i_customer == after["_id"] for party in chain[1:]):
        yield "parent: closes a circle of resellers: none may be above itself"
    elif above.type == 1:
        yield f"parent: {above.name} is a retail customer: write the name of a reseller"
    elif above.status == "C":
        yield f"parent: {above.name} is closed"
    elif len(chain) > DEEPEST:
        yield f"parent: more than {DEEPEST - 1} levels of resellers"


async def _temporary_limit(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A temporary limit has an end."""
    if after["temp_credit_limit"] is not None and after["temp_credit_until"] is None:
        yield "temp_credit_until is missing: a temporary limit has an end"


async def _own_tariff(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A customer's own tariff is what a reseller pays, in its currency."""
    if after["_tariff"] is None or (before is not None and before["_tariff"] == after["_tariff"]):
        return
    if after["type"] == "retail":
        yield "tariff: is for resellers: the tariffs of a retail customer are those of its accounts' products"
        return
    tariff = await work.get(TARIFF, after["_tariff"])
    if tariff is not None and tariff["applied_to"] != "reseller":
        yield f"tariff: {tariff['name']} is applied to {tariff['applied_to']}: one for resellers belongs here"
    if tariff is not None and tariff["currency"] != after["currency"]:
        yield f"tariff: {tariff['name']} is in {tariff['currency']} and the customer in {after['currency']}: they must agree"


RULES: Final = (_below_a_reseller, _temporary_limit, _own_tariff, plan_fits)


async def _new(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A reseller's new customer is below it; currency, time zone and credit limit come from above where nobody names them."""
    made = dict(values)
    if actor.realm is Realm.RESELLER:
        made.setdefault("parent", actor.i_customer)
        if made["parent"] is None:
            raise NotThere(["parent: your customers are below you"])
    if made.get("parent") is not None:
        await work.ask("customer.kept", {"customer": made["parent"]})
    if "class" in made and "credit_limit" not in made:
        group = await work.get(CUSTOMER_CLASS, made["class"]) if made["class"] is not None else None
        made["credit_limit"] = None if group is None else group["credit_limit"]
    ((currency, timezone),) = await work.ask("environment.defaults", {})
    opening = made.get("opening_balance") or Decimal(0)
    return {"currency": currency, "timezone": timezone, **made, "opening_balance": opening, "balance": opening}


# -- looking --------------------------------------------------------------------------------------------------------------------------------------


def told(row: Row, chain: Chain) -> dict[str, Any]:
    """A customer with its funds and effective status."""
    return {**row, "available": chain[0].available, "free": chain[0].free, "effective_status": customer_word(chain)}


def _list() -> Operation:
    (plain,) = record_operations(CUSTOMER, verbs=("list",))

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        rows: Any = await plain.run(work, actor, values)
        above = await chains(work, [row["_id"] for row in rows])
        return [told(row, above[row["_id"]]) for row in rows]

    columns = ("name", "type", "parent", "currency", "balance", "credit_limit", "available", "effective_status")
    examples = "portaswitch customer list\nportaswitch customer list Acme --limit 0 --json\nportaswitch customer list --parent 'Demo reseller'"
    return Operation(plain.name, "list customers with their money and status", Privilege.READ, run, plain.arguments, examples, columns)


async def _show(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    row = await the(work, CUSTOMER, values)
    return told(row, (await chains(work, [row["_id"]]))[row["_id"]])


# -- life -----------------------------------------------------------------------------------------------------------------------------------------


async def _unsuspend(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Lift a suspension, for good or until a date."""
    before = await the_customer(work, values)
    until = values.get("until")
    if until is not None and until <= await work.now():
        raise OperationRefused(["until: is in the past"])
    day = None if until is None else until.astimezone(UTC).date()
    follow(f"customer {before['name']}", before["status"], "open")
    delayed = await change(work, CUSTOMER, (), before, {"suspension_delayed_until": day}, "unsuspend")
    return await turn(work, CUSTOMER, delayed, "open", "unsuspend")


async def _move(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    await work.ask("customer.moving", {})
    before = await the_customer(work, values)
    refuse_closed(CUSTOMER, before)
    await work.ask("customer.kept", {"customer": values["parent"]})
    return await change(work, CUSTOMER, RULES, before, {"parent": values["parent"]}, "move")


async def _close(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Close a customer with its accounts; of a reseller the customers below must be closed before. Accounts are locked before their customer."""
    seen = await the(work, CUSTOMER, values)
    below = await work.ask("customer.below", {"customer": seen["_id"]})
    if below:
        names = ", ".join(name for _, name in below[:5])
        raise OperationRefused([f"customer {seen['name']} has {len(below)} customers below it that are not closed: {names}{' ...' if len(below) > 5 else ''}"])
    closed = []
    for number, name in await work.ask("customer.accounts", {"customer": seen["_id"]}):
        if await accounts_end.close(work, number, "customer.close"):
            closed.append(name)
    before = await the_customer(work, values)
    if await _late(work, before["_id"]):
        raise OperationRefused(["an account was opened meanwhile: try again"])
    if before["balance"] != 0 and not values.get("force"):
        owed = f"owes {before['balance']}" if before["balance"] > 0 else f"has a deposit of {-before['balance']}"
        raise OperationRefused([f"customer {before['name']} {owed} {before['currency']}: settle that first, or force"])
    after = await turn(work, CUSTOMER, before, "closed", "close")
    return {**after, "closed_accounts": closed}


async def _late(work: IWork, customer: int) -> bool:
    return bool(await work.ask("customer.accounts", {"customer": customer}) or await work.ask("customer.below", {"customer": customer}))


def _named(name: str, text: str, privilege: Privilege, run: Any, more: tuple[Field, ...] = (), examples: str = "") -> Operation:
    return Operation(f"customer.{name}", text, privilege, run, (*NAMED, *more), examples)


OPERATIONS: Final = (
    _list(),
    _named(
        "show", "show a customer: money, effective status, limits, who stands above it, address", Privilege.READ, _show,
        examples="portaswitch customer show 'Demo retail'",
    ),
    *record_operations(CUSTOMER, RULES, ("add", "change"), _new),
    *blocks(CUSTOMER, the_customer),
    *turns(CUSTOMER, the_customer, {"suspend": ("suspended", "suspend a customer: its accounts may use nothing until it is unsuspended")}),
    _named(
        "unsuspend", "lift a suspension, for good or until a day", Privilege.SELL, _unsuspend,
        (Field("until", "the suspension is lifted until that day only", INSTANT),), "portaswitch customer unsuspend 'Demo retail' --until 2030-01-31",
    ),
    _named(
        "move", "put a customer below another reseller", Privilege.SELL, _move,
        (Field("parent", "the reseller above", NAME, frozenset({Mark.PLACE, Mark.REQUIRED}), refers="customer"),),
        "portaswitch customer move 'Demo retail' 'Demo reseller'",
    ),
    _named(
        "close", "close a customer for good, with its accounts and what they have", Privilege.SELL, _close,
        (Field("force", "whatever it owes or has left", FLAG),), "portaswitch customer close 'Demo retail' --force yes",
    ),
    *record_operations(CUSTOMER_CLASS),
)  # fmt: skip

"""
What is done with the stock: SIM cards and numbers go to accounts and come back, devices have accounts on their ports, accounts have custom fields.

Locks: the account first, then what it gets, so that a closing account and an assignment wait for each other. What an account has is released when it is closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.custom_field import kept
from portaswitch.model.operation import Entity, Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import LINE, NAME
from portaswitch.operations import entities_stock as stock
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.records import as_named, change, key_fields, record_operations, the
from portaswitch.operations.upload import Upload

ASSIGNED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})


async def _stocked(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reseller adds is in its own stock."""
    return {**values, "managed_by": values.get("managed_by") or actor.i_customer} if actor.realm is Realm.RESELLER else values


# -- SIM cards -----------------------------------------------------------------------------------------------------------------------------------------------


async def _assign_sim(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A card that is free, or reserved, goes to an account that has none; its MSISDN is the account's id."""
    account = await _open_account(work, values["account"])
    sim = await the(work, stock.SIM, values, lock=True)
    if sim["status"] not in ("available", "reserved"):
        raise OperationRefused([f"SIM {sim['imsi']} is {sim['status']}: assign an available or reserved one"])
    if await work.listing(stock.SIM, {"account": account["_id"]}, "", 1):
        raise OperationRefused([f"account {account['id']} has a SIM already: release it, or use sim swap"])
    return await _give_sim(work, sim, account, "assign")


async def _give_sim(work: IWork, sim: Row, account: Row, verb: str) -> Row:
    values = {"status": "in_use", "account": account["_id"], "msisdn": account["id"]}
    return await change(work, stock.SIM, (), sim, values, verb)


async def _free_sim(work: IWork, sim: Row, verb: str) -> Row:
    return await change(work, stock.SIM, (), sim, {"status": "available", "account": None, "msisdn": None}, verb)


async def _release_sim(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The card is free again."""
    sim = await _locked_with_account(work, stock.SIM, values)
    if sim["status"] != "in_use":
        raise OperationRefused([f"SIM {sim['imsi']} is {sim['status']}: no account has it"])
    return await _free_sim(work, sim, "release")


async def _swap_sim(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """An account's card is replaced by another one, in one transaction: its handlers hear of the one that it lost, then of the one that it got."""
    old = await _locked_with_account(work, stock.SIM, values)
    new = await work.get(stock.SIM, values["to"], lock=True)
    if old["status"] != "in_use" or new is None or new["status"] not in ("available", "reserved"):
        raise OperationRefused([f"SIM {old['imsi']} must be in use, and the new one available or reserved"])
    account = await _open_account(work, old["_account"])
    await _free_sim(work, old, "swap")
    return await _give_sim(work, new, account, "swap")


def _sim_becomes(verb: str, status: str, begins: tuple[str, ...], help_text: str) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        sim = await the(work, stock.SIM, values, lock=True)
        if sim["status"] not in begins:
            raise OperationRefused([f"SIM {sim['imsi']} is {sim['status']}: it must be {' or '.join(begins)}"])
        return await change(work, stock.SIM, (), sim, {"status": status}, verb)

    return Operation(f"sim.{verb}", help_text, Privilege.STOCK, run, key_fields(stock.SIM))


async def _unused_sim(work: IWork, row: Row) -> None:
    if row["status"] == "in_use":
        raise OperationRefused([f"SIM {row['imsi']} is in use by account {row['account']}: release it first"])


# -- devices -------------------------------------------------------------------------------------------------------------------------------------------------


async def _port_fits(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """The device has that port, and its account is no alias."""
    device = await work.get(stock.CPE, after["_cpe"])
    if device is not None and after["port"] > device["ports"]:
        yield f"port: {device['name']} has {device['ports']} ports"
    account = await work.get(ACCOUNT, after["_account"]) if before is None else None
    if account is not None and account["model"] == "alias":
        yield f"account: {account['id']} is an alias of {account['master']}: name that account"


async def _ports_left(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A device keeps the ports that have accounts."""
    used = [row["port"] for row in await work.listing(stock.PORT, {"cpe": after["_id"]}, "", 0)]
    if used and max(used) > after["ports"]:
        yield f"ports: an account is on port {max(used)}"


# -- numbers -------------------------------------------------------------------------------------------------------------------------------------------------


async def _assign_did(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A number that is nobody's goes to a customer."""
    did = await the(work, stock.DID, values, lock=True)
    if did["frozen"] or did["_customer"]:
        raise OperationRefused([f"number {did['number']} is {'frozen' if did['frozen'] else 'of customer ' + str(did['customer'])}"])
    return await change(work, stock.DID, (), did, {"customer": values["customer"], "release_date": None}, "assign")


async def _activate_did(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A customer's number is used on one of its accounts."""
    account = await _open_account(work, values["account"])
    did = await the(work, stock.DID, values, lock=True)
    if did["_account"]:
        raise OperationRefused([f"number {did['number']} is in use on account {did['account']}"])
    if did["frozen"] or did["_customer"] != account["_customer"]:
        raise OperationRefused([f"number {did['number']} is not of customer {account['customer']}: did assign gives it"])
    return await change(work, stock.DID, (), did, {"account": account["_id"]}, "activate")


async def _cancel_did(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The number stays its customer's and is on no account."""
    did = await _locked_with_account(work, stock.DID, values)
    return await change(work, stock.DID, (), did, {"account": None}, "cancel")


async def _release_did(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The number is nobody's again."""
    did = await _locked_with_account(work, stock.DID, values)
    return await change(work, stock.DID, (), did, {"account": None, "customer": None, "release_date": await work.now()}, "release")


async def _move_did(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """The number is served by another installation from now on: it stays in the books, frozen, until it comes back (unfreeze)."""
    did = await the(work, stock.DID, values, lock=True)
    await _unused_did(work, did)
    return await change(work, stock.DID, (), did, {"moved_to": values["to"], "frozen": True}, "move")


def _freezing(verb: str, frozen: bool, help_text: str) -> Operation:
    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        did = await the(work, stock.DID, values, lock=True)
        if frozen and did["_account"]:
            raise OperationRefused([f"number {did['number']} is in use on account {did['account']}"])
        return await change(work, stock.DID, (), did, {"frozen": frozen, **({} if frozen else {"moved_to": None})}, verb)

    return Operation(f"did.{verb}", help_text, Privilege.STOCK, run, key_fields(stock.DID))


async def _unused_did(work: IWork, row: Row) -> None:
    if row["_customer"]:
        raise OperationRefused([f"number {row['number']} is of customer {row['customer']}: release it first"])


# -- custom fields -------------------------------------------------------------------------------------------------------------------------------------------


async def _choices_fit(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """A list has choices, nothing else has."""
    if (after["type"] == "list") != bool(after["choices"]):
        yield "choices: a field of type list needs them, and no other takes them"


OWNERS: Final[Mapping[str, Entity]] = {"account": ACCOUNT, "customer": CUSTOMER, "sim": stock.SIM}


def _setting(owner: str) -> Operation:
    entity = OWNERS[owner]

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        row = await the(work, entity, values, lock=True)
        field = await custom_field_of(work, "sim_card" if owner == "sim" else owner, values["field"])
        value = _value(field, values.get("value"))
        before = await put_custom(work, owner, row["_id"], field["_id"], value)
        said = {"field": field["name"], "value": "personal" if field["personal"] else value}
        await work.note(f"{owner}.custom", f"{owner}:{row['_id']}", {"value": "personal" if field["personal"] else before}, said)
        return {entity.key: row[entity.key], "field": field["name"], "before": before, "value": value}

    what = Field("field", "name of the custom field", NAME, ASSIGNED), Field("value", "its value; null: none", LINE, frozenset({Mark.PLACE}))
    return Operation(f"{owner}.custom", f"set a custom field of a {owner}", Privilege.SERVICE, run, (*key_fields(entity), *what))


async def put_custom(work: IWork, owner: str, number: int, field: int, value: str | None) -> str | None:
    """Set, change or remove a value; what it was."""
    whose = {**dict.fromkeys(OWNERS), owner: number, "field": field, "value": value}
    held = await work.ask("custom_field.value", whose)
    if held:
        await work.ask("custom_field.remove" if value is None else "custom_field.change", whose)
    elif value is not None:
        await work.ask("custom_field.add", whose)
    before: str | None = held[0][0] if held else None
    return before


async def custom_field_of(work: IWork, applies_to: str, name: str) -> Row:
    """The field of that name. Errors: NotThere."""
    rows = await work.ask("custom_field.find", {"applies_to": applies_to, "name": name})
    if not rows:
        raise NotThere([f"there is no custom field {name} of {applies_to}"])
    return {"name": name, **dict(zip(("_id", "type", "choices", "mandatory", "personal"), rows[0], strict=True))}


def _value(field: Row, text: str | None) -> str | None:
    """The value as it is kept: dates as YYYY-MM-DD, times in UTC."""
    if text is None:
        if field["mandatory"]:
            raise OperationRefused([f"{field['name']} is mandatory: write a value"])
        return None
    try:
        return kept(field["type"], field["choices"], text)
    except ValueError as reason:
        raise OperationRefused([f"{field['name']}: {text!r} {reason}"]) from None


# -- together ------------------------------------------------------------------------------------------------------------------------------------------------


async def _open_account(work: IWork, number: int) -> Row:
    """The account, locked; what an alias had would keep its account from being closed, and is refused as in a catalogue file."""
    account = await work.get(ACCOUNT, number, lock=True)
    if account is None or account["status"] == "closed":
        raise OperationRefused(["the account is closed"])
    refuse_alias(account)
    return account


async def _locked_with_account(work: IWork, entity: Entity, values: Mapping[str, Any]) -> Row:
    """The row, its account locked before it."""
    seen = await the(work, entity, values)
    if seen["_account"]:
        await work.get(ACCOUNT, seen["_account"], lock=True)
    return await the(work, entity, values, lock=True)


def _operation(name: str, help_text: str, entity: Entity, run: Callable[[IWork, Actor, Mapping[str, Any]], Awaitable[Outcome]], *more: Field) -> Operation:
    return Operation(name, help_text, Privilege.STOCK, run, (*key_fields(entity), *more))


TO_ACCOUNT: Final = Field("account", "the account that gets it", NAME, ASSIGNED, refers="account")
TO_CUSTOMER: Final = Field("customer", "the customer that gets it", NAME, ASSIGNED, refers="customer")
ELSEWHERE: Final = Field("to", "the installation that it goes to", NAME, ASSIGNED)

OPERATIONS: Final = (
    *record_operations(stock.SIM, prepare=_stocked, going=_unused_sim),
    _operation("sim.assign", "give a SIM to an account", stock.SIM, _assign_sim, TO_ACCOUNT),
    _operation("sim.release", "take a SIM from its account", stock.SIM, _release_sim),
    _operation("sim.swap", "replace an account's SIM by another", stock.SIM, _swap_sim, Field("to", "IMSI of the new one", NAME, ASSIGNED, refers="sim")),
    _sim_becomes("reserve", "reserved", ("available",), "keep a SIM for somebody"),
    _sim_becomes("free", "available", ("reserved",), "lift the reservation of a SIM"),
    _sim_becomes("dispose", "disposed", ("available", "reserved"), "a SIM that is broken or lost: it is never given again"),
    *record_operations(stock.CPE_PROFILE, prepare=_stocked),
    *record_operations(stock.CPE, (_ports_left,), prepare=_stocked),
    *record_operations(stock.PORT, (_port_fits,)),
    *record_operations(stock.DID_GROUP),
    *record_operations(stock.DID_VENDOR_BATCH),
    *record_operations(stock.DID_OWNER_BATCH),
    *record_operations(stock.DID, going=_unused_did),
    _operation("did.assign", "give a number to a customer", stock.DID, _assign_did, TO_CUSTOMER),
    _operation("did.activate", "use a customer's number on one of its accounts", stock.DID, _activate_did, TO_ACCOUNT),
    _operation("did.cancel", "take a number from its account; it stays its customer's", stock.DID, _cancel_did),
    _operation("did.release", "take a number from its customer", stock.DID, _release_did),
    _freezing("freeze", True, "a number that can't be given"),
    _freezing("unfreeze", False, "a number that can be given again, or is back from another installation"),
    _operation("did.move", "a number that another installation serves from now on", stock.DID, _move_did, ELSEWHERE),
    *record_operations(stock.CUSTOM_FIELD, (_choices_fit,)),
    *map(_setting, OWNERS),
)

UPLOADS: Final = {
    "sim": Upload(stock.SIM, _stocked, ("status", ("available", "disposed"))),
    "cpe": Upload(stock.CPE, _stocked, ("customer", (None,))),
    "did": Upload(stock.DID, as_named, ("customer", (None,))),
}
"""What can be uploaded as a table."""

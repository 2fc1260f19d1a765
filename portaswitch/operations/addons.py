"""Add-on products of accounts (PORTABILLING.md a.4): which, from when, until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import INSTANT, NAME
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.entities_catalogue import PRODUCT
from portaswitch.operations.entities_parties import ACCOUNT, ADDON
from portaswitch.operations.final_units import Reached, reauthorize
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.records import add, change, key_fields, the

ID: Final = key_fields(ACCOUNT)
WHICH: Final = Field("product", "the add-on product", NAME, frozenset({Mark.PLACE, Mark.REQUIRED}), refers="product")
FROM: Final = Field("from", "in force from then on; now by default", INSTANT)
TO: Final = Field("to", "until then; null: open end", INSTANT)


async def _account(work: IWork, values: Mapping[str, Any]) -> Row:
    row = await the(work, ACCOUNT, values, lock=True)
    refuse_alias(row)
    refuse_closed(ACCOUNT, row)
    return row


async def of_account(work: IWork, account: int, product: int | None = None) -> list[Row]:
    """The add-ons of an account (only that product), in the order in which they begin, with their priorities."""
    wanted = {"account": account} if product is None else {"account": account, "product": product}
    found: list[Row] = await work.listing(ADDON, wanted, "", 0)
    products = {number: await work.get(PRODUCT, number) or {} for number in sorted({row["_product"] for row in found})}
    return [{**row, "priority": products[row["_product"]].get("addon_priority")} for row in found]


async def in_force(work: IWork, account: int, now: datetime) -> list[Row]:
    """The add-ons of an account that count now, the one that overrides the others first: the higher priority, then the older product."""
    found = [row for row in await of_account(work, account) if row["from"] <= now and (row["to"] is None or now < row["to"])]
    return sorted(found, key=lambda row: (-(row["priority"] or 0), row["_product"]))


async def _list(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await the(work, ACCOUNT, values)
    return await of_account(work, account["_id"])


async def _add(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account, now = await _account(work, values), await work.now()
    product = await work.get(PRODUCT, values["product"])
    begin, end = values.get("from") or now, values.get("to")
    if product is None:
        raise NotThere(["product: it is gone"])
    faults = [
        text
        for wrong, text in (
            (not product["is_addon"], f"product: {product['name']} is a main product: `account product` gives it"),
            (product["currency"] != account["currency"], f"product: {product['name']} is in {product['currency']} and the account in {account['currency']}"),
            (end is not None and end <= begin, "to: is not after its beginning"),
        )
        if wrong
    ]
    others = await of_account(work, account["_id"], values["product"])
    faults += [f"product: it has that from {row['from']} already" for row in others if _overlap(row, begin, end)]
    if not await _allowed(work, account["_product"], values["product"]):
        faults.append(f"product: {product['name']} is not sold with {account['product']}")
    if faults:
        raise OperationRefused(faults)
    row = await add(work, ADDON, (), {"account": account["_id"], "product": values["product"], "from": begin, "to": end})
    if begin <= now:
        await reauthorize(work, [Reached(account["_customer"], account["_id"])])
    return row


async def _allowed(work: IWork, main: int | None, addon: int) -> bool:
    """Whether that add-on may be sold with that main product: any may where nothing is said of it."""
    ((rules,),) = await work.ask("addon.rules", {"product": main})
    return not rules or bool(await work.ask("addon.allowed", {"product": main, "addon": addon}))


def _overlap(row: Row, begin: datetime, end: datetime | None) -> bool:
    return (row["to"] is None or begin < row["to"]) and (end is None or row["from"] < end)


async def _one(work: IWork, account: Row, values: Mapping[str, Any], now: datetime) -> Row:
    """The add-on that is meant: the one in force, else the next one."""
    left = [row for row in await of_account(work, account["_id"], values["product"]) if row["to"] is None or row["to"] > now]
    if not left:
        raise NotThere([f"account {account['id']} has no such add-on"])
    return left[0]


async def _change(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account, now = await _account(work, values), await work.now()
    row = await _one(work, account, values, now)
    wanted = {name: values[name] for name in ("from", "to") if name in values}
    begin, end = wanted.get("from") or row["from"], wanted.get("to", row["to"])
    faults = []
    if begin != row["from"] and row["from"] <= now:
        faults.append("from: it is in force already, so its beginning stays")
    if end is not None and (end <= begin or end < now):
        faults.append("to: is not after its beginning, or in the past")
    others = [other for other in await of_account(work, account["_id"], values["product"]) if other["_id"] != row["_id"]]
    faults += [f"from, to: it has that from {other['from']} too" for other in others if _overlap(other, begin, end)]
    if faults:
        raise OperationRefused(faults)
    changed = await change(work, ADDON, (), row, {"from": begin, "to": end})
    if begin <= now and (row["from"] > now or _longer(row["to"], end)):
        await reauthorize(work, [Reached(account["_customer"], account["_id"])])
    return changed


def _longer(was: datetime | None, now: datetime | None) -> bool:
    return was is not None and (now is None or now > was)


async def _remove(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """One that is in force ends now, one that is not yet goes away."""
    account, now = await _account(work, values), await work.now()
    row = await _one(work, account, values, now)
    if row["from"] < now:
        return await change(work, ADDON, (), row, {"to": now}, "remove")
    await work.remove(ADDON, row["_id"])
    await work.note("account.addon.remove", f"account.addon:{row['_id']}", row, None)
    return row


def _named(verb: str, text: str, privilege: Privilege, run: Any, more: tuple[Field, ...], examples: str, columns: tuple[str, ...] = ()) -> Operation:
    return Operation(f"account.addon.{verb}", text, privilege, run, (*ID, *more), f"portaswitch account addon {examples}", columns)


OPERATIONS: Final = (
    _named("list", "list the add-ons of an account", Privilege.READ, _list, (), "list 16045550101", ("product", "priority", "from", "to")),
    _named("add", "give an account an add-on product", Privilege.SELL, _add, (WHICH, FROM, TO), "add 16045550101 'More minutes' --to 2030-01-01"),
    _named(
        "change", "change the dates of an add-on; once in force only its end", Privilege.SELL, _change, (WHICH, FROM, TO),
        "change 16045550101 'More minutes' --to null",
    ),
    _named("remove", "end an add-on now", Privilege.SELL, _remove, (WHICH,), "remove 16045550101 'More minutes'"),
)  # fmt: skip

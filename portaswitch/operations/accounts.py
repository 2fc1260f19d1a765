"""What is done with accounts: open, look at, change, move, close; passwords, products."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Body, Field, Mark, Operation, OperationRefused, Outcome, Row
from portaswitch.model.party import life_end
from portaswitch.model.text_values import NAME
from portaswitch.operations import accounts_end
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.addons import in_force
from portaswitch.operations.discounts import plan_fits
from portaswitch.operations.entities_catalogue import PRODUCT
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER, SECRET
from portaswitch.operations.life import blocks, refuse_closed, turns
from portaswitch.operations.payers import beneficiaries, hold_payer, payer_fits, purses
from portaswitch.operations.records import change, key_fields, record_operations, the
from portaswitch.operations.standing import FULL, chains, told
from portaswitch.operations.subscribers import person_fits

ID: Final = key_fields(ACCOUNT)
GIVEN: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
"""Of generated passwords: none that is taken for another one."""

GENERATED, SHORTEST = 16, 6
"""Characters of a generated password (93 bits), and of one that somebody chose."""


async def the_account(work: IWork, values: Mapping[str, Any]) -> Row:
    """The account that the arguments name, locked; no alias."""
    row = await the(work, ACCOUNT, values, lock=True)
    refuse_alias(row)
    return row


async def _open_account(work: IWork, values: Mapping[str, Any]) -> Row:
    row = await the_account(work, values)
    refuse_closed(ACCOUNT, row)
    return row


# -- rules ----------------------------------------------------------------------------------------------------------------------------------------


async def _money(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Models, limits and beginnings fit each other."""
    if after["model"] == "alias":
        yield "model: an alias is made by `account alias add`"
    if after["model"] in FULL and after["credit_limit"] is not None:
        yield f"credit_limit: a {after['model']} account has none, its balance is what is left"
    if before is None and after["model"] in FULL and after["opening_balance"] < 0:
        yield f"opening_balance: a {after['model']} account begins with money, or with 0"


async def _dates(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    begin, end = after["activation_date"], after["expiration_date"]
    if begin is not None and end is not None and begin >= end:
        yield "expiration_date: is not after activation_date"


async def _customer(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Accounts belong to open retail customers, in the same currency."""
    if before is not None and before["_customer"] == after["_customer"]:
        return
    customer = await work.get(CUSTOMER, after["_customer"])
    if customer is None:
        return
    if customer["type"] != "retail":
        yield f"customer: {customer['name']} is a {customer['type']}: accounts belong to retail customers below it"
    if customer["status"] == "closed":
        yield f"customer: {customer['name']} is closed"
    if customer["currency"] != after["currency"]:
        yield f"customer: the account is in {after['currency']} and {customer['name']} in {customer['currency']}: they must agree"


async def _product(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """Its product is a main product in its currency."""
    if after["_product"] is None or (before is not None and before["_product"] == after["_product"]):
        return
    product = await work.get(PRODUCT, after["_product"])
    if product is None:
        return
    if product["is_addon"]:
        yield f"product: {product['name']} is an add-on: `account addon add` gives it"
    if product["currency"] != after["currency"]:
        yield f"product: {product['name']} is in {product['currency']} and the account in {after['currency']}: they must agree"


RULES: Final = (_money, _dates, _customer, _product, plan_fits, person_fits, payer_fits)


async def _new(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """An account begins in its customer's currency, with its opening balance; nobody closes the customer meanwhile."""
    await hold_payer(work, values)
    await work.ask("customer.kept", {"customer": values["customer"]})
    customer = await work.get(CUSTOMER, values["customer"])
    _refuse_weak(values, values["id"])
    if customer is None:
        return values
    opening = values.get("opening_balance") or Decimal(0)
    return {"currency": customer["currency"], **values, "opening_balance": opening, "balance": opening}


# -- looking --------------------------------------------------------------------------------------------------------------------------------------


def _list() -> Operation:
    (plain,) = record_operations(ACCOUNT, verbs=("list",))

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        rows: Any = await plain.run(work, actor, values)
        above, payers = await chains(work, [row["_customer"] for row in rows]), await purses(work, rows)
        return [{**row, **told(row, above[row["_customer"]], payers.get(row["_payer"]))} for row in rows]

    columns = ("id", "customer", "product", "model", "currency", "balance", "held", "available", "effective_status")
    examples = "portaswitch account list\nportaswitch account list 1008\nportaswitch account list --customer Retail --limit 0 --json"
    return Operation(plain.name, "list accounts with their money and status", Privilege.READ, run, plain.arguments, examples, columns)


async def _show(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """All that is known of an account; an alias shows itself and the money of its account, a beneficiary that of its payer."""
    row = await the(work, ACCOUNT, values)
    owner = row if row["_master"] is None else await work.get(ACCOUNT, row["_master"]) or row
    chain = (await chains(work, [owner["_customer"]]))[owner["_customer"]]
    aliases = [name for (name,) in await work.ask("account.aliases", {"account": row["_id"]})]
    addons = [addon["product"] for addon in await in_force(work, owner["_id"], chain[0].now)]
    ends = life_end(owner["expiration_date"], owner["first_usage"], owner["life_time"])
    standing = told(owner, chain, (await purses(work, [owner])).get(owner["_payer"]))
    paid_for = list((await beneficiaries(work, row["_id"])).values())
    return {**row, **standing, "expires": ends, "aliases": aliases, "addons": addons, "beneficiaries": paid_for}


# -- changes --------------------------------------------------------------------------------------------------------------------------------------


async def _give_product(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Change the main product; sessions that are open end or ask again, by the wish for their disconnect."""
    before = await _open_account(work, values)
    after = await change(work, ACCOUNT, RULES, before, {"product": values["product"]}, "product")
    if before["_product"] == after["_product"]:
        return after
    return {**after, "disconnected": await accounts_end.disconnect(work, [before["_id"]])}


def _refuse_weak(values: Mapping[str, Any], name: str) -> None:
    password = values.get("password")
    if password is not None and (len(password) < SHORTEST or password == name):
        raise OperationRefused([f"password: is too easy to guess: at least {SHORTEST} characters that are not the id, or let one be generated"])


def _password(field: str, verb: str) -> Body:
    """Sets a password, or generates one and tells it."""

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        before = await _open_account(work, values)
        _refuse_weak(values, before["id"])
        new = values["password"] if "password" in values else "".join(secrets.choice(LETTERS) for _ in range(GENERATED))
        await change(work, ACCOUNT, (), before, {field: new}, verb)
        return {"id": before["id"], **({} if "password" in values else {"password": new})}

    return run


async def _move(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """
    Give an account to another customer, with its beneficiaries and what their open sessions hold and count. What it was charged stays with the old one, so that
    a credit account that owes something is settled there first; so does what the customer's accounts share, so that a session that holds a part ends first.
    """
    seen = await the(work, ACCOUNT, values)
    refuse_alias(seen)
    numbers = {seen["_id"], *await beneficiaries(work, seen["_id"], closed=True)}
    rows = {row["_id"]: row for row in await work.lock_all(ACCOUNT, numbers)}
    if numbers - set(rows) or numbers != {seen["_id"], *await beneficiaries(work, seen["_id"], closed=True)}:
        raise OperationRefused(["another account is paid for meanwhile: try again"])
    before = rows.pop(seen["_id"])
    refuse_closed(ACCOUNT, before)
    source, target = before["_customer"], values["customer"]
    if source == target:
        raise OperationRefused([f"account {before['id']} is of {before['customer']} already"])
    for number in sorted((source, target)):
        await work.get(CUSTOMER, number, lock=True)
    after = await _moved(work, before, target)
    for row in rows.values():
        await _moved(work, row, target)
    return {**after, "beneficiaries": [row["id"] for row in rows.values()]}


async def _moved(work: IWork, before: Row, target: int) -> Row:
    """One locked account goes to another customer; both of them are locked."""
    if before["model"] not in FULL and before["balance"] != 0:
        owed = f"{before['balance']} {before['currency']} with {before['customer']}"
        raise OperationRefused([f"account {before['id']} has a balance of {owed}: settle it there first"])
    devices = await work.ask("account.devices", {"account": before["_id"], "target": target})
    if devices:
        raise OperationRefused([f"device {devices[0][0]} belongs to {before['customer']}: take the account off it first"])
    await _refuse_sharing(work, before)
    await work.ask("account.move", {"account": before["_id"], "source": before["_customer"], "target": target})
    return await change(work, ACCOUNT, RULES, before, {"customer": target, **await _left_behind(work, before, target)}, "move")


async def _refuse_sharing(work: IWork, account: Row) -> None:
    """OperationRefused while an open session of a locked account holds a part of what its customer's accounts share."""
    sessions = await work.ask("account.sharing", {"account": account["_id"], "customer": account["_customer"]})
    if sessions:
        what = f"session {sessions[0][0]} of account {account['id']} holds a part of a counter or budget that the accounts of {account['customer']} share"
        raise OperationRefused([f"{what}: wait for its end, or end it (`portaswitch session disconnect {sessions[0][0]}`), and move the account then"])


async def _left_behind(work: IWork, account: Row, target: int) -> dict[str, None]:
    """What an account does not take to another customer: its site, and a person whom other accounts have too."""
    person = account["_subscriber"]
    stays = person is not None and not await work.ask("subscriber.move", {"account": account["_id"], "subscriber": person, "target": target})
    return {**({"site": None} if account["_site"] else {}), **({"subscriber": None} if stays else {})}


async def _close(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    before = await the_account(work, values)
    refuse_closed(ACCOUNT, before)
    return await accounts_end.close(work, before["_id"], "account.close") or before


# -- aliases --------------------------------------------------------------------------------------------------------------------------------------

ALIAS: Final = Field("alias", "the further id", NAME, GIVEN)


async def _alias_add(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    before = await _open_account(work, values)
    row = {"id": values["alias"], "customer": before["_customer"], "master": before["_id"], "model": 2, "currency": before["currency"]}
    await work.add(ACCOUNT, row)
    await work.note("account.alias.add", f"account:{before['_id']}", {"alias": None}, {"alias": values["alias"]})
    return {"id": before["id"], "alias": values["alias"]}


async def _alias_remove(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    before = await the_account(work, values)
    found = await work.find(ACCOUNT, values["alias"], lock=True)
    if found is None or found["_master"] != before["_id"]:
        raise OperationRefused([f"{values['alias']} is no alias of {before['id']}"])
    await work.remove(ACCOUNT, found["_id"])
    await work.note("account.alias.remove", f"account:{before['_id']}", {"alias": values["alias"]}, {"alias": None})
    return {"id": before["id"], "alias": values["alias"]}


def _named(name: str, text: str, privilege: Privilege, run: Any, more: tuple[Field, ...] = (), examples: str = "", **what: Any) -> Operation:
    return Operation(f"account.{name}", text, privilege, run, (*ID, *more), examples, **what)


OPERATIONS: Final = (
    _list(),
    _named(
        "show", "show an account: balance, what is held of it and available, effective status, product, add-ons, aliases", Privilege.READ, _show,
        examples="portaswitch account show 10086610975\nportaswitch account show 10086610975 --json",
    ),
    *record_operations(ACCOUNT, RULES, ("add", "change"), _new),
    *blocks(ACCOUNT, the_account),
    *turns(ACCOUNT, the_account, {
        "suspend": ("suspended", "suspend an account: it may use nothing until it is unsuspended"),
        "unsuspend": ("open", "lift the suspension of an account"),
    }),
    _named("close", "close an account for good: its SIM card, ports, numbers and aliases are free again, its sessions end", Privilege.SELL, _close),
    _named(
        "product", "change the main product of an account", Privilege.SELL, _give_product, (replace(ACCOUNT.field("product"), marks=GIVEN),),
        "portaswitch account product 10086610975 PrepaidCard",
    ),
    _named(
        "password", "set the service password of an account, or generate a strong one and tell it once", Privilege.SERVICE, _password("password", "password"),
        (Field("password", "the new one; without it one is generated; null: none is needed", SECRET, frozenset({Mark.SECRET})),),
        "portaswitch account password 16045550101", secrets=("password",), self_care=True,
    ),
    _named(
        "web-password", "set the self-care password of an account, or generate a strong one and tell it once", Privilege.SERVICE,
        _password("web_password", "web-password"),
        (Field("password", "the new one; without it one is generated; null: no log-in", SECRET, frozenset({Mark.SECRET})),),
        "portaswitch account web-password 16045550101", secrets=("password",), self_care=True,
    ),
    _named(
        "move", "give an account to another customer, with its open sessions", Privilege.SELL, _move, (replace(ACCOUNT.field("customer"), marks=GIVEN),),
        "portaswitch account move 10086610975 'Demo subcustomer'",
    ),
    _named("alias.add", "give an account a further id", Privilege.SELL, _alias_add, (ALIAS,), "portaswitch account alias add 16045550101 16045550107"),
    _named("alias.remove", "take a further id away", Privilege.SELL, _alias_remove, (ALIAS,), "portaswitch account alias remove 16045550101 16045550107"),
)  # fmt: skip

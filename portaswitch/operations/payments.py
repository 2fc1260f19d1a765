"""Money by hand: payments, charges, credits, adjustments, refunds of xDRs, transfers; looking at payments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.money import plain
from portaswitch.model.operation import Field, Mark, NotPermitted, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.payment import Action, Payment
from portaswitch.model.text_values import AMOUNT, NAME, POSITIVE, SUM
from portaswitch.operations.entities_money import PAYMENT
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.funds import COMMENTS, FORCE, book, comments, locked, paying, refuse_short, refuse_short_customer
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.payers import purse
from portaswitch.operations.records import key_fields, record_operations, the
from portaswitch.operations.standing import FULL, chains

ID: Final = key_fields(ACCOUNT)
NAMED: Final = key_fields(CUSTOMER)
PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
HOW_MUCH: Final = Field("amount", "how much", SUM, PLACED)

MOVES: Final = (
    ("charge", Action.MANUAL_CHARGE, -1, "charge {} by hand"),
    ("credit", Action.MANUAL_CREDIT, 1, "credit {} by hand, as a good will or for a complaint"),
    ("promo", Action.PROMOTIONAL_CREDIT, 1, "give {} money as a promotion"),
)
"""The plain moves of accounts and customers: verb, action, sign in favour of the owner, help."""


def _move(verb: str, action: Action, sign: int, text: str) -> tuple[Operation, Operation]:
    """One verb on accounts and on customers."""
    more = (HOW_MUCH, *COMMENTS, *((FORCE,) if sign < 0 else ()))

    async def of_account(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        account = await paying(work, values)
        if sign < 0:
            await refuse_short(work, actor, account, values["amount"], bool(values.get("force")))
        payment = Payment(account["_id"], account["_customer"], sign * values["amount"], action, comments(values))
        return await book(work, ACCOUNT, account, payment, f"account.{verb}")

    async def of_customer(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        customer = await the(work, CUSTOMER, values, lock=True)
        refuse_closed(CUSTOMER, customer)
        if sign < 0:
            await refuse_short_customer(work, actor, customer, values["amount"], bool(values.get("force")))
        payment = Payment(None, customer["_id"], sign * values["amount"], action, comments(values))
        return await book(work, CUSTOMER, customer, payment, f"customer.{verb}")

    examples = (f"portaswitch {named} 5.00 --comment 'By agreement'" for named in (f"account {verb} 10086610975", f"customer {verb} 'Demo retail'"))
    return (
        Operation(f"account.{verb}", text.format("an account"), Privilege.MONEY, of_account, (*ID, *more), next(examples)),
        Operation(f"customer.{verb}", text.format("a customer"), Privilege.MONEY, of_customer, (*NAMED, *more), next(examples)),
    )


def _pay() -> Operation:
    """A customer's payment; an account's is its top-up."""
    _, operation = _move("pay", Action.MANUAL_PAYMENT, 1, "book a payment of {}")
    return operation


# -- adjustments ----------------------------------------------------------------------------------------------------------------------------------

TO: Final = Field("balance", "what its balance shall be", AMOUNT, PLACED)


def _refuse_adjusting(actor: Actor, row: Row, values: Mapping[str, Any]) -> None:
    if actor.realm is not Realm.ADMIN:
        raise NotPermitted(["only an administrator of the environment sets a balance"])
    if values["balance"] == row["balance"]:
        raise OperationRefused(["balance: it is that already"])


async def _adjust_account(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await paying(work, values)
    _refuse_adjusting(actor, account, values)
    favour = (values["balance"] - account["balance"]) * (1 if account["model"] in FULL else -1)
    if favour < 0:
        await refuse_short(work, actor, account, -favour, bool(values.get("force")))
    return await book(work, ACCOUNT, account, Payment(account["_id"], account["_customer"], favour, Action.ADJUSTMENT, comments(values)), "account.adjust")


async def _adjust_customer(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    customer = await the(work, CUSTOMER, values, lock=True)
    _refuse_adjusting(actor, customer, values)
    favour = customer["balance"] - values["balance"]
    if favour < 0:
        await refuse_short_customer(work, actor, customer, -favour, bool(values.get("force")))
    return await book(work, CUSTOMER, customer, Payment(None, customer["_id"], favour, Action.ADJUSTMENT, comments(values)), "customer.adjust")


# -- refunds --------------------------------------------------------------------------------------------------------------------------------------


XDR: Final = Field("xdr", "the xDR (`xdr list`)", POSITIVE, frozenset({Mark.REQUIRED}))


async def _refund(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Give back what an xDR charged, or a part of it: in all refunds together, those of the client too, never more than that, nor than its session charged."""
    account = await paying(work, values)
    rows = await work.ask("xdr.charged", {"account": account["_id"], "xdr": values["xdr"]})
    payer = rows[0][-1] if rows else 0
    if not rows or (actor.realm is not Realm.ADMIN and payer not in (0, account["_customer"])):
        raise NotThere([f"account {account['id']} has no xDR {values['xdr']}: see `portaswitch xdr list --account {account['id']}`"])
    if account["model"] not in FULL and payer not in (0, account["_customer"]):
        before = await work.get(CUSTOMER, payer)
        name = before["name"] if before is not None else "another customer"
        raise OperationRefused([f"xDR {values['xdr']} was charged to {name}, whose the account was then: `portaswitch customer credit` gives it back there"])
    charged, refunded, cli, cld, connected, quantity, history, _ = rows[0]
    left = charged - refunded
    amount = values.get("amount") or left
    if amount > left or left <= 0:
        reason = f"xDR {values['xdr']} charged {plain(charged)}, of which {plain(refunded)} were refunded: {plain(max(left, Decimal(0)))} are left"
        raise OperationRefused([reason])
    told = comments(values, f"refund of the call to {cld} of {connected:%Y-%m-%d %H:%M} UTC" if cld else f"refund of xDR {values['xdr']}")
    payment = Payment(account["_id"], account["_customer"], amount, Action.REFUND, told, refunds=values["xdr"])
    answer = await book(work, ACCOUNT, account, payment, "account.refund")
    await work.ask("xdr.refunded", {"xdr": values["xdr"]})
    why = {"from": cli, "to": cld, "connected": connected, "charged_quantity": quantity, "history": history}
    return {**answer, "xdr": values["xdr"], "charged": charged, "refunded": refunded + amount, "left": left - amount, **why}


# -- transfers ------------------------------------------------------------------------------------------------------------------------------------


async def _transfer(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Money from one account to another of the same tree; both rows are locked in the order of their numbers."""
    numbers = [(await _owner(work, values["id"]))["_id"], (await _owner(work, values["to"]))["_id"]]
    if numbers[0] == numbers[1]:
        raise OperationRefused(["to: is the same account"])
    rows = {number: await locked(work, number) for number in sorted(numbers)}
    source, target = (rows[number] for number in numbers)
    for row in (source, target):
        refuse_closed(ACCOUNT, row)
    owing = {row["_customer"] for row in rows.values() if row["model"] not in FULL}
    for number in sorted(owing):
        await work.get(CUSTOMER, number, lock=True)
    above = await chains(work, [source["_customer"], target["_customer"]])
    if source["currency"] != target["currency"]:
        raise OperationRefused([f"to: {target['id']} is in {target['currency']} and {source['id']} in {source['currency']}: they must agree"])
    if above[source["_customer"]][-1].i_customer != above[target["_customer"]][-1].i_customer:
        raise OperationRefused([f"to: {target['id']} is of another customer that has no reseller in common"])
    await refuse_short(work, actor, source, values["amount"], False)
    taken = Payment(source["_id"], source["_customer"], -values["amount"], Action.TRANSFER, comments(values, f"transfer to {target['id']}"))
    given = Payment(target["_id"], target["_customer"], values["amount"], Action.TRANSFER, comments(values, f"transfer from {source['id']}"))
    answer = await book(work, ACCOUNT, source, taken, "account.transfer")
    other = await book(work, ACCOUNT, target, given, "account.transfer")
    return {**answer, "to": target["id"], "i_payment_to": other["i_payment"], "balance_to": other["balance"]}


async def _owner(work: IWork, name: str) -> Row:
    """The account whose money an id stands for."""
    return await purse(work, await the(work, ACCOUNT, {"id": name}))


OPERATIONS: Final = (
    *(operation for move in MOVES for operation in _move(*move)),
    _pay(),
    Operation(
        "account.adjust", "set the balance of an account right; the difference is booked", Privilege.MONEY, _adjust_account, (*ID, TO, *COMMENTS, FORCE),
        "portaswitch account adjust 10086610975 12.50 --internal-comment 'Migration, ticket 4711'",
    ),
    Operation(
        "customer.adjust", "set the balance of a customer right; the difference is booked", Privilege.MONEY, _adjust_customer, (*NAMED, TO, *COMMENTS, FORCE),
        "portaswitch customer adjust 'Demo retail' 0 --internal-comment 'Migration, ticket 4711'",
    ),
    Operation(
        "account.refund", "give back what an xDR charged, or a part of it", Privilege.MONEY, _refund,
        (*ID, XDR, Field("amount", "only so much; all that is left by default", SUM), *COMMENTS),
        "portaswitch account refund 10086610975 --xdr 7\nportaswitch account refund 10086610975 --xdr 7 --amount 0.01 --comment 'Bad line'",
    ),
    Operation(
        "account.transfer", "transfer money from an account to another one of the same customer or reseller", Privilege.MONEY, _transfer,
        (*ID, Field("to", "the other account", NAME, PLACED), HOW_MUCH, *COMMENTS), "portaswitch account transfer 10086610975 user1@demo.example 2.00",
    ),
    *record_operations(PAYMENT, verbs=("list", "show")),
)  # fmt: skip

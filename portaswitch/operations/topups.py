"""Top-ups: a payment by hand, or a voucher, which is used once and can't be found by trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Asked, Field, Mark, NotPermitted, NotThere, Operation, OperationRefused, Outcome, RefusedButNoted, Row
from portaswitch.model.payment import Action, Payment
from portaswitch.model.text_values import SUM
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER, SECRET
from portaswitch.operations.final_units import by_money, reauthorize
from portaswitch.operations.funds import COMMENTS, book, booked, comments, paying
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.records import key_fields
from portaswitch.operations.standing import FULL, chains

MOST_WRONG: Final = 5
"""Wrong vouchers that an account may try in an hour."""


async def _top_up(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    if (values.get("amount") is None) == (values.get("voucher") is None):
        raise OperationRefused(["amount or voucher: name one of them, and only one"])
    if values.get("voucher") is not None:
        return await _voucher(work, await paying(work, values), values)
    if not actor.may(Privilege.MONEY):
        raise _by_amount()
    account = await paying(work, values)
    return await book(work, ACCOUNT, account, _payment(account, values), "account.topup")


def _payment(account: Row, values: Mapping[str, Any]) -> Payment:
    return Payment(account["_id"], account["_customer"], values["amount"], Action.MANUAL_PAYMENT, comments(values))


# -- many at once ---------------------------------------------------------------------------------------------------------------------------------


def _joins(values: Mapping[str, Any]) -> bool:
    """Vouchers are counted against those who try them, one after the other."""
    return values.get("amount") is not None and values.get("voucher") is None


async def _top_up_all(work: IWork, actor: Actor, asked: Sequence[Asked]) -> list[Outcome | OperationRefused]:
    """
    Payments by amount, to an alias or beneficiary into the account whose money it uses: accounts are locked in their order, then the customers of those that
    owe, so that charges and others wait in no circle.
    """
    if not actor.may(Privilege.MONEY):
        return [_by_amount() for _ in asked]
    named = {row["id"]: row for row in await work.with_keys(ACCOUNT, sorted({one.values["id"] for one in asked}))}
    owners = {name: row["_master"] or row["_payer"] or row["_id"] for name, row in named.items()}
    aliased = [row["_master"] for row in named.values() if row["_master"] is not None]
    payers = dict(await work.ask("account.payers", {"accounts": aliased})) if aliased else {}
    owners = {name: payers.get(number, number) for name, number in owners.items()}
    rows = {row["_id"]: row for row in await work.lock_all(ACCOUNT, set(owners.values()))}
    await work.lock_all(CUSTOMER, {row["_customer"] for row in rows.values() if row["model"] not in FULL})
    chosen = [_chosen(owners, rows, one.values["id"]) for one in asked]
    payments = [_payment(row, one.values) for one, row in zip(asked, chosen, strict=True) if not isinstance(row, OperationRefused)]
    paid = iter(zip(payments, await work.pay_all(payments), strict=True))
    await reauthorize(work, [by_money(ACCOUNT, row) for row in chosen if not isinstance(row, OperationRefused)])
    balances: dict[int, Decimal] = {}
    answers: list[Outcome | OperationRefused] = []
    for one, row in zip(asked, chosen, strict=True):
        if isinstance(row, OperationRefused):
            answers.append(row)
            continue
        payment, settled = next(paid)
        answers.append(await booked(work, ACCOUNT, row, payment, settled, "account.topup", balances.get(row["_id"]), one.request))
        balances[row["_id"]] = settled.balance
    return answers


def _chosen(owners: Mapping[str, int], rows: Mapping[int, Row], name: str) -> Row | OperationRefused:
    """The account whose balance grows, or why none does."""
    if name not in owners:
        return NotThere([f"there is no account {name}"])
    owner = rows.get(owners[name])
    if owner is None:
        return NotThere(["the account is gone"])
    try:
        refuse_closed(ACCOUNT, owner)
    except OperationRefused as refused:
        return refused
    return owner


def _by_amount() -> NotPermitted:
    return NotPermitted([f"account.topup: by amount you may not do that; it takes the privilege {Privilege.MONEY}"])


# -- vouchers -------------------------------------------------------------------------------------------------------------------------------------


async def _voucher(work: IWork, account: Row, values: Mapping[str, Any]) -> Outcome:
    """Recharge by a voucher. The account is locked before the voucher, so that its tries are counted one after the other."""
    tries = await work.ask("voucher.tries", {"account": account["_id"]})
    if tries and tries[0][0] >= MOST_WRONG:
        raise OperationRefused([f"voucher: {MOST_WRONG} wrong ones were tried in an hour: wait"])
    number = "".join(values["voucher"].split()).replace("-", "")
    found = await work.ask("voucher.find", {"ids": work.fingerprints(number)})
    wrong = await _wrong(work, account, found[0]) if found else "voucher: there is none of that number"
    if wrong:
        await work.ask("voucher.tried", {"account": account["_id"]})
        await work.note("account.voucher.wrong", f"account:{account['_id']}", None, {"reason": wrong})
        raise RefusedButNoted([wrong])
    voucher, amount, _, _, _, _, days, _, now = found[0]
    payment = Payment(account["_id"], account["_customer"], amount, Action.VOUCHER, comments(values, "voucher"))
    answer = await book(work, ACCOUNT, account, payment, "account.topup")
    await work.ask("voucher.used", {"account": account["_id"], "payment": answer["i_payment"], "voucher": voucher})
    ends = account["expiration_date"]
    if days is not None and ends is not None:
        ends = _later(max(ends, now), days)
        await work.change(ACCOUNT, account["_id"], {"expiration_date": ends})
    return {**answer, "expiration_date": ends}


def _later(end: datetime, days: int) -> datetime:
    """So many days later; an end that is as good as none (9999-12-31) stays the last day of the calendar."""
    try:
        return end + timedelta(days=days)
    except OverflowError:
        return end


async def _wrong(work: IWork, account: Row, voucher: tuple[Any, ...]) -> str:
    """Why a voucher that there is can't recharge the account; ''. What is told is no more than who holds it in hand may know."""
    _, _, currency, status, begin, end, _, owner, now = voucher
    if status != "active" or not _in_time(begin, end, now):
        return f"voucher: it is {'expired' if status == 'active' else status}"
    if currency != account["currency"]:
        return f"voucher: it is in {currency} and the account in {account['currency']}"
    chain = (await chains(work, [account["_customer"]]))[account["_customer"]]
    if owner is not None and owner not in {party.i_customer for party in chain}:
        return "voucher: there is none of that number"
    return ""


def _in_time(begin: datetime | None, end: datetime | None, now: datetime) -> bool:
    return (begin is None or begin <= now) and (end is None or now < end)


TOP_UP: Final = Operation(
    "account.topup", "top an account up: by a payment, or by a voucher", Privilege.RECHARGE, _top_up,
    (
        *key_fields(ACCOUNT), Field("amount", "a payment of so much", SUM, frozenset({Mark.PLACE})),
        Field("voucher", "the number of a voucher instead", SECRET, frozenset({Mark.SECRET})), *COMMENTS,
    ),
    "portaswitch account topup 10086610975 10.00 --key web-4711\nportaswitch account topup 10086610975 --voucher 12345678901", self_care=True,
    together=_top_up_all, joins=_joins,
)  # fmt: skip

OPERATIONS: Final = (TOP_UP,)

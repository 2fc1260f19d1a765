"""
Periodic fees: subscriptions with their price, what accounts have of them, the charge of what is due, and the bill on which it stands (docs/fees.rst).

A subscription comes with a product or add-on and goes with it. A fee is a payment (`manual_charge`) in the transaction that moves on to which day all is
charged, so that it is charged once, whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from portaswitch.billing import fees, periods
from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.money import plain
from portaswitch.model.operation import Field, Mark, NotPermitted, Operation, OperationRefused, Outcome, Row
from portaswitch.model.payment import Action, Comments, Payment
from portaswitch.model.text_values import INSTANT, PRICE, mapped
from portaswitch.model.value import dataclass
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.addons import in_force
from portaswitch.operations.entities_catalogue import PRODUCT, SUBSCRIPTION
from portaswitch.operations.entities_parties import ACCOUNT, CUSTOMER
from portaswitch.operations.funds import book, refuse_short
from portaswitch.operations.payers import purse
from portaswitch.operations.records import key_fields, record_operations, refuse_shared, the
from portaswitch.operations.standing import FULL

RETRY: Final = 3600
"""Seconds until a fee is tried again for which the funds did not reach."""

PERIODS: Final = {"day": periods.DAILY, "week": periods.WEEKLY, "half month": periods.HALF_MONTHLY, "month": periods.MONTHLY}
LISTED: Final = ("subscription", "product", "fee", "period", "currency", "from", "to", "charged_to", "unpaid", "state")
PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})


@dataclass(frozen=True, slots=True)
class _Counted:
    """A subscription of an account that is not closed (statement fee.open)."""

    number: int
    product: int | None
    name: str
    currency: str
    activation_fee: Decimal
    model: str
    prorate: bool
    precision: int
    fee: Decimal | None
    billing_period: int | None
    start: date
    activated: date | None
    billed_to: date | None

    def due(self, finish: date | None, today: date) -> fees.Due:
        """What is to be charged of it; without a price nothing is, and it is looked at again every day."""
        if self.fee is None or self.billing_period is None:
            return fees.Due((), self.billed_to, today + periods.DAY)
        terms = fees.Terms(self.fee, self.billing_period, self.model == "advance", self.prorate, self.precision)
        return fees.due(terms, self.start, finish, self.billed_to, today)


async def _price(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """What a period costs from the next charge on. A reseller sees the environment's subscriptions, to sell with its products, and they are not its own."""
    refuse_shared(SUBSCRIPTION, actor)
    row = await the(work, SUBSCRIPTION, values)
    told = {"fee": values["fee"], "period": next(name for name, number in PERIODS.items() if number == values["period"])}
    await work.ask("subscription.price", {"subscription": row["_id"], "period": values["period"], "fee": values["fee"]})
    await work.note("subscription.price", f"subscription:{row['_id']}", None, told)
    return {"name": row["name"], **told, "currency": row["currency"]}


async def _list(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await the(work, ACCOUNT, values)
    words = {number: word for word, number in PERIODS.items()}
    found = [dict(zip(LISTED, row, strict=True)) for row in await work.ask("fee.list", {"account": account["_id"]})]
    return [{**row, "period": words.get(row["period"])} for row in found]


async def _charge(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """
    Bring what is counted for an account in line with its products, and charge what is due. What prepaid money does not reach for is tried again an hour later;
    what is owed is charged whatever the limit says. Nothing is charged any more of a closed account.
    """
    seen = await the(work, ACCOUNT, values)
    refuse_alias(seen)
    await purse(work, seen, lock=True)  # of two who charge, the second one sees what the first did
    account = await work.get(ACCOUNT, seen["_id"]) or seen
    customer = await work.get(CUSTOMER, account["_customer"])
    zone = ZoneInfo(account["timezone"] or (customer or {}).get("timezone") or "UTC")
    now = await work.now()
    today = now.astimezone(zone).date()
    products = {} if account["status"] == "closed" else await _subscribed(work, account, now)
    if products:
        await work.ask("fee.begin", {"account": account["_id"], "products": list(products), "today": today})
    charged: list[Row] = []
    for row in await work.ask("fee.open", {"account": account["_id"]}):
        charged += await _settle(work, actor, account, _Counted(*row), products, today, zone)
    return charged


async def _subscribed(work: IWork, account: Row, now: datetime) -> dict[int, str]:
    """
    The account's products that have a subscription, with its name. NotPermitted where the actor does not see all of them: what is not seen would be taken for
    gone, its fees closed, and begun anew by the job, activation and all.
    """
    numbers = {account["_product"], *(addon["_product"] for addon in await in_force(work, account["_id"], now))} - {None}
    rows = [await work.get(PRODUCT, number) for number in sorted(numbers)]
    seen = [row for row in rows if row is not None]
    if len(seen) < len(rows):
        raise NotPermitted([f"account {account['id']} has a product that is not yours: the job charges its fees"])
    return {row["_id"]: row["subscription"] for row in seen if row["subscription"]}


async def _settle(work: IWork, actor: Actor, account: Row, one: _Counted, products: Mapping[int, str], today: date, zone: ZoneInfo) -> list[Row]:
    """Charge what is due of one; close what the account has no more, with its last days."""
    closes = one.product is not None and products.get(one.product) != one.name
    finish = today - periods.DAY if closes else None
    if account["status"] == "closed":
        await work.ask("fee.closed", {"number": one.number, "finish": finish})
        return []
    found = one.due(finish, today)
    lines = [("activation", one.activation_fee)] if one.activated is None and one.activation_fee > 0 else []
    lines += [(f"{part.first} to {part.last}", part.amount) for part in found.parts if part.amount > 0]
    payer = await purse(work, account, lock=True)
    total = sum((amount for _, amount in lines), Decimal(0))
    if total and payer["model"] in FULL and not await _reaches(work, actor, payer, total):
        await work.ask("fee.unpaid", {"number": one.number, "seconds": RETRY})
        await work.note("subscription.unpaid", f"account:{account['_id']}", None, {"subscription": one.name, "amount": plain(total)})
        return []
    told = [await _booked(work, account, one, said, amount) for said, amount in lines]
    next_due = None if found.next_due is None else datetime.combine(found.next_due, time(), zone)
    await work.ask("fee.charged", {"number": one.number, "today": today, "billed_to": found.billed_to, "next_due": next_due})
    if closes:
        await work.ask("fee.closed", {"number": one.number, "finish": finish})
    return told


async def _reaches(work: IWork, actor: Actor, payer: Row, total: Decimal) -> bool:
    try:
        await refuse_short(work, actor, payer, total, False)
    except OperationRefused:
        return False
    return True


async def _booked(work: IWork, account: Row, one: _Counted, said: str, amount: Decimal) -> Row:
    """One payment of whoever pays for the account; it reads the payer's row anew, since each payment moves its balance."""
    payer = await purse(work, account, lock=True)
    payment = Payment(payer["_id"], payer["_customer"], -amount, Action.MANUAL_CHARGE, Comments(f"{one.name}: {said}"))
    return {"subscription": one.name, "for": said, **await book(work, ACCOUNT, payer, payment, "subscription.charge")}


async def _bill(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """What a customer was charged in a time: uses by service, then fees and other charges."""
    if values["to"] <= values["from"]:
        raise OperationRefused(["to: is not after from"])
    customer = await the(work, CUSTOMER, values)
    rows = await work.ask("customer.bill", {"customer": customer["_id"], "from": values["from"], "to": values["to"]})
    return [{"kind": kind, "what": what, "count": count, "amount": amount, "currency": customer["currency"]} for kind, what, count, amount in rows]


OPERATIONS: Final = (
    *record_operations(SUBSCRIPTION),
    Operation(
        "subscription.price", "say what a period of a subscription costs", Privilege.CATALOGUE, _price,
        (
            *key_fields(SUBSCRIPTION), Field("fee", "of a period", PRICE, PLACED),
            Field("period", f"{', '.join(PERIODS)}: by the calendar in the customer's zone", mapped(PERIODS), frozenset({Mark.REQUIRED})),
        ),
        "portaswitch subscription price 'TV sports' 9.90 --period month",
    ),
    Operation(
        "subscription.charge", "charge the fees of an account that are due, as the job does", Privilege.MONEY, _charge, key_fields(ACCOUNT),
        "portaswitch subscription charge 16045550101", ("subscription", "for", "amount", "balance", "currency"),
    ),
    Operation(
        "account.subscriptions", "list the periodic fees of an account, and up to which day they are charged", Privilege.READ, _list, key_fields(ACCOUNT),
        "portaswitch account subscriptions 16045550101", LISTED,
    ),
    Operation(
        "customer.bill", "show what a customer was charged in a time: uses by service, fees, other charges", Privilege.READ, _bill,
        (
            *key_fields(CUSTOMER), Field("from", "from then on", INSTANT, frozenset({Mark.REQUIRED})),
            Field("to", "until then, which is no part of it", INSTANT, frozenset({Mark.REQUIRED})),
        ),
        "portaswitch customer bill 'Demo retail' --from 2026-11-01 --to 2026-12-01", ("kind", "what", "count", "amount", "currency"),
    ),
)  # fmt: skip

"""
Vouchers: batches of them, whose numbers are told once and kept as keyed hashes; their life until they are used (`operations.topups` uses them).

    inactive > active > used | blocked
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Field, Mark, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import CURRENCY, DAYS, INSTANT, NAME, POSITIVE, SUM, TextKind, choice, positive
from portaswitch.operations.entities_money import BATCH, VOUCHER
from portaswitch.operations.entities_parties import CUSTOMER
from portaswitch.operations.records import key_fields, record_operations, the

MOST: Final = 100_000
"""Vouchers of one batch."""
DIGITS: Final = 16
"""Of a number, when nobody says how many. Of 100,000 vouchers one is found by 10^11 tries, and an account has five an hour."""
SHORTEST, LONGEST = 12, 20

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
REQUIRED: Final = frozenset({Mark.REQUIRED})


def count(text: str) -> int:
    """How many, 1 to MOST."""
    found = positive(text)
    if found > MOST:
        raise ValueError(f"is too many for one batch: at most {MOST}")
    return found


def digits(text: str) -> int:
    """How long a number is."""
    found = positive(text)
    if not SHORTEST <= found <= LONGEST:
        raise ValueError(f"is out of bounds: a number has {SHORTEST} to {LONGEST} digits")
    return found


async def _generate(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A batch with its vouchers. Their numbers are in the answer and nowhere else: not in the audit, and not under the key."""
    end, manager = values.get("expiration_date"), values.get("managed_by")
    if actor.realm is Realm.RESELLER and manager is None:
        manager = actor.i_customer
    if end is not None and end <= await work.now():
        raise OperationRefused(["expiration_date: is in the past"])
    seller = None if manager is None else await work.get(CUSTOMER, manager)
    if seller is not None and seller["type"] == "retail":
        raise OperationRefused([f"managed_by: {seller['name']} is a retail customer: only resellers and distributors manage"])
    batch = await work.add(BATCH, {"name": values["batch"], "managed_by": manager})
    numbers = _numbers(values["count"], values.get("digits") or DIGITS)
    made = {"batch": batch, "amount": values["amount"], "currency": values["currency"], "status": values.get("status") or "active", "expiration_date": end,
            "days_added": values.get("days_added"), "managed_by": manager}  # fmt: skip
    await work.add_all(VOUCHER, [{**made, "control_number": place, "secret": work.fingerprints(number)[0]} for place, number in enumerate(numbers, 1)])
    total = values["amount"] * Decimal(len(numbers))
    told = {name: made[name] for name in ("amount", "currency", "status", "expiration_date", "days_added")}
    answer = {"batch": values["batch"], "count": len(numbers), **told, "total": total}
    await work.note("voucher.generate", f"batch:{batch}", None, answer)
    return {**answer, "vouchers": [{"control_number": place, "voucher": number} for place, number in enumerate(numbers, 1)]}


def _numbers(wanted: int, length: int) -> list[str]:
    """So many different numbers that nobody can guess, in an order that says nothing."""
    found: dict[str, None] = {}
    while len(found) < wanted:
        found[f"{secrets.randbelow(10**length):0{length}}"] = None
    return list(found)


async def _show(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A voucher, and whether it recharges now. That it has a number goes without saying, and which one nobody can read."""
    voucher = await the(work, VOUCHER, values)
    return {**{name: value for name, value in voucher.items() if name != "secret"}, "recharges": _recharges(voucher, await work.now())}


def _recharges(voucher: Row, now: datetime) -> str:
    begin, end = voucher["activation_date"], voucher["expiration_date"]
    if voucher["status"] != "active":
        return f"no: it is {voucher['status']}"
    if end is not None and now >= end:
        return "no: it is expired"
    return "yes" if begin is None or now >= begin else "no: it is not active yet"


async def _show_batch(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    batch = await the(work, BATCH, values)
    counts = await work.ask("voucher.counts", {"batch": batch["_id"]})
    return {**batch, **{f"{status} {currency}": f"{number} ({total})" for status, currency, number, total in counts}}


def _turning(verb: str, status: str, before: tuple[str, ...], text: str) -> Operation:
    """One status for a voucher, or for all of a batch that are in another one."""

    async def run(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
        if (values.get("number") is None) == (values.get("batch") is None):
            raise OperationRefused(["number or batch: name one of them, and only one"])
        one = await the(work, VOUCHER, values, lock=True) if values.get("number") is not None else None
        if one is not None and one["status"] not in before:
            raise OperationRefused([f"voucher {one['number']} is {one['status']}: it must be {' or '.join(before)}"])
        places = {"voucher": None if one is None else one["_id"], "batch": values.get("batch")}
        ((turned, total),) = await work.ask("voucher.turned", {**places, "status": status, "before": list(before)})
        what = f"voucher:{one['_id']}" if one is not None else f"batch:{values['batch']}"
        answer = {"status": status, "count": turned, "total": total}
        await work.note(f"voucher.{verb}", what, None, answer)
        return answer

    number = Field("number", "its number in `voucher list`", POSITIVE, frozenset({Mark.PLACE}))
    batch = Field("batch", "all of this batch", NAME, frozenset(), refers="batch")
    examples = f"portaswitch voucher {verb} --batch 'Spring 10'\nportaswitch voucher {verb} 17"
    return Operation(f"voucher.{verb}", text, Privilege.MONEY, run, (number, batch), examples)


GENERATE: Final = Operation(
    "voucher.generate",
    "make a batch of vouchers; their numbers are told this once",
    Privilege.MONEY,
    _generate,
    (
        Field("count", "how many", TextKind(f"whole number from 1 to {MOST}", count), PLACED),
        Field("amount", "money of each", SUM, PLACED),
        Field("batch", "name of the new batch", NAME, REQUIRED),
        Field("currency", "their currency: that of the accounts that they recharge", CURRENCY, REQUIRED),
        Field("expiration_date", "they recharge until then", INSTANT),
        Field("days_added", "days added to the end of the account that is recharged", DAYS),
        Field("status", "active at once, or inactive until `voucher activate` (default active)", choice("active", "inactive")),
        Field("digits", f"digits of a number (default {DIGITS})", TextKind(f"whole number from {SHORTEST} to {LONGEST}", digits)),
        Field("managed_by", "the reseller whose they are: for accounts below it only", NAME, refers="customer"),
    ),
    "portaswitch voucher generate 1000 10.00 --batch 'Spring 10' --currency CAD --expiration-date 2030-12-31 --file spring10.csv",
    secrets=("vouchers",),
)

OPERATIONS: Final = (
    GENERATE,
    *record_operations(VOUCHER, verbs=("list",)),
    Operation("voucher.show", "show a voucher: its money, what became of it, and whether it recharges", Privilege.READ, _show, key_fields(VOUCHER)),
    _turning("activate", "active", ("inactive",), "let vouchers recharge that were made inactive"),
    _turning("close", "blocked", ("active", "inactive"), "end vouchers that nobody has used: they recharge nothing any more"),
    *record_operations(BATCH, verbs=("list",)),
    Operation("batch.show", "show a batch: how many of its vouchers are in which status, and their money", Privilege.READ, _show_batch, key_fields(BATCH)),
)

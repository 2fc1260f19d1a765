"""
Usage that waits for a decision (DESIGN.md 3.3, 3.5): of an account that nobody knew, or such as can't be true. An operator charges it, or drops it.

What it costs is the operator's decision too (`tariff quote` says what the price would have been); it was used, so it is charged whatever the account has left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, Operation, Outcome, Row
from portaswitch.model.payment import Action, Payment
from portaswitch.model.text_values import LINE, NAME, SUM
from portaswitch.operations.entities_money import ORPHAN
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.funds import COMMENTS, book, comments, paying
from portaswitch.operations.records import key_fields, the

ID: Final = key_fields(ORPHAN)


async def _charge(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    account = await paying(work, {"id": values["account"]})
    orphan = await the(work, ORPHAN, values, lock=True)
    request = json.loads(orphan["request"])
    told = comments(values, f"use of {request['at'][:16].replace('T', ' ')} UTC{' to ' + request['called'] if request['called'] else ''}")
    payment = Payment(account["_id"], account["_customer"], -values["amount"], Action.MANUAL_CHARGE, told)
    answer = await book(work, ACCOUNT, account, payment, "orphan.charge")
    await _decided(work, orphan, request, "orphan.charge", {"account": account["id"], "i_payment": answer["i_payment"], "amount": values["amount"]})
    return {"orphan": orphan["number"], **answer}


async def _drop(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    orphan = await the(work, ORPHAN, values, lock=True)
    request = json.loads(orphan["request"])
    await _decided(work, orphan, request, "orphan.drop", {"why": values["why"]})
    return {"orphan": orphan["number"], "user": request["user"], "session": request["session"], "why": values["why"]}


async def _decided(work: IWork, orphan: Row, request: Mapping[str, Any], operation: str, decision: Mapping[str, Any]) -> None:
    """It waits no more; the audit has all of it."""
    await work.remove(ORPHAN, orphan["_id"])
    whole = {"received": orphan["received"], "reason": orphan["reason"], "request": dict(request)}
    await work.note(operation, f"orphan:{orphan['_id']}", {**whole, **dict.fromkeys(decision)}, {**whole, **decision, "request": None})


OPERATIONS: Final = (
    Operation(
        "orphan.charge", "charge an account for usage that waits for a decision, whatever it has left", Privilege.MONEY, _charge,
        (
            *ID, Field("account", "who used it", NAME, frozenset({Mark.REQUIRED})),
            Field("amount", "what it costs: see `tariff quote`", SUM, frozenset({Mark.REQUIRED})), *COMMENTS,
        ),
        "portaswitch orphan charge 17 --account 10086610975 --amount 0.35\nportaswitch orphan charge 17 --account 10086610975 --amount 0.35 --key case-4711",
    ),
    Operation(
        "orphan.drop", "let usage go that waits for a decision: nobody is charged", Privilege.MONEY, _drop,
        (*ID, Field("why", "kept in the audit", LINE, frozenset({Mark.REQUIRED}))), "portaswitch orphan drop 17 --why 'Test of the new gateway'",
    ),
)  # fmt: skip

"""
Accounts of people who register themselves in an application: its server asks for the account (AudioCodes' CMMS for users of its mobile application), under the
number that it has proven by a code, and may ask again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import NAME, TextKind, name
from portaswitch.operations import accounts, stock
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.records import key_fields

NEEDED: Final = frozenset({Mark.REQUIRED})
LONGEST: Final = 4000


def _fields(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or len(text) > LONGEST or not all(isinstance(value, str) for value in found.values()):
        raise ValueError('is no JSON object of texts, such as {"imei": "490154203237518"}')
    return {name(field): value for field, value in found.items()}


CUSTOM: Final = TextKind("JSON object", _fields)
_OWN: Final = {one.name: one for one in (*accounts.OPERATIONS, *stock.OPERATIONS)}
_ADD, _CUSTOM = _OWN["account.add"], _OWN["account.custom"]


async def _register(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """A new account with its custom fields; one that is there as it was asked for is told as it is, its password too stays what it was."""
    wanted = {name: value for name, value in values.items() if name != "custom"}
    known = await work.find(ACCOUNT, values["id"], lock=True)
    if known is None:
        await _ADD.run(work, actor, wanted)
        for name, value in (values.get("custom") or {}).items():
            await _CUSTOM.run(work, actor, {"id": values["id"], "field": name, "value": value})
    elif known["status"] == "closed" or _asked(known) != (values["customer"], values["product"], _model(values["model"])):
        raise OperationRefused([f"id: {values['id']} exists already, of another customer or product, or closed"])
    row = known or await work.find(ACCOUNT, values["id"]) or {}
    return {"id": values["id"], "number": row.get("_id"), "customer": row.get("customer"), "product": row.get("product"), "new": known is None}


def _asked(row: Row) -> tuple[Any, ...]:
    """What a registration says of an account."""
    return row["_customer"], row["_product"], row["model"]


def _model(stored: Any) -> Any:
    return ACCOUNT.field("model").kind.shown(stored)


OPERATIONS: Final = (
    Operation(
        "account.register", "add the account of somebody who registered in an application; told twice it is one", Privilege.SELL, _register,
        (
            *key_fields(ACCOUNT), Field("customer", "whose it becomes", NAME, NEEDED, refers="customer"),
            Field("product", "what it may use", NAME, NEEDED, refers="product"), Field("model", "debit or credit", ACCOUNT.field("model").kind, NEEDED),
            ACCOUNT.field("password"), Field("custom", "custom fields of the account", CUSTOM),
        ),
        """portaswitch account register 16045550199 --customer 'Demo retail' --product Office --model credit --custom '{"Building": "North"}'""",
    ),
)  # fmt: skip

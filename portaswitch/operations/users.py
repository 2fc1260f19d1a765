"""Users of the API and the console: opened, given passwords and tokens, blocked, removed. All of it takes the privilege for security."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege, Realm
from portaswitch.model.operation import Operation, Outcome, Row
from portaswitch.operations.entities_users import USER
from portaswitch.operations.records import key_fields, record_operations, the


async def _one_side(work: IWork, before: Row | None, after: Row) -> AsyncIterator[str]:
    """The realm says what the user belongs to, and so do its customer and account."""
    wants = {Realm.ADMIN: (False, False), Realm.RESELLER: (True, False), Realm.CUSTOMER: (True, False), Realm.ACCOUNT: (True, True)}
    customer, account = wants[Realm(after["realm"])]
    if (after["_customer"] is not None) != customer:
        yield f"customer: a user of the realm {after['realm']} {'belongs to one: name it' if customer else 'belongs to none'}"
    if (after["_account"] is not None) != account:
        yield f"account: a user of the realm {after['realm']} {'belongs to one: name it' if account else 'belongs to none'}"


async def _token(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    row = await the(work, USER, values, lock=True)
    token = f"psw_{secrets.token_urlsafe(32)}"
    await work.ask("user.token", {"user": row["_id"], "token": hashlib.sha256(token.encode()).digest()})
    await work.note("user.token", f"user:{row['_id']}", None, {"token": "new"})
    return {"login": row["login"], "token": token}


async def _no_token(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    row = await the(work, USER, values, lock=True)
    await work.ask("user.token", {"user": row["_id"], "token": None})
    await work.note("user.token", f"user:{row['_id']}", None, {"token": "none"})
    return {"login": row["login"], "token": ""}


OPERATIONS: Final = (
    *record_operations(USER, (_one_side,)),
    Operation(
        "user.token",
        "give a user a new API token, which is shown once; the one before stops working",
        Privilege.SECURITY,
        _token,
        key_fields(USER),
        "portaswitch user token oms",
        secrets=("token",),
    ),
    Operation("user.revoke", "take a user's API token away", Privilege.SECURITY, _no_token, key_fields(USER), "portaswitch user revoke oms"),
)

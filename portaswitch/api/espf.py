"""
The ESPF API (guide, "Provisioning asynchronous systems"): outside systems say how far they are with an account, and what happened there.

    POST /espf/v1/account/i/189/status            {"status": "OK", "group": "HSS", "message": "..."}
    POST /espf/v1/account/10086610975/status      the same by the account's id
    POST /espf/v1/account/10086610975/report      {"source": "Jasper", "kind": "CapReached", "details": {...}}
    POST /espf/v1/account/16045550199/register    {"customer": "...", "product": "...", "model": "debit", "custom": {"imei": "..."}}
    POST /espf/v1/account/10086610975/purchase    {"node": "Telebreeze", "item": "VOD", "amount": "4.99", "key": "tb-4711"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.resource import NoResource, Resource
from twisted.web.server import Request

from portaswitch.api.json_resource import Answer, Body, JsonResource
from portaswitch.api.purchases import Purchases
from portaswitch.interfaces.users import IUsers
from portaswitch.interfaces.work import IOperations
from portaswitch.model.actor import Actor
from portaswitch.model.operation import Row

#: What each resource does, and the fields that it takes.
_OPERATIONS = {
    b"status": ("account.provisioned", ("status", "group", "message")), b"report": ("account.report", ("source", "kind", "details")),
    b"register": ("account.register", ("customer", "product", "model", "password", "custom")),
}  # fmt: skip
_PURCHASE = b"purchase"
_BY_NUMBER = (b"status", b"report")
#: Fields that are JSON objects.
_OBJECTS = ("details", "custom")


class Espf(Resource):
    """Everything below /espf."""

    def __init__(self, users: IUsers, operations: IOperations, purchases: Purchases) -> None:
        Resource.__init__(self)
        self._users, self._operations, self._purchases = users, operations, purchases

    def getChildWithDefault(self, path: bytes, request: Request) -> Resource:
        """v1/account/ID/WHAT or v1/account/i/NUMBER/WHAT."""
        below: list[bytes] = request.postpath or []
        rest, request.postpath = [path, *below], []
        if rest[:2] != [b"v1", b"account"] or len(rest) not in (4, 5) or (len(rest) == 5 and rest[2] != b"i") or not _known(rest):
            return NoResource()
        what, account = rest[-1], {"number" if len(rest) == 5 else "id": _text(rest[-2])}

        async def work(actor: Actor, body: Body) -> Mapping[str, Any]:
            if what == _PURCHASE:
                return await self._purchases.charge(actor, account, body)
            operation, fields = _OPERATIONS[what]
            return await self._done(actor, operation, account, fields, body)

        return JsonResource(self._users, f"espf {_text(rest[-1])}", work)

    async def _done(self, actor: Actor, operation: str, account: dict[str, str], fields: tuple[str, ...], body: Body) -> Row:
        values = {**account, **{name: _value(name, body[name]) for name in fields if body.get(name) is not None}}
        done = await self._operations.operate(actor, operation, values)
        if isinstance(done, list):
            raise TypeError(f"{operation} gives one row")
        return done


def _known(rest: list[bytes]) -> bool:
    """Whether there is such a resource; what makes or charges an account names it by its id only."""
    return rest[-1] in _OPERATIONS or rest[-1] == _PURCHASE if len(rest) == 4 else rest[-1] in _BY_NUMBER


def _value(name: str, value: Any) -> str:
    """A value as people write it; blanks around it are none of it (the guide's example has one). Details are a JSON object."""
    if isinstance(value, str):
        return value.strip()
    if name in _OBJECTS and isinstance(value, dict):
        return json.dumps(value)
    raise Answer(400, f"{name}: is no text")


def _text(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace")

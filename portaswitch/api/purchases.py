"""
Purchases that an outside system reports: a film or a match, at its price, charged by the core as any other use, so that each becomes an xDR.

    POST /espf/v1/account/10086610975/purchase      {"node": "Telebreeze", "item": "VOD", "amount": "4.99", "key": "tb-4711"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from portaswitch.api.json_resource import Answer, Body
from portaswitch.errors import LedgerFailed, Overloaded
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.work import IOperations
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.operation import NotPermitted
from portaswitch.model.request import AAARequest, Base, Decision, Kind, Origin, Parties, UnitRequest
from portaswitch.model.text_values import line, name, positive_amount

#: What a purchase without a price of its own costs is in the tariff, by the item.
SERVICE: Final = "Quantity"
COST: Final = "cost"


class Purchases:
    """Charges what outside systems sell. `billing` and `catalogue` give those of this moment."""

    def __init__(self, billing: Callable[[], IBilling | None], catalogue: Callable[[], Catalogue], operations: IOperations) -> None:
        self._billing, self._catalogue, self._operations = billing, catalogue, operations

    async def charge(self, actor: Actor, account: Mapping[str, str], body: Body) -> Mapping[str, Any]:
        """
        Charge one purchase; once under its key for that account, however often it is asked. Errors: `Answer` 400 with what is wrong, 402 with the core's word
        where it refuses.
        """
        if not actor.may(Privilege.MONEY):
            raise NotPermitted([f"purchase: you may not do that; it takes the privilege {Privilege.MONEY}"])
        item, key = (_text(body, word) for word in ("item", "key"))
        amount = _amount(body.get("amount"))
        node = self._node(actor, _text(body, "node"))
        shown: Any = await self._operations.operate(actor, "account.show", dict(account))  # NotThere for whom the actor does not reach
        told = await self._asked(_request(actor, node, shown, item, amount, key))
        if told.refusal is not None:
            raise Answer(402, f"{told.refusal.value[0]}: {told.refusal.value[2]}")
        return {"id": shown["id"], "item": item, "amount": told.facts.more.get(COST, ""), "currency": told.facts.currency, "key": key}

    def _node(self, actor: Actor, wanted: str) -> Node:
        found = next((node for node in self._catalogue().nodes.values() if (node.i_env, node.name) == (actor.i_env, wanted)), None)
        if found is None:
            raise Answer(400, f"node: there is no node {wanted}: `portaswitch node add` makes one for the system that sells")
        return found

    async def _asked(self, request: AAARequest) -> Decision:
        billing = self._billing()
        if billing is None:
            raise Answer(503, "the server is not ready: try again")
        try:
            return await billing.handle(request)
        except (Overloaded, LedgerFailed):
            raise Answer(503, "the server is busy: try again with the same key") from None


def _request(actor: Actor, node: Node, account: Mapping[str, Any], item: str, amount: Decimal | None, key: str) -> AAARequest:
    """A key is one of the account's (an alias is its account): a system that counts its orders by subscriber gives nothing away to the second one."""
    now = datetime.now(UTC)
    session = f"api/{account['_master'] or account['_id']}/{key}"
    units = (UnitRequest(base=Base.QUANTITY, requested=1, most_funds=amount),)
    origin, parties = Origin(node.i_node, actor.i_env, node.name), Parties(account["id"], called=item)
    return AAARequest(Kind.EVENT, key, origin, session, f"{node.i_node}/{session}", parties, now, now, units, service=SERVICE)


def _text(body: Body, word: str) -> str:
    value = body.get(word)
    try:
        return name(value) if isinstance(value, str) else name("")
    except ValueError as reason:
        raise Answer(400, f"{word}: {line(str(value or ''))[:40]!r} {reason}") from None


def _amount(value: Any) -> Decimal | None:
    """Digits; None where the tariff has the price."""
    if value is None:
        return None
    try:
        return positive_amount(value) if isinstance(value, str) else positive_amount("")
    except ValueError as reason:
        raise Answer(400, f"amount: {reason}") from None



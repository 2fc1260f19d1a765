"""
What a vendor's answer changes of an account of ours, with a line of the audit each: `handler:NAME` is who did it, `event:NUMBER` the request it came of.

An answer that says what is known already changes nothing, and leaves no line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portaswitch.errors import EffectRefused
from portaswitch.model.actor import Actor
from portaswitch.model.effect import AssignAlias, AssignCustomField, AssignRemoteId, AssignStatus, ChangeProduct, Effect
from portaswitch.model.notification import Notification
from portaswitch.store.audit_trail import note
from portaswitch.store.transaction import Cursor

HANDLER: Final = "select 'handler:' || name from event_handlers where i_handler = %s"
ACCOUNT: Final = """
select a.i_env, p.name from accounts a left join products p on p.i_product = a.i_product where a.i_account = %s for update of a
"""
ALIAS: Final = """
insert into accounts (i_env, id, i_customer, i_master_account, billing_model, currency)
select i_env, %(alias)s, i_customer, i_account, 2, currency from accounts where i_account = %(account)s on conflict (i_env, id) do nothing
"""
HAS_ALIAS: Final = "select 1 from accounts where id = %(alias)s and i_master_account = %(account)s"
FIELD: Final = """
insert into custom_field_values (i_env, i_custom_field, i_account, db_value)
select f.i_env, f.i_custom_field, a.i_account, %(value)s from accounts a
    join custom_fields f on f.i_env = a.i_env and f.applies_to = 'account' and f.name = %(name)s
where a.i_account = %(account)s
on conflict (i_account, i_custom_field) where i_account is not null do update set db_value = excluded.db_value
where custom_field_values.db_value is distinct from excluded.db_value
"""
#: Whether a field is personal, and what it holds.
KNOWN_FIELD: Final = """
select f.personal, v.db_value from custom_fields f join accounts a using (i_env)
    left join custom_field_values v on v.i_custom_field = f.i_custom_field and v.i_account = a.i_account
where a.i_account = %(account)s and f.applies_to = 'account' and f.name = %(name)s
"""
STATUS: Final = """
insert into provisioning_status (i_account, "group", status, message) values (%(account)s, %(group)s, %(status)s, %(message)s)
on conflict (i_account, "group") do update set status = excluded.status, message = excluded.message, updated = now()
"""
KNOWN_STATUS: Final = 'select status from provisioning_status where i_account = %(account)s and "group" = %(group)s'
PRODUCT: Final = """
update accounts a set i_product = p.i_product from products p
where a.i_account = %(account)s and p.i_env = a.i_env and p.name = %(product)s and not p.is_addon
"""
REMOTE_ID: Final = "select remote_id from remote_records where i_handler = %s and entity = %s"


class Assignments:
    """Of one notification's answer, inside the transaction that settles it."""

    def __init__(self, cursor: Cursor, notification: Notification) -> None:
        self._cursor, self._one = cursor, notification
        self._account = notification.event.i_account
        self._product: str | None = None
        self._actor: Actor | None = None

    async def lock(self) -> None:
        """Lock the account. Errors: EffectRefused when there is none."""
        rows = await self._cursor.query(ACCOUNT, (self._account,))
        if not rows:
            raise EffectRefused(f"{self._one.event.entity} is no account, or it is gone: it can be assigned nothing")
        ((i_env, self._product),) = rows
        await self._known(i_env)

    async def _known(self, i_env: int) -> None:
        rows = await self._cursor.query(HANDLER, (self._one.i_handler,))
        name = rows[0][0] if rows else f"handler:#{self._one.i_handler}"
        self._actor = Actor(name, i_env, request_id=f"event:{self._one.event.i_event}")

    async def put(self, effect: Effect) -> None:
        """One of them; the account is locked. Errors: EffectRefused with the reason for an operator."""
        match effect:
            case AssignAlias(alias):
                await self._alias(alias)
            case AssignCustomField(name, value):
                await self._field(name, value)
            case AssignStatus(group, status, message):
                await self._status(group, status, message)
            case ChangeProduct(product):
                await self._cursor.execute(PRODUCT, {"account": self._account, "product": product})
                if self._cursor.rowcount == 0:
                    raise EffectRefused(f"there is no main product {product}")
                await self._note("account.product", {"product": self._product}, {"product": product})
                self._product = product
            case _:
                raise EffectRefused(f"{type(effect).__name__} is no effect that is known here")

    async def remote_id(self, effect: AssignRemoteId) -> None:
        """The vendor's own number of the entity; the record keeps it."""
        known = await self._cursor.query(REMOTE_ID, (self._one.i_handler, self._one.event.entity))
        before = known[0][0] if known else None
        if self._actor is None and self._one.event.i_env is not None:
            await self._known(self._one.event.i_env)
        if self._actor is not None:
            await self._note("handler.remote-id", {"remote_id": before}, {"remote_id": effect.remote_id}, self._one.event.entity)

    async def _alias(self, alias: str) -> None:
        values = {"account": self._account, "alias": alias}
        await self._cursor.execute(ALIAS, values)
        if self._cursor.rowcount:
            await self._note("account.alias.add", {"alias": None}, {"alias": alias})
        elif not await self._cursor.query(HAS_ALIAS, values):
            raise EffectRefused(f"the alias {alias} belongs to another account")

    async def _field(self, name: str, value: str) -> None:
        values = {"account": self._account, "name": name, "value": value}
        known = await self._cursor.query(KNOWN_FIELD, values)
        if not known:
            raise EffectRefused(f"there is no custom field {name} of accounts")
        ((personal, before),) = known
        await self._cursor.execute(FIELD, values)
        if before != value:
            said = {"field": name, "value": "personal" if personal else value}
            await self._note("account.custom", {"value": "personal" if personal else before}, said)

    async def _status(self, group: str, status: str, message: str) -> None:
        values = {"account": self._account, "group": group, "status": status, "message": message or None}
        known = await self._cursor.query(KNOWN_STATUS, values)
        await self._cursor.execute(STATUS, values)
        await self._note("account.provisioned", {group: known[0][0] if known else None}, {group: status})

    async def _note(self, operation: str, before: Mapping[str, Any], after: Mapping[str, Any], entity: str = "") -> None:
        """A line, where something differs."""
        if self._actor is not None and any(before.get(name) != value for name, value in after.items()):
            await note(self._cursor, self._actor, operation, entity or f"account:{self._account}", before, after)

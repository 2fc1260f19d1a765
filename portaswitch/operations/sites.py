"""Sites of customers: opened, renamed, removed; accounts that are at one, and what it says of service features (`operations.features`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, NotThere, Operation, OperationRefused, Outcome, Row
from portaswitch.model.text_values import NAME
from portaswitch.operations.accounts_end import refuse_alias
from portaswitch.operations.entities_parties import ACCOUNT, SITE
from portaswitch.operations.life import refuse_closed
from portaswitch.operations.records import change, key_fields, record_operations, the

AT: Final = Field("site", "a site of its customer; null: at none", NAME, frozenset({Mark.PLACE}))


async def _put(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """An account is at a site of its own customer, or at none."""
    account = await the(work, ACCOUNT, values, lock=True)
    refuse_alias(account)
    refuse_closed(ACCOUNT, account)
    name = values.get("site")
    site = None if name is None else await work.find(SITE, name, account["_customer"])
    if name is not None and site is None:
        raise NotThere([f"site: {account['customer']} has no site {name} (see `portaswitch site list`)"])
    return await change(work, ACCOUNT, (), account, {"site": None if site is None else site["_id"]}, "site")


async def _empty(work: IWork, row: Row) -> None:
    """A site with accounts stays."""
    there = await work.listing(ACCOUNT, {"site": row["_id"]}, "", 3)
    if there:
        raise OperationRefused([f"site {row['name']} has accounts, such as {', '.join(one['id'] for one in there)}: put them elsewhere first"])


OPERATIONS: Final = (
    *record_operations(SITE, going=_empty),
    Operation(
        "account.site", "put an account at a site of its customer", Privilege.SELL, _put, (*key_fields(ACCOUNT), AT),
        "portaswitch account site 16045550101 Downtown\nportaswitch account site 16045550101 null",
    ),
)  # fmt: skip

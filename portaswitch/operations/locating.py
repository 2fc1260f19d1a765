"""
Where subscribers are: a network tells it late, twice, or not in order, so that the custom fields `location` and `timestamp` of the account (interface guide,
location-based control of Internet access) have the newest that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from portaswitch.interfaces.work import IWork
from portaswitch.model.actor import Actor, Privilege
from portaswitch.model.operation import Field, Mark, Operation, Outcome, Row
from portaswitch.model.text_values import INSTANT, NAME
from portaswitch.operations.entities_parties import ACCOUNT
from portaswitch.operations.records import key_fields, the
from portaswitch.operations.stock import custom_field_of, put_custom

LOCATION, TIMESTAMP = "location", "timestamp"
"""The custom fields of accounts."""
FORM: Final = "%Y-%m-%d %H:%M:%S"
PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})


async def _locate(work: IWork, actor: Actor, values: Mapping[str, Any]) -> Outcome:
    """Keep a location with its time, unless one that is as new or newer is kept already. An alias is its account."""
    row = await the(work, ACCOUNT, values, lock=True)
    if row["_master"] is not None:
        row = await work.get(ACCOUNT, row["_master"], lock=True) or row
    fields = {name: await custom_field_of(work, "account", name) for name in (LOCATION, TIMESTAMP)}
    known = _time(await _held(work, row, fields[TIMESTAMP]))
    told = {"id": row["id"], "location": values["location"], "at": values["at"]}
    if known is not None and known >= values["at"].replace(microsecond=0):
        return {**told, "kept": False, "known": known}
    before = await put_custom(work, "account", row["_id"], fields[LOCATION]["_id"], values["location"])
    await put_custom(work, "account", row["_id"], fields[TIMESTAMP]["_id"], values["at"].astimezone(UTC).strftime(FORM))
    await work.note("account.locate", f"account:{row['_id']}", {LOCATION: before}, {LOCATION: values["location"], TIMESTAMP: f"{values['at']}"})
    return {**told, "kept": True, "known": known}


async def _held(work: IWork, row: Row, field: Row) -> str:
    rows = await work.ask("custom_field.value", {"account": row["_id"], "customer": None, "sim": None, "field": field["_id"]})
    return str(rows[0][0]) if rows else ""


def _time(text: str) -> datetime | None:
    """The time that is kept; what somebody wrote that is none is older than all."""
    try:
        return datetime.strptime(text, FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


OPERATIONS: Final = (
    Operation(
        "account.locate", "keep where a subscriber is in the custom fields location and timestamp, unless something newer is known", Privilege.SERVICE, _locate,
        (
            *key_fields(ACCOUNT), Field("location", "where", NAME, PLACED),
            Field("at", "since when", INSTANT, frozenset({Mark.REQUIRED})),
        ),
        "portaswitch account locate 16045550101 MARITIME --at 2026-11-29T12:00:00Z",
    ),
)  # fmt: skip

"""Copies for collectors (`billing.address_copies`) as they travel to the database: rows of the table `session_tasks` as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import Any

from portaswitch.model.ledger import Change, Member
from portaswitch.model.session_task import AddressCopy


def of(members: Sequence[Member]) -> str:
    """The copies that a batch leaves behind, each with the place of its member (from 1), in their order; '' for none."""
    rows = [_row(place, member.session_key, change, copy) for place, member in enumerate(members, 1) for change, copy in _copies(member)]
    return dumps(rows).replace("\\u0000", "") if rows else ""


def arguments(copy: AddressCopy) -> dict[str, Any]:
    """What the task says: Acct-Status-Type, the time of the event in seconds since 1970, and the facts."""
    return {"status": copy.status.value, "at": int(copy.at.timestamp()), "facts": dict(copy.facts)}


def _row(place: int, session_key: str, change: Change, copy: AddressCopy) -> dict[str, Any]:
    whose = {"i_env": change.i_env, "session_key": session_key, "i_account": change.i_account}
    return {"pos": place, **whose, "i_node": copy.i_node, "arguments": arguments(copy)}


def _copies(member: Member) -> list[tuple[Change, AddressCopy]]:
    change = member.change
    return [] if change is None else [(change, copy) for copy in change.copies]

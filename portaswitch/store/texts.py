"""Messages as they travel to the database: rows of the table `messages` as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import Any

from portaswitch.model.ledger import Change, Member
from portaswitch.model.message import Text

NAMES = ("i_env", "i_node", "key", "account", "sender", "recipient", "i_recipient", "peer", "content_type", "call_id")


def of(members: Sequence[Member]) -> str:
    """The messages that are kept with a batch, each with the place of its member (from 1), whose account pays; '' for none."""
    kept = [
        row(text) | {"pos": place, "account": change.decision.facts.account_id or text.account}
        for place, (text, change) in enumerate([_kept(member) for member in members], 1) if text is not None and change is not None
    ]  # fmt: skip
    return dumps(kept) if kept else ""


def row(text: Text) -> dict[str, Any]:
    """One message."""
    times = {"created": text.created.isoformat(), "expires": text.expires.isoformat()}
    return {name: getattr(text, name) for name in NAMES} | times | {"body": text.body.hex(), "charge": text.charge.value}


def _kept(member: Member) -> tuple[Text | None, Change | None]:
    """The message of a member and its change; none with a change that only keeps a refused attempt."""
    change = member.change
    return (None, None) if change is None or change.decision.refusal is not None else (member.request.text, change)

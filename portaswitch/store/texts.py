"""Messages as they travel to the database: rows of the table `messages` as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring_ascii as _quoted

from portaswitch.model.ledger import Change, Member
from portaswitch.model.message import Text


def of(members: Sequence[Member]) -> str:
    """The messages that are kept with a batch, each with the place of its member (from 1), whose account pays; '' for none."""
    kept = [
        row(text, change.decision.facts.account_id or text.account, "pos", place)
        for place, (text, change) in enumerate([_kept(member) for member in members], 1) if text is not None and change is not None
    ]  # fmt: skip
    return f"[{','.join(kept)}]" if kept else ""


def row(text: Text, account: str, name: str, number: int) -> str:
    """One message that `account` pays for, as JSON, with a number under a name. Written by hand, as it is part of every message."""
    return (
        f'{{"i_env":{text.i_env},"i_node":{text.i_node},"key":{_quoted(text.key)},"account":{_quoted(account)},"sender":{_quoted(text.sender)},'
        f'"recipient":{_quoted(text.recipient)},"i_recipient":{text.i_recipient},"peer":{_quoted(text.peer)},"content_type":{_quoted(text.content_type)},'
        f'"call_id":{_quoted(text.call_id)},"created":"{text.created.isoformat()}","expires":"{text.expires.isoformat()}","body":"{text.body.hex()}",'
        f'"charge":"{text.charge._value_}","{name}":{number}}}'
    )


def _kept(member: Member) -> tuple[Text | None, Change | None]:
    """The message of a member and its change; none with a change that only keeps a refused attempt."""
    change = member.change
    return (None, None) if change is None or change.decision.refusal is not None else (member.request.text, change)

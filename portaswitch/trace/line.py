"""
A line of a trace, and its form in trace.log: JSON, one object a line, keys with nothing to say left out.

Kinds: packet, reply, drop (a packet that is not answered), decision, hold, session, xdr, usage (set aside), task (CoA, Disconnect), event, handler, change (an
operator's). A wire or a subsystem that is new brings its own kind, or uses these: readers and `portaswitch trace` take any word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from datetime import UTC, datetime
from typing import Any

from portaswitch.model.refusal import Refusal
from portaswitch.model.value import dataclass

#: Name and text of what a line tells beside its `text`, in the order of the wire or of the decision.
Facts = tuple[tuple[str, str], ...]
#: The fields that are words, as trace.log has them.
WORDS = ("id", "node", "peer", "user", "session", "called", "calling", "imsi")


@dataclass(frozen=True, slots=True)
class TraceLine:
    """
    One thing that happened. `at` aware UTC; `id` of the request ('' where no request is behind it); `account` is i_account (0: not known); `peer` the address
    and port, or the host of the other side; everything else as the billing log has it. `received` is the receipt of the request (None: `at`).
    """

    at: datetime
    kind: str
    text: str
    id: str = ""
    env: int = 0
    node: str = ""
    peer: str = ""
    user: str = ""
    account: int = 0
    session: str = ""
    called: str = ""
    calling: str = ""
    imsi: str = ""
    received: datetime | None = None
    facts: Facts = field(default=())

    def encoded(self) -> str:
        """The line for a file, with its newline."""
        told = {name: value for name, value in asdict(self).items() if value and name != "facts"}
        told["at"] = self.at.isoformat()
        if self.received is not None:
            told["received"] = self.received.isoformat()
        return json.dumps(told | ({"facts": self.facts} if self.facts else {}), separators=(",", ":")) + "\n"


def from_record(record: Mapping[str, Any]) -> TraceLine:
    """A line of trace.log, read as JSON. Raises KeyError, TypeError or ValueError for what is none."""
    facts = tuple((str(name), str(text)) for name, text in record.get("facts", ()))
    received = datetime.fromisoformat(record["received"]) if "received" in record else None
    number, node, peer, user, session, called, calling, imsi = (str(record.get(name, "")) for name in WORDS)
    text, env, account = str(record.get("text", "")), int(record.get("env", 0)), int(record.get("account", 0))
    at, kind = moment(record["at"]), str(record["kind"])
    return TraceLine(at, kind, text, number, env, node, peer, user, account, session, called, calling, imsi, received, facts)


def from_billing(record: Mapping[str, Any]) -> TraceLine:
    """A line of billing.log (docs/logs.rst), at the time it was decided. Errors as `from_record`."""
    from_ = moment(record["at"])
    took = float(record["took"])
    number, node, user, session, called, calling = (str(record[name]) for name in ("id", "node", "user", "session", "called", "calling"))
    at = datetime.fromtimestamp(from_.timestamp() + took, UTC)
    facts = tuple((name, str(record[name])) for name in ("called", "calling") if record[name])
    return TraceLine(
        at, "decision", _decided(record), number, int(record["env"]), node, "", user, int(record["account"] or 0), session, called, calling, "", from_, facts
    )  # fmt: skip


def moment(text: str) -> datetime:
    """An aware time from ISO 8601. Raises ValueError for one without a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at


def refused_text(word: str) -> str:
    """A refusal's word with its return code and its text for people."""
    for refusal in Refusal:
        if refusal.word == word:
            return f"refused: {word} (return code {refusal.return_code}, {refusal.text})"
    return f"refused: {word}"


def _decided(record: Mapping[str, Any]) -> str:
    if record["result"] != "ok":
        return f"{record['kind']} {refused_text(str(record['result']))}"
    told = [f"{record[name]} {name}" for name in ("used", "granted") if record[name] is not None]
    return f"{record['kind']} accepted" + (f": {', '.join(told)}" if told else "")

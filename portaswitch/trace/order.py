"""
One time order of lines from logs and rows.

A row has the time of its event by whoever reported it: an xDR that of the end of the use, by the NAS' clock. It is shown behind the request that made it, where
the log tells which one that was. Lines of one request that are told twice, in trace.log with detail and in billing.log without, are shown once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from portaswitch.trace import masking
from portaswitch.trace.line import TraceLine
from portaswitch.trace.subject import Subject

#: Lines of one request are not farther apart; ids begin again when a process does.
TOGETHER = timedelta(minutes=2)
#: What stands first among lines of the same moment.
RANKS = {"packet": 0, "decision": 1, "hold": 2, "xdr": 3, "usage": 3, "session": 4, "event": 5, "reply": 6}


def chosen(lines: Iterable[TraceLine], subject: Subject) -> list[TraceLine]:
    """The lines of the subject, and those that belong to the same requests: a packet does not know its account yet."""
    every = list(lines)
    ids: dict[str, list[datetime]] = {}
    for line in every:
        if line.id and subject.means(line):
            ids.setdefault(line.id, []).append(line.at)
    return [line for line in every if subject.means(line) or any(abs(at - line.at) < TOGETHER for at in ids.get(line.id, ()))]


def ordered(lines: Sequence[TraceLine], known: Sequence[TraceLine] = ()) -> list[TraceLine]:
    """The lines in one order; `known` are decisions shown before, behind which rows may belong."""
    detailed = {(line.id, line.received) for line in lines if line.kind == "decision" and line.received is not None and _has_steps(line)}
    kept = [line for line in lines if line.kind != "decision" or _has_steps(line) or (line.id, line.received) not in detailed]
    decisions = [line for line in (*known, *kept) if line.kind == "decision"]
    placed = [_placed(line, decisions) if line.kind in PLACED and not line.id else line for line in kept]
    return sorted(placed, key=lambda line: (line.at, RANKS.get(line.kind, 3)))


def _has_steps(line: TraceLine) -> bool:
    return any(name not in ("called", "calling") for name, _ in line.facts)


def _placed(row: TraceLine, decisions: Sequence[TraceLine]) -> TraceLine:
    """The row at the time of the decision that made it: of its session, the one nearest to it that can be meant."""
    meant = [one for one in decisions if one.session == row.session and PLACED[row.kind](row, one)]
    if not meant or not row.session:
        return row
    of = min(meant, key=lambda one: abs((one.received or one.at) - row.at))
    return replace(row, at=of.at, id=of.id)


def _charges(row: TraceLine, decision: TraceLine) -> bool:
    """What was used is charged by a report; an attempt that failed by its refusal; what was bought by its authorization."""
    kind, _, told = decision.text.partition(" ")
    if row.text.startswith("failed"):
        return told.startswith("refused")
    return kind in ("stop", "update", "expire", "on_off", "event") or (kind == "auth" and row.text.startswith("0 used"))


def _opens_or_ends(row: TraceLine, decision: TraceLine) -> bool:
    kind = decision.text.partition(" ")[0]
    return kind in (("auth", "start", "update", "stop") if row.text.startswith("opened") else ("stop", "expire", "on_off"))


PLACED = {"xdr": _charges, "session": _opens_or_ends}


def discreet(line: TraceLine, subject: Subject) -> TraceLine:
    """The line without the card number of its user, unless that was asked for by it."""
    if line.node not in subject.cards or not line.user or line.user in subject.names or line.user.startswith(masking.MASK):
        return line
    facts = tuple((name, masking.without(text, line.user)) for name, text in line.facts)
    return replace(line, user=masking.card(line.user), text=masking.without(line.text, line.user), facts=facts)

"""
What of a trace somebody is told who is no administrator: what its own accounts did, since they are its own.

Packets know no account, and many reports neither: they are shown with the decision of their request, or by their session. What was dropped or set aside, what
event handlers and operators did, and who stands above are the environment's matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from portaswitch.trace.line import Facts, TraceLine
from portaswitch.trace.order import TOGETHER

KINDS: Final = frozenset({"packet", "reply", "decision", "hold", "session", "xdr", "task", "event"})
#: Who is named in a step of a decision, and the rule that may say who is in the way.
NUMBERED: Final = re.compile(r"\(#([0-9]+)\)")
ABOVE: Final = re.compile(r"([a-z_]+): (?:the )?reseller ")


def told(lines: Sequence[TraceLine], since: Mapping[int, datetime], resellers: frozenset[int]) -> list[TraceLine]:
    """
    The lines of accounts of `since`, which has those that the reader sees with the time from which they are its own; `resellers`: i_customer of those that it
    may read of.
    """

    def own(line: TraceLine) -> bool:
        return line.account in since and line.at >= since[line.account]

    ids: dict[str, list[tuple[datetime, bool]]] = {}
    owners: dict[tuple[str, str], set[int]] = {}
    for line in lines:
        if line.account:
            ids.setdefault(line.id, []).append((line.at, own(line)))
            owners.setdefault((line.node, line.session), set()).add(line.account)

    def meant(line: TraceLine) -> bool:
        if line.account:
            return own(line)
        near = [fits for at, fits in ids.get(line.id, ()) if line.id and abs(at - line.at) < TOGETHER]
        accounts = owners.get((line.node, line.session), set()) if line.session else set()
        return bool(near or accounts) and all(near) and all(own(replace(line, account=account)) for account in accounts)

    shown = [line for line in lines if line.kind in KINDS and meant(line)]
    return [replace(line, facts=_facts(line.facts, resellers)) if line.kind == "decision" else line for line in shown]


def _facts(facts: Facts, resellers: frozenset[int]) -> Facts:
    """The steps of a decision without what they tell of resellers above."""
    kept = []
    for name, text in facts:
        above = ABOVE.match(text) if name == "rule" else None
        if name != "reseller" or any(int(number) in resellers for number in NUMBERED.findall(text)):
            kept.append((name, text if above is None else above[1]))
    return tuple(kept)

"""
After the crashes: every answer that a client has against what the database says of that session.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bench.cluster import Cluster
from bench.ledger import Told
from bench.subscribers import CALL_PRICE, HERE

REMAINING = HERE / "remaining.sql"


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What the database has of one session: xDRs of the account and their sum; whether it is live, holds,
    and its use.
    """

    pieces: int = 0
    amount: Decimal = Decimal(0)
    live: bool = False
    holds: bool = False
    used: int = 0


NOTHING = Kept()


def kept_sessions(cluster: Cluster, database: str, run: int) -> dict[str, Kept]:
    """All sessions of a run, by h323-conf-id (remaining.sql)."""
    kept = {}
    for line in cluster.query(database, REMAINING.read_text(), run=f"{run:08X}").splitlines():
        session, pieces, amount, live, holds, used = line.split("|")
        kept[session] = Kept(int(pieces), Decimal(amount), live == "1", holds == "1", int(used))
    return kept


def faults(told: Told, kept: Kept) -> Iterator[str]:
    """What is wrong with one session; an unanswered request may or may not have taken effect, once."""
    if kept.amount > CALL_PRICE or kept.pieces > 1:
        yield "charged more than once"
    if told.stopped and not kept.pieces:
        yield "answered Stop without a charge"
    elif told.stopped and kept.amount != CALL_PRICE:
        yield "answered Stop with a wrong charge"
    if kept.pieces and not told.maybe_stopped:
        yield "charged although no Stop was sent"
    if kept.live and (told.stopped or kept.pieces):
        yield "still live although it is over"
    if told.opened and not told.stopped and not kept.live and not kept.pieces:
        yield "lost: opened, and neither live nor charged"
    if kept.live and kept.used < told.seconds:
        yield "lost an answered report of use"
    if kept.live and kept.used > told.maybe_seconds:
        yield "has use that nobody reported"
    if kept.live and not told.maybe_opened:
        yield "live although nobody opened it"
    if told.opened and kept.live and not told.maybe_stopped and not kept.holds:
        yield "lost the hold of an accepted authorization"
    if told.refused and (kept.live or kept.pieces):
        yield "refused, and yet live or charged"


def compare(told: Mapping[str, Told], kept: Mapping[str, Kept]) -> dict[str, list[str]]:
    """By fault, the conf-ids of the sessions that have it; empty when every answer is true."""
    found: dict[str, list[str]] = {}
    for session in told.keys() | kept.keys():
        client = told.get(session)
        if client is None:
            found.setdefault("not in the clients' ledger", []).append(session)
            continue
        for fault in faults(client, kept.get(session, NOTHING)):
            found.setdefault(fault, []).append(session)
    return found


def summary(told: Mapping[str, Told], kept: Mapping[str, Kept]) -> str:
    """How much was compared, in one line."""
    counts = Counter(
        "stopped" if one.stopped else "in doubt" if one.maybe_stopped else "open" if one.opened else "refused"
        for one in told.values()
    )
    charged = sum(one.pieces > 0 for one in kept.values())
    return (
        f"{len(told):,} sessions: {counts['stopped']:,} with an answered Stop, {counts['open']:,} open,"
        f" {counts['in doubt']:,} with an unanswered Stop, {counts['refused']:,} refused or never opened;"
        f" {charged:,} charged"
    )

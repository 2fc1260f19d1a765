"""
Which numbered requests of a session have counted: runs of request numbers (CC-Request-Number, RFC 8506 8.2).

Their reports are deltas, so that one which counted twice would be charged twice. Numbers may have gaps (0, 3, 5), and a request that was lost on its way may
come behind a later one: so what is kept is each number, not the highest.
"""

from __future__ import annotations

from typing import Final

from portaswitch.model.request import AAARequest, Kind

Runs = tuple[tuple[int, int], ...]

MOST_RUNS: Final = 64
"""Runs that are kept; what lies before the lowest of them counts as seen: better a late report lost than one charged twice."""

COUNTING: Final = frozenset((Kind.UPDATE, Kind.EVENT))
"""Kinds that are known again by their number: a second AUTH of a session charges nothing, and a second STOP finds it closed."""


def seen(runs: Runs, request: AAARequest) -> bool:
    """Whether the request has counted before."""
    number = request.number
    if number is None or request.kind not in COUNTING or not runs:
        return False
    if len(runs) >= MOST_RUNS and number < runs[0][0]:
        return True
    return any(first <= number <= last for first, last in runs)


def counted(runs: Runs, request: AAARequest) -> Runs:
    """The runs with the request's number; the same ones for a request that has none."""
    number = request.number
    if number is None or request.kind not in COUNTING or seen(runs, request):
        return runs
    if runs and runs[-1][1] == number - 1:  # by far the most frequent: the next one
        return (*runs[:-1], (runs[-1][0], number))
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*runs, (number, number))):
        if merged and merged[-1][1] >= first - 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged[-MOST_RUNS:])

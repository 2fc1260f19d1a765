"""
`account topup-file`: many top-ups from a table, each an operation of its own with its own key, many at once, which the desk does by pages.

A line that fails keeps no other back, and a run that was killed is run again with the same file: the keys see to it that each line is booked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from typing import Final

from twisted.internet.defer import Deferred, gatherResults

from portaswitch.administration.opening import asked, desk
from portaswitch.interfaces.loading import Progress
from portaswitch.interfaces.work import IOperations
from portaswitch.model.actor import Actor
from portaswitch.model.operation import Mark, MayHaveHappened, OperationRefused
from portaswitch.operations.reading import read
from portaswitch.operations.together import FLIGHTS, PAGE
from portaswitch.operations.topups import TOP_UP
from portaswitch.store.database import Database

KEY: Final = "key"
"""The column of a line's own key."""
AT_ONCE: Final = 2 * FLIGHTS * PAGE
"""Lines at once when nobody says how many: as many pages wait as are under way."""
TRIES: Final = 3
"""How often a line is asked when the connection was lost while it committed: its key makes that safe."""


@dataclass(frozen=True, slots=True)
class Line:
    """One top-up of the table: its line (the head is 1), its texts by the names of the operation's arguments, its key and amount."""

    number: int
    texts: Mapping[str, str]
    key: str
    amount: Decimal


@dataclass(slots=True)
class Booked:
    """
    What came of a table: lines that are booked (of runs before too) and their sums by currency, those that were refused (line and reason), and those of
    which nobody knows, since the database was lost; seconds of the booking.
    """

    booked: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    seconds: float = 0


def lines_of(head: Sequence[str], rows: Sequence[Sequence[str]], key: str) -> list[Line]:
    """
    The lines of a table, read and found right. Without a column of keys line N has the key `key:N`.

    Errors: OperationRefused with all faults, by line.
    """
    known = {argument.name for argument in TOP_UP.arguments if not argument.has(Mark.SECRET)}
    faults = [f"line 1: there is no column {name}: use {', '.join(sorted({*known, KEY}))}" for name in head if name not in {*known, KEY}]
    faults += [f"line 1: the column {name} is missing" for name in ("id", "amount") if name not in head]
    faults += [f"line 1: the column {name} is there twice" for name in sorted({name for name in head if head.count(name) > 1})]
    if KEY not in head and not key:
        faults.append("line 1: there is no column key, and no --key NAME: without keys a second run would book everything again")
    if faults:
        raise OperationRefused(faults)
    lines: list[Line] = []
    seen: dict[str, int] = {}
    for number, cells in enumerate(rows, 2):
        if not any(cells):
            continue
        try:
            line = _line(number, head, cells, key)
        except OperationRefused as refused:
            faults += [f"line {number}, {fault}" for fault in refused.faults]
            continue
        first = seen.setdefault(line.key, number)
        if first != number:
            faults.append(f"line {number}, key: {line.key} is the key of line {first} already")
        lines.append(line)
    if faults:
        raise OperationRefused(faults)
    return lines


def _line(number: int, head: Sequence[str], cells: Sequence[str], key: str) -> Line:
    if len(cells) != len(head):
        raise OperationRefused([f"columns: it has {len(cells)}, and the head line {len(head)}"])
    texts = {name: cell.strip() for name, cell in zip(head, cells, strict=True) if cell.strip()}
    own = texts.pop(KEY, "") if KEY in head else f"{key}:{number}"
    if not own or len(own) > 128 or not own.isprintable():
        raise OperationRefused(["key: is empty, too long, or holds a control character: write 1 to 128 printable characters"])
    amount = read(TOP_UP.arguments, texts).get("amount")
    if amount is None:
        raise OperationRefused(["amount: is empty"])
    return Line(number, texts, own, amount)


async def top_up_all(database: Database, actor: Actor, lines: Sequence[Line], at_once: int, progress: Progress) -> Booked:
    """
    Book the lines, `at_once` at a time. Errors: DatabaseDown; what was booked until then stays.
    """
    done, waiting, operations = Booked(), iter(lines), desk(database)
    begun = monotonic()

    def told() -> None:
        over = done.booked + len(done.refused) + len(done.unknown)
        progress(over, len(lines), f"{over} of {len(lines)} top-ups")

    async def take() -> None:
        for line in waiting:
            await _book(operations, actor, line, done)
            told()

    workers = [Deferred.fromCoroutine(take()) for _ in range(at_once)]
    await asked(gatherResults(workers, consumeErrors=True))
    done.seconds = monotonic() - begun
    done.refused.sort()
    return done


async def _book(operations: IOperations, actor: Actor, line: Line, done: Booked) -> None:
    for _ in range(TRIES):
        try:
            answer = await operations.operate(actor, TOP_UP.name, line.texts, line.key)
        except MayHaveHappened:
            continue
        except OperationRefused as refused:
            done.refused.append((line.number, "; ".join(refused.faults)))
            return
        done.booked += 1
        currency = str(answer["currency"]) if isinstance(answer, Mapping) else ""
        done.sums[currency] = done.sums.get(currency, Decimal(0)) + line.amount
        return
    done.unknown.append(line.number)

"""`account topup-file`: payments of many accounts from a CSV file."""

from __future__ import annotations

from dataclasses import asdict

from portaswitch.administration import topups
from portaswitch.cli.command import FAILED, OK, Commands, Context, positive
from portaswitch.cli.output import Bar
from portaswitch.cli.table import read_table
from portaswitch.cli.text import money
from portaswitch.errors import ConfigError
from portaswitch.model.operation import OperationRefused

MOST_FAULTS = 100
"""Faults of a file that are printed, and lines that were refused."""


def add(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("account", "look at accounts", "portaswitch account list")
    command = group.command(
        "topup-file",
        "book payments in favour of many accounts from a CSV file, each once however often the file is run",
        "portaswitch account topup-file payments.csv --key bank-2026-01-31\nportaswitch account topup-file payments.csv --at-once 8 --json",
        top_up_file,
        rights=True,
    )
    command.add_argument("file", metavar="FILE.csv", help="a head line with id, amount and if wanted comment, internal_comment, key; - reads standard input")
    command.add_argument("--key", default="", metavar="NAME", help="where the file has no column key: line 2 has the key NAME:2, and so on")
    command.add_argument("--at-once", type=positive, default=topups.AT_ONCE, metavar="N", help=f"top-ups at once (default {topups.AT_ONCE})")


async def top_up_file(context: Context) -> int:
    """How much was booked; the lines that were refused."""
    asked, bar = context.arguments, Bar(context.err)
    head, rows = read_table(asked.file)
    try:
        lines = topups.lines_of(head, rows, asked.key)
    except OperationRefused as refused:
        more = len(refused.faults) - MOST_FAULTS
        raise ConfigError([*refused.faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else []), "nothing was booked"]) from refused
    async with context.administration() as admin:
        try:
            done = await topups.top_up_all(admin.database, admin.actor, lines, asked.at_once, bar)
        finally:
            bar.clear()
    context.out.document({**asdict(done), "refused": [{"line": line, "reason": reason} for line, reason in done.refused]})
    _tell(context, len(lines), done)
    return FAILED if done.refused or done.unknown else OK


def _tell(context: Context, lines: int, done: topups.Booked) -> None:
    out = context.out
    sums = ", ".join(f"{money(amount)} {currency}" for currency, amount in sorted(done.sums.items()))
    out.line(f"{done.booked} of {lines} lines are booked{f', {sums}' if sums else ''} (those of earlier runs under these keys too)")
    for line, reason in done.refused[:MOST_FAULTS]:
        out.line(f"line {line}: {reason}")
    if len(done.refused) > MOST_FAULTS:
        out.line(f"and {len(done.refused) - MOST_FAULTS} more: {len(done.refused)} lines were refused")
    if done.unknown:
        out.line(f"{len(done.unknown)} lines may or may not be booked, since the database was lost: run the file again")

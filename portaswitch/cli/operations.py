"""
The commands that are operations (`account topup`, `product add` ...), made from what the operations say of themselves.

A command that another module has already keeps its name.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import groupby

from portaswitch.administration import OPERATIONS, PAGE, UPLOADS, Operation
from portaswitch.cli.command import OK, Commands, Context, Run
from portaswitch.cli.output import Bar, Column
from portaswitch.cli.table import read_table
from portaswitch.model.operation import KEYED, Field, Mark, OperationRefused

LIMITS = frozenset({"available", "free", "credit_limit"})
"""What is without a limit when it has no value."""

OWING = frozenset({None, "credit"})
"""What a customer, or the model of an account, says where a credit limit means something."""

NO_LIMIT = "no limit"

NEVER_CUT = 2
"""The columns of a list that are never cut."""

MOST_FAULTS = 100
"""Faults of a file that are printed."""


def add(commands: Commands) -> None:
    """Add the commands that no module has by itself."""
    for entity, operations in groupby(sorted(OPERATIONS.values(), key=lambda one: one.words[0]), key=lambda one: one.words[0]):
        found = list(operations)
        group = commands
        for word in entity.split("."):
            group = group.group(word, _summary(entity, found), "\n".join(map(_example, found[:3])))
        for operation in found:
            if operation.words[1] not in group.names:
                _add(group, operation)
        if entity in UPLOADS:
            text = "add and remove many of them from a CSV file; whole or not at all"
            parser = group.command("upload", text, f"portaswitch {entity} upload FILE.csv", _upload, rights=True)
            parser.add_argument("file", metavar="FILE", help="a head line with names of columns (action is + or -), then a line each; - reads standard input")
            parser.set_defaults(entity=entity)


def _summary(entity: str, operations: Iterable[Operation]) -> str:
    return f"{entity.replace('.', ' ')}: {', '.join(sorted(operation.words[1] for operation in operations))}"


def _add(group: Commands, operation: Operation) -> None:
    parser = group.command(operation.words[1], operation.help, _example(operation), _runner(operation), rights=True)
    for field in operation.arguments:
        argument(parser, field)
    if operation.privilege in KEYED:
        parser.add_argument("--key", default="", metavar="KEY", help="does it once, however often it is asked under this key")


def argument(parser: argparse.ArgumentParser, field: Field) -> None:
    """An argument of an operation as one of its command."""
    text = f"{field.help} ({field.kind.hint})".replace("%", "%%")
    required = field.has(Mark.REQUIRED)
    if field.has(Mark.PLACE):
        parser.add_argument(f"given_{field.name}", metavar=field.name.upper(), nargs=None if required else "?", help=text)
        return
    parser.add_argument(f"--{field.name.replace('_', '-')}", dest=f"given_{field.name}", metavar="VALUE", required=required, default=None, help=text)


def _example(operation: Operation) -> str:
    if operation.examples:
        return operation.examples
    entity, verb = operation.words
    places = [field.name.upper() for field in operation.arguments if field.has(Mark.PLACE) and field.has(Mark.REQUIRED)]
    needed = [f"--{field.name.replace('_', '-')} VALUE" for field in operation.arguments if field.has(Mark.REQUIRED) and not field.has(Mark.PLACE)]
    return " ".join(["portaswitch", *entity.split("."), verb, *places, *needed])


def values_of(context: Context, operation: Operation) -> dict[str, str]:
    """What the command line says of an operation's arguments."""
    return {field.name: value for field in operation.arguments if (value := getattr(context.arguments, f"given_{field.name}")) is not None}


def _runner(operation: Operation) -> Run:
    async def run(context: Context) -> int:
        given = values_of(context, operation)
        async with context.administration() as admin:
            found = await admin.operate(operation.name, given, getattr(context.arguments, "key", ""))
        if isinstance(found, list):
            rows = [_public(row) for row in found]
            columns = [Column(name, name, yields=0 if place < NEVER_CUT else 1) for place, name in enumerate(operation.columns or (rows[0] if rows else ()))]
            context.out.rows(columns, rows, f"no such {operation.words[0].replace('.', ' ')}")
            if rows and str(len(rows)) == given.get("limit", str(PAGE)):
                context.out.line(f"(the first {len(rows)}; --limit 0 shows all)")
        else:
            context.out.document(_public(found))
            context.out.fields(_told(_public(found)))
        return OK

    return run


def _told(row: dict[str, object]) -> dict[str, object]:
    """What people are told of a row: what has a value, and limits that there are not."""
    limits = LIMITS if row.get("model") in OWING else LIMITS - {"credit_limit"}
    return {name: NO_LIMIT if value is None else value for name, value in row.items() if value not in (None, "", [], ()) or name in limits}


def _public(row: dict[str, object] | object) -> dict[str, object]:
    """A row without the numbers that join it to others."""
    return {name: value for name, value in dict(row).items() if not name.startswith("_")} if isinstance(row, dict) else {}


async def _upload(context: Context) -> int:
    """Send a table to the desk; faults are told by line and column, the first hundred of them."""
    head, rows = read_table(context.arguments.file)
    bar = Bar(context.err)
    try:
        async with context.administration() as admin:
            done = await admin.upload(context.arguments.entity, head, rows, bar)
    except OperationRefused as refused:
        raise OperationRefused(_first(refused.faults)) from refused
    finally:
        bar.clear()
    context.out.document(done)
    context.out.line(f"{done['added']} added, {done['removed']} removed")
    return OK


def _first(faults: tuple[str, ...]) -> list[str]:
    more = len(faults) - MOST_FAULTS
    return [*faults[:MOST_FAULTS], *([f"and {more} more: nothing was changed"] if more > 0 else [])]

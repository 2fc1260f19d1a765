"""`voucher generate`: a batch of vouchers, whose numbers go into a file for the printer."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from portaswitch.administration import OPERATIONS
from portaswitch.cli.command import OK, Commands, Context
from portaswitch.cli.operations import argument, values_of
from portaswitch.cli.text import money
from portaswitch.errors import StartError

COLUMNS = ("control_number", "voucher", "amount", "currency", "expiration_date")


def add(commands: Commands) -> None:
    """Add the command; the others of vouchers are plain operations."""
    operation = OPERATIONS["voucher.generate"]
    group = commands.group("voucher", "make, list, activate and close vouchers", operation.examples)
    command = group.command("generate", operation.help, operation.examples, generate, rights=True)
    for field in operation.arguments:
        argument(command, field)
    command.add_argument("--key", default="", metavar="KEY", help="does it once, however often it is asked under this key")
    command.add_argument("--file", required=True, metavar="FILE.csv", help="a new file, for you alone, that gets the numbers; - writes them to standard output")


async def generate(context: Context) -> int:
    """The batch, and its numbers in the file. The file is there before anything is made, and gone when nothing was."""
    operation = OPERATIONS["voucher.generate"]
    with _opened(context.arguments.file) as stream:
        async with context.administration() as admin:
            made: Any = await admin.operate(operation.name, values_of(context, operation), context.arguments.key)
        if "vouchers" not in made:
            raise StartError(f"batch {made['batch']} was made under this key before, and its numbers were told then: close it, and make another one")
        _write(stream, made)
    told = {name: value for name, value in made.items() if name != "vouchers"}
    context.out.document(told)
    if context.arguments.file != "-":
        context.out.line(f"{made['count']} vouchers of {money(made['amount'])} {made['currency']} are in {context.arguments.file}, and nowhere else")
    return OK


@contextmanager
def _opened(path: str) -> Iterator[IO[str]]:
    """Where the numbers go."""
    if path == "-":
        yield sys.stdout
        return
    try:
        stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="")
    except OSError as error:
        raise StartError(f"--file {path}: can't be made ({error.strerror}): name a new file") from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _write(stream: IO[str], made: Mapping[str, Any]) -> None:
    rows: Sequence[Mapping[str, Any]] = made["vouchers"]
    end = "" if made["expiration_date"] is None else made["expiration_date"].isoformat()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row["control_number"], row["voucher"], made["amount"], made["currency"], end) for row in rows)

"""`handler new`: the first version of an event handler, with its test."""

from __future__ import annotations

import re
from pathlib import Path

from portaswitch.administration.new_handler import write_handler
from portaswitch.cli.command import OK, Commands, Context
from portaswitch.errors import StartError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(::[A-Za-z][A-Za-z0-9]*)?")


def add(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("handler", "make event handlers of your own", "portaswitch handler new AcmeTV --folder /etc/portaswitch/handlers")
    made = group.command(
        "new", "write a working event handler and its test, to go on from", "portaswitch handler new AcmeTV --folder /etc/portaswitch/handlers", new_handler,
    )  # fmt: skip
    made.add_argument("name", metavar="NAME", help="its class, as the configuration will name it: letters and digits, with one :: at most")
    made.add_argument("--folder", metavar="FOLDER", help="where to write it (default: the first folder of espf.handler_path)")


async def new_handler(context: Context) -> int:
    """The two files, and what to do next."""
    asked = context.arguments
    if not NAME.fullmatch(asked.name):
        raise StartError(f"{asked.name} is no name of a handler class: write letters and digits, such as AcmeTV or Acme::TV")
    folder = Path(asked.folder) if asked.folder else next(iter(context.settings.espf.handler_path), None)
    if folder is None:
        raise StartError("no folder: name one with --folder, or set espf.handler_path in the configuration")
    written = write_handler(folder, asked.name)
    context.out.document({"written": [str(path) for path in written]})
    for path in written:
        context.out.line(f"written   {path}")
    context.out.line(f"test it:  python -m twisted.trial {written[1]}")
    context.out.line(f"use it:   espf.handler_path: [{folder}], espf.handlers: {{NAME: {{class: {asked.name}, environment: 1, ...}}}} (docs/handlers.rst)")
    return OK

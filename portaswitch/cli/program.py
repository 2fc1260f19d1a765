"""The program: the parser with all commands, and the exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from portaswitch import __build__, __version__
from portaswitch.cli import (
    backups,
    books,
    calls,
    clients,
    completion,
    diameter,
    evctl,
    handlers,
    locations,
    migration,
    operations,
    orphans,
    rates,
    sessions,
    setup,
    sip_tests,
    tariffs,
    topups,
    traces,
    vouchers,
    xdrs,
)
from portaswitch.cli.command import OK, Commands, Context, Parser, common, epilog
from portaswitch.cli.output import Output
from portaswitch.cli.running import run

EXAMPLES = """
portaswitch check
portaswitch --config /etc/portaswitch/portaswitch.yaml init
portaswitch load config/demo.yaml
portaswitch radius-test --secret testing123 10086610975 01182623634515
portaswitch diameter-test data 380630000001
portaswitch xdr list --account 10086610975 --last 5
portaswitch account show 10086610975 --json
"""


def parser() -> Parser:
    """The parser with all commands, in the order in which somebody new needs them."""
    top = Parser(
        prog="portaswitch",
        description="Administers a PortaSwitch server: its configuration, its database, tries of its wires.",
        epilog=epilog(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common(top, top=True)
    top.add_argument("--version", action="version", version=f"portaswitch {__version__} ({__build__})")
    commands = Commands(top)
    setup.add(commands)
    calls.add(commands)
    diameter.add(commands)
    sip_tests.add(commands)
    xdrs.add(commands)
    tariffs.add(commands)
    sessions.add(commands)
    clients.add(commands)
    rates.add(commands)
    orphans.add(commands)
    traces.add(commands)
    books.add(commands)
    backups.add(commands)
    migration.add(commands)
    vouchers.add(commands)
    operations.add(commands)
    topups.add(commands)
    locations.add(commands)
    evctl.add(commands)
    handlers.add(commands)
    completion.add(commands, top)
    return top


def execute(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command; gives the exit status. Wrong usage and `--help` end in SystemExit, as argparse does it.
    """
    try:
        whole = parser()
        asked = whole.parse_args(arguments)
        if asked.acts_as and not asked.rights:
            whole.error("--as: this command asks for no rights: whoever can run it sees and does everything")
        out = Output.on(sys.stdout, asked.json)
        status = run(lambda reactor: asked.run(Context(reactor, asked, out)), asked.verbose)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read our output (head, less) has enough; the interpreter must not flush to it at its end
        # either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK

"""What a command is made of: its place in the parser, and what it is given when it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import cached_property
from typing import IO, Any, NoReturn

from portaswitch.administration import Administration, administration
from portaswitch.cli.output import Output
from portaswitch.cli.text import moment
from portaswitch.config import Settings, load

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses (the last as a shell gives it for SIGINT)."""

DEFAULT_CONFIG = "config/portaswitch.yaml"


class Context:
    """
    What a running command has: its arguments, the configuration (read when first asked for), the reactor and
    where to print.
    """

    def __init__(
        self, reactor: Any, arguments: argparse.Namespace, out: Output, err: IO[str] | None = None
    ) -> None:
        self.reactor, self.arguments, self.out = reactor, arguments, out
        self.err = err or sys.stderr

    @cached_property
    def settings(self) -> Settings:
        """The configuration. Raises ConfigError with all its faults."""
        return load(self.arguments.config)

    def administration(self) -> AbstractAsyncContextManager[Administration]:
        """The database, for `async with`."""
        return administration(self.reactor, self.settings, self.arguments.env, self.arguments.acts_as)


Run = Callable[[Context], Awaitable[int]]
"""
The body of a command; gives the exit status. What it raises is told in one line, and the status is then 1.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose error is one line that says where help is."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the usage and end with status 2."""
        self.exit(USAGE, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


class Commands:
    """A group of commands to which more can be added."""

    def __init__(self, parser: argparse.ArgumentParser, metavar: str = "COMMAND") -> None:
        self._parsers = parser.add_subparsers(metavar=metavar, title="commands", required=True)
        self._groups: dict[str, Commands] = {}
        self.names: set[str] = set()

    def command(self, name: str, text: str, examples: str, run: Run, rights: bool = False) -> argparse.ArgumentParser:
        """
        A command: `text` is a sentence for the lists, `examples` lines of a shell. Arguments are added to
        what comes back. `rights`: it asks for the rights of whoever runs it, so that it can be run --as a user.
        """
        parser = self._parser(name, text, examples)
        common(parser, top=False)
        parser.set_defaults(run=run, rights=rights)
        return parser

    def group(self, name: str, text: str, examples: str) -> Commands:
        """A word under which further commands stand (`xdr list`); the one that there is, if it was added before."""
        if name not in self._groups:
            self._groups[name] = Commands(self._parser(name, text, examples))
        return self._groups[name]

    def _parser(self, name: str, text: str, examples: str) -> argparse.ArgumentParser:
        self.names.add(name)
        parser: argparse.ArgumentParser = self._parsers.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=epilog(examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        return parser


def epilog(examples: str) -> str:
    """The examples as they stand below a help text."""
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    return f"examples:\n{lines}"


def common(parser: argparse.ArgumentParser, top: bool) -> None:
    """
    The options that every command takes, before its name (`top`) or behind it; the one behind it counts.
    """
    group = parser if top else parser.add_argument_group("options of every command")

    def default(value: object) -> Any:
        # Without a default of its own a command's parser leaves alone what stood before the command's name.
        return value if top else argparse.SUPPRESS

    text = f"configuration file (default {DEFAULT_CONFIG})"
    group.add_argument("--config", metavar="FILE", default=default(DEFAULT_CONFIG), help=text)
    text = "environment (i_env) to look in (default: `environment` of the configuration)"
    group.add_argument("--env", metavar="N", type=positive, default=default(None), help=text)
    text = "with the rights of this user of the API (see `user list`), to try what it may and sees; for commands that ask for rights"
    group.add_argument("--as", dest="acts_as", metavar="USER", default=default(""), help=text)
    text = "print one JSON document instead of tables"
    group.add_argument("--json", action="store_true", default=default(False), help=text)
    text = "show log lines, and the traceback of an internal error"
    group.add_argument("--verbose", action="store_true", default=default(False), help=text)


def positive(text: str) -> int:
    """An argument that is a whole number from 1."""
    return _number(text, 1)


def natural(text: str) -> int:
    """An argument that is a whole number from 0."""
    return _number(text, 0)


def moment_argument(text: str) -> datetime:
    """An argument that is a time, or how long ago (`cli.text.moment`)."""
    try:
        return moment(text, datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def port(text: str) -> int:
    """An argument that is a port, 1 to 65535."""
    number = _number(text, 1)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port (1 to 65535)")
    return number


def _number(text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
    return int(text)

"""`trace`: what an account, number, SIM, session, NAS or peer did, in one time order; `debug`: its detail, switched on while the server runs."""

from __future__ import annotations

import argparse
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from portaswitch.administration import tracing
from portaswitch.administration.opening import operator
from portaswitch.cli.command import FAILED, OK, Commands, Context
from portaswitch.cli.output import Column
from portaswitch.cli.text import moment, shown
from portaswitch.cli.trace_text import Page, as_json, headed
from portaswitch.errors import PortaSwitchError, StartError

WHAT = {
    "account": ("ID", "an account, by its id or that of an alias"),
    "number": ("NUMBER", "a number, as a caller, as dialled (with any prefix before it) or as an account"),
    "imsi": ("IMSI", "the account that a SIM is given to"),
    "session": ("KEY", "a session, by its id or as `session list` shows it; blanks need no quotes"),
    "nas": ("NAME", "a node, by its name, NAS-Identifier or address"),
    "peer": ("PEER", "whoever sends from an address, or a node"),
}
WATCHED = ("account", "number", "nas", "peer")
WATCHES = (Column("kind", "kind"), Column("name", "name"), Column("until", "until (UTC)"), Column("created_by", "by"), Column("created", "since (UTC)"))
#: Seconds between two looks, and of the longest watch.
LOOK, LONGEST = 0.6, 86400
_FOR = re.compile(r"([0-9]{1,6})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def add(commands: Commands) -> None:
    """Add the commands."""
    _add_trace(commands)
    group = commands.group(
        "debug",
        "switch the detail of an account, number, NAS or peer on and off while the server runs",
        "portaswitch debug nas gw --for 10m\nportaswitch debug account 10086610975 --for 1h\nportaswitch debug list\nportaswitch debug off nas gw",
    )
    for kind in WATCHED:
        name, text = WHAT[kind]
        on = group.command(
            kind, f"trace packets and decision steps of {text.partition(',')[0]}", f"portaswitch debug {kind} {name} --for 10m", debug_on
        )  # fmt: skip
        on.add_argument("name", metavar=name, help=text)
        on.add_argument("--for", dest="seconds", type=duration, default=600, metavar="TIME", help="how long: 90s, 10m, 2h, at most 24h (default 10m)")
        on.set_defaults(kind=kind)
    group.command("list", "list what is switched on", "portaswitch debug list", debug_list)
    off = group.command(
        "off", "switch detail off, of one or of all", "portaswitch debug off nas gw\nportaswitch debug off --all", debug_off
    )  # fmt: skip
    off.add_argument("kind", nargs="?", choices=WATCHED, metavar="KIND", help=" ".join(WATCHED))
    off.add_argument("name", nargs="?", metavar="NAME", help="as it was switched on")
    off.add_argument("--all", action="store_true", help="all of the environment")


def _add_trace(commands: Commands) -> None:
    group = commands.group(
        "trace",
        "show in one time order what somebody did: packets, decisions, holds, xDRs, events",
        "portaswitch trace account 10086610975 --since 2h\nportaswitch trace nas gw --live\nportaswitch trace number 82623634515 --since 1d --json",
    )
    for kind, (name, text) in WHAT.items():
        found = group.command(kind, f"trace {text}", f"portaswitch trace {kind} {name} --since 2h\nportaswitch trace {kind} {name} --live", trace, rights=True)
        found.add_argument("name", nargs="+" if kind == "session" else 1, metavar=name, help=text)
        found.add_argument("--since", metavar="TIME", help="from then on: 2026-01-31T10:00 (UTC), or how long ago: 15m, 2h, 7d (default 1h)")
        found.add_argument("--live", action="store_true", help="then go on with what happens, until Ctrl-C; without --since only that")
        found.add_argument("--logs", action="append", default=[], metavar="DIR", help="also the logs in this directory (of another process); repeatable")
        found.set_defaults(kind=kind)


def duration(text: str) -> int:
    """An argument that is a time of at most a day, in seconds."""
    found = _FOR.fullmatch(text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found is not None else 0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 10m or 2h, at most 24h")
    return seconds


async def trace(context: Context) -> int:
    """The trace, of what was and of what happens."""
    asked, now = context.arguments, datetime.now(UTC)
    try:
        since = now if asked.live and asked.since is None else moment(asked.since or "1h", now)
    except ValueError as error:
        raise StartError(f"--since {error}") from error
    folders = list(dict.fromkeys([context.settings.logging.directory, *map(Path, asked.logs)]))
    missing = [f"{folder} is no directory that can be read" for folder in folders if not folder.is_dir()]
    page = Page(context.out.width)
    async with AsyncExitStack() as stack:
        reader = await _reader(context, stack, missing)
        subject = await tracing.subject_of(reader, asked.kind, " ".join(asked.name), since)
        live = tracing.Live(reader, subject, folders, now) if asked.live else None
        found = await tracing.past(reader, subject, folders, since) if since < now else []
        _print(context, page, found)
        if live is None:
            context.out.line(headed(len(found), f"{shown(since)} UTC", missing))
            return OK
        context.err.write(f"live; Ctrl-C ends it{''.join(f'; {one}' for one in missing)}\n")
        await _follow(context, page, live)
    return OK


async def _reader(context: Context, stack: AsyncExitStack, missing: list[str]) -> tracing.Reader:
    """Who reads, and the database; without one the logs are traced alone, which is said, and not as somebody else, whose rights are not known then."""
    try:
        admin = await stack.enter_async_context(context.administration())
    except PortaSwitchError as error:
        if context.arguments.acts_as:
            raise
        missing.append(f"logs only: {' '.join(str(error).split())}")
        i_env = context.arguments.env
        return tracing.Reader(None, operator(context.settings.environment if i_env is None else i_env))
    return tracing.Reader(admin.database.pool, admin.actor)


async def _follow(context: Context, page: Page, live: tracing.Live) -> None:
    """Until Ctrl-C, which is how it is meant to end."""
    try:
        while True:
            _print(context, page, await live.step(datetime.now(UTC)))
            await deferLater(context.reactor, LOOK)
    except CancelledError:
        return
    finally:
        live.close()


def _print(context: Context, page: Page, lines: list[tracing.TraceLine]) -> None:
    for line in lines:
        if context.out.as_json:
            context.out.record(as_json(line))
            continue
        for text in page.lines(line):
            context.out.line(text)
    context.out.flush()


async def debug_on(context: Context) -> int:
    """Switch detail on."""
    asked = context.arguments
    async with context.administration() as admin:
        until = await tracing.switch_on(admin.database.pool, admin.i_env, asked.kind, asked.name, asked.seconds)
    context.out.document({"kind": asked.kind, "name": asked.name, "until": until})
    what = f"{asked.kind} {asked.name}"
    context.out.line(f"OK: {what} is traced in detail until {shown(until)} UTC; `portaswitch trace {what} --live` shows it")
    return OK


async def debug_list(context: Context) -> int:
    """What is switched on."""
    async with context.administration() as admin:
        found = await tracing.watched(admin.database.pool, admin.i_env)
    context.out.rows(WATCHES, found, "nothing is traced in detail")
    return OK


async def debug_off(context: Context) -> int:
    """Switch detail off."""
    asked = context.arguments
    if asked.all == (asked.name is not None):
        raise StartError("name what is to be switched off (KIND NAME), or say --all")
    async with context.administration() as admin:
        found = await tracing.switch_off(admin.database.pool, admin.i_env, asked.kind or "", asked.name or "")
    context.out.document([{"kind": kind, "name": name} for kind, name in found])
    if not found and not asked.all:
        context.out.line(f"{asked.kind} {asked.name} was not on: see `portaswitch debug list`")
        return FAILED
    context.out.line(f"OK: {', '.join(f'{kind} {name}' for kind, name in found) or 'nothing was on'}")
    return OK

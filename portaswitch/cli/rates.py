"""`tariff list|show` and `rate upload|list|history|export`: tariffs and their price lists."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from portaswitch.administration import rates
from portaswitch.cli.command import OK, Commands, Context, natural, positive
from portaswitch.cli.output import Bar, Column
from portaswitch.cli.text import moment
from portaswitch.errors import ConfigError

TARIFF_COLUMNS = (
    Column("name", "name", yields=2),
    Column("service", "service", yields=1),
    Column("applied_to", "applied to", yields=1),
    Column("currency", "cur"),
    Column("destinations", "destinations"),
    Column("rates", "rates"),
    Column("next_change", "next change", yields=1),
)
RATE_COLUMNS = (
    Column("prefix", "prefix"),
    Column("description", "description", yields=1),
    Column("interval_first", "first"),
    Column("interval_n", "next"),
    Column("price_first", "price first"),
    Column("price_n", "price next"),
    Column("connect_fee", "fee"),
    Column("effective_from", "from"),
    Column("until", "until", yields=1),
    Column("state", "state", yields=2),
)


def add(commands: Commands) -> None:
    """Add the commands."""
    tariff = commands.group("tariff", "look at tariffs", "portaswitch tariff list\nportaswitch tariff show PrepaidCard")
    tariff.command("list", "list the tariffs by name", "portaswitch tariff list\nportaswitch tariff list --json", list_tariffs, rights=True)
    shown = tariff.command("show", "show all of a tariff but its rates", "portaswitch tariff show PrepaidCard", show_tariff, rights=True)
    shown.add_argument("tariff", metavar="TARIFF", help="name of the tariff")
    examples = "portaswitch rate upload PrepaidCard prices.csv --dry-run\nportaswitch rate list PrepaidCard 44"
    rate = commands.group("rate", "upload, look at and export price lists", examples)
    _add_upload(rate)
    _add_listings(rate)


def _add_upload(rate: Commands) -> None:
    upload = rate.command(
        "upload",
        "bring a price list (CSV) into a tariff: whole or not at all, while charging goes on",
        "portaswitch rate upload PrepaidCard prices.csv --dry-run\nportaswitch rate upload PrepaidCard prices.csv --destinations-add\n"
        "portaswitch rate upload PrepaidCard monday.csv --replace --effective-from 2026-02-02",
        upload_rates,
        rights=True,
    )
    upload.add_argument("tariff", metavar="TARIFF", help="name of the tariff")
    upload.add_argument("file", metavar="FILE.csv", type=Path, help="the price list (docs/rates.rst); uploading it again changes nothing")
    upload.add_argument(
        "--effective-from", type=since, metavar="TIME", help="when rows without a date come into force: 2026-02-02, 2026-02-02T12:00Z, now (default: from ever)"
    )
    mode = upload.add_mutually_exclusive_group()
    mode.add_argument(
        "--add", dest="mode", action="store_const", const=rates.Mode.ADD, default=rates.Mode.ADD, help="rates that the file does not name stay (default)"
    )
    mode.add_argument(
        "--replace",
        dest="mode",
        action="store_const",
        const=rates.Mode.REPLACE,
        default=rates.Mode.ADD,
        help="the file is the whole list: other rates end at the time of --effective-from, or without it are removed",
    )
    upload.add_argument("--destinations-add", action="store_true", help="add prefixes that are no destinations yet; else they are faults")
    upload.add_argument("--dry-run", action="store_true", help="check and count, and change nothing")
    upload.add_argument("--faults", type=positive, default=50, metavar="N", help="print at most N faults (default %(default)s); all are counted")


def _add_listings(rate: Commands) -> None:
    listed = rate.command(
        "list",
        "list the rates in force, by prefix",
        "portaswitch rate list PrepaidCard\nportaswitch rate list PrepaidCard 44 --at 2026-02-02\nportaswitch rate list PrepaidCard --limit 0 --json",
        list_rates,
        rights=True,
    )
    listed.add_argument("tariff", metavar="TARIFF", help="name of the tariff")
    listed.add_argument("prefix", nargs="?", default="", metavar="PREFIX", help="only destinations that begin so")
    listed.add_argument("--at", type=since, metavar="TIME", help="in force at that time (default: now)")
    listed.add_argument("--limit", type=natural, default=50, metavar="N", help="at most N, 0: all (default %(default)s)")
    history = rate.command(
        "history", "show all versions of a destination's rate, the newest first", "portaswitch rate history PrepaidCard 4420", show_history, rights=True
    )
    history.add_argument("tariff", metavar="TARIFF", help="name of the tariff")
    history.add_argument("prefix", metavar="PREFIX", help="the destination")
    export = rate.command(
        "export",
        "write a tariff's rates as the CSV that `rate upload` takes back",
        "portaswitch rate export PrepaidCard > prices.csv\nportaswitch rate export PrepaidCard --at now > current.csv",
        export_rates,
        rights=True,
    )
    export.add_argument("tariff", metavar="TARIFF", help="name of the tariff")
    export.add_argument("--at", type=since, metavar="TIME", help="only rates in force at that time (default: all versions)")


def since(text: str) -> datetime:
    """An argument that is a time; `now` too."""
    now = datetime.now(UTC)
    try:
        return now if text == "now" else moment(text, now)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


async def list_tariffs(context: Context) -> int:
    """The table of tariffs."""
    async with context.administration() as admin:
        found = await admin.tariffs()
    context.out.rows(TARIFF_COLUMNS, found, "no tariffs: `portaswitch load FILE`")
    return OK


async def show_tariff(context: Context) -> int:
    """All that is known of a tariff."""
    async with context.administration() as admin:
        await admin.reach(context.arguments.tariff)
        found = await rates.tariff(admin.database, admin.i_env, context.arguments.tariff)
    context.out.document(found)
    context.out.fields(asdict(found))
    return OK


async def upload_rates(context: Context) -> int:
    """What was new, changed, the same and gone."""
    asked, bar = context.arguments, Bar(context.err)
    wanted = rates.Asked(asked.tariff, asked.mode, asked.effective_from, asked.destinations_add, asked.dry_run)
    async with context.administration() as admin:
        try:
            done = await rates.upload(context.reactor, admin.database, admin.actor, asked.file, wanted, bar, asked.faults)
        except rates.UploadRefused as refused:
            raise ConfigError(told(refused)) from refused
        finally:
            bar.clear()
    context.out.document(done)
    context.out.line(
        f"{done.rows} rows: {done.created} new, {done.changed} changed, {done.same} the same, {done.removed} removed"
        + (f"; {done.ended} rates that the list does not name end" if done.ended else "")
        + (f"; {done.destinations} new destinations" if done.destinations else "")
    )
    if done.dry_run:
        context.out.line("dry run: nothing was changed")
    return OK


def told(refused: rates.UploadRefused) -> list[str]:
    """The faults that are kept, a line each, and how many there are."""
    lines = [f"{refused.file}: {fault}" for fault in refused.faults]
    more = refused.total - len(lines)
    count = "1 fault" if refused.total == 1 else f"{refused.total} faults"
    return [*lines, f"{count}{f', {more} of them not shown (--faults N)' if more else ''}; nothing was changed"]


async def list_rates(context: Context) -> int:
    """The table of rates in force."""
    asked = context.arguments
    async with context.administration() as admin:
        await admin.reach(asked.tariff)
        found = await rates.rates(admin.database, admin.i_env, asked.tariff, asked.prefix, asked.at or datetime.now(UTC), asked.limit)
    _print(context, found, "no such rates are in force")
    if asked.limit and len(found) == asked.limit:
        context.out.line(f"(the first {asked.limit}; --limit 0 shows all)")
    return OK


async def show_history(context: Context) -> int:
    """The versions of one rate."""
    asked = context.arguments
    async with context.administration() as admin:
        await admin.reach(asked.tariff)
        _print(context, await rates.history(admin.database, admin.i_env, asked.tariff, asked.prefix), "")
    return OK


def _print(context: Context, found: list[rates.RateLine], none: str) -> None:
    context.out.rows(RATE_COLUMNS, [{**asdict(line), "state": state(line)} for line in found], none)


def state(line: rates.RateLine) -> str:
    """What is special about a rate, in a word."""
    words = [word for word in ("discontinued", "forbidden", "hidden") if getattr(line, word)]
    words += ["formula"] * (line.formula is not None) + ["off-peak"] * (line.off_peak is not None)
    return ", ".join(words)


async def export_rates(context: Context) -> int:
    """The price list on standard output."""
    asked = context.arguments
    async with context.administration() as admin:
        await admin.reach(asked.tariff)
        await rates.export(context.reactor, admin.database, admin.i_env, asked.tariff, asked.at, sys.stdout)
    return OK

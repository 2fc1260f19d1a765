"""`tariff quote`: what a use would cost."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from datetime import UTC, datetime

from portaswitch.administration.quotes import Quoted, QuoteWish, quote
from portaswitch.cli.command import FAILED, OK, Commands, Context, moment_argument
from portaswitch.cli.output import Column
from portaswitch.cli.text import printable, shown

COLUMNS = (
    Column("party", "party"),
    Column("name", "name", yields=3),
    Column("via", "via"),
    Column("amount", "amount"),
    Column("currency", ""),
    Column("charged", "charged"),
    Column("tariff", "tariff", yields=2),
    Column("prefix", "rate"),
    Column("since", "in force since"),
    Column("history", "history", yields=1),
)
#: Words for the units of a base.
UNITS = {"session-time": "s", "octets": "octets", "quantity": "pieces"}
_DURATION = re.compile(r"([0-9]{1,15})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("tariff", "look at prices", "portaswitch tariff quote 10086610975 01182623634515 5m")
    command = group.command(
        "quote",
        "say what a use would cost account, resellers and vendors, and how long the funds allow it; nothing is held or charged",
        "portaswitch tariff quote 10086610975 01182623634515 71\n"
        "portaswitch tariff quote 442079460001 01182623634515 1h --at 2030-01-01T12:00\n"
        "portaswitch tariff quote 10086610975 01182623634515 5m --node gw --via 192.0.2.77 --json",
        quote_use,
        rights=True,
    )
    command.add_argument("account", metavar="ACCOUNT", help="id of the account, or an alias")
    command.add_argument("number", metavar="NUMBER", help="number as it is dialled at the node; '' for a use without one")
    command.add_argument("units", type=duration, metavar="DURATION", help="seconds, or 90s, 5m, 2h; octets or pieces of other services")
    command.add_argument("--at", type=moment_argument, metavar="TIME", help="when it begins (default: now); funds are those of now")
    command.add_argument("--service", default="", metavar="NAME", help="service by its name or type (default: the node's)")
    command.add_argument("--node", default="", metavar="NAME", help="node that asks (default: the first one)")
    command.add_argument("--access-code", default="", metavar="CODE", help="access code of the request")
    command.add_argument("--via", default="", metavar="ADDRESS", help="address of the vendor's connection (default: of each)")


def duration(text: str) -> int:
    """An amount of use: seconds with or without a unit of time, octets or pieces."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write seconds (71), or 90s, 5m, 2h, 1d")
    return int(found[1]) * _SECONDS[found[2]]


async def quote_use(context: Context) -> int:
    """A table of the parties, and what the funds allow; status 1 when nothing prices it."""
    asked = context.arguments
    at = asked.at or datetime.now(UTC)
    wish = QuoteWish(asked.account, asked.number, asked.units, at, asked.service, asked.node, asked.access_code, asked.via)
    async with context.administration() as admin:
        found = await quote(context.reactor, admin.database, admin.actor, wish)
    context.out.document(found)
    if not context.out.as_json:
        _print(context, found)
    return OK if found.lines or not found.units else FAILED


def _print(context: Context, found: Quoted) -> None:
    out, unit = context.out, UNITS[found.base]
    out.line(printable(f"{found.units} {unit} to {found.number or 'no number'} by account {found.account} at node {found.node}, {shown(found.at)} (UTC)"))
    if found.product:
        out.line(printable(f"product {found.product}, service {found.service}"))
    if found.lines:
        out.table(COLUMNS, [asdict(line) for line in found.lines])
    else:
        out.line("nothing prices it" if found.units else "a use of nothing costs nothing")
    out.line(limits(found))


def limits(found: Quoted) -> str:
    """What would be granted and what the funds allow, in one line."""
    unit = UNITS[found.base]
    reach = f"at most {found.longest} {unit}" if found.longest is not None else f"any use within the policy's {found.most} {unit}"
    if not found.lines:
        return f"REFUSED now: {found.refusal}" if found.refusal else "no price, no limit"
    funds = f"the free funds allow {reach}"
    if found.refusal:
        return f"REFUSED now: {found.refusal}; {funds}"
    granted = "no limit" if found.granted is None else f"{found.granted} {unit}"
    return f"an authorization would grant {granted}; {funds}"

"""`xdr export`: xDRs to numbered CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Context as Digits
from decimal import Decimal
from pathlib import Path

from portaswitch.administration.exports import Wish, export
from portaswitch.cli.command import OK, Commands, Context, moment_argument, positive
from portaswitch.cli.output import Bar, Column
from portaswitch.cli.owners import OWNERS
from portaswitch.cli.text import money

#: Amounts are added without a loss.
EXACT = Digits(prec=100)

COLUMNS = (
    Column("file", "file", yields=1),
    Column("rows", "rows"),
    Column("first_xdr", "first id"),
    Column("last_xdr", "last id"),
    Column("amount", "amount"),
    Column("sha256", "SHA-256", yields=2),
)


def add(group: Commands) -> None:
    """Add the command to the group `xdr`."""
    command = group.command(
        "export",
        "write the xDRs that no file of this export holds yet to the next CSV file, with a control file",
        "portaswitch xdr export --to /var/spool/xdr\n"
        "portaswitch xdr export --name retail --customer 'Retail' --until 2026-02-01 --to /var/spool/xdr\n"
        "portaswitch xdr export --name carrier --owner vendor --since 2026-01-01 --to /var/spool/xdr\n"
        "portaswitch xdr export --name retail --again 17 --to /tmp/lost",
        export_xdrs,
    )
    command.add_argument("--to", required=True, type=Path, metavar="FOLDER", help="folder of the files; made if it isn't there")
    command.add_argument("--name", default="xdr", metavar="NAME", help="name of the export and of its files, NAME-000001.csv ... (default %(default)s)")
    command.add_argument("--until", type=moment_argument, metavar="TIME", help="only xDRs billed before it; what comes later waits for a later run")
    command.add_argument("--again", type=positive, default=0, metavar="NUMBER", help="write this file again, as it was, and no other")
    chosen = command.add_argument_group("what it holds (told at its first run; later runs take it from there)")
    chosen.add_argument("--since", type=moment_argument, metavar="TIME", help="nothing billed before it")
    chosen.add_argument("--account", default="", metavar="ID", help="only of this account (or of the master of this alias)")
    chosen.add_argument("--customer", default="", metavar="NAME", help="only of this customer or reseller")
    chosen.add_argument("--service", default="", metavar="NAME", help="only of this service")
    chosen.add_argument("--node", default="", metavar="NAME", help="only what came by this node")
    chosen.add_argument("--owner", choices=OWNERS, help="whose xDRs: of accounts (default), of resellers, of vendors, or all")
    chosen.add_argument("--failed", action="store_true", default=None, help="attempts that were refused or not answered, instead of charges")
    chosen.add_argument("--raw", action="store_true", default=None, help="texts as they are, even what a spreadsheet takes for a formula")


async def export_xdrs(context: Context) -> int:
    """The files that were written, and the total of what they hold."""
    asked, out, bar = context.arguments, context.out, Bar(context.err)
    wish = Wish(
        asked.name, asked.to, asked.account, asked.customer, asked.service, asked.node, OWNERS[asked.owner] if asked.owner else "", asked.failed, asked.raw,
        asked.since, asked.until, asked.again,
    )  # fmt: skip
    async with context.administration() as admin:
        try:
            files = await export(context.reactor, admin.database, admin.actor, wish, bar)
        finally:
            bar.clear()
    out.document(files)
    if not files:
        out.line(f"nothing new for {asked.name}: no file was written")
        return OK
    out.table(COLUMNS, [{**asdict(file), "amount": amounts(file.sums)} for file in files])
    out.line(f"total: {sum(file.rows for file in files)} xDRs, {amounts(total([file.sums for file in files]))}")
    return OK


def total(sums: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The amounts of several files by currency."""
    found: dict[str, Decimal] = {}
    for one in sums:
        for currency, amount in one.items():
            found[currency] = EXACT.add(found.get(currency, Decimal(0)), Decimal(amount))
    return {currency: format(amount, "f") for currency, amount in found.items()}


def amounts(sums: Mapping[str, str]) -> str:
    """Amounts by currency for people: '0.02367 CAD, 3.00 USD'."""
    return ", ".join(f"{money(Decimal(amount))} {currency}" for currency, amount in sums.items()) or "no amounts"

"""`xdr list` and `xdr show`: what was charged, and to whom."""

from __future__ import annotations

from portaswitch.cli import explain, exports
from portaswitch.cli.command import OK, Commands, Context, moment_argument, natural, positive
from portaswitch.cli.output import Column
from portaswitch.cli.owners import OWNERS

COLUMNS = (
    Column("id", "id"),
    Column("account", "account", yields=3),
    Column("cli", "cli", yields=2),
    Column("cld", "cld", yields=2),
    Column("connect_time", "connect time (UTC)"),
    Column("used", "used"),
    Column("charged", "charged"),
    Column("amount", "amount"),
    Column("history", "history", yields=1),
)
FAILED_COLUMNS = (*COLUMNS[:6], Column("disconnect_cause", "cause"), COLUMNS[-1])


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("xdr", "look at xDRs, and export them", "portaswitch xdr list\nportaswitch xdr explain 1\nportaswitch xdr export --to xdrs")
    found = group.command(
        "list",
        "list xDRs, the newest first",
        "portaswitch xdr list\n"
        "portaswitch xdr list --account 10086610975 --last 5\n"
        "portaswitch xdr list --account 10086610975 --since 2026-01-31 --until 2026-02-01\n"
        "portaswitch xdr list --since 2h --failed\n"
        "portaswitch xdr list --session '39AE126B CD4D11DB 958E0014 1C3F6886' --owner all --json",
        list_xdrs,
        rights=True,
    )
    found.add_argument(
        "--account", default="", metavar="ID", help="only of this account (or of the master of this alias)"
    )
    found.add_argument(
        "--session", default="", metavar="ID", help="only of this session (h323-conf-id, Session-Id)"
    )
    found.add_argument(
        "--last", type=natural, metavar="N", help="at most N, 0: all (default 20; with --since all)"
    )
    found.add_argument(
        "--since",
        type=moment_argument,
        metavar="TIME",
        help="billed since 2026-01-31, 2026-01-31T10:00 (UTC), or 90s, 15m, 2h, 7d ago",
    )
    found.add_argument("--until", type=moment_argument, metavar="TIME", help="billed before it")
    found.add_argument(
        "--failed",
        action="store_true",
        help="attempts that were not answered or were refused, instead of charges",
    )
    text = "whose xDRs: of accounts (default), of resellers, of vendors, or all"
    found.add_argument("--owner", choices=OWNERS, default="account", help=text)
    shown = group.command(
        "show",
        "show all fields of one xDR",
        "portaswitch xdr show 1\nportaswitch xdr show 1 --json",
        show_xdr,
        rights=True,
    )
    shown.add_argument("id", type=positive, metavar="ID", help="its id, as `xdr list` shows it")
    explain.add(group)
    exports.add(group)


async def list_xdrs(context: Context) -> int:
    """The table of xDRs."""
    asked = context.arguments
    last = asked.last if asked.last is not None else 0 if asked.since else 20
    async with context.administration() as admin:
        found = await admin.xdrs(
            asked.account, asked.session, OWNERS[asked.owner], asked.failed, last, asked.since, asked.until
        )
    columns = FAILED_COLUMNS if asked.failed else COLUMNS
    if asked.owner != "account":
        columns = (columns[0], Column("storage", "of"), *columns[1:])
    context.out.rows(columns, found, "no failed attempts" if asked.failed else "no xDRs")
    return OK


async def show_xdr(context: Context) -> int:
    """All fields of an xDR."""
    async with context.administration() as admin:
        found = await admin.xdr(context.arguments.id)
    context.out.document(found)
    context.out.fields(found)
    return OK

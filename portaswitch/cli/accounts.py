"""`account list` and `account show`: accounts with their money and status."""

from __future__ import annotations

from dataclasses import asdict

from portaswitch.cli.command import OK, Commands, Context, natural
from portaswitch.cli.output import Column

COLUMNS = (
    Column("id", "id", yields=3),
    Column("customer", "customer", yields=2),
    Column("product", "product", yields=1),
    Column("billing_model", "model"),
    Column("currency", "cur"),
    Column("balance", "balance"),
    Column("held", "held"),
    Column("available", "available"),
    Column("status", "status", yields=3),
)


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group(
        "account", "look at accounts", "portaswitch account list\nportaswitch account show 10086610975"
    )
    found = group.command(
        "list",
        "list accounts by id",
        "portaswitch account list\nportaswitch account list 1008\n"
        "portaswitch account list --customer Retail --limit 0 --json",
        list_accounts,
    )
    found.add_argument("prefix", nargs="?", default="", metavar="PREFIX", help="only ids that begin so")
    found.add_argument("--customer", default="", metavar="NAME", help="only of this customer")
    found.add_argument(
        "--limit", type=natural, default=50, metavar="N", help="at most N, 0: all (default %(default)s)"
    )
    shown = group.command(
        "show",
        "show an account: balance, what is held of it and available, status, product, aliases",
        "portaswitch account show 10086610975\nportaswitch account show 10086610975 --json",
        show_account,
    )
    shown.add_argument("id", metavar="ID", help="id of the account or of an alias of it")


async def list_accounts(context: Context) -> int:
    """The table of accounts."""
    asked = context.arguments
    async with context.administration() as admin:
        found = await admin.accounts(asked.prefix, asked.customer, asked.limit)
    context.out.rows(
        COLUMNS,
        found,
        "no such accounts" if asked.prefix or asked.customer else "no accounts: `portaswitch load FILE`",
    )
    if asked.limit and len(found) == asked.limit:
        context.out.line(f"(the first {asked.limit}; --limit 0 shows all)")
    return OK


async def show_account(context: Context) -> int:
    """All that is known of an account."""
    async with context.administration() as admin:
        found = await admin.account(context.arguments.id)
    context.out.document(found)
    unlimited = "no limit" if found.master is None else "its master's"
    told = {name: getattr(found, name) for name in ("credit_limit", "available", "free")}
    told = {name: unlimited if value is None else value for name, value in told.items()}
    context.out.fields({**asdict(found), **told})
    return OK

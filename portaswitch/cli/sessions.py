"""`session list` and `session show`: who is using what now, and which money is held for it."""

from __future__ import annotations

from dataclasses import asdict

from portaswitch.cli.command import OK, Commands, Context, natural
from portaswitch.cli.output import Column

COLUMNS = (
    Column("key", "key", yields=3),
    Column("account", "account", yields=3),
    Column("service", "service"),
    Column("cli", "cli", yields=1),
    Column("cld", "cld", yields=2),
    Column("started", "started (UTC)"),
    Column("used", "used"),
    Column("granted", "granted"),
    Column("held", "held"),
    Column("expires", "expires (UTC)"),
)
QUOTAS = (
    Column("quota_key", "quota key"),
    Column("used", "used"),
    Column("granted", "granted"),
    Column("held", "held"),
    Column("expires", "expires (UTC)"),
)


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group(
        "session",
        "look at sessions and their holds",
        "portaswitch session list\nportaswitch session show KEY",
    )
    found = group.command(
        "list",
        "list the live sessions, the newest first",
        "portaswitch session list\nportaswitch session list --account 10086610975\n"
        "portaswitch session list --last 0 --json",
        list_sessions,
    )
    found.add_argument(
        "--account", default="", metavar="ID", help="only of this account (or of the master of this alias)"
    )
    found.add_argument(
        "--last", type=natural, default=50, metavar="N", help="at most N, 0: all (default %(default)s)"
    )
    shown = group.command(
        "show",
        "show a session, live or of the last 7 days, with what its quota keys used, were granted and hold",
        "portaswitch session show '1/39AE126B CD4D11DB 958E0014 1C3F6886'\n"
        "portaswitch session show 39AE126B CD4D11DB 958E0014 1C3F6886",
        show_session,
    )
    shown.add_argument(
        "key",
        nargs="+",
        metavar="KEY",
        help="its key, as `session list` shows it, or the session id alone; blanks need no quotes",
    )


async def list_sessions(context: Context) -> int:
    """The table of sessions."""
    asked = context.arguments
    async with context.administration() as admin:
        found = await admin.sessions(asked.account, asked.last)
    context.out.rows(COLUMNS, found, "no live sessions")
    if asked.last and len(found) == asked.last:
        context.out.line(f"(the newest {asked.last}; --last 0 shows all)")
    return OK


async def show_session(context: Context) -> int:
    """A session and its quota keys."""
    async with context.administration() as admin:
        found, quotas = await admin.session(" ".join(context.arguments.key))
    context.out.document({**asdict(found), "quota_keys": quotas})
    context.out.fields(asdict(found))
    context.out.line()
    context.out.table(QUOTAS, [asdict(quota) for quota in quotas])
    return OK

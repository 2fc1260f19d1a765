"""`orphan list` and `show`: usage that nobody was charged for, and that waits for a decision (`orphan charge` and `drop` are operations)."""

from __future__ import annotations

from portaswitch.cli.command import OK, Commands, Context, natural, positive
from portaswitch.cli.output import Column

COLUMNS = (
    Column("i_orphan", "id"),
    Column("received", "received (UTC)"),
    Column("reason", "reason"),
    Column("kind", "kind"),
    Column("user", "user", yields=2),
    Column("session", "session", yields=3),
    Column("called", "called", yields=1),
    Column("used", "used"),
)


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("orphan", "look at usage that nobody was charged for, charge or drop it", "portaswitch orphan list\nportaswitch orphan show 17")
    listed = group.command(
        "list",
        "list reports of unknown accounts, and reports that can't be true, the newest first",
        "portaswitch orphan list\nportaswitch orphan list --last 0 --json",
        list_orphans,
    )
    listed.add_argument("--last", type=natural, default=50, metavar="N", help="at most N, 0: all (default %(default)s)")
    shown = group.command("show", "show all that one report said", "portaswitch orphan show 17", show_orphan)
    shown.add_argument("id", type=positive, metavar="ID", help="its number in the list")


async def list_orphans(context: Context) -> int:
    """The table of reports."""
    async with context.administration() as admin:
        found = await admin.orphans(context.arguments.last)
    context.out.rows(COLUMNS, found, "no usage waits for a decision")
    return OK


async def show_orphan(context: Context) -> int:
    """One report, a line a field."""
    async with context.administration() as admin:
        found = await admin.orphan(context.arguments.id)
    context.out.document(found)
    context.out.fields(found)
    return OK

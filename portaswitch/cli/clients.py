"""`client list`: RADIUS clients, how far they are trusted, and whether they sign."""

from __future__ import annotations

from portaswitch.cli.command import OK, Commands, Context
from portaswitch.cli.output import Column

COLUMNS = (
    Column("address", "address"),
    Column("node", "node", yields=1),
    Column("require_message_authenticator", "require"),
    Column("limit_proxy_state", "limit"),
    Column("signature", "signature"),
    Column("signed_since", "signed since", yields=2),
    Column("unsigned_last", "unsigned last", yields=2),
    Column("proxied_last", "proxied last", yields=2),
)


def add(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("client", "look at RADIUS clients", "portaswitch client list")
    group.command(
        "list",
        "list RADIUS clients: what is asked of their requests, and whether they sign them",
        "portaswitch client list\nportaswitch client list --json",
        list_clients,
    )


async def list_clients(context: Context) -> int:
    """The table of clients, and what to do about those that could be asked for more."""
    async with context.administration() as admin:
        found = await admin.clients()
    context.out.rows(COLUMNS, found, "no RADIUS clients: write radius_clients into a file for `portaswitch load`")
    for line in found:
        if line.require_message_authenticator == line.limit_proxy_state == "no":
            context.out.line(f"warning: {line.address} is open to forged answers (CVE-2024-3596): set limit_proxy_state: yes")
        elif line.signature != "required" and line.signed_since is not None:
            context.out.line(f"note: {line.address} signs: set require_message_authenticator: yes")
    return OK

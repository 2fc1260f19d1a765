"""`backup` and `restore`: everything the server knows in one folder, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portaswitch.administration import back_up, restore
from portaswitch.cli.command import OK, Commands, Context


def add(commands: Commands) -> None:
    """Add the commands."""
    made = commands.command(
        "backup",
        "write the whole database and its key into a new folder, while the server goes on",
        "portaswitch backup /var/backups/portaswitch-2026-01-31",
        make,
    )
    made.add_argument("folder", metavar="FOLDER", type=Path, help="a folder that does not exist; only its owner can read it: it holds the key")
    filled = commands.command(
        "restore",
        "fill a new, empty database from a backup; the server must not run yet",
        "portaswitch --config new.yaml restore /var/backups/portaswitch-2026-01-31",
        fill,
    )
    filled.add_argument("folder", metavar="FOLDER", type=Path, help="what `portaswitch backup` made")


async def make(context: Context) -> int:
    """What the backup holds."""
    folder = context.arguments.folder
    return _told(context, f"OK: {folder} holds", await back_up(context.reactor, context.settings, folder))


async def fill(context: Context) -> int:
    """What the database holds now."""
    return _told(context, "OK: the database holds", await restore(context.reactor, context.settings, context.arguments.folder))


def _told(context: Context, what: str, figures: dict[str, Any]) -> int:
    context.out.document(figures)
    context.out.line(f"{what} {figures['accounts']} accounts, balances {figures['balance']} in all, {figures['xdrs']} xDRs; schema version {figures['schema']}")
    return OK

"""`account locations`: LU and MUR files of a network, from a folder into which they are laid."""

from __future__ import annotations

from pathlib import Path

from portaswitch.administration import locations
from portaswitch.cli.command import FAILED, OK, Commands, Context
from portaswitch.cli.table import read_table
from portaswitch.errors import StartError
from portaswitch.model.operation import OperationRefused

DONE, REFUSED = "done", "refused"
"""Folders below the one that is read, into which files go."""
MOST_TOLD = 20
"""Faults and numbers of a file that are printed."""


def add(commands: Commands) -> None:
    """Add the command."""
    group = commands.group("account", "look at accounts", "portaswitch account list")
    command = group.command(
        "locations",
        "take where subscribers are from the CSV files of a folder (LU and MUR files), and lay these aside",
        "portaswitch account locations /var/spool/eap\nportaswitch account locations /var/spool/eap --number msisdn --location zone --at event_time",
        take,
        rights=True,
    )
    command.add_argument("folder", metavar="FOLDER", type=Path, help=f"read files go to its folder {DONE}, those that can't be read to {REFUSED}")
    command.add_argument("--number", default="msisdn", metavar="COLUMN", help="the column with the account's number (default msisdn)")
    command.add_argument("--location", default="location", metavar="COLUMN", help="where it is (default location)")
    command.add_argument("--at", default="timestamp", metavar="COLUMN", help="since when, UTC unless it has a zone (default timestamp)")


async def take(context: Context) -> int:
    """Each file, the oldest name first; the status is 1 when one could not be read or told of a number that nobody has."""
    asked = context.arguments
    columns = {what: getattr(asked, what).lower().replace(" ", "_").replace("-", "_") for what in locations.ABOUT}
    if not asked.folder.is_dir():
        raise StartError(f"{asked.folder} is no folder")
    files = sorted(path for path in asked.folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith(".") and path.is_file())
    told = []
    async with context.administration() as admin:
        for path in files:
            try:
                seen = locations.newest(*read_table(str(path)), columns)
            except OperationRefused as refused:
                told.append({"file": path.name, "faults": list(refused.faults)})
                _laid(path, REFUSED)
                _tell(context, path, list(refused.faults))
                continue
            done = await locations.locate_all(admin.database, admin.actor, seen)
            told.append({"file": path.name, "kept": done.kept, "older": done.older, "unknown": done.unknown})
            _laid(path, DONE)
            context.out.line(f"{path.name}: {done.kept} locations, {done.older} were known newer, {len(done.unknown)} of numbers that are nobody's")
            _tell(context, path, [f"{number} is no account" for number in done.unknown])
    context.out.document({"files": told})
    if not files:
        context.out.line(f"{asked.folder} has no new files")
    return FAILED if any(one.get("faults") or one.get("unknown") for one in told) else OK


def _tell(context: Context, path: Path, faults: list[str]) -> None:
    for fault in faults[:MOST_TOLD]:
        context.out.line(f"{path.name}: {fault}")
    if len(faults) > MOST_TOLD:
        context.out.line(f"{path.name}: and {len(faults) - MOST_TOLD} more")


def _laid(path: Path, folder: str) -> None:
    """Move a file aside; one of that name that lies there already is the same network's older one, and is written over."""
    target = path.parent / folder
    target.mkdir(exist_ok=True)
    path.replace(target / path.name)

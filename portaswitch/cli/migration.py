"""`migrate`: an existing installation's customers, accounts, aliases, SIMs and counters, from CSV files."""

from __future__ import annotations

import gc
from pathlib import Path

from portaswitch.administration import Moved, migrate_folder, rehearse_folder
from portaswitch.cli.command import FAILED, OK, Commands, Context
from portaswitch.cli.output import Bar, Column

MOST_KEPT = 20
"""Openings that were not applied, of which a line is told; their number is told in full."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = commands.command(
        "migrate",
        "move customers, accounts, balances, SIMs and counters of another installation here, from CSV files; a second time changes nothing",
        "portaswitch migrate /root/export --dry-run\nportaswitch migrate /root/export --env 2\nportaswitch verify",
        migrate,
    )
    command.add_argument(
        "folder", metavar="FOLDER", type=Path,
        help="holds customers.csv, accounts.csv, aliases.csv, sims.csv, counters.csv, each if there is something to move (docs/migration.rst)",
    )  # fmt: skip
    command.add_argument("--dry-run", action="store_true", help="check everything and print what would be done; nothing is written")


async def migrate(context: Context) -> int:
    """What was created, changed and found the same; the control totals; OK, or what differs."""
    work = rehearse_folder if context.arguments.dry_run else migrate_folder
    bar = Bar(context.err)
    gc.disable()  # entries are no circles, and looking for some among millions of objects takes a third of the time
    async with context.administration() as admin:
        try:
            moved = await work(admin.database, context.arguments.folder, admin.actor, bar)
        finally:
            bar.clear()
            gc.enable()
    context.out.document(document(moved))
    _tables(context, moved)
    if context.arguments.dry_run:
        context.out.line("dry run: the files are right, and nothing was written")
        return OK
    if all(control.agrees for control in moved.done.controls):
        context.out.line("OK: the control totals of the database are those of the files")
        return OK
    context.out.line("DIFFERS: the database holds other totals than the files; what exists keeps its money (see the notes)")
    return FAILED


def document(moved: Moved) -> dict[str, object]:
    """All of it for programs."""
    done = moved.done
    return {
        "ok": all(control.found is None or control.agrees for control in done.controls),
        "counts": _counts(moved),
        "totals": _totals(moved),
        "openings_not_applied": [{"section": kept.section.value, "name": kept.name, "asked": kept.asked} for kept in done.loaded.kept],
        "columns_not_taken": dict(moved.left),
    }


def _counts(moved: Moved) -> list[dict[str, object]]:
    return [
        {"section": section.value, "created": count.created, "changed": count.changed, "same": count.same}
        for section, count in moved.done.loaded.counts.items()
    ]


def _totals(moved: Moved) -> list[dict[str, object]]:
    return [
        {
            "section": control.wanted.section.value, "kind": control.wanted.kind, "currency": control.wanted.currency,
            "number": control.wanted.number, "amount": control.wanted.amount,
            "number_found": None if control.found is None else control.found.number,
            "amount_found": None if control.found is None else control.found.amount,
        }
        for control in moved.done.controls
    ]  # fmt: skip


def _tables(context: Context, moved: Moved) -> None:
    context.out.table([Column(name, name) for name in ("section", "created", "changed", "same")], _counts(moved))
    context.out.line()
    titles = {"section": "control total", "kind": "kind", "currency": "currency", "number": "in files", "amount": "amount"}
    if not context.arguments.dry_run:
        titles |= {"number_found": "in database", "amount_found": "amount in database"}
    context.out.table([Column(name, title) for name, title in titles.items()], _totals(moved))
    for name, columns in moved.left.items():
        context.out.line(f"note: columns of {name} that are not moved: {', '.join(columns)}")
    kept = moved.done.loaded.kept
    for item in kept[:MOST_KEPT]:
        context.out.line(f"note: {item.section.value} {item.name} exists and keeps its money; the file asks for {item.asked}")
    if len(kept) > MOST_KEPT:
        context.out.line(f"note: and {len(kept) - MOST_KEPT} more: {len(kept)} keep their money")

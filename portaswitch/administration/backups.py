"""`backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from portaswitch.administration.opening import asked, opened, operator, reach, shielded
from portaswitch.config.sections import Settings
from portaswitch.store import audit_trail, backup
from portaswitch.store.database import KEY_FILE, Database


async def back_up(reactor: Any, settings: Settings, folder: Path) -> dict[str, Any]:
    """Write a backup of the database and its key to the new folder; gives what it holds. Errors: StartError."""
    database = _database(reactor, settings)
    try:
        await opened(reactor, settings.database.dsn, database)
        made = await asked(backup.dump(reactor, database.pool, database.dsn, settings.state_dir / KEY_FILE, folder))
        await asked(audit_trail.record(database.pool, operator(settings.environment), "backup", f"backup:{folder.resolve()}", made))
        return made
    finally:
        await database.close()


async def restore(reactor: Any, settings: Settings, folder: Path) -> dict[str, Any]:
    """Fill the empty database of the configuration from a backup, upgraded to this version; gives what it holds. Errors: StartError."""
    dsn, database = settings.database.dsn, _database(reactor, settings)
    try:
        if dsn is not None:
            await reach(reactor, dsn)
        await asked(shielded(Deferred.fromCoroutine(database.reach(share=True))))
        await asked(backup.restore(reactor, database.pool, database.dsn, settings.state_dir / KEY_FILE, folder))
        await asked(database.prepare())
        found = await asked(backup.figures(database.pool))
        await asked(audit_trail.record(database.pool, operator(settings.environment), "restore", f"backup:{folder.resolve()}", found))
        return found
    finally:
        await database.close()


def _database(reactor: Any, settings: Settings) -> Database:
    return Database(reactor, settings.state_dir, settings.database.dsn, settings.limits.work_connections)

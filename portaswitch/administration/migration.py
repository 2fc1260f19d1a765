"""`migrate`: the folder of another installation into the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portaswitch.config.migration import read_folder
from portaswitch.interfaces.loading import Progress
from portaswitch.model.actor import Actor
from portaswitch.operations import migration
from portaswitch.operations.migration import Migrated
from portaswitch.store.database import Database
from portaswitch.store.loading import Loading


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done or would be, and by file the columns that are known and were not taken."""

    done: Migrated
    left: Mapping[str, list[str]]


async def migrate_folder(database: Database, path: Path, actor: Actor, progress: Progress) -> Moved:
    """Move what the folder at `path` holds into the actor's environment. Errors: ConfigError, LoadError; nothing was changed then."""
    folder = read_folder(path, actor.i_env)
    return Moved(await migration.migrate(folder.file, Loading(database.pool, database.sealer, actor, path.resolve().name), progress), folder.left)


async def rehearse_folder(database: Database, path: Path, actor: Actor, progress: Progress) -> Moved:
    """Say what `migrate_folder` would do. Errors as there."""
    folder = read_folder(path, actor.i_env)
    return Moved(await migration.rehearse(folder.file, Loading(database.pool, database.sealer, actor, path.resolve().name), progress), folder.left)

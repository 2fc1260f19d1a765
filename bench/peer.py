"""
The peer of the comparison: FreeRADIUS 3 with PostgreSQL (Debian: freeradius, freeradius-postgresql), in a
folder of its own.

Debian's configuration is copied and only its modules always, attr_filter, expr, pap, preprocess and sql are
switched on; the site knows nothing but PAP from SQL and accounting to SQL. Nothing under /etc is changed
and Debian's service is not used.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import USER, Cluster
from bench.probe import SECRET, Wire, answers
from bench.process import BenchError, Daemon, free_port, give

STOCK = Path("/etc/freeradius/3.0")
PROGRAM = Path("/usr/sbin/freeradius")
DRIVER = Path("/usr/lib/freeradius/rlm_sql_postgresql.so")
TEMPLATES = Path(__file__).parent / "freeradius"
MODULES = ("always", "attr_filter", "expr", "pap", "preprocess")
DATABASE = "radius"


def installed() -> bool:
    """True when the packages are there and this user may read Debian's configuration."""
    return PROGRAM.exists() and DRIVER.exists() and os.access(STOCK / "mods-available" / "sql", os.R_OK)


def load(cluster: Cluster, accounts: int) -> None:
    """The stock schema in a database of its own, with accounts user1..userN."""
    cluster.create_database(DATABASE)
    cluster.query(DATABASE, (STOCK / "mods-config/sql/main/postgresql/schema.sql").read_text())
    cluster.query(DATABASE, (TEMPLATES / "users.sql").read_text(), accounts=accounts)


@dataclass(frozen=True)
class Layout:
    """
    One FreeRADIUS: `lean` leaves the group tables unread (read_groups no), which the stock
    configuration does not.
    """

    work: Path
    lean: bool
    wire: Wire


class Peer:
    """A FreeRADIUS over the database of `load`."""

    def __init__(self, work: Path, cluster: Cluster, *, lean: bool) -> None:
        self.name = "FreeRADIUS lean" if lean else "FreeRADIUS default"
        self.layout = Layout(work, lean, Wire(free_port(), free_port()))
        self._daemon: Daemon | None = None
        self._lay_out(cluster)

    @property
    def wire(self) -> Wire:
        """Where it listens."""
        return self.layout.wire

    @property
    def pids(self) -> tuple[int, ...]:
        """The id of its process."""
        if self._daemon is None:
            raise BenchError(f"{self.name} is not started")
        return (self._daemon.pid,)

    def _lay_out(self, cluster: Cluster) -> None:
        work = self.layout.work
        raddb = work / "raddb"
        shutil.copytree(STOCK, raddb, symlinks=True)
        for folder in ("mods-enabled", "sites-enabled"):
            shutil.rmtree(raddb / folder)
            (raddb / folder).mkdir()
        for module in MODULES:
            (raddb / "mods-enabled" / module).symlink_to(f"../mods-available/{module}")
        words = self._words(cluster)
        targets = {
            "sql": "mods-enabled/sql",
            "site": "sites-enabled/bench",
            "radiusd.conf": "radiusd.conf",
            "clients.conf": "clients.conf",
        }
        for template, target in targets.items():
            text = (TEMPLATES / template).read_text()
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            (raddb / target).write_text(text)
        (work / "run").mkdir()
        give(work)

    def _words(self, cluster: Cluster) -> dict[str, str]:
        return {
            "DIR": str(self.layout.work),
            "PG_PORT": str(cluster.port),
            "PG_USER": USER,
            "DATABASE": DATABASE,
            "READ_GROUPS": "no" if self.layout.lean else "yes",
            "SECRET": SECRET,
            "AUTH_PORT": str(self.wire.auth_port),
            "ACCT_PORT": str(self.wire.acct_port),
        }

    def start(self) -> None:
        """Start it and wait until it answers user1."""
        work = self.layout.work
        self._daemon = Daemon(
            self.name, [PROGRAM, "-f", "-d", work / "raddb"], work / "output.log", as_service=True, cwd=work
        )
        self._daemon.until(lambda: answers(self.wire), 30)

    def stop(self) -> None:
        """End it."""
        if self._daemon is not None:
            self._daemon.stop()

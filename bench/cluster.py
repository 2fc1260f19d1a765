"""
A private PostgreSQL cluster that both servers of a comparison use: on disk, durable, on a port and a socket
of its own.
"""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

from bench.process import BenchError, Daemon, free_port, give, run

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    "log_min_messages": "warning",
}
"""Durable as in production; the rest is PostgreSQL's default. Both servers of a comparison get the same."""

USER = "bench"
"""The superuser of the cluster; loopback connections are trusted, there is no password."""


def find_binaries() -> Path:
    """The folder of the system's newest PostgreSQL; BenchError when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise BenchError("no PostgreSQL under /usr/lib/postgresql: apt-get install postgresql")
    return found[-1].parent


class Cluster:
    """One data directory and, between `start` and `stop`, its postmaster."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.port = free_port(socket.SOCK_STREAM)
        self.binaries = find_binaries()
        self._data = work / "data"
        self._socket = work / "socket"
        self._postmaster: Daemon | None = None

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._postmaster is None:
            raise BenchError("the cluster is not started")
        return self._postmaster.pid

    @property
    def version(self) -> str:
        """PostgreSQL's version, as `15.18`."""
        return self.query("postgres", "show server_version").split()[0]

    def create(self) -> None:
        """initdb. The data directory must not exist yet."""
        self._socket.mkdir(parents=True)
        give(self.work)
        run(
            [
                self.binaries / "initdb",
                "-D",
                self._data,
                "-U",
                USER,
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            as_service=True,
            cwd=self.work,
        )

    def start(self) -> None:
        """
        Start the postmaster and wait until it answers.

        After a kill -9 its children need a moment to notice, and until then the new one refuses to start:
        it is tried again.
        """
        for attempt in range(20):
            try:
                self._start_once()
                return
            except BenchError:
                if attempt == 19:
                    raise
                time.sleep(0.25)

    def _start_once(self) -> None:
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [
            self.binaries / "postgres",
            "-D",
            self._data,
            "-p",
            str(self.port),
            "-k",
            self._socket,
            *settings,
        ]
        self._postmaster = Daemon(
            "postgres", command, self.work / "postgres.log", as_service=True, cwd=self.work
        )
        self._postmaster.until(self._answers, 60)

    def _answers(self) -> bool:
        try:
            return self.query("postgres", "select 1") == "1"
        except BenchError:
            return False

    def stop(self) -> None:
        """Fast shutdown, awaited."""
        if self._postmaster is not None:
            self._postmaster.stop(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster: what the crash matrix is about."""
        if self._postmaster is not None:
            self._postmaster.kill()

    def connection_string(self, database: str) -> str:
        """For libpq."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={database}"

    def query(self, database: str, sql: str, **variables: int | str) -> str:
        """
        Run SQL that names its variables `:name`; its rows, columns separated by |. BenchError when
        it fails.
        """
        words = [f"-v{name}={value}" for name, value in variables.items()]
        command: list[str | Path] = [
            self.binaries / "psql",
            "-XAtq",
            "-vON_ERROR_STOP=1",
            *words,
            self.connection_string(database),
        ]
        return run(command, text=sql, environment={"PGCONNECT_TIMEOUT": "5"}).strip()

    def create_database(self, name: str) -> None:
        """An empty database."""
        self.query("postgres", f'create database "{name}"')

    def settle(self) -> None:
        """A checkpoint, so that no run pays for what the one before it wrote."""
        self.query("postgres", "checkpoint")

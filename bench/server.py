"""
Our server as a subprocess, the way an operator runs it: a configuration file, `twistd portaswitch`,
`portaswitch load`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

from bench.cluster import Cluster
from bench.probe import Wire, answers
from bench.process import BenchError, Daemon, free_port, run, virtual_environment
from bench.subscribers import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "portaswitch"
ROLES = ("radius", "http", "jobs")


class Server:
    """One server with its own database in the cluster and its own ports, between `start` and `stop`."""

    name = "portaswitch"

    def __init__(self, work: Path, cluster: Cluster) -> None:
        self.wire = Wire(free_port(), free_port())
        self._programs = virtual_environment(ROOT)
        self._work = work
        self._config = work / "portaswitch.yaml"
        self._daemon: Daemon | None = None
        work.mkdir()
        self._config.write_text(json.dumps(self._settings(cluster), indent=2))  # JSON is YAML too

    def _settings(self, cluster: Cluster) -> dict[str, object]:
        http = free_port(socket.SOCK_STREAM)
        return {
            "state_dir": str(self._work / "state"),
            "database": cluster.connection_string(DATABASE),
            "roles": list(ROLES),
            "radius": {
                "interface": "127.0.0.1",
                "auth_port": self.wire.auth_port,
                "acct_port": self.wire.acct_port,
            },
            "http": {"listen": [f"tcp:{http}:interface=127.0.0.1"]},
            "logging": {"level": "warn", "directory": str(self._work / "log")},
        }

    def command(self, *words: str | Path) -> str:
        """Run `portaswitch --config FILE WORDS...` and return what it printed."""
        return run([self._programs / "portaswitch", "--config", self._config, *words], cwd=ROOT)

    def initialise(self) -> None:
        """Bring the schema into the database and load the catalogue of the bench."""
        self.command("init")
        self.command("load", CATALOGUE)

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._daemon is None:
            raise BenchError("the server is not started")
        return self._daemon.pid

    def launch(self) -> None:
        """Start it and do not wait."""
        twistd = self._programs / "twistd"
        command: list[str | Path] = [twistd, "-n", "--pidfile=", "portaswitch", "--config", self._config]
        self._daemon = Daemon("the server", command, self._work / "output.log", as_service=False, cwd=ROOT)

    def until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `ready()`; BenchError with the end of its log when it dies or never is."""
        if self._daemon is None:
            raise BenchError("the server is not started")
        self._daemon.until(ready, seconds)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.until(lambda: answers(self.wire))

    def alive(self) -> bool:
        """True while the process runs."""
        return self._daemon is not None and self._daemon.alive()

    def stop(self) -> None:
        """End it with SIGTERM, which drains it."""
        if self._daemon is not None:
            self._daemon.stop()

    def kill(self) -> None:
        """kill -9."""
        if self._daemon is not None:
            self._daemon.kill()

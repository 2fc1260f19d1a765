"""
Our server as a subprocess, the way an operator runs it: a configuration file and `twistd portaswitch`.
"""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import subscribers
from bench.cluster import Cluster
from bench.probe import Wire, answers
from bench.process import BenchError, Daemon, free_port, run, sockets_on, virtual_environment

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "portaswitch"
KEY_FILE = "secret.key"
"""Within the state folder."""

ROLES = ("radius", "diameter", "sip", "http", "jobs")
SHARED_ROLES = ("radius", "diameter")
"""What further processes do: answers to a SIP message sent would come to either of two processes on a UDP port."""

SIP_DOMAIN = "sip.bench.example"
"""The domain of sip.sql's node."""


class Server:
    """
    One server with its own database in the cluster and its own ports, between `start` and `stop`.

    Of several `processes` the first does everything; the others share its RADIUS and Diameter ports (docs/deployment.rst). Its code is that of `tree`.
    """

    name = "portaswitch"

    def __init__(self, work: Path, cluster: Cluster, processes: int = 1, database: str = DATABASE, tree: Path = ROOT) -> None:
        self.wire = Wire(free_port(), free_port())
        self._programs = virtual_environment(ROOT)
        self._work, self._tree = work, tree
        self._state = work / "state"
        self._database, self._cluster = database, cluster
        self._http_port = free_port(socket.SOCK_STREAM)
        self.diameter_port = free_port(socket.SOCK_STREAM)
        self.sip_port = free_port()
        self._daemons: list[Daemon] = []
        work.mkdir()
        settings = self._settings(cluster, reuse=processes > 1)
        self._config = self._written("portaswitch", settings)
        self._configs = [self._config, *[self._written(f"shared{more}", self._of_another(settings, more)) for more in range(1, processes)]]

    def _of_another(self, settings: Mapping[str, Any], number: int) -> dict[str, object]:
        """The settings of a further process: its own instance and Diameter host, the first one's ports."""
        diameter = {**settings["diameter"], "origin_host": f"ocs{number}.example"}
        return {**settings, "roles": list(SHARED_ROLES), "instance": f"shared{number}", "diameter": diameter}

    def _written(self, name: str, settings: dict[str, object]) -> Path:
        """A configuration file with logs of its own."""
        path = self._work / f"{name}.yaml"
        path.write_text(json.dumps({**settings, "logging": {"level": "warn", "directory": str(self._work / "log" / name)}}, indent=2))  # JSON is YAML too
        return path

    def _settings(self, cluster: Cluster, reuse: bool) -> dict[str, Any]:
        return {
            "state_dir": str(self._state),
            "database": cluster.connection_string(self._database),
            "roles": list(ROLES),
            "radius": {
                "interface": "127.0.0.1",
                "auth_port": self.wire.auth_port,
                "acct_port": self.wire.acct_port,
            },
            "diameter": {"listen": [f"tcp:{self.diameter_port}:interface=127.0.0.1"], "origin_host": "ocs.example", "origin_realm": "example"},
            "sip": {"listen": [f"udp:{self.sip_port}:interface=127.0.0.1"], "domains": [SIP_DOMAIN], "source_rate": 0},
            "http": {"listen": [f"tcp:{self._http_port}:interface=127.0.0.1"]},
            "reuse_port": reuse,
        }

    def provide(self, espf: Mapping[str, object]) -> None:
        """Give it the role espf, with that section of the configuration, from its next start on."""
        self._written("portaswitch", self._settings(self._cluster, reuse=len(self._configs) > 1) | {"roles": [*ROLES, "espf"], "espf": espf})

    def initialise(self, cluster: Cluster) -> None:
        """
        Start it once, which brings the schema into its empty database and makes its key file, then
        fill in what the bench sells.
        """
        self.launch()
        self.until(self._healthy)
        self.stop()
        subscribers.sell(cluster, self._database, self._programs / "python", self._state / KEY_FILE)

    def _healthy(self) -> bool:
        """
        Readiness as HTTP tells it: without a RADIUS client in the database there is nobody who
        could ask.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def administer(self, *words: str | Path) -> str:
        """Run a command of the server's command line; what it printed. BenchError when it fails."""
        return self.python("-m", "portaswitch.cli", "--config", self._config, *words)

    def ask(self, program: str, *words: str | Path) -> str:
        """Run a program text within the server's environment, whose first argument is the configuration; what it printed."""
        return self.python("-c", program, self._config, *words)

    def python(self, *words: str | Path) -> str:
        """Run the server's own Python; what it printed. BenchError when it fails."""
        return run([self._programs / "python", *words], cwd=self._tree, environment={"PYTHONPATH": str(self._tree)})

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return self.pids[0]

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of all its processes."""
        return tuple(daemon.pid for daemon in self._started())

    def _started(self) -> list[Daemon]:
        if not self._daemons:
            raise BenchError("the server is not started")
        return self._daemons

    def launch(self) -> None:
        """Start its first process, and do not wait."""
        self._daemons = [self._launched(self._config)]

    def _launched(self, config: Path) -> Daemon:
        twistd = self._programs / "twistd"
        command: list[str | Path] = [twistd, "-n", "--pidfile=", "portaswitch", "--config", config]
        return Daemon(
            "the server",
            command,
            config.with_suffix(".log"),
            as_service=False,
            cwd=self._tree,
            environment={"PYTHONPATH": str(self._tree)},
        )

    def until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `ready()`; BenchError with the end of its log when it dies or never is."""
        self._started()[-1].until(ready, seconds)

    def start(self) -> None:
        """Start it and wait until it answers: the first process before the others are there, whom one cannot ask alone."""
        self.launch()
        self.until(lambda: answers(self.wire))
        for config in self._configs[1:]:
            self._daemons.append(self._launched(config))
            self.until(self._shared)

    def _shared(self) -> bool:
        """All processes that were launched have the ports."""
        return sockets_on("udp", self.wire.acct_port) == sockets_on("tcp", self.diameter_port) == len(self._daemons)

    def alive(self) -> bool:
        """True while all its processes run."""
        return bool(self._daemons) and all(daemon.alive() for daemon in self._daemons)

    def stop(self) -> None:
        """End it with SIGTERM, which drains it."""
        for daemon in self._daemons:
            daemon.stop()

    def kill(self) -> None:
        """kill -9."""
        for daemon in self._daemons:
            daemon.kill()

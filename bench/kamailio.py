"""
The peer of the SIP scenario: Kamailio with log-ins from PostgreSQL and msilo (Debian: kamailio, kamailio-postgres-modules), in a folder of its own.

Debian's configuration and service are not used. It rates nothing, holds nothing and charges nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cluster import USER, Cluster
from bench.process import BenchError, Daemon, free_port, give
from bench.server import SIP_DOMAIN

PROGRAM = Path("/usr/sbin/kamailio")
MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
SCHEMA = Path("/usr/share/kamailio/postgres")
TEMPLATE = Path(__file__).parent / "kamailio" / "kamailio.cfg"
DATABASE = "kamailio"
SUBSCRIBERS = """
insert into subscriber (username, domain, password)
    select '4777' || lpad(n::text, 8, '0'), :'domain', 'pw1' from generate_series(0, :accounts - 1) n;
analyze subscriber;
"""


def installed() -> bool:
    """True when the packages are there."""
    return PROGRAM.exists() and (SCHEMA / "msilo-create.sql").exists()


@contextmanager
def beside(work: Path, cluster: Cluster, accounts: int, wanted: bool) -> Iterator[Kamailio | None]:
    """A running one with so many accounts, where it is wanted and installed; it is stopped at the end."""
    if not wanted or not installed():
        yield None
        return
    peer = Kamailio(work, cluster, accounts)
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


class Kamailio:
    """One Kamailio over a database of its own in the cluster, with so many of sipgen's accounts, between `start` and `stop`."""

    name = "Kamailio"

    def __init__(self, work: Path, cluster: Cluster, accounts: int) -> None:
        self.sip_port = free_port()
        self._work = work
        self._daemon: Daemon | None = None
        work.mkdir()
        cluster.create_database(DATABASE)
        for name in ("standard", "auth_db", "usrloc", "msilo"):
            cluster.query(DATABASE, (SCHEMA / f"{name}-create.sql").read_text())
        cluster.query(DATABASE, SUBSCRIBERS, accounts=accounts, domain=SIP_DOMAIN)
        text = TEMPLATE.read_text()
        database = f"postgres://{USER}@127.0.0.1:{cluster.port}/{DATABASE}"
        for mark, value in (("@PORT@", str(self.sip_port)), ("@DATABASE@", database), ("@DOMAIN@", SIP_DOMAIN)):
            text = text.replace(mark, value)
        (work / "kamailio.cfg").write_text(text)
        give(work)

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._daemon is None:
            raise BenchError("Kamailio is not started")
        return self._daemon.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        command: list[str | Path] = [
            PROGRAM, "-f", self._work / "kamailio.cfg", "-L", MODULES, "-DD", "-E", "-m", "256", "-M", "16", "-w", self._work, "-Y", self._work,
        ]  # fmt: skip
        self._daemon = Daemon("Kamailio", command, self._work / "output.log", as_service=True, cwd=self._work)
        self._daemon.until(self._answers, 30)

    def _answers(self) -> bool:
        """Any answer to OPTIONS."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            probe.connect(("127.0.0.1", self.sip_port))
            host, port = probe.getsockname()
            asked = (
                f"OPTIONS sip:{SIP_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bKprobe\r\nMax-Forwards: 70\r\n"
                f"From: <sip:probe@{SIP_DOMAIN}>;tag=1\r\nTo: <sip:{SIP_DOMAIN}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            try:
                probe.send(asked.encode())
                return probe.recv(4096).startswith(b"SIP/2.0 ")
            except OSError:
                return False

    def stop(self) -> None:
        """End it. Harmless when it is not started."""
        if self._daemon is not None:
            self._daemon.stop()

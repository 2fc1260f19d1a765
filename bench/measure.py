"""
Measuring: both servers on one cluster, run in turn, so that what else the machine does hits both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import diameter, endurance, events, kamailio, load, operators, peer, scenarios, sip, subscribers
from bench.cluster import Cluster
from bench.load import Measured
from bench.operators import Figure
from bench.probe import Wire
from bench.process import BenchError, cpu_seconds, resident_megabytes
from bench.scenarios import MEMORY, Scenario
from bench.server import DATABASE, ROOT, Server

SETTLE = 0.5
"""Seconds between the checkpoint and a run."""

MILLION = 1_000_000


class System(Protocol):
    """A server under load."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def wire(self) -> Wire:
        """Where it listens."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of its processes."""


@dataclass(frozen=True)
class Size:
    """How long and how often, and with how many accounts and calls at once."""

    seconds: float = 10
    repeats: int = 3
    window: int = 128
    accounts: int = 10_000
    corporate: int = scenarios.BIG_CUSTOMER
    million: int = MILLION
    topups: int = 10_000
    rates: int = MILLION
    listed: int = 100_000
    loaded: int = 100_000
    contacts: int = 100_000
    processes: int = 1  # of ours
    tree: Path = ROOT  # whose code our server is
    many: int = MILLION
    open_sessions: int = 500_000
    long_seconds: float = 1800
    returning: int = 200_000
    events: int = 20_000
    backlog: int = MILLION
    half: bool = True  # also at half of the rate
    peers: tuple[str, ...] = ("lean", "default")


SMOKE = Size(
    seconds=3, repeats=1, window=32, accounts=1000, million=0, half=False, topups=2000, rates=20_000, listed=20_000, loaded=2000, contacts=1000,
    peers=("lean",), many=2000, open_sessions=600, long_seconds=3, returning=300, events=1000, backlog=20_000,
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """
    One run: what the generator measured, and the CPU seconds of the server and of PostgreSQL for each
    second.
    """

    measured: Measured
    server_cpu: float
    database_cpu: float


@dataclass
class Row:
    """All samples of one scenario, by name of the system; `half` those at half of the rate."""

    scenario: Scenario
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    half: dict[str, list[Sample]] = field(default_factory=dict)

    def rate(self, system: str) -> float | None:
        """Median of answers a second; None where the system did not run."""
        found = self.samples.get(system)
        return statistics.median(sample.measured.per_second for sample in found) if found else None

    def ratio(self, system: str, other: str) -> float | None:
        """How many times the other's rate; None where one of the two did not run or answered nothing."""
        ours, theirs = self.rate(system), self.rate(other)
        return ours / theirs if ours and theirs else None


@dataclass
class Results:
    """What was measured, and what was wrong."""

    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: str = ""
    figures: dict[str, list[Figure]] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """What is measured beside the scenarios: its heading, whose CPU seconds its figures tell, and how (the generator, the cluster, the server, the sizes)."""

    title: str
    cpu: str
    measure: Callable[[Path, Cluster, Server, Size], list[Figure]]


def _sip(made: Path, cluster: Cluster, server: Server, size: Size) -> list[Figure]:
    """Messages, with Kamailio in turn where other servers are wanted at all."""
    with kamailio.beside(made.parent / "kamailio", cluster, size.accounts, size.half and bool(size.peers)) as beside:
        return sip.measure(made.parent, cluster, server, size, beside)


#: By name, in the order in which they run: the last one leaves a tariff of a million rates behind.
BESIDE = {
    diameter.DIAMETER: Beside("Diameter", "server", lambda made, *rest: diameter.measure(made.parent, *rest)),
    endurance.ENDURANCE: Beside("Diameter for long", "server", lambda made, *rest: endurance.measure(made.parent, *rest)),
    sip.SIP: Beside("SIP", "server", _sip),
    events.EVENTS: Beside("events", "server", lambda made, cluster, _, size: events.measure(made, cluster, size)),
    operators.OPERATORS: Beside("what operators do", "command", operators.measure),
}


class Bench:
    """Runs scenarios over a cluster, our server (None: not measured) and the peers that are installed."""

    def __init__(
        self, work: Path, cluster: Cluster, server: Server | None, peers: Sequence[peer.Peer], size: Size
    ) -> None:
        self.generator = load.build(work)
        self.cluster = cluster
        self.server = server
        self.peers = list(peers)
        self.size = size
        self.results = Results()

    def run(self, wanted: Sequence[Scenario], beside: Sequence[str]) -> Results:
        """Every scenario `repeats` times, systems in turn; then latencies at half rate, and what is measured beside them (of `BESIDE`)."""
        rows = [Row(scenario) for scenario in wanted if scenario is not MEMORY]
        self.results.rows = [row for row in rows if self._systems(row.scenario)]
        self._warm_up()
        for _ in range(self.size.repeats):
            for row in self.results.rows:
                for system in self._systems(row.scenario):
                    row.samples.setdefault(system.name, []).append(self._sample(row.scenario, system))
        for row in self.results.rows:
            if row.scenario.half and self.size.half:
                self._half(row)
        if MEMORY in wanted and self.server is not None and self.size.million:
            self.results.memory = self._memory(self.server)
        for name in beside:
            if self.server is not None:
                self.results.figures[name] = self._figures(name, self.server)
        return self.results

    def _systems(self, scenario: Scenario) -> list[System]:
        ours: list[System] = [self.server] if self.server is not None else []
        return ours + [*self.peers] if scenario.peer else ours

    def _warm_up(self) -> None:
        """Plans, caches and connections, before anything counts."""
        for row in self.results.rows:
            for system in self._systems(row.scenario):
                self._sample(row.scenario, system, seconds=min(1.0, self.size.seconds))

    def _half(self, row: Row) -> None:
        for system in self._systems(row.scenario):
            rate = (row.rate(system.name) or 0) / 2
            if rate:
                row.half[system.name] = [
                    self._sample(row.scenario, system, rate=rate) for _ in range(self.size.repeats)
                ]

    def _sample(
        self, scenario: Scenario, system: System, *, rate: float = 0, seconds: float | None = None
    ) -> Sample:
        """One run, and for our server the comparison of answers and balances behind it."""
        ours = system is self.server
        work = scenarios.work_of(
            scenario, seconds or self.size.seconds, self.size.window, self.size.accounts, ours=ours, rate=rate
        )
        self.cluster.settle()
        time.sleep(SETTLE)
        before, begun = (cpu_seconds(*system.pids), cpu_seconds(self.cluster.pid)), time.monotonic()
        measured = load.generate(self.generator, system.wire, work)
        after, lasted = (cpu_seconds(*system.pids), cpu_seconds(self.cluster.pid)), time.monotonic() - begun
        if ours:
            self._compare(scenario, measured)
        _say(scenario, system, measured, rate)
        return Sample(measured, (after[0] - before[0]) / lasted, (after[1] - before[1]) / lasted)

    def _compare(self, scenario: Scenario, measured: Measured) -> None:
        booked = subscribers.booked(self.cluster, DATABASE, measured.run, scenario.price)
        wrong = subscribers.refused(measured) + subscribers.disagreements(measured, booked, scenario.price)
        wrong += subscribers.wrong_books(self.cluster, DATABASE)
        if scenario.vendor and booked.vendor_rows != booked.calls:
            wrong.append(f"{booked.calls} charged calls, but {booked.vendor_rows} xDRs of the vendor")
        self.results.wrong += [f"{scenario.name}: {line}" for line in wrong]

    def _memory(self, server: Server) -> str:
        """Resident memory before and after authentications of a million accounts at random."""
        subscribers.load(self.cluster, DATABASE, self.size.million, self.size.corporate)
        server.stop()
        server.start()
        before = resident_megabytes(server.pid)
        work = scenarios.work_of(
            MEMORY, self.size.seconds * 3, self.size.window, self.size.million, ours=True
        )
        measured = load.generate(self.generator, server.wire, work)
        self._compare(MEMORY, measured)
        after = resident_megabytes(server.pid)
        return (
            f"Memory with {self.size.million:,} accounts: {before:.0f} MiB after the start, {after:.0f} MiB"
            f" after {measured.answered:,} authentications at random ({measured.per_second:,.0f}/s)."
        )

    def _figures(self, name: str, server: Server) -> list[Figure]:
        """What one of `BESIDE` measures, and the books behind it."""
        if name == operators.OPERATORS:
            subscribers.load(self.cluster, DATABASE, self.size.accounts, self.size.corporate)
        found = BESIDE[name].measure(self.generator, self.cluster, server, self.size)
        wrong = subscribers.wrong_books(self.cluster, DATABASE)
        self.results.wrong += [f"{one.name}: {line}" for one in found for line in one.wrong] + [f"{name}: {line}" for line in wrong]
        return found


def missing_ratios(results: Results, server: str, peers: Sequence[str]) -> list[str]:
    """Ratios that should be there and are not: one line each."""
    return [
        f"{row.scenario.name}: no ratio to {other} can be computed"
        for row in results.rows
        if row.scenario.peer
        for other in peers
        if row.ratio(server, other) is None
    ]


def start_peers(work: Path, cluster: Cluster, size: Size) -> list[peer.Peer]:
    """FreeRADIUS in the configurations of `size.peers`, started; empty when it is not installed."""
    if not peer.installed():
        print("FreeRADIUS is not installed (apt-get install freeradius freeradius-postgresql): no ratios")
        return []
    peer.load(cluster, size.accounts)
    peers = [peer.Peer(work / f"freeradius-{word}", cluster, lean=word == "lean") for word in size.peers]
    try:
        for one in peers:
            one.start()
    except BenchError:
        stop_peers(peers)
        raise
    return peers


def stop_peers(peers: Sequence[peer.Peer]) -> None:
    """End them."""
    for one in peers:
        one.stop()


def _say(scenario: Scenario, system: System, measured: Measured, rate: float) -> None:
    pace = f"at {rate:,.0f}/s" if rate else "closed loop"
    print(
        f"  {scenario.name:9} {system.name:20} {pace:14} {measured.per_second:10,.0f}/s"
        f"  p50 {measured.p50:8.2f} ms  p99 {measured.p99:8.2f} ms"
        f"  rejected {measured.rejected}  unanswered {measured.timed_out}",
        flush=True,
    )

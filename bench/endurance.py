"""
Credit control for half an hour: a million accounts, half a million open sessions, checkpoints and autovacuum, and whether rate, latencies and tables stay as
they were; and a P-GW that returns with all its sessions (Origin-State-Id). It takes an hour, so that it runs only where it is asked for, or small.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from bench import diameter, load
from bench.cluster import Cluster
from bench.operators import Figure
from bench.process import BenchError, Daemon, cpu_seconds, resident_megabytes, run
from bench.server import DATABASE, Server

ENDURANCE = "diameter-long"
"""The name of all this among the scenarios."""

TABLES = ("sessions", "accounts", "customers", "session_tasks", "diameter_origins", "pending_charges")
"""Tables that must not grow while the number of sessions stays: those of history do."""

SIZES = "select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c where c.relname = any (string_to_array(:'tables', ',')) and c.relkind = 'r'"
VACUUMS = "select coalesce(sum(autovacuum_count), 0) from pg_stat_user_tables"
#: What open sessions of the generator have used and are not charged for yet.
UNCHARGED = """
select coalesce(sum((q ->> 'u')::numeric), 0), coalesce(sum((q -> 'c' ->> 0)::numeric), 0)
from sessions s, json_array_elements(s.state::json -> 'q') q where s.session_key like '%/diagen%'
"""
LIVING = "select count(*) from sessions where session_key like '%/' || :'host' || ';%' and started < :'since'"
RETURNING = "returning.example"
"""The host that returns."""

LONGEST = 600.0
"""Seconds that may pass until the sessions of a restarted host are closed."""

_FILLED = re.compile(r"filled ([0-9]+) of ([0-9]+) sessions in ([0-9.]+) s: ([0-9]+)/s")


class Size(load.Size, Protocol):
    """How much of each (`measure.Size`)."""

    @property
    def many(self) -> int:
        """Accounts."""

    @property
    def open_sessions(self) -> int:
        """Sessions that are open all the time."""

    @property
    def long_seconds(self) -> float:
        """Of the long run."""

    @property
    def returning(self) -> int:
        """Sessions of the P-GW that returns."""


@dataclass(frozen=True)
class Filled:
    """How many of the sessions were opened, in how many seconds."""

    opened: int
    wanted: int
    seconds: float


def measure(work: Path, cluster: Cluster, server: Server, size: Size) -> list[Figure]:
    """The short run, the long one beside it, and the return of a P-GW."""
    program = diameter.build(work)
    diameter.sell(cluster, size.many)
    cluster.settle()
    short = diameter.read(run([*_words(program, server, size), "--secs", str(size.seconds)]))
    return [_long(program, cluster, server, size, short.per_second), _returns(program, cluster, server, size)]


def _words(program: Path, server: Server, size: Size) -> list[str | Path]:
    return [
        program, "--port", str(server.diameter_port), "--mode", "gy", "--conns", str(diameter.CONNECTIONS), "--window", str(size.window),
        "--subs", str(size.many), "--used", str(diameter.USED), "--rg", "100",
    ]  # fmt: skip


# -- the long run ---------------------------------------------------------------------------------------------------------------------------------


def _long(program: Path, cluster: Cluster, server: Server, size: Size, short: int) -> Figure:
    """At full speed on sessions that are open all the time, with two checkpoints inside."""
    ledger, log, before = program.with_name("long.ledger"), program.with_name("long.log"), _taken(cluster)
    words = [*_words(program, server, size), "--pool", str(size.open_sessions), "--secs", str(size.long_seconds), "--ledger", ledger]
    generator = Daemon("diagen", words, log, as_service=False, cwd=program.parent)
    generator.until(lambda: _FILLED.search(log.read_text()) is not None, LONGEST)
    sizes, vacuums, cpu, memory = _size(cluster), _count(cluster, VACUUMS), cpu_seconds(server.pid), resident_megabytes(server.pid)
    for _ in range(2):
        time.sleep(size.long_seconds / 3)
        cluster.settle()
    _ended(generator, size.long_seconds)
    told, grown, cpu = diameter.read(log.read_text()), _size(cluster), cpu_seconds(server.pid) - cpu
    figure = (
        f"{told.per_second:,}/s, {100 * told.per_second / max(short, 1):.0f} % of {short:,}/s; p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms, "
        f"p99.9 {told.worst:.1f} ms; tables {sizes >> 20} to {grown >> 20} MiB, {_count(cluster, VACUUMS) - vacuums} autovacuums; "
        f"memory {memory:.0f} to {resident_megabytes(server.pid):.0f} MiB"
    )
    wrong = [*_missing(filled(log.read_text())), *diameter.wrong(ledger, told, before, _taken(cluster))]
    title = f"Gy for {size.long_seconds / 60:g} min, {size.many:,} accounts, {size.open_sessions:,} open sessions"
    return Figure("gy-long", title, figure, "80 %, p99.9 under 250 ms", cpu, wrong)


def _ended(generator: Daemon, seconds: float) -> None:
    """Wait for a generator that was told to run so long."""
    end = time.monotonic() + seconds + LONGEST
    while generator.alive():
        if time.monotonic() > end:
            generator.stop()
            raise BenchError(f"diagen does not end: {generator.last_words()}")
        time.sleep(0.1)


def filled(text: str) -> Filled:
    """What the generator said of the sessions that it opened first."""
    found = _FILLED.search(text)
    if found is None:
        raise BenchError(f"diagen opened nothing: {text[:300]}")
    return Filled(int(found[1]), int(found[2]), float(found[3]))


def _missing(opened: Filled) -> list[str]:
    return [] if opened.opened == opened.wanted else [f"{opened.wanted - opened.opened} of {opened.wanted} sessions were not opened"]


def _taken(cluster: Cluster) -> Decimal:
    """What accounts have, less what open sessions have used and are not charged for."""
    used, charged = cluster.query(DATABASE, UNCHARGED).split("|")
    return diameter.balances(cluster) - (diameter.PRICE * Decimal(used) / diameter.USED - Decimal(charged))


def _size(cluster: Cluster) -> int:
    return int(cluster.query(DATABASE, SIZES, tables=",".join(TABLES)))


def _count(cluster: Cluster, sql: str, **values: str) -> int:
    return int(cluster.query(DATABASE, sql, **values))


# -- the return -----------------------------------------------------------------------------------------------------------------------------------


def _returns(program: Path, cluster: Cluster, server: Server, size: Size) -> Figure:
    """A host opens its sessions, dies with them, comes back with a higher Origin-State-Id and opens as many again, while the old ones are closed."""
    words: list[str | Path] = [
        program, "--port", str(server.diameter_port), "--mode", "gy", "--conns", "1", "--window", str(size.window), "--ohost", RETURNING,
        "--subs", str(size.many), "--used", str(diameter.USED), "--rg", "100", "--pool", str(size.returning), "--secs", "0",
    ]  # fmt: skip
    first = filled(run(words))
    since = cluster.query(DATABASE, "select now()")
    time.sleep(1.1)  # the generator's Origin-State-Id is its start in seconds
    cpu, begun = cpu_seconds(server.pid), time.monotonic()
    second = filled(run(words))
    left = first.opened
    while left and time.monotonic() - begun < LONGEST:
        left = _count(cluster, LIVING, host=RETURNING, since=since)
        time.sleep(0.2)
    over = time.monotonic() - begun
    figure = f"{second.opened:,} opened in {second.seconds:.1f} s (before: {first.seconds:.1f} s), the old ones closed after {over:.1f} s"
    wrong = [*_missing(first), *_missing(second), *([f"{left} sessions of before are open still"] if left else [])]
    return Figure("gy-return", f"a P-GW returns with {size.returning:,} sessions", figure, "2 minutes", cpu_seconds(server.pid) - cpu, wrong)

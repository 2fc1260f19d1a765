"""
Credit control for half an hour: a million accounts, half a million open sessions, checkpoints and autovacuum, and whether rate, latencies and tables stay as
they were; and a P-GW that returns, whose sessions of before are closed (Origin-State-Id). It takes 40 minutes, so that it runs only where it is asked for, or
small. The sessions are written by SQL in the form in which the server writes them (opened.sql), which is checked beside some that it has opened itself.
"""

from __future__ import annotations

import re
import sys
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

SIZES = "select relname, pg_total_relation_size(oid) from pg_class where relname = any (string_to_array(:'tables', ',')) and relkind = 'r'"
VACUUMS = "select coalesce(sum(autovacuum_count), 0) from pg_stat_user_tables"
#: PostgreSQL 17 has a view of its own for them.
CHECKPOINTS = "select checkpoints_timed + checkpoints_req from pg_stat_bgwriter", "select num_timed + num_requested from pg_stat_checkpointer"
#: Updates, and those of them that wrote to no index.
UPDATES = "select coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0) from pg_stat_user_tables where relname in ('sessions', 'accounts')"
#: What open sessions have used and are not charged for yet.
UNCHARGED = """
select coalesce(sum((q ->> 'u')::numeric), 0), coalesce(sum((q -> 'c' ->> 0)::numeric), 0)
from sessions s, json_array_elements(s.state::json -> 'q') q where s.session_key like '%/long%'
"""
LIVING = "select count(*) from sessions where session_key like '%/' || :'host' || ';%' and started < :'since'"
#: While the sessions of before a host's restart are closed, the time of it is there.
CLOSING = "select count(*) from diameter_origins where origin_host = :'host' and risen is not null"
RETURNING = "returning.example"
"""The host that returns; a tenth of its sessions are opened again meanwhile."""
TEMPLATE, LONG = "template.example", "long%d.example"
"""Hosts of the sessions that the server opens itself, and of those of the long run."""
OPENED, PROCESS = Path(__file__).with_name("opened.sql"), 1
"""What writes sessions, and the last part of their Session-Ids."""

LONGEST = 900.0
"""Seconds that may pass until the sessions of a restarted host are closed."""
SETTLED = 300.0
"""Seconds of the long run after which tables should not grow any more; of a short one a sixth."""
MINUTE = 60.0

_PROGRESS = re.compile(r"progress ([0-9.]+) s ([0-9]+) answers")
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
    tell(f"{size.many:,} accounts are there; the short run, {size.seconds:g} s")
    short = diameter.read(run([*_words(program, server, size, diameter.connections(server)), "--secs", str(size.seconds)]))
    long = _long(program, cluster, server, size, short.per_second)
    tell(f"{long.title}: {long.measured}")  # the return may take as long again
    return [long, _returns(program, cluster, server, size)]


def tell(line: str) -> None:
    """How far it is."""
    print(f"{time.strftime('%H:%M:%S')} {ENDURANCE}: {line}", file=sys.stderr, flush=True)


def _words(program: Path, server: Server, size: Size, conns: int) -> list[str | Path]:
    return [
        program, "--port", str(server.diameter_port), "--mode", "gy", "--conns", str(conns), "--window", str(size.window),
        "--subs", str(size.many), "--used", str(diameter.USED), "--rg", "100",
    ]  # fmt: skip


# -- sessions -------------------------------------------------------------------------------------------------------------------------------------


def _opened_by_server(program: Path, server: Server, size: Size) -> None:
    """Some sessions, as few as the generator keeps: of the last accounts, which no other run begins with."""
    few = 2 * size.window + 2
    found = filled(run([*_words(program, server, size, 1), "--ohost", TEMPLATE, "--first", str(size.many - few), "--pool", str(few), "--secs", "0"]))
    if found.opened != few:
        raise BenchError(f"{few - found.opened} of {few} sessions were not opened")


def write_sessions(cluster: Cluster, host: str, conns: int, second: int, count: int, accounts: int) -> list[str]:
    """Write sessions of a host, or several (%d), as the server does; what is wrong with them."""
    since = time.monotonic()
    text = OPENED.read_text()
    different = cluster.query(
        DATABASE, text, template=TEMPLATE, host=host, conns=conns, second=second, process=PROCESS, count=count, subs=accounts,
    )  # fmt: skip
    tell(f"{count:,} sessions of {host} were written in {time.monotonic() - since:.0f} s")
    return [f"{different} sessions that the server opened are not as {OPENED.name} writes them"] if different != "0" else []


# -- the long run ---------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """What was so at one moment: sizes of tables in octets by name, autovacuums and checkpoints until then, updates and those that wrote to no index."""

    sizes: dict[str, int]
    vacuums: int
    checkpoints: int
    updates: int
    hot: int

    @classmethod
    def now(cls, cluster: Cluster) -> _Seen:
        """This moment."""
        rows = (line.split("|") for line in cluster.query(DATABASE, SIZES, tables=",".join(TABLES)).splitlines())
        updates, hot = cluster.query(DATABASE, UPDATES).split("|")
        checkpoints = CHECKPOINTS[int(cluster.version.split(".")[0]) >= 17]
        return cls({name: int(size) for name, size in rows}, _count(cluster, VACUUMS), _count(cluster, checkpoints), int(updates), int(hot))

    def since(self, before: _Seen, middle: _Seen) -> str:
        """What happened since `before`; tables since `middle`."""
        updates = max(self.updates - before.updates, 1)
        grown = ", ".join(f"{name} {middle.sizes[name] >> 20} to {size >> 20} MiB" for name, size in sorted(self.sizes.items()) if size >> 20)
        return (
            f"{self.checkpoints - before.checkpoints} checkpoints and {self.vacuums - before.vacuums} autovacuums inside; "
            f"{100 * (self.hot - before.hot) / updates:.0f} % of updates wrote to no index; tables: {grown}"
        )


def _long(program: Path, cluster: Cluster, server: Server, size: Size, short: int) -> Figure:
    """At full speed on sessions that are open all the time, with two checkpoints inside."""
    second, conns = int(time.time()) % 1_000_000, diameter.connections(server)
    _opened_by_server(program, server, size)
    wrong = write_sessions(cluster, LONG, conns, second, size.open_sessions, size.many)
    cluster.settle()
    ledger, log, before, begin = program.with_name("long.ledger"), program.with_name("long.log"), _taken(cluster), _Seen.now(cluster)
    words = [
        *_words(program, server, size, conns), "--ohost", LONG, "--pool", str(size.open_sessions), "--opened", f"{second}:{PROCESS}",
        "--secs", str(size.long_seconds), "--ledger", ledger,
    ]  # fmt: skip
    generator = Daemon("diagen", words, log, as_service=False, cwd=program.parent)
    generator.until(lambda: _FILLED.search(log.read_text()) is not None, MINUTE)
    cpu, memory = cpu_seconds(*server.pids), resident_megabytes(server.pid)
    middle = _watched(cluster, generator, log, size.long_seconds)
    _ended(generator, 0)
    told, end, cpu = diameter.read(log.read_text()), _Seen.now(cluster), cpu_seconds(*server.pids) - cpu
    figure = (
        f"{told.per_second:,}/s, {100 * told.per_second / max(short, 1):.0f} % of {short:,}/s; p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms, "
        f"p99.9 {told.worst:.1f} ms; {end.since(begin, middle)}; memory {memory:.0f} to {resident_megabytes(server.pid):.0f} MiB"
    )
    wrong += [*_missing(filled(log.read_text())), *diameter.wrong(ledger, told, before, _taken(cluster))]
    title = f"Gy for {size.long_seconds / 60:g} min, {size.many:,} accounts, {size.open_sessions:,} open sessions"
    return Figure("gy-long", title, figure, "80 %, p99.9 under 250 ms", cpu, wrong)


def _watched(cluster: Cluster, generator: Daemon, log: Path, seconds: float) -> _Seen:
    """Until the end of a run: two checkpoints, a line a minute; what was so when the tables should have grown as far as they do."""
    begin, middle, minutes = time.monotonic(), None, 0
    checkpoints = [seconds / 3, 2 * seconds / 3]
    while generator.alive() and (over := time.monotonic() - begin) < seconds:
        if checkpoints and over > checkpoints[0]:
            checkpoints.pop(0)
            cluster.settle()
        if middle is None and over > min(SETTLED, seconds / 6):
            middle = _Seen.now(cluster)
        if over > MINUTE * (minutes + 1):
            minutes += 1
            at, answers = progress(log.read_text())
            tell(f"{minutes} of {seconds / MINUTE:.0f} min, {answers / max(at, 1):,.0f}/s so far; {(seconds - over) / MINUTE:.0f} min to go, and the return")
        time.sleep(0.1)
    return middle or _Seen.now(cluster)


def progress(text: str) -> tuple[float, int]:
    """The seconds and answers that the generator told last; 0 and 0 before it has."""
    found = _PROGRESS.findall(text)
    return (float(found[-1][0]), int(found[-1][1])) if found else (0.0, 0)


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


def _count(cluster: Cluster, sql: str, **values: str) -> int:
    return int(cluster.query(DATABASE, sql, **values))


# -- the return -----------------------------------------------------------------------------------------------------------------------------------


def _returns(program: Path, cluster: Cluster, server: Server, size: Size) -> Figure:
    """A host dies with its sessions, comes back with a higher Origin-State-Id and opens new ones, while the old ones are closed."""
    few = 2 * size.window + 2
    words = [*_words(program, server, size, 1), "--ohost", RETURNING, "--secs", "0"]
    first = filled(run([*words, "--pool", str(few)]))
    wrong = write_sessions(cluster, RETURNING, 1, int(time.time()) % 1_000_000, size.returning, size.many)
    since = cluster.query(DATABASE, "select now()")
    time.sleep(1.1)  # the generator's Origin-State-Id is its start in seconds
    cpu, begun = cpu_seconds(*server.pids), time.monotonic()
    second = filled(run([*words, "--pool", str(max(few, size.returning // 10))]))
    closed = _closed(cluster, first.opened + size.returning, since, begun)
    over, left = time.monotonic() - begun, _count(cluster, LIVING, host=RETURNING, since=since)
    figure = f"{second.opened:,} opened meanwhile in {second.seconds:.1f} s, the old ones closed after {over:.1f} s"
    wrong += [*_missing(first), *_missing(second), *([] if closed and not left else [f"{left} sessions of before are open still"])]
    return Figure("gy-return", f"a P-GW returns with {size.returning:,} sessions", figure, "2 minutes", cpu_seconds(*server.pids) - cpu, wrong)


def _closed(cluster: Cluster, count: int, since: str, begun: float) -> bool:
    """Wait until the sessions of the host that returned are closed, with a line a minute; whether they are."""
    minutes = 0
    while (over := time.monotonic() - begun) < LONGEST:
        if not _count(cluster, CLOSING, host=RETURNING):
            return True
        if over > MINUTE * (minutes + 1):
            minutes += 1
            left = _count(cluster, LIVING, host=RETURNING, since=since)
            tell(f"the return: {left:,} sessions are to be closed still, {over * left / max(count - left, 1) / MINUTE:.0f} min to go")
        time.sleep(0.2)
    return False

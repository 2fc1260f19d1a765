"""
Credit control over Diameter: data sessions of diagen's peers, every request charged and committed before its answer, and whether balances agree with what
the peers were told.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bench import load
from bench.cluster import Cluster
from bench.operators import Figure
from bench.process import BenchError, cpu_seconds, run
from bench.server import DATABASE, Server

DIAMETER = "diameter"
"""The name of all this among the scenarios."""

HERE = Path(__file__).parent
SOURCE, SQL, ACCOUNTS = HERE / "diagen.c", HERE / "diameter.sql", HERE / "diameter_accounts.sql"
CONNECTIONS = 4
MANY_CONNECTIONS = 16
"""Where several processes share the port: the kernel gives each connection to one of them by a hash, which evens out over many."""
USED, PRICE = 1 << 20, Decimal("0.01")
"""Octets that each update and end reports, and what they cost (diameter.sql)."""

_RATE = re.compile(r": ([0-9]+) answers/s over")
_LATENCY = re.compile(r"latency us all p50 ([0-9]+) p90 [0-9]+ p99 ([0-9]+) p99.9 ([0-9]+)")
_ENDS = re.compile(r"timeout ([0-9]+) late [0-9]+ lost-with-connection ([0-9]+)")


@dataclass(frozen=True)
class Told:
    """What a run said: answers a second, latencies in milliseconds (`worst`: p99.9), requests that were not answered."""

    per_second: int
    p50: float
    p99: float
    worst: float
    unanswered: int


def build(work: Path) -> Path:
    """Compile the generator; BenchError when there is no C compiler."""
    program = work / "diagen"
    run([os.environ.get("CC", "cc"), "-O2", "-o", program, SOURCE, "-lm"])
    return program


def sell(cluster: Cluster, accounts: int) -> None:
    """The catalogue, where it is not there yet, and so many accounts."""
    if not cluster.query(DATABASE, "select 1 from products where name = 'mobile'"):
        cluster.query(DATABASE, SQL.read_text())
    cluster.query(DATABASE, ACCOUNTS.read_text(), accounts=accounts)


def read(text: str) -> Told:
    """What the generator printed as values."""
    rate, latency, ends = _RATE.search(text), _LATENCY.search(text), _ENDS.search(text)
    if rate is None or latency is None or ends is None:
        raise BenchError(f"diagen printed something else: {text[:300]}")
    return Told(int(rate[1]), int(latency[1]) / 1000, int(latency[2]) / 1000, int(latency[3]) / 1000, int(ends[1]) + int(ends[2]))


def measure(work: Path, cluster: Cluster, server: Server, size: load.Size) -> list[Figure]:
    """Data sessions of many accounts and of one, at full speed, and of many at 1,000 requests a second."""
    program = build(work)
    sell(cluster, size.accounts)
    found = []
    for name, title, accounts, rate, wanted in (
        ("gy", "Gy data, many accounts", size.accounts, 0, "9,000/s"),
        ("gy-account", "Gy data, one account", 1, 0, "3,000/s"),
        ("gy-1000", "Gy data at 1,000/s", size.accounts, 1000, "p50 under 1.5 ms"),
    ):
        found.append(_figure(name, title, wanted, program, cluster, server, size, accounts, rate))
    return found


def _figure(
    name: str, title: str, wanted: str, program: Path, cluster: Cluster, server: Server, size: load.Size, accounts: int, rate: int
) -> Figure:
    """One run, and whether the books agree with it."""
    ledger, before, cpu = program.with_name(f"{name}.ledger"), balances(cluster), cpu_seconds(*server.pids)
    words: list[str | Path] = [
        program, "--port", str(server.diameter_port), "--mode", "gy", "--conns", str(connections(server)), "--window", str(size.window),
        "--secs", str(size.seconds), "--subs", str(accounts), "--used", str(USED), "--rg", "100", "--ledger", ledger,
    ]  # fmt: skip
    told = read(run([*words, *(["--rate", str(rate)] if rate else [])]))
    cpu = cpu_seconds(*server.pids) - cpu
    figure = f"{told.per_second:,}/s, p50 {told.p50:.1f} ms, p99 {told.p99:.1f} ms"
    return Figure(name, title, figure, wanted, cpu, wrong(ledger, told, before, balances(cluster)))


def connections(server: Server) -> int:
    """Of the generator's peers together."""
    return CONNECTIONS if len(server.pids) == 1 else MANY_CONNECTIONS


def balances(cluster: Cluster) -> Decimal:
    """What all accounts of diameter.sql have."""
    return Decimal(cluster.query(DATABASE, "select sum(balance) from accounts where id like '3806%'").strip())


def wrong(ledger: Path, told: Told, before: Decimal, after: Decimal) -> list[str]:
    """Where balances are not what was answered; requests without an answer may have been charged or not."""
    answered, doubtful = 0, 0
    for line in ledger.read_text().splitlines():
        _, units, open_units, _ = line.split()
        answered += int(units)
        doubtful += int(open_units)
    least = PRICE * answered / USED
    most = PRICE * (answered + doubtful) / USED
    found = [] if least <= before - after <= most else [f"{before - after} was charged, and clients were told of {least} to {most}"]
    return found + ([f"{told.unanswered} requests were not answered"] if told.unanswered else [])

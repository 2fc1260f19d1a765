"""
Running the load generator and reading what it measured.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.probe import SECRET, Wire
from bench.process import BenchError, run

SOURCE = Path(__file__).parent / "radgen.c"


class Size(Protocol):
    """How much of a scenario (`measure.Size`)."""

    @property
    def seconds(self) -> float:
        """Of a run."""

    @property
    def window(self) -> int:
        """Calls, sessions or messages at once."""

    @property
    def accounts(self) -> int:
        """Accounts that take part."""


@dataclass(frozen=True)
class Work:
    """
    What one run of the generator does.

    `mode` and `options` as radgen.c says; `window` calls at once, closed loop unless `rate` (requests a
    second) is given.
    """

    mode: str
    seconds: float
    window: int = 128
    rate: float = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """
    What the generator said of one run: the measured seconds, answers a second, latencies in milliseconds,
    counts by kind of request.
    """

    mode: str
    run: int
    seconds: float
    per_second: float
    p50: float
    p99: float
    longest: float
    sent: int
    answered: int
    rejected: int
    timed_out: int
    without_credit_time: int
    unmatched: int
    retransmitted: int
    generator_cpu: float
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, kind: str, what: str) -> int:
        """A count of one kind of request, 0 where there was none."""
        return self.kinds.get(kind, {}).get(what, 0)


def build(work: Path) -> Path:
    """Compile the generator; BenchError when there is no C compiler or no libssl-dev."""
    program = work / "radgen"
    compiler = os.environ.get("CC", "cc")
    run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, SOURCE, "-lcrypto", "-lm"])
    return program


def command(program: Path, wire: Wire, work: Work, ledger: Path | None = None) -> list[str | Path]:
    """The generator's command line."""
    words: list[str | Path] = [
        program,
        work.mode,
        "--auth-port",
        str(wire.auth_port),
        "--acct-port",
        str(wire.acct_port),
        "--secret",
        SECRET,
        "--window",
        str(work.window),
        "--seconds",
        str(work.seconds),
        "--json",
        *work.options,
    ]
    if work.rate:
        words += ["--rate", f"{work.rate:.1f}"]
    if ledger is not None:
        words += ["--ledger", ledger]
    return words


def generate(program: Path, wire: Wire, work: Work, ledger: Path | None = None) -> Measured:
    """Run it once."""
    return read(run(command(program, wire, work, ledger)))


def values(text: str) -> dict[str, Any]:
    """What a generator printed; BenchError when that is no JSON."""
    try:
        said: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise BenchError(f"the generator printed no JSON: {text[:300]}") from error
    return said


def read(text: str) -> Measured:
    """The generator's JSON as values."""
    said = values(text)
    return Measured(
        mode=said["mode"],
        run=said["run"],
        seconds=said["seconds"],
        per_second=said["replies_per_second"],
        p50=said["p50_us"] / 1000,
        p99=said["p99_us"] / 1000,
        longest=said["max_us"] / 1000,
        sent=said["sent"],
        answered=said["answered"],
        rejected=said["rejected"],
        timed_out=said["timed_out"],
        without_credit_time=said["without_credit_time"],
        unmatched=said["unmatched"],
        retransmitted=said["retransmitted"],
        generator_cpu=said["cpu_percent"],
        kinds=said["kinds"],
    )

"""
The crash matrix: kill -9 of the server and of the postmaster at random moments under load, and at the end
every answer against ledger, holds and xDRs.

The clients behave as RADIUS clients do: the same request again until it is answered. Nothing that was
answered may be lost, nothing may be charged twice, and what was never answered may have happened once or
not at all.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import compare, ledger, load, subscribers
from bench.__main__ import start_server, work_folder
from bench.cluster import Cluster
from bench.load import Measured, Work
from bench.measure import Size
from bench.probe import ask
from bench.process import BenchError, Daemon
from bench.server import DATABASE, Server

ACCEPT = 2
FOR_EVER = 86_400.0
LEAST_RATE = 1000
"""
Answers a second below which the matrix says little: the calls must really be under way when the kill comes.
"""


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line; leaves with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="bench/crash", description=__doc__)
    parser.add_argument("--server", type=int, default=100, help="kills of the server (100)")
    parser.add_argument("--postmaster", type=int, default=20, help="kills of PostgreSQL's postmaster (20)")
    parser.add_argument("--seed", type=int, default=1, help="for the moments and the order of the kills (1)")
    parser.add_argument("--rate", type=float, default=2000, help="requests a second (2000)")
    parser.add_argument("--window", type=int, default=256, help="calls at once (256)")
    parser.add_argument("--accounts", type=int, default=10_000, help="accounts that take part (10000)")
    parser.add_argument("--between", type=float, default=3.0, help="most seconds of peace before a kill (3)")
    parser.add_argument("--work", type=Path, help="keep everything in this new folder")
    return parser.parse_args(words)


class Matrix:
    """One cluster, one server, one generator, and the kills."""

    def __init__(self, work: Path, cluster: Cluster, server: Server, chosen: argparse.Namespace) -> None:
        self.cluster = cluster
        self.server = server
        self.ledger = work / "ledger"
        self._output = work / "radgen.json"
        self._chosen = chosen
        self._random = random.Random(chosen.seed)
        self.down = 0.0  # seconds from kills to service, all together
        self._generator = load.build(work)

    def run(self) -> Measured:
        """All kills under one load; what the generator measured over the whole of it."""
        victims = ["server"] * self._chosen.server + ["postmaster"] * self._chosen.postmaster
        self._random.shuffle(victims)
        generator = self._start_load()
        try:
            for number, victim in enumerate(victims, 1):
                self._peace()
                begun = time.monotonic()
                self._kill(victim)
                if not generator.alive():
                    raise BenchError(f"the generator ended early: {generator.last_words()}")
                took = time.monotonic() - begun
                self.down += took
                print(f"  kill {number}/{len(victims)}: {victim}, {took:.2f} s", flush=True)
            self._peace()
        finally:
            generator.stop(signal.SIGINT, seconds=180)
        return load.read(self._output.read_text())

    def _start_load(self) -> Daemon:
        chosen = self._chosen
        options = (
            "--users", str(chosen.accounts), "--password", subscribers.PASSWORD, "--message-authenticator",
            "--quota", "300:30", "--retransmit", "500", "--tries", "300", "--seed", str(chosen.seed),
        )  # fmt: skip
        work = Work("call", FOR_EVER, chosen.window, chosen.rate, options)
        words = load.command(self._generator, self.server.wire, work, self.ledger)
        return Daemon("the generator", words, self._output, as_service=False, cwd=self.ledger.parent)

    def _peace(self) -> None:
        time.sleep(self._random.uniform(0.1, self._chosen.between))

    def _kill(self, victim: str) -> None:
        """One kill, a moment without, and the start; until a request is accepted again."""
        pause = self._random.uniform(0, 0.3)
        if victim == "server":
            self.server.kill()
            time.sleep(pause)
            self.server.launch()
        else:
            self.cluster.kill()
            time.sleep(pause)
            self.cluster.start()
        self.server.until(lambda: ask(self.server.wire, "user1", subscribers.PASSWORD) == ACCEPT)


def judge(matrix: Matrix, measured: Measured) -> list[str]:
    """What is wrong: one line each."""
    told = ledger.sessions(matrix.ledger)
    kept = compare.kept_sessions(matrix.cluster, DATABASE, measured.run)
    rate = measured.answered / max(measured.seconds - matrix.down, 1)
    print(
        f"\n{measured.answered:,} requests answered in {measured.seconds:.0f} s, {matrix.down:.0f} s of which"
        f" without service: {rate:,.0f} a second; {measured.retransmitted:,} retransmitted,"
        f" {measured.timed_out:,} never answered"
    )
    print(compare.summary(told, kept))
    wrong = [
        f"{len(ids)} sessions: {fault} (such as {ids[0]})"
        for fault, ids in compare.compare(told, kept).items()
    ]
    wrong += subscribers.refused(measured)
    if rate < LEAST_RATE:
        wrong.append(f"only {rate:,.0f} answers a second between crashes: raise --rate, or end other loads")
    return wrong + subscribers.wrong_books(matrix.cluster, DATABASE)


def main(words: Sequence[str]) -> int:
    """0 when nothing was lost and nothing doubled, else 1."""
    chosen = options(words)
    try:
        with ExitStack() as stack:
            work = stack.enter_context(work_folder(chosen.work))
            cluster = Cluster(work / "postgres")
            cluster.create()
            stack.callback(cluster.stop)
            cluster.start()
            server = start_server(work, cluster, Size(accounts=chosen.accounts, corporate=10))
            stack.callback(server.stop)
            matrix = Matrix(work, cluster, server, chosen)
            wrong = judge(matrix, matrix.run())
    except BenchError as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"crash: {line}", file=sys.stderr)
    if not wrong:
        print("Nothing lost, nothing double.")
    return 1 if wrong else 0

"""
`bench/run`, `python -m bench`: measure, compare answers with balances, print the table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench import measure, report, subscribers
from bench.cluster import Cluster
from bench.endurance import ENDURANCE
from bench.measure import BESIDE, SMOKE, Bench, Results, Size
from bench.process import BenchError
from bench.scenarios import MEMORY, SCENARIOS, Scenario
from bench.server import DATABASE, Server

DISK = Path("/var/tmp")
"""Where the work folder is made: a real disk, where the temporary folder may be memory."""


def options(words: Sequence[str]) -> argparse.Namespace:
    """The command line; leaves with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    names = [*(scenario.name for scenario in (*SCENARIOS, MEMORY)), *BESIDE]
    parser.add_argument(
        "--smoke", action="store_true", help="some seconds, small: correctness only, speed never fails"
    )
    parser.add_argument("--seconds", type=float, help="of each run (10)")
    parser.add_argument("--repeats", type=int, help="runs of each scenario, whose median counts (3)")
    parser.add_argument("--window", type=int, help="calls at once (128)")
    parser.add_argument("--accounts", type=int, help="accounts that take part (10000)")
    parser.add_argument("--only", action="append", choices=names, help="this scenario (may be repeated)")
    parser.add_argument("--processes", type=int, help="of ours on the RADIUS and Diameter ports (1)")
    parser.add_argument("--tree", type=lambda text: Path(text).resolve(), metavar="DIR", help="whose server: of `python -m compiled --tree DIR`, say")
    parser.add_argument("--contacts", type=int, help="SIP contacts, each with a message that waits for it (100000)")
    parser.add_argument("--long-seconds", type=float, help=f"of {ENDURANCE} (1800)")
    parser.add_argument("--events", type=int, help="events of a run of theirs (20000, at most one an account)")
    parser.add_argument("--backlog", type=int, help="notifications that wait (1000000)")
    parser.add_argument("--peer-only", action="store_true", help="FreeRADIUS alone, without our server")
    parser.add_argument("--no-peer", action="store_true", help="our server alone, without FreeRADIUS")
    parser.add_argument("--record", action="store_true", help="append the table to bench/RESULTS.md")
    parser.add_argument(
        "--work", type=Path, help="keep everything in this new folder (default: a temporary one)"
    )
    return parser.parse_args(words)


@contextmanager
def work_folder(wanted: Path | None) -> Iterator[Path]:
    """A folder that the daemons' user may enter: the one wanted, which stays, or one that goes."""
    if wanted is not None:
        wanted.mkdir(parents=True)
        yield wanted.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="portaswitch-bench.", dir=DISK))
    try:
        os.chmod(folder, 0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_server(work: Path, cluster: Cluster, size: Size) -> Server:
    """Our server with the accounts of the bench, answering."""
    cluster.create_database(DATABASE)
    server = Server(work / "server", cluster, size.processes, tree=size.tree)
    server.initialise(cluster)
    subscribers.load(cluster, DATABASE, size.accounts, size.corporate)
    server.start()
    return server


def measured(chosen: argparse.Namespace, size: Size, wanted: Sequence[Scenario]) -> tuple[Results, str]:
    """Start everything, run, stop everything; the results and their text."""
    with ExitStack() as stack:
        work = stack.enter_context(work_folder(chosen.work))
        cluster = Cluster(work / "postgres")
        cluster.create()
        stack.callback(cluster.stop)
        cluster.start()
        peers = [] if chosen.no_peer else measure.start_peers(work, cluster, size)
        stack.callback(measure.stop_peers, peers)
        server = None if chosen.peer_only else start_server(work, cluster, size)
        if server is not None:
            stack.callback(server.stop)
        only = chosen.only or [name for name in BESIDE if chosen.smoke or name != ENDURANCE]  # the long run is for who asks for it
        results = Bench(work, cluster, server, peers, size).run(wanted, [name for name in BESIDE if name in only])
        names = [peer.name for peer in peers]
        if server is not None:
            results.wrong += measure.missing_ratios(results, Server.name, names)
        return results, report.document(results, Server.name, names, cluster, size)


def main(words: Sequence[str]) -> int:
    """0 when answers and balances agreed and every ratio could be computed, else 1; speed never matters."""
    chosen = options(words)
    size = SMOKE if chosen.smoke else Size()
    for name in ("seconds", "repeats", "window", "accounts", "contacts", "processes", "tree", "long_seconds", "events", "backlog"):
        if getattr(chosen, name) is not None:
            size = replace(size, **{name: getattr(chosen, name)})
    if chosen.no_peer:
        size = replace(size, peers=())
    wanted = [
        scenario for scenario in (*SCENARIOS, MEMORY) if not chosen.only or scenario.name in chosen.only
    ]
    try:
        results, text = measured(chosen, size, wanted)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(f"\n{text}")
    if chosen.record:
        report.record(text)
    return 1 if results.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

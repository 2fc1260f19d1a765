"""
The command line of simulators, so that an operator can try a handler against one by hand.

    python -m tests.simulators.calix_cms --port 18080 --lose-every 20 --fault busy
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Asked, Fault, Simulator


def run(make: Callable[[IReactorTime], Simulator], description: str, arguments: Sequence[str] | None = None) -> None:
    """
    Serve one simulator until Ctrl-C; every operation is a line on the terminal. The exit status is 1 when the port is taken.

    `arguments` are the command line's when None.
    """
    from twisted.internet import reactor

    options = parser(description).parse_args(arguments)
    simulator = make(cast(IReactorTime, reactor))
    prepare(simulator, options)
    failed: list[str] = []

    def told(port: Any) -> None:
        where = port.getHost()
        print(f"listening on {where.host}:{where.port}; Ctrl-C stops it", flush=True)

    def broken(failure: Any) -> None:
        failed.append(failure.getErrorMessage())
        cast(Any, reactor).stop()

    def start() -> None:
        TCP4ServerEndpoint(reactor, options.port, interface=options.interface).listen(simulator.factory()).addCallbacks(told, broken)

    cast(Any, reactor).callWhenRunning(start)
    cast(Any, reactor).run()
    if failed:
        sys.exit(failed[0])


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all simulators have."""
    options = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    options.add_argument("--port", type=int, default=0, help="TCP port; 0 (the default) takes a free one and prints it")
    options.add_argument("--interface", default="127.0.0.1", help="address to listen on (default: loopback only)")
    options.add_argument("--lose-every", type=int, default=0, metavar="N", help="act on every Nth request, but lose its answer (default: lose none)")
    options.add_argument(
        "--fault", action="append", default=[], choices=[fault.value for fault in Fault], help="switch a fault on from the start; may be given again"
    )
    return options


def prepare(simulator: Simulator, options: argparse.Namespace) -> None:
    """Set the switches and print what is asked."""
    simulator.faults.lose_every = options.lose_every
    for word in options.fault:
        simulator.faults.on(Fault(word))
    simulator.watch = show


def show(asked: Asked) -> None:
    """Print one operation, secrets masked."""
    print(asked, flush=True)

"""
The path of a request inside the server's process, without wire and database: CPU microseconds by kind.

    datagram > decode > to_request > core and decide > the literals of `exchange` | recorded rows > verdicts > to_reply > encode

    python -m tests.path [--rounds 5] [--only KIND] [--against TREE] [--plans]

Rows are what `exchange` answers when nothing is in the way, so that everything but the driver and the sockets is measured, with batches as
under load. With `--against` another tree of the same code (that of another commit, say) runs in turn with this one, block by block, in a
process of its own: ratios of CPU times hold on a shared machine, wall times do not. A tree of `python -m compiled --tree` has no tests: it gets
ours. With `--plans` so runs this tree with accounts that have three discount plans and a wallet, which the first column is of.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from portaswitch.billing.core import Core
from portaswitch.endpoints.client_habits import Habits
from portaswitch.endpoints.clients import Clients
from portaswitch.endpoints.radius import ACCT, AUTH, RadiusProtocol
from portaswitch.interfaces.catalogue import ICatalogue
from portaswitch.interfaces.ledger import ILedger
from portaswitch.logs import BillingLog
from portaswitch.model.catalogue import (
    Catalogue,
    Node,
    Observe,
    Product,
    Protection,
    RadiusClient,
    RatePlan,
    RatingEntry,
    Service,
    ServicePolicy,
    Tariff,
    Version,
)
from portaswitch.model.discount import Combine, DiscountPlan, Item, ItemKind, Measure, Reset, Step
from portaswitch.model.ledger import Member, Verdict
from portaswitch.model.request import Base
from portaswitch.store.ledger import Ledger
from portaswitch.store.pool import Pool
from portaswitch.wire.radius.codec import encode_request
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code
from tests import path_diameter, path_sip

ROOT = Path(__file__).resolve().parent.parent
SECRET = b"testing123"
HOST = "127.0.0.1"
#: Requests of a kind in a round, of a block, and at once: a block is what a worker does before it is another one's turn.
CALLS, BLOCK, AT_ONCE = 2048, 256, 128
KINDS = ("auth", "authz", "start", "alive", "stop", *path_diameter.KINDS, *path_sip.KINDS)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
OPENING = Decimal(1_000_000)
TIME = "12:00:00.000 UTC Wed Nov 25 2026"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

Attributes = list[tuple[str, Value]]


# -- the world: what catalogue.sql sells --------------------------------------------------------------------------------------------------


def catalogue() -> Catalogue:
    """One tariff of 1,001 destinations, a product with slices of 300 s, one node and one client."""
    prefixes = ["4420", *(f"44207{number:03}" for number in range(1000))]
    rates = {
        prefix: (
            Version(
                LONG_AGO,
                RatePlan(
                    1, "customer", "USD", 100 + place, 100 + place, prefix, 30, 6, Decimal("0.06"), Decimal("0.05"), 60, Decimal("0.01")
                ),
            ),
        )
        for place, prefix in enumerate(prefixes)
    }
    node = Node(1, 1, "bench", HOST, "bench.example")
    entry = RatingEntry(1, 1, 0, "", 1, 0, ServicePolicy(1, Protection.SLICE, 300))
    return Catalogue(
        1,
        {1: Service(1, "Voice", "Voice", Base.TIME)},
        {1: Product(1, "bench", "USD", Decimal(0), (entry,))},
        {1: Tariff(1, "customer", "USD", 1, rates, 8)},
        {1: node},
        {(1, HOST): node},
        {(1, "bench.example"): node},
        {},
        (RadiusClient(1, 1, HOST, SECRET, 1, Observe.AUTO, Observe.AUTO, False),),
    )


class Sold:
    """The catalogue in force; `counted`: with discount plans."""

    def __init__(self, counted: bool) -> None:
        self._catalogue = path_sip.with_messages(path_diameter.with_data(catalogue()))
        if counted:
            products = {number: replace(product, i_vd_plan=1) for number, product in self._catalogue.products.items()}
            self._catalogue = replace(self._catalogue, products=products, discount_plans=discounts())

    def current(self) -> Catalogue:
        """See `ICatalogue.current`."""
        return self._catalogue


def discounts() -> dict[int, DiscountPlan]:
    """A discount with a step, a quota, a wallet; a discount of all accounts of the customer."""
    far, half = Decimal(10**9), Decimal(50)
    items = {
        1: (Item(1, 1, ItemKind.DISCOUNT, Measure.UNITS, Reset.BILLING_PERIOD, (Step(Decimal(0), half), Step(far))),),
        2: (
            Item(2, 1, ItemKind.QUOTA, Measure.UNITS, Reset.DAILY, (Step(Decimal(0)), Step(far, forbidden=True))),
            Item(3, 1, ItemKind.WALLET, Measure.UNITS, Reset.NEVER, (Step(Decimal(0)),)),
        ),
        3: (Item(4, 1, ItemKind.DISCOUNT, Measure.UNITS, Reset.BILLING_PERIOD, (Step(Decimal(0)), Step(far, half))),),
    }
    return {number: DiscountPlan(number, f"plan {number}", "USD", Combine.ORDERED, made) for number, made in items.items()}


def _view(user: str, counted: bool) -> str:
    """What `exchange_view` says of an account of the bench."""
    limits = {"max_sessions": None, "max_outgoing": None, "max_incoming": None, "barred": None, "open_outgoing": 0, "open_incoming": 0}
    who = int(user.removeprefix("user"))
    money = {"i_env": 1, "revision": 1, "currency": "USD", "bill_status": "O", "blocked": False, "credit_limit": None, "language": "en"}
    account = {
        "i_account": who, "id": user, "i_customer": who // 10 + 1, "i_product": 1, "billing_model": -1, "h323_password": "\\x706131",
        "activation_date": None, "expiration_date": None, "balance": 1_000_000, "held": 0, "locked_by": None, "i_access_policy": None, "static_ip": None,
        "aliases": None, "barring": None, "i_vd_plan": None, "addons": None, "billing_period": None,
        "spend_limit": None, "spend_period": "monthly", "first_usage": None, "pays": False, "life_time": None, "last_usage": None, "inactivity_days": None,
    }  # fmt: skip
    customer = {
        "i_customer": who // 10 + 1, "name": f"bench{who // 10}", "i_parent": None, "temp_credit_limit": None, "temp_credit_until": None, "i_tariff": None,
        "timezone": "UTC", "balance": 0, "held": 0, "i_vd_plan": None, "spend_limit": None, "spend_period": "monthly",
    }  # fmt: skip
    if counted:
        account["i_vd_plan"], customer["i_vd_plan"] = 2, 3
    wallets = [{"i_service_wallet": who, "i_vd_dg": 3, "balance": 10**9, "held": 0, "expires": "infinity", "begins": None}] if counted else None
    rows = {"counters": None, "wallets": wallets}
    return json.dumps({"account": {**money, **limits, **account}, "session": None, "chain": [{**money, **limits, **customer}], **rows})


class Recorded:
    """In the pool's place: answers as `exchange` does when nothing is in the way, `flush` by `flush`."""

    def __init__(self, counted: bool) -> None:
        self._counted = counted
        self.members: Sequence[Member] = ()
        self._waiting: list[tuple[Deferred[Any], Sequence[Member]]] = []
        self._funds: dict[int, tuple[Decimal, Decimal]] = {}

    def query(self, sql: str, values: tuple[Any, ...]) -> Deferred[Any]:
        """See `Pool.query`."""
        done: Deferred[Any] = Deferred()
        self._waiting.append((done, self.members))
        return done

    def flush(self) -> None:
        """Answer all that is asked, and what is asked because of that."""
        while self._waiting:
            done, members = self._waiting.pop(0)
            done.callback([self._row(place, member) for place, member in enumerate(members, 1)])

    def _row(self, place: int, member: Member) -> tuple[Any, ...]:
        change = member.change
        if change is None and member.basis is None:
            user = member.request.parties.user
            return (place, "S", None, None, None, None, None, None, None, None, None, None, _view(user, self._counted))
        i_account = change.i_account if change is not None else member.i_account
        balance, held = self._funds.get(i_account, (OPENING, Decimal(0)))
        if change is not None and (change.debit or change.hold):
            balance, held = self._funds[i_account] = (balance - change.debit, held + change.hold)
        return (place, "A", balance, held, 0, 0, None, Decimal(0), Decimal(0), 0, 0, None, None)


class Books:
    """The server's ledger on recorded rows."""

    def __init__(self, recorded: Recorded) -> None:
        self._ledger, self._recorded = Ledger(cast(Pool, recorded), lambda sealed: "pw1"), recorded

    def exchange(self, members: Sequence[Member]) -> Deferred[list[Verdict]]:
        """See `Ledger.exchange`."""
        self._recorded.members = members
        return self._ledger.exchange(members)


# -- the requests, as radgen sends them ---------------------------------------------------------------------------------------------------


def _attributes(kind: str, number: int, run: int) -> Attributes:
    # Sessions of accounting were never authorized, as in radgen's mode acct.
    run = run * 2 + (kind not in ("auth", "authz"))
    user, session = f"user{number % 1000 + 1}", f"{run:08X}{number:08X}"
    node: Attributes = [("NAS-IP-Address", HOST), ("NAS-Identifier", "bench.example"), ("NAS-Port", 5060), ("NAS-Port-Type", 5)]
    numbers: Attributes = [
        ("Called-Station-Id", f"44207{number % 1000:03}1234"),
        ("Calling-Station-Id", "447700900123"),
        ("h323-conf-id", f"{run:08X} 5241444E {number:08X} 00000001"),
    ]
    if kind in ("auth", "authz"):
        asked: Attributes = [*numbers, ("h323-ivr-out", "PortaBilling_Authorize:base=session-time;max=300;min=30")]
        return [("User-Name", user), ("User-Password", "pw1"), *node, *(asked if kind == "authz" else [])]
    status, seconds = {"start": (1, 0), "alive": (3, 90), "stop": (2, 183)}[kind]
    more: Attributes = [
        ("Acct-Terminate-Cause", 1),
        ("h323-setup-time", TIME),
        ("h323-connect-time", TIME),
        ("h323-disconnect-time", TIME),
        ("h323-disconnect-cause", "10"),
    ]
    return [
        ("User-Name", user), *node, *numbers, ("Acct-Status-Type", status), ("Acct-Session-Id", session), ("Acct-Session-Time", seconds),
        ("Acct-Delay-Time", 0), ("Service-Type", 1), ("h323-call-origin", "originate"), ("h323-call-type", "VoIP"),
        ("h323-remote-address", "192.0.2.99"), *(more if kind == "stop" else []),
    ]  # fmt: skip


def packets(kind: str, run: int) -> list[bytes]:
    """One request of `kind` for every call."""
    if kind in path_diameter.KINDS:
        return [path_diameter.request(kind, number, run) for number in range(CALLS)]
    code = Code.ACCESS_REQUEST if kind in ("auth", "authz") else Code.ACCOUNTING_REQUEST
    dictionary = Dictionary.standard()
    return [encode_request(code, number & 255, _attributes(kind, number, run), SECRET, dictionary) for number in range(CALLS)]


class Answers:
    """In the transport's place: counts answers by code."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}

    def write(self, reply: bytes, peer: Any) -> None:
        """One answer."""
        self.codes[reply[0]] = self.codes.get(reply[0], 0) + 1


class Line:
    """The server's path between its socket and its database."""

    def __init__(self, counted: bool = False) -> None:
        self.recorded, self.answers, self._clock = Recorded(counted), Answers(), Clock()
        sold = Sold(counted)
        core = Core(cast(ILedger, Books(self.recorded)), cast(ICatalogue, sold), BillingLog(None))
        clients = Clients(sold.current(), Habits(lambda: NOW))
        self._ports = [RadiusProtocol(port, core, lambda: clients, self._clock, lambda: NOW) for port in (AUTH, ACCT)]
        for protocol in self._ports:
            protocol.transport = cast(Any, self.answers)
            protocol.startProtocol()
        rows = Recorded(counted)
        self.diameter = path_diameter.DiameterLine(sold.current(), cast(ILedger, Books(rows)), cast(ICatalogue, sold), rows.flush, NOW)
        texts = Recorded(counted)
        self.sip = path_sip.SipLine(sold.current(), cast(ILedger, Books(texts)), cast(ICatalogue, sold), texts.flush, NOW)

    def run(self, kind: str, datagrams: list[bytes]) -> float:
        """CPU seconds for these requests."""
        if kind in path_diameter.KINDS:
            return self.diameter.run(datagrams, AT_ONCE)
        if kind in path_sip.KINDS:
            return self.sip.run(datagrams, AT_ONCE)
        protocol = self._ports[kind not in ("auth", "authz")]
        before = process_time()
        for first in range(0, len(datagrams), AT_ONCE):
            for number, datagram in enumerate(datagrams[first : first + AT_ONCE]):
                protocol.datagramReceived(datagram, (HOST, 40000 + (first + number) // 256 % 1000))
            self.recorded.flush()
        return process_time() - before


# -- workers in turn ----------------------------------------------------------------------------------------------------------------------


def work(counted: bool, kinds: Sequence[str]) -> None:
    """Serve lines `RUN KIND FIRST` on stdin: run that block of requests, print its CPU seconds. The first run makes accounts and code warm."""
    line, known = Line(counted), dict[tuple[int, str], list[bytes]]()
    gc.disable()
    for words in map(str.split, sys.stdin):
        run, kind, first = int(words[0]), words[1], int(words[2])
        if (run, kind) not in known:
            known[run, kind] = line.sip.packets(run, CALLS) if kind in path_sip.KINDS else packets(kind, run)
            gc.collect()
            gc.freeze()
        print(line.run(kind, known[run, kind][first : first + BLOCK]), flush=True)
    told, calls = line.answers.codes, CALLS * (run + 1)
    good, messages = line.diameter.good, (line.sip.accepted, line.sip.delivered, line.sip.settled)
    wanted = Counter(int(Code.ACCESS_ACCEPT if kind in ("auth", "authz") else Code.ACCOUNTING_RESPONSE) for kind in kinds if kind in KINDS[:5])
    if told != {code: many * calls for code, many in wanted.items()} or good != len({*path_diameter.KINDS} & {*kinds}) * calls or (
        "message" in kinds and messages != (calls,) * 3
    ):  # fmt: skip
        raise SystemExit(f"answers by code {told}, {good} CCAs of success, messages {messages}: no measurement")


class Worker:
    """A process that runs the path in one tree."""

    def __init__(self, tree: str, *options: str) -> None:
        command, environment = [sys.executable, "-m", "tests.path", "--work", *options], {**os.environ, "PYTHONPATH": f"{tree}:{ROOT}"}
        self._process = subprocess.Popen(command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def block(self, run: int, kind: str, first: int) -> float:
        """CPU seconds of one block."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{run} {kind} {first}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """Let it check its answers; SystemExit where they are wrong."""
        self._process.communicate()
        if self._process.returncode:
            raise SystemExit("a worker failed")


def rounds_of(workers: list[Worker], rounds: int, kinds: Sequence[str]) -> dict[str, list[list[float]]]:
    """CPU microseconds a request: by kind, round and worker. Workers take turns block by block, so that what else the machine does meets all alike."""
    told: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    for run in range(rounds + 1):
        for kind in kinds:
            sums = [0.0] * len(workers)
            for first in range(0, CALLS, BLOCK):
                for place, worker in enumerate(workers):
                    sums[place] += worker.block(run, kind, first)
            if run:  # the first one warms up
                told[kind].append([seconds / CALLS * 1e6 for seconds in sums])
    return told


def table(told: dict[str, list[list[float]]]) -> Iterator[str]:
    """One line a kind: the median of each tree, and the first tree's time over each other's, median of the rounds (least - most)."""
    for kind, rounds in told.items():
        cells = [f"{statistics.median(column):7.1f}" for column in zip(*rounds, strict=True)]
        for place in range(1, len(cells)):
            ratios = sorted(row[0] / row[place] for row in rounds)
            cells.append(f"  ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})")
        yield f"{kind:6}{''.join(cells)}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.path", description="CPU microseconds a request inside the process, by kind.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", action="append", default=[], metavar="TREE", help="another tree of the same code, to run in turn with this one")
    parser.add_argument("--plans", action="store_true", help="measure accounts with three discount plans and a wallet against plain ones")
    parser.add_argument("--only", action="append", choices=KINDS, help="this kind (may be repeated)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds = options.only or KINDS
    if options.work:
        work(options.plans, kinds)
        return
    only = [word for kind in options.only or () for word in ("--only", kind)]
    first = [Worker(str(ROOT), "--plans", *only)] if options.plans else []
    workers = [*first, *[Worker(tree, *only) for tree in (str(ROOT), *options.against)]]
    told = rounds_of(workers, options.rounds, kinds)
    for worker in workers:
        worker.end()
    print("\n".join(table(told)))


if __name__ == "__main__":
    main()

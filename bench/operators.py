"""
What operators do beside the charging, and how fast: top-ups, a price list, a list of xDRs, a load of accounts. Each says what was wanted of it (issue 4) and
whether the database holds what was asked for.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from bench import load, scenarios
from bench.cluster import Cluster
from bench.load import Measured
from bench.process import BenchError, Daemon
from bench.server import DATABASE, Server
from bench.subscribers import HERE

OPERATORS = "operators"
"""The name of all this among the scenarios."""

CHARGING = next(scenario for scenario in scenarios.SCENARIOS if scenario.name == "acct")
LISTED = HERE / "listed.sql"
PAGE = 50
"""xDRs of a list, as an operator sees it."""
WITHOUT_END = 3600.0
"""Seconds of a load that is stopped when something else is over."""

LISTING = """
import json, sys, time
from datetime import datetime
from pathlib import Path
from twisted.internet import task
from twisted.internet.defer import Deferred
from portaswitch.administration import administration
from portaswitch.config import load

async def main(reactor, config, since, last):
    async with administration(reactor, load(config)) as admin:
        async def listed(last):
            begun = time.perf_counter()
            rows = await admin.xdrs(account="listed", since=datetime.fromisoformat(since), last=last)
            return rows, 1000 * (time.perf_counter() - begun)
        pages = [await listed(int(last)) for _ in range(21)]
        whole, milliseconds = await listed(0)
    print(json.dumps({"page": len(pages[0][0]), "ids": [row.id for row in pages[0][0]], "page_ms": [took for _, took in pages], "all": len(whole),
        "all_ms": milliseconds, "amount": str(sum(row.amount for row in whole))}))

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
"""
"""Run by the server's own Python: the list that `xdr list` prints, without the start of an interpreter."""


class Size(load.Size, Protocol):
    """How much of each (`measure.Size`)."""

    @property
    def topups(self) -> int:
        """Lines of a file of top-ups."""

    @property
    def rates(self) -> int:
        """Rates of a price list."""

    @property
    def listed(self) -> int:
        """xDRs of one account on one day."""

    @property
    def loaded(self) -> int:
        """Accounts of a load."""


@dataclass
class Figure:
    """One measurement: in words, what was wanted, CPU seconds of the command, and where the database does not hold what it should."""

    name: str
    title: str
    measured: str
    wanted: str
    cpu: float
    wrong: list[str] = field(default_factory=list)


class Charge:
    """Calls that are charged while something else goes on, at half of the rate that the server reaches."""

    def __init__(self, generator: Path, server: Server, size: Size) -> None:
        self._generator, self._server, self._size = generator, server, size
        self._folder = generator.parent
        self._runs = 0
        self.answers: list[Measured] = []
        self.rate = self._alone(0).per_second / 2
        self.before = self._alone(self.rate)

    def _work(self, seconds: float, rate: float) -> load.Work:
        return scenarios.work_of(CHARGING, seconds, self._size.window, self._size.accounts, ours=True, rate=rate)

    def _alone(self, rate: float) -> Measured:
        measured = load.generate(self._generator, self._server.wire, self._work(self._size.seconds, rate))
        self.answers.append(measured)
        return measured

    @contextmanager
    def beside(self) -> Iterator[Callable[[], Measured]]:
        """It goes on within the block; what it measured can be asked after it."""
        self._runs += 1
        log = self._folder / f"charging{self._runs}.json"
        words = load.command(self._generator, self._server.wire, self._work(WITHOUT_END, self.rate))
        daemon = Daemon("the load generator", words, log, as_service=False, cwd=self._folder)
        found: list[Measured] = []
        try:
            yield lambda: found[0]
        finally:
            daemon.stop()
        found.append(load.read(log.read_text()))
        self.answers += found

    def share(self, during: Measured) -> str:
        """How the charging went, in words."""
        return (
            f"{during.per_second:,.0f} answers/s beside it, {during.per_second / self.before.per_second:.0%} of before"
            f" (p99 {self.before.p99:.1f} ms before, {during.p99:.1f} ms beside it)"
        )


class Operators:
    """The measurements, on a server that is running."""

    def __init__(self, charge: Charge, cluster: Cluster, server: Server, size: Size, folder: Path) -> None:
        self._charge, self._cluster, self._server, self._size, self._folder = charge, cluster, server, size, folder

    def top_ups(self) -> Figure:
        """A file of top-ups, each an operation with its own key, while calls are charged."""
        lines, accounts = self._size.topups, self._size.accounts
        file = self._file("topups.csv", "id,amount", (f"user{number * 7 % accounts + 1},0.{number % 99 + 1:02}" for number in range(lines)))
        wanted = sum((Decimal(number % 99 + 1) / 100 for number in range(lines)), Decimal(0))
        with self._charge.beside() as during:
            time.sleep(1)
            (text, _, cpu) = self._timed("account", "topup-file", file, "--key", "bench", "--json")
        said = json.loads(text)
        paid = self._one("select count(*) || ' of ' || coalesce(sum(amount), 0) from payments")
        wrong = [] if paid == f"{lines} of {wanted}" else [f"payments are {paid}, not {lines} of {wanted}"]
        wrong += [] if said["booked"] == lines else [f"{said['booked']} of {lines} top-ups are booked"]
        again = json.loads(self._server.administer("account", "topup-file", file, "--key", "bench", "--json"))
        if again["booked"] != lines or self._one("select count(*) from payments") != str(lines):
            wrong.append("the same file booked something twice")
        measured = f"{lines / said['seconds']:,.0f}/s; {self._charge.share(during())}"
        return Figure("topups", f"{lines:,} top-ups while calls are charged", measured, ">= 800/s", cpu, wrong)

    def price_list(self) -> Figure:
        """A price list into the tariff that calls are charged by; none of its prefixes is called."""
        count = self._size.rates
        rows = (f"{9_000_000_000 + number * 31},0.{number % 97 + 1:04}" for number in range(count))
        file = self._file("prices.csv", "prefix,price", rows)
        with self._charge.beside() as during:
            time.sleep(1)
            _, seconds, cpu = self._timed("rate", "upload", "customer", file, "--destinations-add", "--json")
        stored = self._one(
            "select count(*) || ' of ' || sum(price_n) from rates join tariffs using (i_tariff) join destinations using (i_dest) "
            "where tariffs.name = 'customer' and prefix like '9%' and length(prefix) > 9"
        )
        wanted = f"{count} of {sum((Decimal(number % 97 + 1) / 10_000 for number in range(count)), Decimal(0)):.4f}"
        wrong = [] if stored == wanted else [f"the rates are {stored}, not {wanted}"]
        return Figure("rates", f"upload of {count:,} rates", f"{seconds:.1f} s; {self._charge.share(during())}", "1,000,000 in < 60 s, >= 90 %", cpu, wrong)

    def listing(self) -> Figure:
        """The newest xDRs of one day of an account that had many."""
        count = self._size.listed
        self._cluster.query(DATABASE, LISTED.read_text(), xdrs=count)
        since = self._one("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T00:00:00+00:00\"')")
        said: dict[str, Any] = json.loads(self._server.ask(LISTING, since, str(PAGE)))
        words = ("xdr", "list", "--account", "listed", "--since", since[:10], "--last", str(PAGE), "--json")
        text, seconds, cpu = self._timed(*words)
        newest = self._one(f"select id from xdr where account_id = 'listed' order by bill_time desc, id desc limit {PAGE}")
        wrong = [] if newest.split() == [str(number) for number in said["ids"]] else ["the list does not show the newest xDRs"]
        if [row["id"] for row in json.loads(text)] != said["ids"]:
            wrong.append("`xdr list` shows other xDRs than the list within a process")
        if said["all"] != count or Decimal(said["amount"]) != Decimal(count) / 100:
            wrong.append(f"the whole day is {said['all']} xDRs of {said['amount']}, not {count} of {Decimal(count) / 100}")
        measured = f"{statistics.median(said['page_ms']):.1f} ms for {PAGE}; all {count:,}: {said['all_ms']:,.0f} ms; `xdr list` {seconds:.2f} s"
        return Figure("listing", f"xDRs of a day of an account with {count:,}", measured, "< 100 ms", cpu, wrong)

    def loading(self) -> Figure:
        """A catalogue file with many accounts."""
        count = self._size.loaded
        accounts = (
            f'  "load{number}": {{customer: Loaded {number % 100}, product: bench, model: debit, opening_balance: {number % 50}.25}}' for number in range(count)
        )
        customers = "\n".join(f"  Loaded {number}: {{currency: USD}}" for number in range(100))
        file = self._file("accounts.yaml", f"customers:\n{customers}\naccounts:", accounts)
        _, seconds, cpu = self._timed("load", file, "--json")
        stored = self._one("select count(*) || ' of ' || sum(balance) from accounts where id like 'load%'")
        wanted = f"{count} of {sum((Decimal(number % 50) + Decimal('0.25') for number in range(count)), Decimal(0))}"
        wrong = [] if stored == wanted else [f"the accounts are {stored}, not {wanted}"]
        return Figure("load", f"load of {count:,} accounts", f"{seconds:.1f} s", "100,000 in < 60 s", cpu, wrong)

    def verify(self) -> Figure:
        """`portaswitch verify` after all of that."""
        try:
            _, seconds, cpu = self._timed("verify", "--json")
        except BenchError as error:
            return Figure("verify", "`portaswitch verify`", "differs", "OK", 0, [str(error)])
        return Figure("verify", "`portaswitch verify`", f"OK in {seconds:.1f} s", "OK", cpu)

    def _timed(self, *words: str | Path) -> tuple[str, float, float]:
        """What a command printed, its seconds, and its CPU seconds."""
        begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        text = self._server.administer(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return text, time.monotonic() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def _one(self, sql: str) -> str:
        return self._cluster.query(DATABASE, sql)

    def _file(self, name: str, head: str, rows: Iterator[str]) -> Path:
        path = self._folder / name
        with path.open("w") as stream:
            stream.writelines(f"{line}\n" for line in (head, *rows))
        return path


def measure(generator: Path, cluster: Cluster, server: Server, size: Size) -> list[Figure]:
    """All of it, one after the other; each is told as soon as it is there."""
    cluster.settle()
    charge = Charge(generator, server, size)
    operators = Operators(charge, cluster, server, size, generator.parent)
    figures = []
    for one in (operators.top_ups, operators.price_list, operators.listing, operators.loading, operators.verify):
        cluster.settle()
        figure = one()
        print(f"  {figure.name:9} {figure.measured} (wanted {figure.wanted}; CPU of the command {figure.cpu:.1f} s)", flush=True)
        figures.append(figure)
    figures[0].wrong += _unanswered(charge)
    return figures


def _unanswered(charge: Charge) -> list[str]:
    """What was wrong with the calls."""
    return [
        f"{one.rejected} requests were rejected, {one.timed_out} unanswered, while operators worked" for one in charge.answers if one.rejected or one.timed_out
    ]

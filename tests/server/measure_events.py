"""
What events cost a charge: CPU microseconds of the database a request, by who subscribes. Not a test: a measure for whoever changes the triggers.

    python -m tests.server.measure_events [seconds] [rounds] [calls at once] [backlog]

`backlog` is how many notifications of other entities wait, behind which balances are measured again.

The ways take turns, block by block, on one database; the spread of the rounds is told. CPU time counts, so that a busy machine matters little.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from portaswitch.billing.core import Core
from portaswitch.billing.limits import Limits
from portaswitch.config.catalogue import read_catalogue
from portaswitch.errors import PortaSwitchError
from portaswitch.logs import BillingLog
from portaswitch.model.actor import Actor
from portaswitch.model.request import Kind
from portaswitch.operations.load import load
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.event_sources import read_sources
from portaswitch.store.ledger import Ledger
from portaswitch.store.loading import Loading
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.secrets import Sealer
from tests.server.charging import call_request
from tests.server.database import fresh_database
from tests.server.loads import DEMO, quiet

ACCOUNTS = 2000
MAKE = """
with made as (
    insert into customers (i_env, name, currency) select 1, 'c' || n, 'CAD' from generate_series(1, %s) n returning i_customer, name)
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency)
select 1, '9' || substr(m.name, 2), m.i_customer, a.i_product, 1, 'CAD' from made m, accounts a where a.id = '10086610975'
"""
BACKLOG = """
with queued as (
    insert into event_queue (i_env, event_type, entity, variables)
    select 1, 'Account/BalanceChanged', 'account:' || 1000000 + n, '{"i_env": 1}' from generate_series(1, %s) n returning i_event, entity)
insert into event_notifications (i_event, i_handler, entity) select i_event, i_handler, entity from queued, event_handlers
"""
TRIGGERS = "select tgrelid::regclass::text, tgname from pg_trigger where tgname ~ '_events_(insert|update|delete)$'"
FUNDS = ("Account/ZeroAvailableFunds", "Account/AvailableFundsAppear")
STATES = ("Account/Blocked", "Account/Unblocked", "Account/Status/Closed", *FUNDS, "Account/SIMCardAssignment")
WAYS: dict[str, tuple[bool, tuple[str, ...]]] = {
    "triggers disabled": (False, ()),
    "no subscriber": (True, ()),
    "subscriber of states": (True, STATES),
    "subscriber of balances": (True, ("Account/BalanceChanged", "Customer/BalanceChanged")),
    "balances behind a backlog": (True, ("Account/BalanceChanged", "Customer/BalanceChanged")),
    "five subscribers of all": (True, tuple(event.name for event in read_sources().events)),
}
"""Whether the triggers are enabled, and what a handler subscribes to."""


def worked(processes: list[int]) -> float:
    """CPU seconds of these processes."""
    return sum(sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13])) for process in processes) / 100


class Measure:
    """One database and a core; `block` measures one way for some seconds."""

    def __init__(self, clock: Any, lanes: int, backlog: int) -> None:
        self.clock, self.lanes, self.backlog, self.calls = clock, lanes, backlog, 0

    async def begin(self) -> None:
        """Load, and make the accounts, each of a customer of its own."""
        dsn, sealer = await fresh_database(), Sealer({1: b"k" * 32})
        self.pool = Pool(self.clock, dsn, size=1, name="work", wait=60)
        self.hot = Pool(self.clock, dsn, size=2, name="hot", settings=HOT_SETTINGS, wait=60)
        await self.pool.start()
        await self.hot.start()
        await load(read_catalogue(DEMO, 1), Loading(self.pool, sealer, Actor("measure", 1), "demo"), quiet)
        await self.pool.execute(MAKE, (ACCOUNTS,))
        catalogue = CatalogueStore(self.pool, self.clock, sealer.open)
        await catalogue.reload()
        ((self.node,),) = await self.pool.query("select i_node from nodes where name = 'Card gateway'")
        self.core = Core(Ledger(self.hot, sealer.open), catalogue, BillingLog(None), Limits())
        self.backends = [pid for (pid,) in await self.pool.query("select pid from pg_stat_activity where application_name ~ '^portaswitch hot'")]

    async def turn(self, way: str) -> None:
        """Make one way hold."""
        (enabled, events), handlers = WAYS[way], 5 if way.startswith("five") else 1
        await self.pool.execute("truncate event_queue, event_notifications; delete from event_handlers")
        for number in range(handlers if events else 0):
            await self.pool.execute("insert into event_handlers (name, class, enabled) values (%s, 'T', true)", (f"h{number}",))
        await self.pool.execute("insert into event_subscriptions select i_handler, e from event_handlers, unnest(%s::text[]) e", (list(events),))
        if way.endswith("backlog"):
            await self.pool.execute(BACKLOG, (self.backlog,))
        for table, trigger in await self.pool.query(TRIGGERS):
            await self.pool.execute(f"alter table {table} {'enable' if enabled else 'disable'} trigger {trigger}")

    async def calling(self, end: float) -> None:
        """Calls one after the other."""
        while time.monotonic() < end:
            number = self.calls = self.calls + 1
            name = f"9{(number * 7) % ACCOUNTS + 1}"
            for kind, used in ((Kind.AUTH, None), (Kind.STOP, 60)):
                await self.core.handle(call_request(kind, name, f"m{number}", self.node, used))

    async def block(self, seconds: float) -> float:
        """Microseconds of the database for a call: an authorization and a charge."""
        before, calls = worked(self.backends), self.calls
        end = time.monotonic() + seconds
        await gatherResults([Deferred.fromCoroutine(self.calling(end)) for _ in range(self.lanes)])
        return 1e6 * (worked(self.backends) - before) / (self.calls - calls)


async def measure(clock: Any, seconds: float, rounds: int, lanes: int, backlog: int) -> None:
    """All ways by turns, then the medians and their spread."""
    made = Measure(clock, lanes, backlog)
    await made.begin()
    await made.block(seconds)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            await made.turn(way)
            await made.block(seconds / 5)
            found[way].append(await made.block(seconds))
    for way, figures in found.items():
        print(f"{way:<24} {median(figures):6.0f} us a call ({min(figures):.0f} to {max(figures):.0f})")
    await made.hot.close()
    await made.pool.close()


def main(clock: Any, *arguments: str) -> Deferred[None]:
    """Seconds, rounds, calls at once and backlog from the command line."""
    seconds, rounds, lanes, backlog = [*map(int, arguments), *(3, 5, 128, 100000)[len(arguments) :]]
    return Deferred.fromCoroutine(measure(reactor, seconds, rounds, lanes, backlog))


if __name__ == "__main__":
    try:
        react(main, sys.argv[1:])
    except PortaSwitchError as error:
        sys.exit(str(error))

"""
How many top-ups a second the desk commits while calls are charged. Not a test: a measure for whoever changes the desk.

    TMPDIR=/tmp python -m tests.server.measure_topups [seconds] [accounts]       # on disk; without TMPDIR in memory
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import react

from portaswitch.billing.core import Core
from portaswitch.config.catalogue import read_catalogue
from portaswitch.errors import PortaSwitchError
from portaswitch.logs import BillingLog
from portaswitch.model.actor import Actor
from portaswitch.model.request import Kind
from portaswitch.operations.desk import Desk
from portaswitch.operations.entities import ENTITIES
from portaswitch.operations.load import load
from portaswitch.store.audit import audit
from portaswitch.store.catalogue import CatalogueStore
from portaswitch.store.ledger import Ledger
from portaswitch.store.loading import Loading
from portaswitch.store.pool import HOT_SETTINGS, Pool
from portaswitch.store.secrets import Sealer
from portaswitch.store.work import Books
from tests.server.charging import call_request
from tests.server.database import fresh_database
from tests.server.loads import DEMO, quiet

AT_ONCE, CALLERS = 256, 8
"""Top-ups under way at once (the pool's connections decide how many run), and calls at once."""

ACCOUNTS = """
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance)
select 1, '9' || n, a.i_customer, a.i_product, -1, a.currency, 10, 10 from accounts a, generate_series(1, %s) n where a.id = '10086610975'
"""


async def measure(clock: Any, seconds: float, accounts: int) -> None:
    """Both at once for so many seconds, then the audit."""
    dsn, sealer = await fresh_database(), Sealer({1: b"k" * 32})
    pool, hot = Pool(clock, dsn, size=4, name="work", wait=60), Pool(clock, dsn, size=2, name="hot", settings=HOT_SETTINGS, wait=60)
    await pool.start()
    await hot.start()
    root = Actor("measure", 1)
    await load(read_catalogue(DEMO, 1), Loading(pool, sealer, root, "demo"), quiet)
    await pool.execute(ACCOUNTS, (accounts,))
    catalogue = CatalogueStore(pool, clock, sealer.open)
    await catalogue.reload()
    ((node,),) = await pool.query("select i_node from nodes where name = 'Card gateway'")
    core, desk = Core(Ledger(hot, sealer.open), catalogue, BillingLog(None)), Desk(Books(pool, sealer, ENTITIES))
    end, done = time.monotonic() + seconds, {"topups": 0, "calls": 0}

    async def topping(lane: int) -> None:
        while time.monotonic() < end:
            number = done["topups"] = done["topups"] + 1
            await desk.operate(root, "account.topup", {"id": f"9{number % accounts + 1}", "amount": "0.01"}, f"k{number}")

    async def calling(lane: int) -> None:
        while time.monotonic() < end:
            number = done["calls"] = done["calls"] + 1
            name = f"9{(number * 7) % accounts + 1}"
            for kind, used in ((Kind.AUTH, None), (Kind.STOP, 60)):
                await core.handle(call_request(kind, name, f"m{number}", node, used))

    began, worked = time.monotonic(), time.process_time()
    lanes = [Deferred.fromCoroutine(topping(lane)) for lane in range(AT_ONCE)] + [Deferred.fromCoroutine(calling(lane)) for lane in range(CALLERS)]
    found = await DeferredList(lanes, consumeErrors=True)
    took, worked = time.monotonic() - began, time.process_time() - worked
    faults = [str(failure) for good, failure in found if not good]
    ((paid,),) = await pool.query("select count(*) from payments")
    ((charged,),) = await pool.query("select count(*) from xdr where storage = 'a' and not failed")
    print(f"{paid / took:.0f} top-ups/s and {charged / took:.0f} calls/s committed in {took:.1f} s, {1000 * worked / paid:.2f} ms of this process a top-up")
    print(f"the audit finds {(await audit(pool)).differ} differences; errors: {faults}")
    await hot.close()
    await pool.close()


def main(clock: Any, *arguments: str) -> Deferred[None]:
    """Seconds and accounts from the command line."""
    seconds, accounts = [*map(int, arguments), *(5, 1000)[len(arguments) :]]
    return Deferred.fromCoroutine(measure(reactor, seconds, accounts))


if __name__ == "__main__":
    try:
        react(main, sys.argv[1:])
    except PortaSwitchError as error:
        sys.exit(str(error))

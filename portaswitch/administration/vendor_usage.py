"""
What a vendor has counted for an account, asked of its system at this moment (`evctl handler usage`).

The vendor may be busy with our own server: Jasper takes one call at a time. So whoever is turned away asks again after a short pause, for some time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from portaswitch.administration.handlers import loaded
from portaswitch.administration.opening import asked
from portaswitch.config.settings import Settings
from portaswitch.errors import StartError
from portaswitch.espf.driver import Drive
from portaswitch.espf.registry import Ready
from portaswitch.espf.verdicts import Ended, HandlerStopped
from portaswitch.espf.wires import Wires
from portaswitch.handler import Subscriber
from portaswitch.model.notification import HandlerRow, Verdict
from portaswitch.store.database import Database
from portaswitch.store.snapshots import read_snapshots
from portaswitch.transports import transport

TRIES: Final = 20
"""How often a vendor is asked that turns us away."""
PAUSE: Final = 0.5
"""Seconds between two tries at least, and at most ten times as long, whatever the vendor wishes."""
_ACCOUNT: Final = "select coalesce(i_master_account, i_account) from accounts where i_env = %s and id = %s"


async def usage(reactor: Any, database: Database, settings: Settings, row: HandlerRow, account: str) -> Mapping[str, Any]:
    """
    The facts that the handler's vendor tells of an account, by name. Errors: StartError where there is no such account, or the vendor does not tell.
    """
    ready = loaded(settings).ready().get(row.name)
    if ready is None:
        raise StartError(f"{row.name} can't run: `portaswitch check` says why")
    subscriber = await _subscriber(database, row, ready, account)
    wires = {name: transport(reactor, name or row.name, target, ready.reading.values) for name, target in ready.handler.reach().items()}
    told = Wires(ready.handler, wires, lambda: datetime.now(UTC), reactor.seconds)
    try:
        return await _told(reactor, told, ready, subscriber)
    finally:
        await gatherResults(told.close())


async def _subscriber(database: Database, row: HandlerRow, ready: Ready, account: str) -> Subscriber:
    environment = ready.instance.i_env
    found = await asked(database.pool.query(_ACCOUNT, (environment, account)))
    numbers = [number for (number,) in found]
    snapshots = await asked(read_snapshots(database.pool, database.sealer.open, numbers, ready.handler.needs))
    if not snapshots:
        raise StartError(f"there is no account {account} in the environment of {row.name}")
    return snapshots[numbers[0]]


async def _told(reactor: Any, wires: Wires, ready: Ready, subscriber: Subscriber) -> Mapping[str, Any]:
    for time in range(1, TRIES + 1):
        drive = Drive(wires)
        try:
            await drive.run(partial(ready.handler.usage, subscriber))
        except HandlerStopped as error:
            raise StartError(str(error)) from error
        except Ended as error:
            if error.verdict is not Verdict.RETRY or time == TRIES:
                raise StartError(error.note) from error
            await deferLater(reactor, min(max(error.delay, PAUSE), 10 * PAUSE))
        else:
            return dict(drive.result or {})
    raise AssertionError("the last try returns or raises")

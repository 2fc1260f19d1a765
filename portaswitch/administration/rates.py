"""`tariff ...` and `rate ...`: price lists into tariffs, out of them, and what is in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool

from portaswitch.administration.opening import asked, shielded
from portaswitch.errors import StartError
from portaswitch.interfaces.loading import Progress
from portaswitch.model.actor import Actor
from portaswitch.model.price_upload import Asked, Faults, Mode, Uploaded, UploadRefused
from portaswitch.operations.entities import ENTITIES
from portaswitch.operations.price_file import PriceFile
from portaswitch.operations.price_rights import permit
from portaswitch.store import rate_listings
from portaswitch.store.database import Database
from portaswitch.store.rate_listings import RateLine, TariffLine
from portaswitch.store.rate_upload import RateUpload
from portaswitch.store.work import Books

__all__ = ["Asked", "Mode", "RateLine", "TariffLine", "UploadRefused", "Uploaded", "export", "history", "rates", "tariff", "tariffs", "upload"]

T = TypeVar("T")


async def upload(reactor: Any, database: Database, actor: Actor, path: Path, wanted: Asked, progress: Progress, most: int) -> Uploaded:
    """
    Bring the price list at `path` into a tariff; of its faults the first `most` are kept.

    It takes the privilege for the catalogue, and a tariff that the actor reaches: of a reseller one that it manages; new destinations take an administrator.

    Errors: NotPermitted, NotThere, UploadRefused, UploadError, OSError of the file; the tariff is as it was then, and after a cancellation too.
    """
    await asked(permit(Books(database.pool, database.sealer, ENTITIES), actor, wanted.tariff, wanted.destinations))
    work = RateUpload(database.dsn, actor, wanted, lambda *told: reactor.callFromThread(progress, *told))

    def run() -> Uploaded:
        with path.open("rb") as stream:
            rows = PriceFile(stream, path.stat().st_size, wanted, Faults(most), datetime.now(UTC))
            return work.run(str(path), rows)

    return await _in_thread(reactor, run, work.stop)


async def export(reactor: Any, database: Database, i_env: int, name: str, at: datetime | None, stream: IO[str]) -> None:
    """Write a tariff's rates as a price list that `upload` takes back: all versions, or those in force `at` a time."""
    found = await tariff(database, i_env, name)
    await asked(_in_thread(reactor, lambda: rate_listings.export(database.dsn, found.i_tariff, at, stream), lambda: None))


async def tariffs(database: Database, i_env: int) -> list[TariffLine]:
    """All tariffs by name."""
    return await asked(rate_listings.tariffs(database.pool, i_env))


async def tariff(database: Database, i_env: int, name: str) -> TariffLine:
    """The tariff of that name. Errors: StartError when there is none."""
    found = await asked(rate_listings.tariffs(database.pool, i_env, name)) if name else []
    if not found:
        raise StartError(f"no tariff {name} in environment {i_env}: see `portaswitch tariff list`")
    return found[0]


async def rates(database: Database, i_env: int, name: str, prefix: str, at: datetime, limit: int) -> list[RateLine]:
    """A tariff's rates in force at a time, of destinations that begin with `prefix`; `limit` 0: all."""
    found = await tariff(database, i_env, name)
    return await asked(rate_listings.rates(database.pool, found.i_tariff, prefix, at, limit))


async def history(database: Database, i_env: int, name: str, prefix: str) -> list[RateLine]:
    """All versions of one destination's rate, the newest first. Errors: StartError when there is none."""
    found = await tariff(database, i_env, name)
    versions = await asked(rate_listings.history(database.pool, found.i_tariff, prefix))
    if not versions:
        raise StartError(f"tariff {name} has no rate for {prefix}: see `portaswitch rate list {name}`")
    return versions


async def _in_thread(reactor: Any, work: Callable[[], T], stop: Callable[[], None]) -> T:
    """The result of work that blocks; a cancellation calls `stop` and waits for its end, so that nothing of it is left."""
    running: Deferred[T] = deferToThreadPool(reactor, reactor.getThreadPool(), work)
    ended: Deferred[None] = Deferred()

    def over(result: Any) -> Any:
        ended.callback(None)
        return result

    _ = running.addBoth(over)
    try:
        return await shielded(running)
    except CancelledError:
        stop()
        await ended
        raise

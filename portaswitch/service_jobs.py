"""What one process does for all (the role jobs), put together for the one builder (`service`). What goes through much rests between its pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from portaswitch import jobs
from portaswitch.interfaces.work import IOperations
from portaswitch.model.catalogue import Catalogue
from portaswitch.store.counter_resets import begin_periods
from portaswitch.store.events import keep_events
from portaswitch.store.folding import fold
from portaswitch.store.partitions import keep_partitions
from portaswitch.store.pool import Pool
from portaswitch.store.session_tasks import purge
from portaswitch.store.standing import StandingJob
from portaswitch.store.statements_fees import due_fees
from portaswitch.store.turned import ask_relieved, ask_turned
from portaswitch.store.usage_dates import date_accounts
from portaswitch.store.wallet_ends import due_wallets, move_wallets

#: Days that finished session tasks are kept.
TASKS_KEPT: Final = 30


def database_jobs(clock: Any, pool: Pool, desk: IOperations, catalogue: Callable[[], Catalogue], now: Callable[[], datetime]) -> list[jobs.Periodic]:
    """The jobs, not yet started. `pool` is theirs alone; `now` is aware UTC."""
    hour = 3600.0
    return [
        jobs.Paged(clock, 5.0, StandingJob(pool, catalogue, now).run, "standing"),
        jobs.Paged(clock, 1.0, lambda rest: fold(pool, rest), "folding"),
        jobs.Periodic(clock, 60.0, lambda: begin_periods(pool, catalogue(), now()), "counters"),
        jobs.Paged(clock, 60.0, lambda rest: move_wallets(pool, rest), "wallets"),
        jobs.Paged(clock, 30.0, lambda rest: ask_turned(pool, rest), "waiting-sessions"),
        jobs.Periodic(clock, 5.0, lambda: ask_relieved(pool), "relieved-resellers"),
        jobs.Periodic(clock, 60.0, jobs.renewals(desk, lambda: due_wallets(pool)), "wallet-renewals"),
        jobs.Periodic(clock, 300.0, jobs.fees(desk, lambda: due_fees(pool)), "fees"),
        jobs.Paged(clock, 60.0, lambda rest: date_accounts(pool, rest), "usage-dates"),
        jobs.Paged(clock, hour, lambda rest: keep_partitions(pool, rest), "partitions"),
        jobs.Paged(clock, hour, lambda rest: purge(pool, TASKS_KEPT, rest), "task-purge"),
        jobs.Paged(clock, hour, lambda rest: keep_events(pool, rest), "event-history"),
    ]

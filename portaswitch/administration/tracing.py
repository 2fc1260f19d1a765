"""
The trace for an administrator: what logs and database have of a subject, in one order, up to now or as it happens; and the switching on of detail.

Without a database the logs are traced alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from portaswitch.administration.opening import asked, login
from portaswitch.errors import PortaSwitchError, StartError
from portaswitch.model.actor import Actor, Realm
from portaswitch.model.operation import NotPermitted
from portaswitch.store import trace_listings, trace_watches
from portaswitch.store.pool import Pool
from portaswitch.store.trace_watches import WatchLine
from portaswitch.trace import order, reading, realm
from portaswitch.trace.line import TraceLine
from portaswitch.trace.subject import Subject
from portaswitch.trace.watch import Watch

__all__ = ["Live", "Pool", "Reader", "TraceLine", "WatchLine", "past", "subject_of", "switch_off", "switch_on", "watched"]

#: Decisions that are remembered, behind which rows may belong, and rows that were shown.
KNOWN, SHOWN = 500, 20_000
#: How far back a pass over the database looks, for rows that were committed late.
LATE = timedelta(seconds=30)
#: Since when an account is somebody's that never was another's.
EVER = datetime.min.replace(tzinfo=UTC)

_NODE = "select i_node, host(nas_ip) from nodes where i_env = %s and name = %s"
_NODE_CLIENTS = "select host(address) from radius_clients where i_env = %s and i_node = %s and masklen(address) in (32, 128)"


class NothingThere(PortaSwitchError):
    """What is to be watched is not there; the text says where to look."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a trace, and the database (None: there is none, and the logs are read alone: by an administrator, as nobody else's rights are known then)."""

    pool: Pool | None
    actor: Actor

    async def shown(self, lines: list[TraceLine]) -> list[TraceLine]:
        """Those of the lines that the reader may see."""
        if self.actor.realm is Realm.ADMIN or self.pool is None:
            return lines
        reached = await asked(trace_listings.within_reach(self.pool, self.actor, {line.account for line in lines if line.account}))
        resellers = await asked(trace_listings.resellers_of(self.pool, self.actor))
        return realm.told(lines, {number: at or EVER for number, at in reached.items()}, resellers)


async def subject_of(reader: Reader, kind: str, name: str, since: datetime) -> Subject:
    """
    What is asked for, as far as it is known without a database. Errors: NotPermitted for what is the environment's, or for who looks after himself;
    NothingThere for an account or a SIM that is not the reader's.
    """
    pool, actor = reader.pool, reader.actor
    if pool is None:
        return Subject(kind, actor.i_env, name, frozenset((name, name.partition("/")[2] or name) if kind == "session" else (name,)))
    if actor.in_self_care:
        raise NotPermitted(["trace: that is done by operators"])
    if actor.realm is not Realm.ADMIN and kind in ("nas", "peer"):
        raise NotPermitted([f"trace {kind}: only administrators trace what serves everybody; trace an account, number, imsi or session"])
    found = await asked(trace_listings.subject(pool, actor.i_env, kind, name))
    if actor.realm is not Realm.ADMIN and kind in ("account", "imsi") and not await asked(trace_listings.within_reach(pool, actor, (found.i_account,))):
        raise NothingThere(f"no {'account' if kind == 'account' else 'SIM of an account'} {name} in environment {actor.i_env}: see `portaswitch account list`")
    return await asked(trace_listings.with_sessions(pool, found, since))


async def past(reader: Reader, subject: Subject, folders: Sequence[Path], since: datetime) -> list[TraceLine]:
    """The trace of a subject from `since` to now. Errors: StartError for logs that can't be read."""
    try:
        lines = order.chosen(reading.read(folders, since, subject.needles()), subject)
    except OSError as error:
        raise StartError(f"{error.filename} can't be read ({error.strerror}): run this as root or as the user that runs the server") from error
    if reader.pool is not None:
        lines += await asked(trace_listings.rows(reader.pool, reader.actor, subject, since, _sessions(lines)))
    return [order.discreet(line, subject) for line in await reader.shown(order.ordered(lines)) if line.at >= since]


def _sessions(lines: Sequence[TraceLine]) -> list[str]:
    return sorted({line.session for line in lines if line.session})


class Live:
    """A trace as it happens: `step` gives what came since the last one, in order. Rows are shown a step late, behind the log lines of their request."""

    def __init__(self, reader: Reader, subject: Subject, folders: Sequence[Path], now: datetime) -> None:
        self._reader, self._subject, self._began = reader, subject, now
        self._tails = [reading.Tail(folder, name, subject.needles()) for folder in folders for name in reading.LOGS]
        self._known: list[TraceLine] = []
        self._shown: dict[tuple[str, str, str], None] = {}
        self._late: list[TraceLine] = []

    async def step(self, now: datetime) -> list[TraceLine]:
        """What came since the last step; the database being away only leaves its rows out."""
        came = order.chosen([line for tail in self._tails for line in tail.lines()], self._subject)
        rows, self._late = self._late, await self._rows(now)
        lines = order.ordered([*came, *rows], self._known)
        self._known = [*self._known, *[line for line in lines if line.kind == "decision"]][-KNOWN:]
        return [order.discreet(line, self._subject) for line in await self._reader.shown(lines) if line.at >= self._began - LATE]

    def close(self) -> None:
        """Close the logs."""
        for tail in self._tails:
            tail.close()

    async def _rows(self, now: datetime) -> list[TraceLine]:
        if self._reader.pool is None:
            return []
        try:
            since = max(self._began, now - LATE)
            found = await asked(trace_listings.rows(self._reader.pool, self._reader.actor, self._subject, since, _sessions(self._known)))
        except StartError:
            return []
        new = [line for line in found if (line.kind, line.text, f"{line.session}{line.at}{line.facts}") not in self._shown]
        self._shown.update(dict.fromkeys((line.kind, line.text, f"{line.session}{line.at}{line.facts}") for line in new))
        while len(self._shown) > SHOWN:
            del self._shown[next(iter(self._shown))]
        return new


# -- detail ----------------------------------------------------------------------------------------------------------------------------------------


async def switch_on(pool: Pool, i_env: int, kind: str, name: str, seconds: int) -> datetime:
    """Switch the detail of an account, number, NAS or peer on in every process; gives the end. Errors: NothingThere."""
    watch = await _watch(pool, i_env, kind, name, seconds)
    return await asked(trace_watches.put_watch(pool, i_env, watch, f"cli:{login()}"))


async def switch_off(pool: Pool, i_env: int, kind: str = "", name: str = "") -> list[tuple[str, str]]:
    """Switch one off, or without a kind all; gives those that were on."""
    return await asked(trace_watches.end_watch(pool, i_env, kind, name))


async def watched(pool: Pool, i_env: int) -> list[WatchLine]:
    """What is switched on, the first to end first."""
    return await asked(trace_watches.watches(pool, i_env))


async def _watch(pool: Pool, i_env: int, kind: str, name: str, seconds: int) -> Watch:
    if kind == "nas":
        rows = await asked(pool.query(_NODE, (i_env, name)))
        if not rows:
            raise NothingThere(f"no node {name} in environment {i_env}: `debug peer ADDRESS` watches what comes from an address")
        clients = await asked(pool.query(_NODE_CLIENTS, (i_env, rows[0][0])))
        addresses = {address for (address,) in (*clients, (rows[0][1],)) if address is not None}
        return Watch(0, i_env, kind, name, seconds, (), rows[0][0], tuple(sorted(addresses)))
    if kind == "peer":
        try:
            return Watch(0, i_env, kind, name, seconds, addresses=(str(ip_address(name)),))
        except ValueError:
            raise NothingThere(f"{name} is no address: `debug nas NAME` watches a node by its name") from None
    if kind == "number":
        return Watch(0, i_env, kind, name, seconds, (name,))
    found = await asked(trace_listings.subject(pool, i_env, "account", name))
    if not found.i_account:
        raise NothingThere(f"no account {name} in environment {i_env}: see `portaswitch account list`; `debug number` watches any number")
    return Watch(0, i_env, kind, name, seconds, tuple(sorted(found.names)))

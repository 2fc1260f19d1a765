"""
The detail of a process: packets, decision steps and holds of watched requests, as lines of trace.log.

While nothing is watched, `watches` is empty, and the one test of it is all that a request pays. Nothing here raises, waits or asks the database: a fault is
counted, a full disk loses lines, and of a busy NAS at most `MOST` requests a second are written. Watches end by the process' own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass as mutable
from datetime import datetime
from typing import Any

from twisted.logger import Logger

from portaswitch.logs import LineFile
from portaswitch.metrics import Counter, Gauge
from portaswitch.model.ledger import Change
from portaswitch.model.money import ZERO
from portaswitch.model.party import Funds
from portaswitch.model.request import AAARequest, Base, Decision, UnitRequest
from portaswitch.trace import masking
from portaswitch.trace.line import Facts, TraceLine, refused_text
from portaswitch.trace.watch import Watch, Watched

LINES = Counter("portaswitch_trace_lines_total", "Lines written to trace.log", ("kind",))
OMITTED = Counter("portaswitch_trace_omitted_total", "Watched requests and packets that were not traced, since there were too many in their second")
FAULTS = Counter("portaswitch_trace_faults_total", "Lines of a trace that could not be made: a defect of ours, which harms no request")
WATCHES = Gauge("portaswitch_trace_watches", "Accounts, numbers, NASes and peers whose detail is switched on in this process")

#: Requests and dropped packets that are traced in one second, and requests whose steps are kept until they are told.
MOST, KEPT = 100, 2000

Describe = Callable[[], Facts]


@mutable(slots=True)
class Trail:
    """What is known so far of a watched request. `hide`: its user, a card number that is a secret. `left`: the change that was applied, and the money then."""

    peer: str
    hide: str
    steps: Facts = ()
    left: tuple[Change, Funds] | None = None


class Tracer:
    """One a process; `seconds` is a monotonic clock, `now` the wall clock. `watches` is what the hot path tests."""

    _log = Logger()

    def __init__(self, file: LineFile, seconds: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._file, self._seconds, self._now = file, seconds, now
        self._watched = Watched((), 0)
        self.watches: tuple[Watch, ...] = ()
        self._trails: dict[tuple[str, str], Trail] = {}
        self._second, self._spent = 0, 0

    def watch(self, watches: Sequence[Watch]) -> None:
        """Watch these from now on, and no others."""
        self._keep(Watched(watches, self._seconds()))

    def expire(self) -> None:
        """Let the watches end whose time is over (a looping call, so that they end without a request and without a database)."""
        if self.watches and (now := self._seconds()) >= self._watched.until:
            self._keep(self._watched.later(now))

    def _keep(self, watched: Watched) -> None:
        self._watched, self.watches = watched, watched.watches
        if not watched.watches:
            self._trails.clear()

    # -- what endpoints tell ----------------------------------------------------------------------------------------------------------------------

    def request(self, request: AAARequest, peer: tuple[str, int], text: str, describe: Describe, secret_user: bool = False) -> None:
        """A packet that was understood as `request`; `secret_user`: its user typed a card number that is all one has to know."""
        self._guarded(self._request, request, peer, text, describe, request.parties.user if secret_user else "")

    def reply(self, request: AAARequest, text: str, describe: Describe) -> None:
        """What is sent in answer."""
        self._guarded(self._reply, request, "reply", text, describe)

    def unanswered(self, request: AAARequest, text: str) -> None:
        """Why nothing is sent in answer."""
        self._guarded(self._reply, request, "drop", text, tuple)

    def packet(self, peer: tuple[str, int], text: str, facts: Facts = ()) -> None:
        """A packet that did not become a request: it was dropped, or answered as before."""
        self._guarded(self._packet, peer, text, facts)

    # -- what the core tells ----------------------------------------------------------------------------------------------------------------------

    def considered(self, request: AAARequest, explain: Describe) -> None:
        """The request was decided on a view; `explain` gives the steps. It may be decided anew: the last one counts."""
        self._guarded(self._considered, request, explain)

    def applied(self, request: AAARequest, change: Change, funds: Funds) -> None:
        """What was decided is committed; `funds` of the account as they are now."""
        self._guarded(self._applied, request, change, funds)

    def told(self, request: AAARequest, decision: Decision) -> None:
        """The decision leaves the core."""
        self._guarded(self._told, request, decision)

    # -- the work ---------------------------------------------------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[..., None], *what: Any) -> None:
        try:
            self.expire()
            if self.watches:
                work(*what)
        except Exception:
            if not FAULTS.get():
                self._log.failure("a line of the trace could not be made; further ones are counted only")
            FAULTS.inc()

    def _request(self, request: AAARequest, peer: tuple[str, int], text: str, describe: Describe, hide: str) -> None:
        if not self._watched.means(request, peer[0]) or not self._affords():
            return
        trail = self._begun(request, Trail(f"{peer[0]}:{peer[1]}", hide))
        self._write(request, trail, "packet", text, describe())

    def _reply(self, request: AAARequest, kind: str, text: str, describe: Describe) -> None:
        trail = self._trails.pop((request.id, request.session), None)
        if trail is not None:
            self._write(request, trail, kind, text, describe())

    def _packet(self, peer: tuple[str, int], text: str, facts: Facts) -> None:
        if peer[0] in self._watched.addresses and self._affords():
            LINES.inc("drop")
            self._file.add(TraceLine(self._now(), "drop", text, peer=f"{peer[0]}:{peer[1]}", facts=facts).encoded())

    def _considered(self, request: AAARequest, explain: Describe) -> None:
        trail = self._trails.get((request.id, request.session))
        if trail is None:  # no endpoint's: the sweeper, or the sessions of a node that restarted
            if not self._watched.means(request) or not self._affords():
                return
            trail = self._begun(request, Trail("", ""))
        trail.steps = explain()

    def _applied(self, request: AAARequest, change: Change, funds: Funds) -> None:
        trail = self._trails.get((request.id, request.session))
        if trail is not None:
            trail.left = change, funds

    def _told(self, request: AAARequest, decision: Decision) -> None:
        trail = self._trails.get((request.id, request.session))
        if trail is None:
            return
        account = decision.facts.i_account or (trail.left[0].i_account if trail.left is not None else 0)
        at = self._now()  # one time for what was one transaction
        self._write(request, trail, "decision", decided(request, decision), trail.steps, account, at)
        if trail.left is not None and (moved := money_moved(*trail.left)):
            self._write(request, trail, "hold", moved, (), account, at)
        if not trail.peer:
            del self._trails[request.id, request.session]

    def _begun(self, request: AAARequest, trail: Trail) -> Trail:
        self._trails[request.id, request.session] = trail
        if len(self._trails) > KEPT:
            del self._trails[next(iter(self._trails))]
        return trail

    def _affords(self) -> bool:
        second = int(self._seconds())
        if second != self._second:
            self._second, self._spent = second, 0
        self._spent += 1
        if self._spent > MOST:
            OMITTED.inc()
        return self._spent <= MOST

    def _write(self, request: AAARequest, trail: Trail, kind: str, text: str, facts: Facts, account: int = 0, at: datetime | None = None) -> None:
        parties, hide = request.parties, trail.hide
        user = masking.card(hide) if hide else parties.user
        shown = tuple((name, masking.without(value, hide)) for name, value in facts)
        LINES.inc(kind)
        self._file.add(
            TraceLine(
                at or self._now(), kind, masking.without(text, hide), request.id, request.origin.i_env, request.origin.name, trail.peer, user, account,
                request.session, parties.called, parties.calling, "", request.received, shown,
            ).encoded()
        )  # fmt: skip


def decided(request: AAARequest, decision: Decision) -> str:
    """A decision in one line."""
    kind = request.kind.value
    if decision.refusal is not None:
        return f"{kind} {refused_text(decision.refusal.word)}"
    told = [f"{figure} ({base.value}) used" for unit in request.units for base, figure in _used(unit)]
    told += [
        f"{grant.units if grant.units is not None else 'unlimited'} ({grant.base.value}) granted" if grant.refusal is None else refused_text(grant.refusal.word)
        for grant in decision.grants
    ]
    return f"{kind} accepted" + (f": {', '.join(told)}" if told else "")


def _used(unit: UnitRequest) -> list[tuple[Base, int]]:
    """What is reported for a quota key, in each base that it is reported in."""
    return list(unit.counters.items()) if unit.counters else [] if unit.used is None else [(unit.base, unit.used)]


def money_moved(change: Change, funds: Funds) -> str:
    """What a committed change did to the money of its account; '' nothing."""
    told = []
    if change.hold > ZERO:
        told.append(f"{change.hold:f} more held")
    if change.hold < ZERO:
        told.append(f"{-change.hold:f} of the hold freed")
    if change.debit != ZERO:
        told.append(f"{change.debit:f} charged")
    if not told:
        return ""
    until = f", until {change.session.expires:%Y-%m-%d %H:%M:%S}" if change.hold > ZERO and change.session is not None else ""
    return f"{', '.join(told)}{until}; now balance {funds.balance:f}, held {funds.held:f}"


def silent() -> Tracer:
    """A tracer that nobody ever switches on."""
    return Tracer(LineFile(None, 1, 1, 0), lambda: 0.0, lambda: datetime.min)

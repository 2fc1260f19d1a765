"""The targets of one handler instance: their transports, breakers and log-in sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred

from portaswitch.errors import LogInRefused, NotSendable, TransportFailed
from portaswitch.espf.breaker import Breaker
from portaswitch.espf.interrupt import interrupted
from portaswitch.espf.verdicts import Ended, HandlerStopped, judge, passes, retry_after
from portaswitch.handler import EventHandler, LogIn, Reply, Request
from portaswitch.interfaces.transport import ITransport
from portaswitch.log_ins import LogIns
from portaswitch.model.notification import Verdict

Session = Mapping[str, str]
#: Requests that a log-in may take.
LOG_IN_STEPS: Final = 20


class Wires:
    """Sends requests and judges answers. `now` is aware UTC; `seconds` a monotonic clock."""

    def __init__(self, handler: EventHandler, transports: Mapping[str, ITransport], now: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        self.handler = handler
        self._transports, self._now = transports, now
        self.breakers = {name: Breaker(seconds) for name in transports}
        self._sessions: dict[str, Session] = {}
        self._log_ins = {name: LogIns(final=HandlerStopped) for name in transports}

    @property
    def room(self) -> int | None:
        """Notifications that may be begun now; None: as many as the handler may. One target that is down holds the handler up, which keeps its order."""
        rooms = [breaker.room for breaker in self.breakers.values() if breaker.room is not None]
        return min(rooms) if rooms else None

    @property
    def longest(self) -> float:
        """Seconds that a request may take at most."""
        return float(max((target.seconds for target in self.handler.reach().values()), default=0) + 1)

    async def send(self, request: Request) -> Reply:
        """Send a request and give the answer, whatever it says. Errors: `Ended` where there is none, `HandlerStopped`."""
        transport, breaker = self._transports.get(request.target), self.breakers.get(request.target)
        if transport is None or breaker is None:
            raise Ended(Verdict.PARKED, f"the handler has no target {request.target!r}")
        if breaker.room == 0:
            why = "does not answer" if breaker.open else "asked for a pause"
            raise Ended(Verdict.RETRY, f"{transport.name} {why}: it is asked again later", breaker.waits, asked=False)
        try:
            reply = await transport.send(request)
        except TransportFailed as error:
            breaker.failed()
            raise Ended(Verdict.RETRY, str(error), sick=True) from error
        except NotSendable as error:
            raise Ended(Verdict.PARKED, str(error)) from error
        except LogInRefused as error:
            raise HandlerStopped(str(error)) from error
        if not isinstance(reply, Reply):
            raise Ended(Verdict.PARKED, f"{transport.name} gave no reply")
        if reply.status in (500, 502, 503, 504) and not self._answers(request, reply):
            breaker.failed()
        else:
            breaker.worked()
        if reply.status in (429, 503) and (pause := retry_after(reply, self._now())):
            breaker.rest(pause)
        return reply

    def _answers(self, request: Request, reply: Reply) -> bool:
        """Whether an error of HTTP is an answer to the request all the same: SOAP has the status 500 for every fault (SOAP 1.1 section 6.2)."""
        fault = interrupted(partial(self.handler.fault, reply))
        return passes(self.handler, request, fault) or fault in self.handler.dropped or (self.logged_in(request) and interrupted(partial(self.lost, reply)))

    def logged_in(self, request: Request) -> bool:
        """Whether there is a session with the request's target."""
        return request.target in self._sessions

    def lost(self, reply: Reply) -> bool:
        """Whether the vendor no longer knows the session."""
        return self.handler.logged_out(reply)

    def judge(self, request: Request, reply: Reply) -> None:
        """Let an answer pass. Errors: `Ended`."""
        judge(self.handler, request, reply, self._now())

    async def session(self, asked: LogIn) -> Session:
        """The session of a target, kept from before or new; the one that the vendor no longer knows is replaced once, whoever asks. Errors: as `send`."""
        log_ins = self._log_ins.get(asked.target)
        if log_ins is None:
            raise Ended(Verdict.PARKED, f"the handler has no target {asked.target!r}")
        return await log_ins.run(partial(self._session, asked))

    async def _session(self, asked: LogIn) -> Session:
        kept = self._sessions.get(asked.target)
        if kept is None or kept is asked.instead_of:
            self._sessions.pop(asked.target, None)
            kept = self._sessions[asked.target] = await self._log_in(asked.target)
        return kept

    async def _log_in(self, target: str) -> Session:
        steps = self.handler.log_in(target)
        answer: Any = None
        for _ in range(LOG_IN_STEPS):
            try:
                request = interrupted(partial(steps.send, answer))
            except StopIteration as end:
                return dict(end.value or {})
            answer = await self._logging_in(request)
        raise Ended(Verdict.PARKED, f"the log-in takes more than {LOG_IN_STEPS} requests")

    async def _logging_in(self, request: Request) -> Reply:
        reply = await self.send(request)
        fault = interrupted(partial(self.handler.fault, reply))
        if fault and fault in self.handler.log_in_refused and fault not in request.accepts:
            raise HandlerStopped(f"the log-in was refused ({fault}): correct the credentials, then enable the handler again")
        interrupted(partial(self.judge, request, reply))
        return reply

    def close(self) -> list[Deferred[None]]:
        """Close the transports; each Deferred fires when one is closed."""
        return [transport.close() for transport in self._transports.values()]

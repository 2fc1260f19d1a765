"""
Drives the steps of a handler: what it yields is sent, asked or gathered, what comes back goes in (DESIGN.md 5.6).

Handlers are other people's code: a step that raises, computes too long, yields nonsense or never comes to an end is parked, whatever it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError

from portaswitch.espf.interrupt import StepTooLong, interrupted
from portaswitch.espf.verdicts import Ended, HandlerStopped
from portaswitch.espf.wires import Wires
from portaswitch.handler import Effect, FanOut, LogIn, NotProvisionable, Reply, Request
from portaswitch.model.notification import Verdict

T = TypeVar("T")

#: Things that the steps of one notification may yield: more is a loop.
MOST_STEPS: Final = 500
#: Sessions that they may ask for.
MOST_LOG_INS: Final = 20


class Drive:
    """One way through the steps of a notification. `effects` are those that were yielded so far, `asked` counts requests; `result` is what the steps return."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self.effects: list[Effect] = []
        self.result: Any = None
        self.asked = 0
        self._log_ins = 0
        self._renewed: set[str] = set()
        self._lost: tuple[Request, Reply] | None = None
        self._before: Callable[[], Awaitable[None]] | None = None

    async def run(self, begin: Callable[[], Generator[Any, Any, Any]], before: Callable[[], Awaitable[None]] | None = None) -> None:
        """
        Go through all steps; `begin` gives the generator. `before` is awaited once, before the first request; of steps that ask for nothing it is not called.

        Errors: `Ended` with the verdict where they do not come to their end, `HandlerStopped`; those of `before`.
        """
        self._before = before
        steps = guarded(begin)
        if not isinstance(steps, Generator):
            raise Ended(Verdict.PARKED, f"the handler's steps are no generator but {type(steps).__name__}")
        try:
            await self._through(steps)
        finally:
            if getattr(steps, "gi_frame", steps) is not None:  # they have not come to their end
                guarded(partial(_closed, steps))

    async def _through(self, steps: Generator[Any, Any, Any]) -> None:
        answer: Any = None
        for _ in range(MOST_STEPS):
            try:
                yielded = guarded(partial(steps.send, answer))
            except StopIteration as end:
                self._noticed(None)
                self.result = end.value
                return
            self._noticed(yielded)
            answer = await self._take(yielded)
        raise Ended(Verdict.PARKED, f"the handler does not come to an end: {MOST_STEPS} steps")

    async def _take(self, yielded: Any) -> Any:
        match yielded:
            case Request():
                before, self._before = self._before, None
                if before is not None:
                    await before()
                self.asked += 1
                return await _sure(self._send(yielded))
            case LogIn():
                self._log_ins += 1
                if yielded.instead_of is not None:
                    self._renewed.add(yielded.target)
                if self._log_ins > MOST_LOG_INS:
                    raise Ended(Verdict.RETRY, "the vendor ends our sessions as soon as they are there")
                self.asked += 1
                return await _sure(self._wires.session(yielded))
            case FanOut() if any(isinstance(effect, FanOut) for effect in self.effects):
                raise Ended(Verdict.PARKED, "the handler fans out twice for one event")
            case Effect():
                self.effects.append(yielded)
                return None
        raise Ended(Verdict.PARKED, f"the handler yields a {type(yielded).__name__}, which is no request and no effect")

    async def _send(self, request: Request) -> Reply:
        """The answer, if it may pass: it does so too when it says that the session is lost, for the steps to log in once more."""
        reply = await self._wires.send(request)
        if request.target not in self._renewed and self._wires.logged_in(request) and guarded(partial(self._wires.lost, reply)):
            self._lost = request, reply
        else:
            guarded(partial(self._wires.judge, request, reply))
        return reply

    def _noticed(self, yielded: Any) -> None:
        """Steps that go on after a lost session without a new one would take its answer for success."""
        lost, self._lost = self._lost, None
        if lost is not None and not isinstance(yielded, LogIn):
            guarded(partial(self._wires.judge, *lost))


async def _sure(asking: Any) -> Any:
    """The result; what the handler's own judgement (`fault`, `logged_out`, `log_in`) raises parks too."""
    try:
        return await asking
    except (Ended, HandlerStopped, CancelledError):
        raise
    except StepTooLong as error:
        raise Ended(Verdict.PARKED, "the handler computes too long: it was interrupted") from error
    except Exception as error:
        raise Ended(Verdict.PARKED, _told(error)) from error


def guarded(step: Callable[[], T]) -> T:
    """What a handler's code gives. Errors: `Ended` where it raises or takes too long; StopIteration, the end of its steps; `HandlerStopped` of a verdict."""
    try:
        return interrupted(step)
    except (StopIteration, Ended, HandlerStopped):
        raise
    except StepTooLong as error:
        raise Ended(Verdict.PARKED, "the handler computes too long: it was interrupted") from error
    except NotProvisionable as error:
        raise Ended(Verdict.PARKED, str(error)) from error
    except Exception as error:
        raise Ended(Verdict.PARKED, _told(error)) from error


def _closed(steps: Generator[Any, Any, Any]) -> None:
    try:
        steps.close()
    except RuntimeError:  # it yields while it is closed: nobody listens any more
        return


def _told(error: Exception) -> str:
    """The error with its place in the handler's file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}, line {trace.tb_lineno})"
    return f"the handler raised {type(error).__name__}: {error}{place}"

"""
Text sessions on TCP (MML, Osmocom CTRL): one connection a target, opened and logged in when the first command comes, closed when idle.

Answers come in the order of commands, so a command whose answer stays away ends the connection, and so does an answer that nobody asked for: what comes later
can't be told apart.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from string import Formatter
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from portaswitch.errors import LogInRefused, NotSendable, TransportFailed
from portaswitch.handler.requests import Line, Reply, Request
from portaswitch.handler.targets import LineTarget
from portaswitch.interfaces.transport import ITransport
from portaswitch.log_ins import LogIns
from portaswitch.transports.carried import carried
from portaswitch.transports.dialects import Codec, codec
from portaswitch.transports.limits import Gate

#: A session in which nothing is said for that long is closed: vendors do so after a minute or more, and a new one costs one log-in.
IDLE = 50.0
#: Sessions for one command, where the vendor ends each before it is asked.
LOG_INS = 3


@implementer(ITransport)
class LineTransport:
    """The transport of a `LineTarget`."""

    def __init__(self, reactor: Any, name: str, target: LineTarget, values: Mapping[str, Any]) -> None:
        self.name = name
        self._reactor, self._target, self._values = reactor, target, values
        host, _, port = str(values[target.address]).rpartition(":")
        self._endpoint = HostnameEndpoint(reactor, host.strip("[]"), int(port), timeout=target.seconds)
        self._gate = Gate(reactor, target.parallel, target.rate)
        self._log_ins = LogIns(final=LogInRefused)
        self._session: Session | None = None
        self._idle: Any = None

    def send(self, request: Request) -> Deferred[Reply]:
        """See `ITransport`."""
        return self._gate.run(lambda: Deferred.fromCoroutine(self._send(request)))

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self._gate.close()
        self._leave()
        return succeed(None)

    async def _send(self, request: Request) -> Reply:
        command = carried(request, Line, self.name)
        for _ in range(LOG_INS):
            session = await self._log_ins.run(self._open)
            answer = await session.ask(command.text)
            self._stay()
            if not self._ended(answer):
                return Reply(body=answer)
            if self._session is session:
                self._leave()
        raise TransportFailed(f"{self.name}: sessions end as soon as they are there")

    def _ended(self, answer: str) -> bool:
        """Whether the vendor knows no log-in of this connection: the command was not done, so it may be said again."""
        mark = self._target.dialect.logged_out
        return bool(mark) and re.search(mark, answer) is not None

    async def _open(self) -> Session:
        if self._session is not None and self._session.lives:
            return self._session
        log_in = self._greeting()
        try:
            session: Session = await connectProtocol(self._endpoint, Session(self._reactor, codec(self._target.dialect), self._target.seconds, self.name))
        except Exception as error:
            raise TransportFailed(f"{self.name}: no connection: {type(error).__name__}") from error
        if log_in:
            answer = await session.ask(log_in)
            if not re.search(self._target.dialect.log_in_ok, answer):
                session.leave("")
                raise LogInRefused(f"{self.name}: the log-in was refused")
        self._session = session
        return session

    def _greeting(self) -> str:
        """The log-in, '' where there is none. Errors: NotSendable for an option with a quotation mark, which would end its value there."""
        log_in = self._target.dialect.log_in
        for _, name, _, _ in Formatter().parse(log_in):
            if name and '"' in str(self._values[name]):
                raise NotSendable(f"{self.name}: the option {name} has a quotation mark, which the log-in can't have")
        return log_in.format_map(self._values)

    def _stay(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.reset(IDLE)
        else:
            self._idle = self._reactor.callLater(IDLE, self._leave)

    def _leave(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        if self._session is not None and self._session.lives:
            self._session.leave(self._target.dialect.log_out)
        self._session = None


class Session(Protocol):
    """One connection: commands out, answers in, in order."""

    def __init__(self, clock: Any, codec: Codec, seconds: float, name: str) -> None:
        self._clock, self._codec, self._seconds, self._name = clock, codec, seconds, name
        self._asked: deque[Deferred[str]] = deque()
        self.lives = True

    def ask(self, text: str) -> Deferred[str]:
        """Send a command and return its answer. Errors: TransportFailed, NotSendable."""
        if not self.lives or self.transport is None:
            raise TransportFailed(f"{self._name}: the connection is lost")
        octets = self._codec.encode(text)
        answer: Deferred[str] = Deferred()
        self._asked.append(answer)
        late = self._clock.callLater(self._seconds, self._fail, TransportFailed(f"{self._name}: no answer in {self._seconds} s"))

        def answered(result: Any) -> Any:
            if late.active():
                late.cancel()
            return result

        self.transport.write(octets)
        return answer.addBoth(answered)

    def leave(self, farewell: str) -> None:
        """Say the dialect's farewell, whose answer nobody waits for, and close."""
        self.lives = False
        if self.transport is not None:
            if farewell:
                self.transport.write(self._codec.encode(farewell))
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """See Twisted."""
        try:
            answers = self._codec.feed(data)
        except NotSendable as error:
            self._fail(error)
            return
        waiting = [self._asked.popleft() for _ in answers[: len(self._asked)]]
        if len(waiting) < len(answers):
            self._fail(TransportFailed(f"{self._name}: an answer that nobody asked for"))
        for one, answer in zip(waiting, answers, strict=False):
            one.callback(answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Twisted."""
        self._fail(TransportFailed(f"{self._name}: the connection was lost"))

    def _fail(self, error: Exception) -> None:
        self.lives = False
        asked, self._asked = self._asked, deque()
        for waiting in asked:
            waiting.errback(error)
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()

"""Handlers, transports and events for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from portaswitch.espf.wires import Wires
from portaswitch.handler import Event, EventHandler, Http, HttpTarget, Option, Record, Reply, State, StateHandler, Steps, Subscriber, text, url
from portaswitch.interfaces.transport import ITransport
from portaswitch.model.notification import Notification

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
Answer = Reply | Exception | Deferred[Reply]


@implementer(ITransport)
class FakeTransport:
    """Answers from a list, then for ever with success; an exception is a failure. `sent` are the requests."""

    def __init__(self, answers: Iterable[Answer] = (), name: str = "acme") -> None:
        self.name = name
        self.answers = list(answers)
        self.sent: list[Any] = []
        self.closed = 0

    def send(self, request: Any) -> Deferred[Any]:
        """See `ITransport`."""
        self.sent.append(request)
        answer = self.answers.pop(0) if self.answers else Reply(200)
        if isinstance(answer, Exception):
            return fail(answer)
        return answer if isinstance(answer, Deferred) else succeed(answer)

    def close(self) -> Deferred[None]:
        """See `ITransport`."""
        self.closed += 1
        return succeed(None)


class Acme(EventHandler):
    """Yields what the test says."""

    name = "Acme"
    description = "Does what a test says"
    events = ("Account/New", "Account/Blocked", "Account/Unblocked")
    options = (Option("url", url, "where it is"), Option("token", text, "its token", secret=True))
    targets = {"": HttpTarget()}
    busy = frozenset({"busy"})
    harmless = frozenset({"http 409"})
    dropped = frozenset({"http 410"})
    log_in_refused = frozenset({"http 401"})

    def __init__(self, values: Any = None, script: Callable[..., Any] | None = None) -> None:
        super().__init__(values)
        self.script = script

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """The script of the test, or one request."""
        if self.script is not None:
            yield from self.script(event, subscriber, record)
        else:
            yield Http("POST", "/events", json={"type": event.type})


class Homes(StateHandler):
    """Keeps a home per account, with its id and whether it is barred."""

    name = "Homes"
    description = "Keeps homes"
    events = ("Account/New", "Account/Blocked", "Account/Unblocked", "Account/Status/Closed")
    options = (Option("url", url, "where it is"),)
    targets = {"": HttpTarget()}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """None for closed accounts."""
        return None if subscriber.closed else State({"login": (subscriber.id,)}, {"barred": subscriber.barred})

    def apply(self, wanted: State, record: Record) -> Steps:
        """PUT is an upsert; an old login is removed."""
        for old in record.keys.get("login", ()):
            if old != wanted.key("login"):
                yield Http("DELETE", f"/homes/{old}", accepts=frozenset({"http 404"}))
        yield Http("PUT", f"/homes/{wanted.key('login')}", json=dict(wanted.values))

    def remove(self, record: Record) -> Steps:
        """All logins."""
        for login in record.keys.get("login", ()):
            yield Http("DELETE", f"/homes/{login}", accepts=frozenset({"http 404"}))


def event(type: str = "Account/New", entity: str = "account:101", number: int = 5) -> Event:
    """An event."""
    return Event(number, type, entity, {"i_env": "1"}, NOW, 1)


def notification(type: str = "Account/New", entity: str = "account:101", number: int = 5, attempts: int = 1) -> Notification:
    """A claimed notification."""
    return Notification(number, 1, event(type, entity, number), attempts, known=(number,))


def wires(handler: EventHandler, transport: FakeTransport, clock: Clock | None = None) -> Wires:
    """The wires of a handler with one target."""
    return Wires(handler, {"": transport}, lambda: NOW, (clock or Clock()).seconds)

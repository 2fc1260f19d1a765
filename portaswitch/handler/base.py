"""
The base classes of event handlers. A handler is a mapping, not a program (DESIGN.md 5.6): pure generators from event and snapshot to requests and effects.

    class AcmeTV(StateHandler):
        name = "AcmeTV"
        description = "Keeps one Acme household per subscriber"
        events = ("Account/New", "Account/Status/Closed")
        options = (Option("url", url, "where the Acme API listens"), Option("token", text, "API token", secret=True))
        targets = {"": HttpTarget(auth=Bearer())}

        def wanted(self, subscriber): ...
        def apply(self, wanted, record): yield Http("PUT", f"/v2/households/{wanted.id}", json=...)
        def remove(self, record): yield Http("DELETE", ..., accepts=frozenset({"http 404"}))

    acme_tv = AcmeTV()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import field
from typing import Any, ClassVar, Final, Self

from twisted.plugin import IPlugin
from zope.interface import Attribute, Interface, implementer

from portaswitch.errors import NotProvisionable
from portaswitch.handler.options import Option
from portaswitch.handler.requests import LogIn, Reply, Request
from portaswitch.handler.targets import Target
from portaswitch.model.effect import Effect, FanOut
from portaswitch.model.event import Event
from portaswitch.model.subscriber import Record, Subscriber
from portaswitch.model.value import dataclass

#: What `EventHandler.fault` says of a web page where an answer should be: a proxy, a log-in portal or a vendor under repair speaks. It is asked again later.
PAGE: Final = "a web page"
#: What a handler yields, and gets back: a `Reply` for a request, a session for `LogIn`, None for an effect.
Steps = Generator[Request | Effect | LogIn, Any, None]
#: Steps with a result, for parts of a handler.
Result = Generator[Request | Effect | LogIn, Any, Any]


class IEventHandler(Interface):
    """What the loader looks for in handlers/ and the operator's folders: one module-level object a handler."""

    name = Attribute("The class's name, as the configuration file and evctl say it: 'Huawei::HSS'")
    description = Attribute("One line for `evctl handler list`")
    events = Attribute("The event types it may subscribe to, in the catalogue's names")
    options = Attribute("Its options")
    targets = Attribute("Its targets by name")

    def configured(options: Mapping[str, Any]) -> Any:
        """The handler with the values of its options."""

    def steps(event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """What to do about an event; `subscriber` None: the event is about no account, or that account is gone."""


def on(*events: str) -> Callable[[Callable[..., Steps]], Callable[..., Steps]]:
    """Mark a method of an `EventHandler` as the one for these event types."""

    def mark(method: Callable[..., Steps]) -> Callable[..., Steps]:
        method.__dict__["events"] = events
        return method

    return mark


@implementer(IPlugin, IEventHandler)
class EventHandler:
    """
    A handler with one method an event type, marked by `on`.

    `api`: the vendor's API and version; `tier`: 'documented', 'template' or 'live-tested' (DESIGN.md 5.8). `extra_events` may be subscribed by an operator
    beside the list. `needs`: secrets that the snapshot shall hold ('password', 'ki', 'opc', 'pin', 'puk'). Faults (what `fault` returns) in `busy` are tried
    again later, those in `harmless` count as success, those in `dropped` end the event for good; any other parks the notification unless the request
    accepts it. HTTP's 408, 425, 429 and 5xx, and web pages, are always tried again. `log_in_refused`: faults of the log-in that must not be tried again (they
    lock the account): the handler stops and alarms; `credentials_refused` are the same of any request, for vendors that are told name and password in each.
    `snapshot` False: the handler looks at the event only, its steps get no subscriber.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    events: ClassVar[tuple[str, ...]] = ()
    extra_events: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    targets: ClassVar[Mapping[str, Target]] = {}
    api: ClassVar[str] = ""
    tier: ClassVar[str] = "documented"
    needs: ClassVar[frozenset[str]] = frozenset()
    busy: ClassVar[frozenset[str]] = frozenset()
    harmless: ClassVar[frozenset[str]] = frozenset()
    dropped: ClassVar[frozenset[str]] = frozenset()
    snapshot: ClassVar[bool] = True
    log_in_refused: ClassVar[frozenset[str]] = frozenset()
    credentials_refused: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values: Mapping[str, Any] = values or {}

    def configured(self, options: Mapping[str, Any]) -> Self:
        """The handler with the values of its options, as their `read` gave them."""
        return type(self)(options)

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """The steps of the method that is marked for the event's type; none where none is."""
        for name in dir(type(self)):
            method = getattr(type(self), name, None)  # zope's __provides__ is an attribute of the class that declared it only
            if event.type in getattr(method, "events", ()) and callable(method):
                yield from method(self, event, subscriber)
                return

    def reach(self) -> Mapping[str, Target]:
        """The targets of this instance: all of the class, or those that its options choose."""
        return self.targets

    def log_in(self, target: str) -> Generator[Request, Any, Mapping[str, str]]:
        """Steps that open a session of `target` and return what later requests need of it. For vendors with a log-in of their own."""
        raise NotProvisionable(f"{self.name} has no log-in of its own")
        yield

    def usage(self, subscriber: Subscriber) -> Result:
        """
        Steps that ask the vendor what an account has used in the running month, for who looks at it; they return facts by name, as people read them.
        """
        raise NotProvisionable(f"{self.name} does not tell what is used: see the vendor's own pages")
        yield

    def logged_out(self, reply: Reply) -> bool:
        """True when the vendor no longer knows the session by which a request was sent."""
        return False

    def fault(self, reply: Reply) -> str:
        """The vendor's word for what went wrong, '' for success. By default of HTTP: 'http 404', and `PAGE` for a web page with a status of success."""
        if reply.fault or reply.status == 0:
            return reply.fault
        if 200 <= reply.status < 300:
            return PAGE if reply.page else ""
        return f"http {reply.status}"

    def call(self, make: Callable[[Mapping[str, str]], Request], target: str = "") -> Generator[Request | Effect | LogIn, Any, Reply]:
        """Send a request within the session of `target`, once more with a new one where the vendor lost it."""
        session = yield LogIn(target)
        reply: Reply = yield make(session)
        if self.logged_out(reply):
            session = yield LogIn(target, instead_of=session)
            reply = yield make(session)
        return reply


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """
    The wanted state of one entity at a vendor: external `keys` ({'imsi': ('25501...',)}), and `values` in the handler's own words (JSON values only: its hash
    is what was confirmed; they may hold keys of a SIM, so they are not in the repr). Two entities don't share an external key, but
    for those that the handler calls `shared`.
    """

    keys: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"State({', '.join(self.keys)})"

    def key(self, name: str) -> str:
        """The first key of that name, '' where there is none."""
        keys = self.keys.get(name, ())
        return keys[0] if keys else ""


class StateHandler(EventHandler, ABC):
    """
    A handler that converges the vendor's system to the wanted state, whatever events came or were superseded (DESIGN.md 5.5).

    The engine passes over it where the hash of the wanted state is the confirmed one, supersedes older undelivered events of the entity, and writes the
    record after success. `apply` must be able to be repeated. `shared` are the names of keys that many entities have at once (packages, a node): the record
    remembers them, but they are nobody's own.
    """

    shared: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def wanted(self, subscriber: Subscriber) -> State | None:
        """What the vendor shall know of the account; None: nothing at all. Errors: NotProvisionable with what an operator has to change."""

    @abstractmethod
    def apply(self, wanted: State, record: Record) -> Steps:
        """Steps that bring the vendor from what was last confirmed (`record`) to `wanted`: old keys are the record's."""

    @abstractmethod
    def remove(self, record: Record) -> Steps:
        """Steps after which the vendor knows nothing of the record's keys."""

    def steps(self, event: Event, subscriber: Subscriber | None, record: Record) -> Steps:
        """`apply` or `remove`, as the snapshot wants; an access policy that was edited is a change of each account that has it."""
        if event.entity.startswith("access_policy:"):
            yield FanOut("Account/AccessPolicy/Changed", event.entity, {"i_access_policy": event.entity.partition(":")[2]}, receivers="self")
            return
        wanted = None if subscriber is None else self.wanted(subscriber)
        if wanted is not None:
            yield from self.apply(wanted, record)
        elif record.keys or record.remote_id:
            yield from self.remove(record)

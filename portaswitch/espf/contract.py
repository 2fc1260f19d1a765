"""What every event handler has to be, checked before one is taken: by the loader on a running server, and by the contract tests (DESIGN.md 5.10)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from portaswitch.espf.catalogue import find
from portaswitch.handler import EventHandler, HttpTarget, IEventHandler, LineTarget, Option, SqlTarget, StateHandler, Target
from portaswitch.handler.targets import Auth, Basic, Bearer, FileTarget, Header, NamedHeader

TIERS: Final = frozenset({"documented", "template", "live-tested"})
NEEDS: Final = frozenset({"password", "ki", "opc", "pin", "puk"})
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(::[A-Za-z][A-Za-z0-9_-]*)?")
#: Events that outside platforms report (external_reports): Custom/Jasper/CapReached.
CUSTOM: Final = re.compile(r"Custom/[A-Za-z0-9]+/[A-Za-z0-9]+")
OPTION: Final = re.compile(r"[a-z][a-z0-9_]*")


def faults_of(handler: Any) -> list[str]:
    """Everything that is wrong with a handler, each a phrase that continues its name; none: it can be taken."""
    if not isinstance(handler, EventHandler):
        return ["is no EventHandler: derive its class from portaswitch.handler.EventHandler or StateHandler"]
    try:
        verifyObject(IEventHandler, handler)
    except Invalid as error:
        return [f"does not provide IEventHandler: {' '.join(str(error).split())}"]
    return [*_about_itself(handler), *_events(handler), *_options(handler), *_targets(handler)]


def _about_itself(handler: Any) -> Iterator[str]:
    if not (isinstance(handler.name, str) and NAME.fullmatch(handler.name)):
        yield f"has the name {handler.name!r}: write letters, digits, - and _, with one :: at most"
    if not (isinstance(handler.description, str) and handler.description.strip() and "\n" not in handler.description):
        yield "has no description of one line"
    if handler.tier not in TIERS:
        yield f"has the tier {handler.tier!r}: one of {', '.join(sorted(TIERS))}"
    for name in ("needs", "busy", "harmless", "dropped", "log_in_refused"):
        value = getattr(handler, name)
        if not isinstance(value, frozenset) or not all(isinstance(word, str) for word in value):
            yield f"has {name} that is no frozenset of texts"
    if isinstance(handler.needs, frozenset) and handler.needs - NEEDS:
        yield f"needs {', '.join(sorted(handler.needs - NEEDS))}: there are {', '.join(sorted(NEEDS))}"
    if isinstance(handler, StateHandler) and not handler.snapshot:
        yield "is state-based, and so needs the snapshot"


def _events(handler: Any) -> Iterator[str]:
    listed = (*handler.events, *handler.extra_events)
    if not listed:
        yield "has no events: it would never be told of anything"
    for name in listed:
        known = find(name) if isinstance(name, str) else None
        if known is None and not (isinstance(name, str) and CUSTOM.fullmatch(name)):
            yield f"has the event {name!r}, which is none of the catalogue"
    if len(set(listed)) < len(listed):
        yield "has an event twice"
    marked = {event for _, method in inspect.getmembers(type(handler), callable) for event in getattr(method, "events", ()) if isinstance(event, str)}
    for name in sorted(marked - set(listed)):
        yield f"has a method for {name}, which is not in its events"
    if type(handler).steps is EventHandler.steps:
        for name in sorted(set(handler.events) - marked):
            yield f"has no method for its event {name}: mark one with @on"


def _options(handler: Any) -> Iterator[str]:
    names = [option.name for option in handler.options if isinstance(option, Option)]
    if len(names) < len(handler.options):
        yield "has options that are no Option"
        return
    if len(set(names)) < len(names):
        yield "has an option twice"
    for option in handler.options:
        if not OPTION.fullmatch(option.name) or option.name in ("class", "environment"):
            yield f"has an option named {option.name!r}: write small letters, digits and _; class and environment are taken"
        if not option.help.strip():
            yield f"says nothing of its option {option.name}"
        if option.secret and not option.required and option.default not in ("", None):
            yield f"has a default for its secret option {option.name}"


def _targets(handler: Any) -> Iterator[str]:
    names = {getattr(option, "name", "") for option in handler.options}
    for name, target in handler.targets.items():
        if not isinstance(target, Target):
            yield f"has a target {name!r} that is no Target"
            continue
        for option in sorted(set(_named(target)) - names):
            yield f"has a target that takes its option {option}, which it does not declare"


def _named(target: Target) -> Iterator[str]:
    """The options that a target takes."""
    match target:
        case HttpTarget():
            yield from filter(None, (target.url, target.ca_file))
            yield from _of_auth(target.auth)
        case LineTarget():
            yield target.address
        case FileTarget():
            yield target.directory
        case SqlTarget():
            yield target.database


def _of_auth(auth: Auth | None) -> Iterator[str]:
    match auth:
        case Basic(user, password):
            yield from (user, password)
        case Bearer(token):
            yield token
        case Header(_, option):
            yield option
        case NamedHeader(name, option):
            yield from (name, option)

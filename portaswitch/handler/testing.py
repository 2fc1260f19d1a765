"""
For the tests of event handlers, in a checkout or an operator's folder: plays a handler without a server and without a vendor.

    handler = handler_of(Path("handlers/acme.py")).configured({"url": "http://acme.example.com", "token": "t"})
    asked = play(handler, event("Account/New"), Subscriber(17, 1, "16045550101", 4, "Retail"), replies=[Reply(404), Reply(201)])
    # asked[0] is Http("GET", ...), and so on
"""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portaswitch.handler.base import EventHandler
from portaswitch.handler.requests import LogIn, Reply, Request
from portaswitch.model.event import Event
from portaswitch.model.subscriber import NO_RECORD, Record, Subscriber

__all__ = ["event", "handler_of", "play"]


def handler_of(path: Path) -> EventHandler:
    """The (first) handler of a file. ValueError: it holds none."""
    for value in runpy.run_path(str(path), run_name=path.stem).values():
        if isinstance(value, EventHandler):
            return value
    raise ValueError(f"{path} holds no handler")


def event(type: str, entity: str = "account:17", variables: Mapping[str, str | None] | None = None) -> Event:
    """An event of environment 1."""
    return Event(1, type, entity, {"i_env": "1", **(variables or {})}, datetime(2026, 1, 31, tzinfo=UTC), 1)


def play(
    handler: EventHandler, happened: Event, subscriber: Subscriber | None = None, record: Record = NO_RECORD, replies: Iterable[Reply] = ()
) -> list[Any]:
    """
    All that the handler's steps yield. Requests are answered by `replies`, then by 200 without a body; a log-in gives a session of empty texts.
    A fault that the request does not accept ends the steps, as the engine ends them.
    """
    answers, steps = iter(replies), handler.steps(happened, subscriber, record)
    yielded: list[Any] = []
    answer: Any = None
    while True:
        try:
            one = steps.send(answer)
        except StopIteration:
            return yielded
        yielded.append(one)
        answer = None
        if isinstance(one, LogIn):
            answer = _Session()
        elif isinstance(one, Request):
            answer = next(answers, Reply(200))
            fault = handler.fault(answer)
            if fault and fault not in one.accepts and fault not in handler.harmless:
                steps.close()
                return yielded


class _Session(dict[str, str]):
    """A session in which every value is an empty text."""

    def __missing__(self, key: str) -> str:
        return ""

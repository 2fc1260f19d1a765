"""
What a handler yields to speak to its vendor: requests, one kind a wire. They are values; transports send them, and the handler gets a `Reply`.

Addresses, log-ins, TLS, time limits and rates are the target's (`portaswitch.handler.targets`), never in a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote

from portaswitch.errors import NotProvisionable
from portaswitch.handler.xml import Element
from portaswitch.model.value import dataclass


def segment(value: str) -> str:
    """A value as one segment of a path. Errors: NotProvisionable for '', '.' and '..', which make it the path of another resource (RFC 3986 5.2.4)."""
    if value in ("", ".", ".."):
        raise NotProvisionable(f"{value!r} can't be the name of something in a vendor's path")
    return quote(value, safe="")


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request to the target of that name ('': the handler's only one). `accepts` are faults (`EventHandler.fault`) that the handler wants to see itself;
    any other fault ends the pass with the verdict that the handler's tables give it.
    """

    target: str = field(default="", kw_only=True)
    accepts: frozenset[str] = field(default=frozenset(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Http(Request):
    """
    An HTTP request: `path` below the target's URL, a body as `json`, `form` or `body` (at most one). Headers are the vendor's own, the log-in is the
    target's.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Soap(Request):
    """A SOAP request: `content` is the one child of Body, `header` the children of Header. `version` 1.1 or 1.2 (its envelope and media type)."""

    path: str
    content: Element
    action: str = ""
    header: tuple[Element, ...] = ()
    version: str = "1.1"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line(Request):
    """One command of a text session (MML, osmo CTRL), without its end mark: the target's dialect adds and reads those."""

    text: str


@dataclass(frozen=True, slots=True)
class File(Request):
    """One row of a batch file; the target's name pattern, sequence number and acknowledgement make a file of it."""

    row: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sql(Request):
    """One statement with bound values (never text pasted together) for an outside database."""

    statement: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class LogIn:
    """
    Asks the engine for the session of the target: the kept one, or the result of the handler's `log_in` steps. `instead_of`: the session that the vendor no
    longer knows; it is replaced once.
    """

    target: str = ""
    instead_of: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """
    A vendor's answer. `status`: HTTP's, 0 on other wires. `body` as text; `xml` is the child of the SOAP body (or the root of an XML body), None else.
    `headers` have names in lower case. `fault`: what the wire itself calls a failure (an SQLSTATE), '' where it doesn't.
    """

    status: int = 0
    body: str = ""
    xml: Element | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[tuple[Any, ...], ...] = ()
    fault: str = ""

    @property
    def page(self) -> bool:
        """True for a web page, whatever media type it claims."""
        return self.body[:256].lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html"))

    @property
    def json(self) -> Any:
        """The body read as JSON. ValueError: it is none; the engine parks such a notification."""
        return json.loads(self.body)

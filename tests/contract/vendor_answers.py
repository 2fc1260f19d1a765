"""
What vendors may answer, well or badly, whatever a handler expects; and what no request may look like. Parts of the contract of handlers.

An answer that is no answer of the vendor (a proxy's page, a redirect, half a document, a SOAP fault with the status of success) must not end a notification
as done: its change would be lost, and nobody would know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from portaswitch.errors import NotSendable, TransportFailed
from portaswitch.handler import Element, EventHandler, Http, Line, Reply, Request, Soap
from portaswitch.transports.soap import envelope

#: Each is one answer for all requests.
ANSWERS: Final[Mapping[str, Reply | Exception]] = {
    "ok": Reply(200, "{}"),
    "empty": Reply(0, ""),
    "json": Reply(200, '{"id": "77", "status": "ok", "result": {"id": 5}, "token": "t"}'),
    "list": Reply(200, "[]"),
    "half of json": Reply(200, '{"id": "77", "status": "O', headers={"content-type": "application/json"}),
    "deep json": Reply(200, "[" * 5_000, headers={"content-type": "application/json"}),
    "xml": Reply(200, "<a/>", Element("a")),
    "fault of soap": Reply(200, "<Fault/>", Element("Fault", (Element("faultcode", text="soapenv:Server"), Element("faultstring", text="no")))),
    "html": Reply(200, "<html>proxy error</html>", headers={"content-type": "text/html"}),
    "a page": Reply(200, "\n<!DOCTYPE html><title>log in here</title>", headers={"content-type": "application/json"}),
    "not found": Reply(404, "no"),
    "conflict": Reply(409, "exists"),
    "unauthorized": Reply(401, ""),
    "redirect": Reply(307, "", headers={"location": "http://192.0.2.1/"}),
    "moved": Reply(302, "<html>moved</html>", headers={"location": "http://192.0.2.1/token"}),
    "busy": Reply(503, "", headers={"retry-after": "7"}),
    "fault": Reply(0, "RETCODE = 99 nonsense", fault="nonsense"),
    "half of mml": Reply(0, "+++    HLR9820   2026-01-31 12:00:00\nSMU    #000001\n%%MOD LCK:IMSI=1,X=SUCCESS0001;%%"),
    "silent": TransportFailed("no answer within 30 s"),
    "nonsense": NotSendable("the answer is no answer"),
}
#: What no vendor says when something went well.
PAGES: Final = frozenset({"html", "a page", "redirect", "moved"})
#: What no vendor says whose answers are documented to have a result.
BROKEN: Final = frozenset({"half of json", "deep json", "xml", "fault of soap", "half of mml"})
BROKEN_JSON: Final = frozenset({"half of json", "deep json"})
#: Handlers that are examples and take any answer.
EXAMPLES: Final = frozenset({"DemoHandler", "Sokoban::Log"})


def never_done(handler: EventHandler, answer: str, last: Request) -> bool:
    """Whether a notification whose last request got this answer may not be done."""
    if handler.name in EXAMPLES or handler.api == "internal" or handler.name == "EventSender":
        return False
    if isinstance(last, Soap | Line):
        return answer in PAGES | BROKEN
    documented = BROKEN_JSON if handler.tier == "documented" else frozenset()
    return isinstance(last, Http) and answer in PAGES | documented


def faults_of_request(request: Request) -> list[str]:
    """What is wrong with a request, whatever the account's values are: it is one document, one path, one command."""
    return list(_faults(request))


def _faults(request: Request) -> Iterator[str]:
    if isinstance(request, Http):
        yield from _http(request)
    elif isinstance(request, Soap):
        with suppress(NotSendable):  # then it is not sent
            yield from _parsed("XML", ElementTree.fromstring, envelope(request))
    elif isinstance(request, Line) and any(mark in request.text for mark in ";\r\n\x00"):
        yield "a command within a command"


def _http(request: Http) -> Iterator[str]:
    segments = request.path.split("/")[1:]
    if any(segment in ("", ".", "..") for segment in segments) or request.path.partition("/")[0]:
        yield "a path that is another resource's"
    kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    if request.body is not None and "json" in kind:
        yield from _parsed("JSON", json.loads, request.body)
    elif request.body is not None and "xml" in kind:
        yield from _parsed("XML", ElementTree.fromstring, request.body)
    elif request.body is not None and "form" in kind:
        yield from _parsed("form", lambda body: parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True), request.body)


def _parsed(kind: str, parse: Any, octets: bytes) -> Iterator[str]:
    try:
        parse(octets)
    except (ValueError, ElementTree.ParseError) as error:
        yield f"no {kind}: {error}"

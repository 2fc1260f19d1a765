"""JSON over HTTP: who asks, what they ask, and answers that say what is wrong. No answer tells more of a fault of ours than that it was one."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from portaswitch.errors import DatabaseDown, Overloaded
from portaswitch.interfaces.users import IUsers
from portaswitch.logs import background
from portaswitch.metrics import Counter
from portaswitch.model.actor import Actor
from portaswitch.model.operation import MayHaveHappened, NotPermitted, NotThere, OperationRefused

_log = Logger("portaswitch.api")
REQUESTS = Counter("portaswitch_api_requests_total", "Requests of the API", ("resource", "code"))
LARGEST_BODY = 64 * 1024


class Answer(Exception):
    """An answer that is no success: its HTTP code, and what is wrong."""

    def __init__(self, code: int, *faults: str) -> None:
        super().__init__(code, faults)
        self.code, self.faults = code, faults


Body = Mapping[str, Any]
Work = Callable[[Actor, Body], Awaitable[Mapping[str, Any]]]


class JsonResource(Resource):
    """One thing that takes POST with a JSON object of a user who is known; `work` does it. `name` is its word in the metrics."""

    isLeaf = True

    def __init__(self, users: IUsers, name: str, work: Work) -> None:
        Resource.__init__(self)
        self._users, self._name, self._work = users, name, work

    def render_POST(self, request: Request) -> int:
        """Answer later. A client that goes meanwhile gets no answer; what it asked stands."""
        answering = Deferred.fromCoroutine(self._answer(request))
        gone: Deferred[Any] = request.notifyFinish()
        background(gone.addErrback(lambda _: answering.cancel()), "a client of the API")
        background(answering.addErrback(lambda failure: failure.trap(CancelledError) and None), "an answer of the API")
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        try:
            code, told = 200, await self._work(await self._actor(request), _body(request))
        except Answer as answer:
            code, told = answer.code, {"faults": list(answer.faults)}
        except NotThere as refused:
            code, told = 404, {"faults": list(refused.faults)}
        except NotPermitted as refused:
            code, told = 403, {"faults": list(refused.faults)}
        except OperationRefused as refused:
            code, told = 400, {"faults": list(refused.faults)}
        except CancelledError:
            raise  # the client has gone: there is nobody to answer, and nothing is wrong
        except (DatabaseDown, MayHaveHappened):
            code, told = 503, {"faults": ["the database is not there: try again"]}
        except Overloaded:
            code, told = 503, {"faults": ["the server is busy: try again"]}
        except Exception:
            # The edge: a defect of ours is one answer and one line of the log.
            _log.failure("{name}: a request failed", name=self._name)
            code, told = 500, {"faults": ["this server has a defect: see its log"]}
        REQUESTS.inc(self._name, str(code))
        finish(request, code, told)

    async def _actor(self, request: Request) -> Actor:
        """The user of the Authorization header, Basic or Bearer (RFC 7617, RFC 6750)."""
        kind, _, given = _authorization(request).partition(" ")
        address = str(getattr(request.getClientAddress(), "host", ""))
        actor = None
        if kind.lower() == "bearer":
            actor = await self._users.by_token(given.strip(), address)
        elif kind.lower() == "basic":
            login, _, password = _basic(given).partition(":")
            actor = await self._users.by_password(login, password, address)
        if actor is None:
            raise Answer(401, "log in with the name and password of an API user (Basic), or with its token (Bearer)")
        return actor


def finish(request: Request, code: int, told: Mapping[str, Any]) -> None:
    """Write an answer."""
    request.setResponseCode(code)
    request.setHeader(b"content-type", b"application/json")
    if code == 401:
        request.setHeader(b"www-authenticate", b'Basic realm="portaswitch", charset="UTF-8"')
    request.write(json.dumps(told, default=str).encode() + b"\n")
    request.finish()


def _authorization(request: Request) -> str:
    """The last Authorization header, '' for none; octets that are no text become such as nobody has in a token or log-in."""
    values = request.requestHeaders.getRawHeaders(b"authorization", [b""])
    return values[-1].decode("utf-8", "replace")


def _basic(given: str) -> str:
    """Name and password of a log-in; the database takes no NUL, and nobody has one in his name."""
    try:
        found = base64.b64decode(given.strip(), validate=True).decode()
    except ValueError:  # binascii.Error, UnicodeDecodeError, and what is no ASCII
        found = "\0"
    if "\0" in found:
        raise Answer(401, "the Authorization header can't be read")
    return found


def _body(request: Request) -> Body:
    """The JSON object of a request, whatever it is labelled as: the guide's own example says it is a form."""
    octets = request.content.read(LARGEST_BODY + 1) if request.content is not None else b""
    if len(octets) > LARGEST_BODY:
        raise Answer(413, f"the body is larger than {LARGEST_BODY} octets")
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Answer(400, "the body is no JSON object")
    return found

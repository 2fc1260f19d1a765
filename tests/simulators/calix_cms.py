"""
A Calix CMS: NETCONF-like calls in SOAP over HTTP (CMS R14.1 NBI API guide).

    -> Envelope/Body/auth/login{UserName, Password}            <- auth-reply{ResultCode, ResultMessage, SessionId}
    -> Envelope/Body/rpc/get | get-config | edit-config | action    <- rpc-reply{ok | data | action-reply | rpc-error}

The status is 200 for errors too. Elements are matched by local names: clients send SOAP 1.1, 1.2 and misspelt namespaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from tests.simulators.calix_objects import KINDS, Key, Network, key_of, refused, serial
from tests.simulators.core import Fault, Refused, Sessions
from tests.simulators.run import run
from tests.simulators.soap import SOAP_11, SOAP_12, Element, Malformed, body_of, envelope, leaf, render, tag
from tests.simulators.web import Ask, HttpSimulator, Reply

#: Idle sessions end after half an hour; a CMS has up to 200.
IDLE, MOST = 1800, 200
LOGGED_IN, NO_SESSION, LOGIN_FAILED = "0", "2", "6"
#: ONTs that show-ont names at once, before it says that there are more.
PAGE = 50
_MESSAGE_ID = re.compile(r"[1-9]\d{0,9}")


class CalixCms(HttpSimulator):
    """`networks` are the nodes by their names with the prefix NTWK-; `uri` is where this kind of network is managed (E7)."""

    uri = "/cmsexc/ex/netconf"

    def __init__(self, clock: IReactorTime, user: str = "operator", password: str = "made-up", nodes: Sequence[str] = ("NTWK-E7-1",)) -> None:
        super().__init__(clock)
        self.user, self.password = user, password
        self.networks = {name: Network() for name in nodes}
        self.sessions = Sessions(clock, IDLE, MOST)
        self._last_session = 0

    def forget_sessions(self) -> None:
        """As after a restart of the CMS."""
        self.sessions.clear()

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        if ask.path != self.uri:
            return Reply(404)
        if ask.method != "POST":
            return Reply(405)
        try:
            call = body_of(ask.body)
        except Malformed as error:
            return _error("", f"malformed request: {error}")
        message = call.attributes.get("message-id", "")
        try:
            if not _MESSAGE_ID.fullmatch(message) or int(message) >= 1 << 32:
                raise refused("message-id must be a positive 32-bit integer")
            if call.name == "auth":
                return self._auth(call, message)
            if call.name != "rpc":
                raise refused(f"unknown request {call.name}")
            return self._rpc(call, message)
        except Refused as error:
            return _error(message, error.text)

    def busy(self, ask: Ask) -> Reply:
        """An rpc-error, as all trouble."""
        return _error("", "system busy, try again later")

    # -- sessions

    def _auth(self, call: Element, message: str) -> Reply:
        login, logout = call.child("login"), call.child("logout")
        if login is not None:
            self.note("login", login.values())
            return _auth_reply(message, *self._login(login))
        if logout is not None:
            self.note("logout", logout.values())
            key = logout.value("SessionId") or ""
            right = self.sessions.user(key) == logout.value("UserName") and self.sessions.close(key)
            return _auth_reply(message, *((LOGGED_IN, "Success") if right else (NO_SESSION, "No such session or user")))
        raise refused("auth without login or logout")

    def _login(self, login: Element) -> tuple[str, ...]:
        wrong = self.faults.strikes(Fault.WRONG_PASSWORD)
        if wrong or (login.value("UserName"), login.value("Password")) != (self.user, self.password):
            return LOGIN_FAILED, "Login failed"
        self._last_session += 1
        if not self.sessions.open(str(self._last_session), self.user):
            return LOGIN_FAILED, "Too many sessions"
        return LOGGED_IN, "Success", str(self._last_session)

    # -- calls

    def _rpc(self, call: Element, message: str) -> Reply:
        session, node = call.attributes.get("sessionid", ""), call.attributes.get("nodename", "")
        if not session:
            raise refused("a session id is required")
        user = self.sessions.user(session)
        if user is None or user != call.attributes.get("username"):
            raise refused(f"session {session} does not exist")
        if not node.startswith("NTWK-"):
            raise refused(f"invalid node name {node}: the prefix NTWK- is missing")
        if node not in self.networks:
            raise refused(f"unknown node {node}")
        if len(call.children) != 1:
            raise refused("one operation is expected")
        operation = call.children[0]
        if operation.name == "edit-config":
            return _reply(message, self._edit(node, operation))
        if operation.name in ("get", "get-config"):
            return _reply(message, self._get(self.networks[node], operation))
        if operation.name == "action":
            return _reply(message, self._action(self.networks[node], operation))
        raise refused(f"unknown operation {operation.name}")

    def _edit(self, node: str, operation: Element) -> str:
        """All objects of the call, or none of them."""
        if operation.child("target", "running") is None:
            raise refused("target running is expected")
        objects = _objects(operation.child("config", "top"))
        network, told = self.networks[node].copy(), ""
        for asked in objects:
            verb = asked.attributes.get("operation", "merge")
            self.note(f"{verb} {asked.value('type')}", _flat(asked))
            if verb not in ("create", "merge", "delete"):
                raise refused(f"unknown operation {verb}")
            key = getattr(network, verb)(asked)
            if asked.attributes.get("get-config") == "true" and verb != "delete":
                told += _object(key, network)
        self.networks[node] = network
        return tag("data", tag("top", told)) if told else "<ok/>"

    def _get(self, network: Network, operation: Element) -> str:
        if operation.name == "get-config" and operation.child("source", "running") is None:
            raise refused("source running is expected")
        told = ""
        for asked in _objects(operation.child("filter", "top")):
            self.note(f"{operation.name} {asked.value('type')}", _flat(asked))
            key = key_of(asked)
            network.get(key)
            told += _object(key, network)
        return tag("data", tag("top", told))

    def _action(self, network: Network, operation: Element) -> str:
        kind, given = operation.value("action-type") or "", operation.child("action-args")
        arguments = given.values() if given is not None else {}
        self.note(f"action {kind}", arguments)
        if kind != "show-ont":
            raise refused(f"unknown action {kind}")
        after = arguments.pop("after", "0")
        if len(arguments) != 1 or not set(arguments) <= {"serno", "subscr-id", "reg-id"} or not re.fullmatch(r"\d{1,9}", after):
            raise refused("one of serno, subscr-id, reg-id is expected")
        ((name, wanted),) = arguments.items()
        found = [ont for ont in sorted(network.onts()) if ont > int(after) and _matches(network, ont, name, wanted)]
        matches = "".join(_match(network, ont) for ont in found[:PAGE])
        return tag("action-reply", leaf("action-type", kind), matches, "<more/>" if len(found) > PAGE else "")


def _objects(top: Element | None) -> list[Element]:
    objects = list(top.all("object")) if top is not None else []
    if not objects:
        raise refused("no object")
    return objects


def _flat(asked: Element, before: str = "") -> dict[str, str]:
    """Texts by path: `bw-prof.id.bwprof`."""
    told = {}
    for one in asked.children:
        if one.children:
            told.update(_flat(one, f"{before}{one.name}."))
        else:
            told[before + one.name] = one.text
    return told


def _matches(network: Network, ont: int, name: str, wanted: str) -> bool:
    fields = network.get(("Ont", (ont,)))
    if name == "serno":
        return bool(serial(fields)) and serial(fields) == wanted.upper()
    return name in fields and fields[name].text == wanted


def _object(key: Key, network: Network) -> str:
    names = KINDS[key[0]].id_parts
    numbers = "".join(leaf(name, number) for name, number in zip(names, key[1], strict=True))
    return tag("object", leaf("type", key[0]), tag("id", numbers), *map(render, network.get(key).values()))


def _match(network: Network, ont: int) -> str:
    """What show-ont says of an ONT: its configuration, and its state."""
    key: Key = ("Ont", (ont,))
    fields = network.get(key)
    down = "admin" in fields and fields["admin"].text == "disabled"
    state = "disabled" if down else "present" if serial(fields) else "missing"
    seen = tag("object", leaf("type", "Ont"), tag("id", leaf("ont", ont)), leaf("op-stat", state))
    return tag("match", tag("get-config", _object(key, network)), tag("get", seen))


def _auth_reply(message: str, code: str, text: str, session: str = "") -> Reply:
    inner = leaf("ResultCode", code) + leaf("ResultMessage", text) + (leaf("SessionId", session) if session else "")
    return envelope(tag("auth-reply", inner, message_id=message), SOAP_11)


def _reply(message: str, inner: str) -> Reply:
    return envelope(tag("rpc-reply", inner, message_id=message), SOAP_12)


def _error(message: str, text: str) -> Reply:
    inner = leaf("error-type", "application") + leaf("error-tag", "operation failed") + leaf("error-severity", "error") + leaf("error-message", text)
    return _reply(message, tag("rpc-error", inner))


if __name__ == "__main__":
    run(CalixCms, "A Calix CMS (user operator, password made-up, node NTWK-E7-1).")

"""
The template engine: vendors whose interface is private, or differs from site to site, as data (DESIGN.md 5.6).

An operation is a request with `${names}` in it, filled from the wanted state and escaped by the kind of its body, so that no value breaks the document. What
ships with a vendor's file is a default; the configuration replaces operations, predicates and words of faults:

    handlers:
      titan:
        class: Titan::HSS
        operations: {update: {method: PUT, path: "/sub/${imsi}", body: '{"msisdn": "${msisdn}"}'}}
        success: '"status": *"OK"'
        faults: {exists: "duplicate", missing: "not found", busy: "try later"}
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from portaswitch.errors import NotProvisionable
from portaswitch.handler.base import Result, State, StateHandler, Steps
from portaswitch.handler.options import Option, mapping_of, pattern, text, url
from portaswitch.handler.requests import Http, Reply, segment
from portaswitch.handler.targets import Basic, HttpTarget, Target
from portaswitch.handler.xml import NO_XML
from portaswitch.model.effect import AssignRemoteId
from portaswitch.model.subscriber import Record, Subscriber
from portaswitch.model.value import dataclass

_NAME = re.compile(r"\$\{(\w+)\}")


def _in_xml(value: str) -> str:
    if NO_XML.search(value):
        raise NotProvisionable("a value with signs that XML does not have: control characters")
    return escape(value, {'"': "&quot;"})


_ESCAPES: Mapping[str, Callable[[str], str]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "xml": _in_xml,
    "form": quote_plus,
}
_TYPES = {"json": "application/json", "xml": "text/xml; charset=utf-8", "form": "application/x-www-form-urlencoded"}
#: Words that the engine gives to faults by an operation's table, in the order in which they are looked for.
WORDS = ("exists", "missing", "busy")


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a vendor: `path` and `body` with ${names}, `body` of `kind` json, xml or form. `capture`: a pattern whose group is the vendor's own id."""

    method: str
    path: str
    body: str = ""
    kind: str = "json"
    capture: str = ""

    def request(self, values: Mapping[str, Any], accepts: frozenset[str] = frozenset()) -> Http:
        """The request for these values. KeyError names a value that there is not. Errors: NotProvisionable for one that path or document can't have."""
        headers = {"content-type": _TYPES[self.kind]} if self.body else {}
        body = _fill(self.body, values, _ESCAPES[self.kind]).encode() if self.body else None
        path, mark, query = self.path.partition("?")
        address = _fill(path, values, segment) + mark + _fill(query, values, quote_plus)
        return Http(self.method, address, body=body, headers=headers, accepts=accepts)


def _fill(template: str, values: Mapping[str, Any], escaped: Callable[[str], str]) -> str:
    return _NAME.sub(lambda name: escaped(str(values[name[1]])), template)


def _captured(operation: Operation, reply: Reply) -> str:
    """The vendor's id in an answer, '' for none."""
    found = re.search(operation.capture, reply.body) if operation.capture else None
    return (found[1] or "") if found else ""


def resource(path: str, key: str, body: str, kind: str = "json") -> dict[str, Operation]:
    """The requests of a REST resource: POST at `path` creates, PUT with the same body at `path`/${key} changes, DELETE deletes."""
    one = f"{path}/${{{key}}}"
    return {"create": Operation("POST", path, body, kind), "update": Operation("PUT", one, body, kind), "delete": Operation("DELETE", one)}


def operations(value: Any) -> dict[str, Operation]:
    """Operations of the configuration: a mapping of a name to method, path, body, kind and capture. ValueError: what is wrong."""
    if not isinstance(value, dict):
        raise ValueError("is a mapping of operations")
    made = {}
    for name, fields in value.items():
        try:
            made[str(name)] = Operation(**fields)
        except TypeError:
            raise ValueError(f"operation {name} has method and path, and may have body, kind and capture") from None
        if wrong := _wrong(made[str(name)]):
            raise ValueError(f"operation {name}: {wrong}")
    return made


def _wrong(operation: Operation) -> str:
    """What is wrong with an operation of the configuration, '' for nothing."""
    if not all(isinstance(value, str) for value in (operation.method, operation.path, operation.body, operation.kind, operation.capture)):
        return "all of it is text: a body of JSON stands in quotation marks"
    if operation.kind not in _ESCAPES:
        return f"kind is one of {', '.join(_ESCAPES)}"
    try:
        captures = re.compile(operation.capture).groups
    except re.error as error:
        return f"capture is no regular expression: {error}"
    return "capture has no group: put what is the id in parentheses" if operation.capture and not captures else ""


def worded(plain: str, reply: Reply, values: Mapping[str, Any], success: str = "") -> str:
    """The fault of an answer by the options `faults` and `success` (the pattern of good answers, where the operator has given no own); `plain` is HTTP's."""
    for word in WORDS:
        pattern = values.get("faults", {}).get(word, "")
        if pattern and (pattern == plain or re.search(pattern, reply.body)):
            return word
    if plain:
        return {"http 404": "missing", "http 409": "exists"}.get(plain, plain)
    wanted = values.get("success") or success
    return "refused" if wanted and not re.search(wanted, reply.body) else ""


class TemplateHandler(StateHandler):
    """
    A state-based handler whose requests are templates.

    A vendor's class gives `state` (keys and values of an account, None: nothing), the `identity` key that names an entity at the vendor, and default
    `templates`: create, update, delete; and where the vendor has them `rename` (another identity: ${old} and ${new}), `suspend` and `resume`, `add` and `drop`
    of the members of the key `list_key` (${item}).
    """

    tier: ClassVar[str] = "template"
    identity: ClassVar[str] = ""
    list_key: ClassVar[str] = ""
    templates: ClassVar[Mapping[str, Operation]] = {}
    default_success: ClassVar[str] = ""
    busy = frozenset({"busy"})
    credentials_refused = frozenset({"http 401"})  # RFC 9110 15.5.2: the name and password of every request
    targets: ClassVar[Mapping[str, Target]] = {"": HttpTarget(auth=Basic())}
    common_options: ClassVar[tuple[Option, ...]] = (
        Option("url", url, "where the vendor's interface listens", example="http://vendor.example.com:8080"),
        Option("user", text, "name for HTTP Basic, '' for none", default=""),
        Option("password", text, "its password", default="", secret=True),
        Option("operations", operations, "requests that stand for the shipped ones, by name", default={}),
        Option("success", pattern, "pattern that the body of a good answer has", default=""),
        Option("faults", mapping_of(*WORDS, read=pattern), "patterns of bodies (or 'http CODE') by word: exists, missing, busy", default={}),
    )
    options: ClassVar[tuple[Option, ...]] = common_options

    def __init_subclass__(cls) -> None:
        """Members of the list are many entities'."""
        super().__init_subclass__()
        if cls.list_key:
            cls.shared = cls.shared | {cls.list_key}

    @abstractmethod
    def state(self, subscriber: Subscriber) -> State | None:
        """The keys and values of an account; values are text. None: the vendor shall know nothing of it."""

    def wanted(self, subscriber: Subscriber) -> State | None:
        """`state`, and nothing of a closed account."""
        return None if subscriber.closed else self.state(subscriber)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Other identities are renamed or deleted, the entity is created or updated, then the list, then suspended or resumed."""
        new, known = wanted.key(self.identity), record.keys.get(self.identity, ())
        others = [one for one in known if one != new]
        for old in others:
            yield from self._left(old, new, wanted, record)
        there = new in known or (others and self._operation("rename") is not None)
        made = not there or self._unnamed(record)
        if not made:
            reply = yield from self._run("update", wanted, record, frozenset({"missing"}))
            record, made = self._named("update", reply, record), self.fault(reply) == "missing"
        if made:
            record = yield from self._made(wanted, record)
        # After an attempt that failed the record has members that nobody added.
        has = () if made or others or record.state is None else record.keys.get(self.list_key, ())
        yield from self._listed(wanted, record, has)
        yield from self._run("suspend" if wanted.values.get("barred") else "resume", wanted, record, optional=True)

    def remove(self, record: Record) -> Steps:
        """Delete; what is gone already is no fault."""
        for one in record.keys.get(self.identity, ()):
            yield from self._deleted(one, record)

    def fault(self, reply: Reply) -> str:
        """A word of the tables, else 'http CODE', else 'refused' where the pattern of good answers is not in the body."""
        return worded(super().fault(reply), reply, self.values, self.shipped_success())

    def shipped(self) -> Mapping[str, Operation]:
        """The operations that the configuration may replace."""
        return self.templates

    def shipped_success(self) -> str:
        """The pattern of good answers that the configuration may replace."""
        return self.default_success

    def _operation(self, name: str) -> Operation | None:
        found: Operation | None = self.values.get("operations", {}).get(name) or self.shipped().get(name)
        return found

    def _run(self, name: str, wanted: State, record: Record, accepts: frozenset[str] = frozenset(), optional: bool = False, **more: str) -> Result:
        """One operation; an optional one that the vendor has not is passed over. Its captured id is kept."""
        operation = self._operation(name)
        if operation is None and optional:
            return None
        if operation is None:
            raise NotProvisionable(f"{self.name} has no operation {name!r}: give it under `operations` in the configuration")
        keys = {key: wanted.key(key) for key in wanted.keys}
        reply: Reply = yield operation.request({**wanted.values, **keys, "remote_id": record.remote_id, **more}, accepts)
        captured = _captured(operation, reply)
        if captured:
            yield AssignRemoteId(captured)
        return reply

    def _named(self, name: str, reply: Reply, record: Record) -> Record:
        """The record with the vendor's id of this answer, where it has one: it is written at the end of the pass, and requests before that have it in them."""
        operation = self._operation(name)
        return record if operation is None else Record(_captured(operation, reply) or record.remote_id, record.keys, record.state)

    def _unnamed(self, record: Record) -> bool:
        """Whether the vendor's id, by which an update would go, is not known: the answer to the first request was lost."""
        update = self._operation("update")
        return update is not None and "${remote_id}" in update.path and not record.remote_id

    def _made(self, wanted: State, record: Record) -> Result:
        """Create, and the record with the vendor's id; one that exists already is brought to the same state."""
        reply: Reply = yield from self._run("create", wanted, record, frozenset({"exists"}))
        made = self._named("create", reply, record)
        if self.fault(reply) == "exists":
            reply = yield from self._run("update", wanted, made)
            made = self._named("update", reply, made)
        return made

    def _left(self, old: str, new: str, wanted: State, record: Record) -> Steps:
        """An identity that is no longer the entity's: renamed where the vendor can, else deleted."""
        if self._operation("rename") is not None:
            yield from self._run("rename", wanted, record, frozenset({"missing"}), old=old, new=new)
        else:
            yield from self._deleted(old, record)

    def _deleted(self, identity: str, record: Record) -> Steps:
        yield from self._run("delete", State({**record.keys, self.identity: (identity,)}), record, frozenset({"missing"}))

    def _listed(self, wanted: State, record: Record, has: Sequence[str]) -> Steps:
        """Drop members of the list that are no longer wanted, add those that the entity has not at their place, in order."""
        if not self.list_key:
            return
        wants = wanted.keys.get(self.list_key, ())
        for position, item in enumerate(record.keys.get(self.list_key, ())):
            if item not in wants:
                yield from self._run("drop", wanted, record, frozenset({"missing"}), item=item, position=str(position + 1))
        for position, item in enumerate(wants):
            if item not in has or has.index(item) != position:
                yield from self._run("add", wanted, record, frozenset({"exists"}), item=item, position=str(position + 1))

"""
A vendor's system made from a description of its operations, for vendors whose interfaces are private: what the description says is all that it knows.

    {"key": "id", "operations": {"create": {"effect": "create", "method": "POST", "path": "/subscribers", "kind": "json",
      "body": "{\\"id\\": \\"{id}\\", \\"plan\\": \\"{plan?}\\"}", "replies": {"done": {"status": 201, "body": "{\\"number\\": \\"{number}\\"}"}}}}}

It keeps records by the key and refuses what is unknown, there already, against the description's laws, or not like the template. The words of a description
are the fields of `description.Operation` and `Answer`; bodies are templates as `matching` has them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Fault, Refused, Sessions
from tests.simulators.description import STATUS, Answer, Description, Effect, Operation, described
from tests.simulators.matching import KINDS, Mismatch, fill, read, within
from tests.simulators.run import run
from tests.simulators.web import Ask, HttpSimulator, Reply

#: Seconds without a request that end a log-in.
IDLE = 1800


class TemplateSimulator(HttpSimulator):
    """
    `records` by key, each with {number}; `members` of each by item; `orders` what became of operations that were accepted; `known` the description's values of
    fields, to which a test may add.
    """

    def __init__(self, clock: IReactorTime, description: Description) -> None:
        super().__init__(clock)
        self.description = description
        self.records: dict[str, dict[str, str]] = {}
        self.members: dict[str, dict[str, dict[str, str]]] = {}
        self.known = {name: set(values) for name, values in description.known.items()}
        self.orders: dict[str, str] = {}
        self.sessions = Sessions(clock, IDLE)
        self._numbers = self._tokens = 0
        self._effects: Mapping[Effect, Callable[[dict[str, str]], dict[str, str]]] = {
            Effect.CREATE: self._create, Effect.UPDATE: self._update, Effect.UPSERT: self._upsert, Effect.DELETE: self._delete,
            Effect.QUERY: self._find, Effect.RENAME: self._rename, Effect.LOGIN: self._login, Effect.POLL: self._poll,
            Effect.ADD: self._add, Effect.DROP: self._drop,
        }  # fmt: skip

    def forget_sessions(self) -> None:
        """All tokens become worthless."""
        self.sessions.clear()

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        operation = values = None
        try:
            operation, values = self._match(ask)
            self.note(operation.name, values)
            self._authorize(ask, operation)
            return self._reply(operation, *self._do(operation, values))
        except Refused as error:
            return self._reply(operation, error.code, {**(values or {}), "error": error.text})

    def busy(self, ask: Ask) -> Reply:
        """The description's answer for it."""
        return self._reply(None, "busy", {"error": "busy"})

    def _match(self, ask: Ask) -> tuple[Operation, dict[str, str]]:
        """The operation whose method, path and body fit, and its values; what fits best says why not."""
        why = Refused("missing", "no such resource")
        for operation in self.description.operations:
            try:
                if operation.method != ask.method:
                    continue
                values = _of_path(operation.path, ask.path)
            except Mismatch:
                continue
            try:
                if operation.body and not ask.is_kind(KINDS[operation.kind]):
                    raise Mismatch(f"the media type is not {KINDS[operation.kind]}")
                content = read(operation.body, operation.kind, ask.body)
                if differ := [name for name in values if content.get(name, values[name]) != values[name]]:
                    raise Mismatch(f"{differ[0]} is another one in the path than in the body")
                return operation, {**values, **content, **operation.sets}
            except Mismatch as error:
                why = Refused("refused", str(error))
        raise why

    def _authorize(self, ask: Ask, operation: Operation) -> None:
        wanted = self.description
        if operation.effect is Effect.LOGIN or not wanted.user:
            return
        if wanted.token:
            if self.sessions.user(ask.headers.get(wanted.token.lower(), "")) is None:
                raise Refused("denied", "not logged in")
        elif self.faults.strikes(Fault.WRONG_PASSWORD) or ask.basic() != (wanted.user, wanted.password):
            raise Refused("denied", "wrong user or password")

    def _do(self, operation: Operation, values: dict[str, str]) -> tuple[str, dict[str, str]]:
        if not operation.later:
            return "done", self._effects[operation.effect](values)
        order = f"order-{len(self.orders) + 1}"
        self.orders[order] = "PENDING"
        self.clock.callLater(operation.later, self._finish, order, operation, values)
        return "accepted", {**values, "order": order}

    def _finish(self, order: str, operation: Operation, values: dict[str, str]) -> None:
        """What was accepted is done, or turns out to be impossible."""
        try:
            self._effects[operation.effect](values)
            self.orders[order] = "DONE"
        except Refused:
            self.orders[order] = "FAILED"

    def _reply(self, operation: Operation | None, outcome: str, values: Mapping[str, str]) -> Reply:
        own = operation.replies if operation is not None else {}
        answer = own.get(outcome) or self.description.replies.get(outcome) or Answer(STATUS[outcome])
        return Reply(answer.status, fill(answer.body, values, answer.kind).encode(), KINDS[answer.kind])

    # -- effects

    def _key(self, values: dict[str, str]) -> str:
        key = values.get(self.description.key, "")
        if not key:
            raise Refused("refused", f"{self.description.key} is missing")
        return key

    def _find(self, values: dict[str, str]) -> dict[str, str]:
        key = self._key(values)
        if key not in self.records:
            raise Refused("missing", f"{key} does not exist")
        return self.records[key]

    def _create(self, values: dict[str, str]) -> dict[str, str]:
        key = self._key(values)
        if key in self.records:
            raise Refused("exists", f"{key} exists")
        self._lawful(key, values)
        self._numbers += 1
        self.records[key] = {"number": str(self._numbers), **values}
        self.members[key] = {}
        return self.records[key]

    def _update(self, values: dict[str, str]) -> dict[str, str]:
        record = self._find(values)
        self._lawful(self._key(values), values)
        record.update(values)
        return record

    def _lawful(self, key: str, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            if value and value not in self.known.get(name, {value}):
                raise Refused("refused", f"{name} {value} is not known")
            if value and name in self.description.unique and any(one.get(name) == value for other, one in self.records.items() if other != key):
                raise Refused("exists", f"{name} {value} is another record's")

    def _upsert(self, values: dict[str, str]) -> dict[str, str]:
        return self._update(values) if self._key(values) in self.records else self._create(values)

    def _delete(self, values: dict[str, str]) -> dict[str, str]:
        self._find(values)
        self.members.pop(self._key(values), None)
        return self.records.pop(self._key(values))

    def _add(self, values: dict[str, str]) -> dict[str, str]:
        self._find(values)
        self._lawful(self._key(values), values)
        self.members.setdefault(self._key(values), {})[values["item"]] = values
        return values

    def _drop(self, values: dict[str, str]) -> dict[str, str]:
        self._find(values)
        members = self.members.get(self._key(values), {})
        if values["item"] not in members:
            raise Refused("missing", f"{values['item']} is no member")
        return members.pop(values["item"])

    def _rename(self, values: dict[str, str]) -> dict[str, str]:
        record, new = self._find(values), values.get("new", "")
        if not new:
            raise Refused("refused", "the new key is missing")
        if new in self.records:
            raise Refused("exists", f"{new} exists")
        del self.records[self._key(values)]
        record[self.description.key] = new
        self.records[new], self.members[new] = record, self.members.pop(self._key(values), {})
        return record

    def _login(self, values: dict[str, str]) -> dict[str, str]:
        given = values.get("user"), values.get("password")
        if self.faults.strikes(Fault.WRONG_PASSWORD) or given != (self.description.user, self.description.password):
            raise Refused("denied", "wrong user or password")
        self._tokens += 1
        token = f"token-{self._tokens}"
        if not self.sessions.open(token, self.description.user):
            raise Refused("busy", "too many sessions")
        return {"token": token}

    def _poll(self, values: dict[str, str]) -> dict[str, str]:
        order = values.get("order", "")
        if order not in self.orders:
            raise Refused("missing", f"{order} does not exist")
        return {"order": order, "state": self.orders[order]}


def _of_path(template: str, path: str) -> dict[str, str]:
    """The values of a path; none of them has a slash."""
    values = within(template, path, "the path")
    if any("/" in value for value in values.values()):
        raise Mismatch("the path")
    return values


#: A small IPTV platform, as an example of a description.
EXAMPLE: Mapping[str, Any] = {
    "key": "id",
    "user": "operator",
    "password": "made-up",
    "replies": {outcome: {"body": '{"error": "{error}"}'} for outcome in ("refused", "denied", "missing", "exists", "busy")},
    "operations": {
        "create": {
            "effect": "create", "method": "POST", "path": "/subscribers", "body": '{"id": "{id}", "name": "{name?}", "packages": "{packages?}"}',
            "sets": {"state": "enabled"}, "replies": {"done": {"status": 201, "body": '{"number": "{number}"}'}},
        },
        "update": {"effect": "update", "method": "PUT", "path": "/subscribers/{id}", "body": '{"name": "{name?}", "packages": "{packages?}"}'},
        "suspend": {"effect": "update", "method": "POST", "path": "/subscribers/{id}/disable", "sets": {"state": "disabled"}},
        "resume": {"effect": "update", "method": "POST", "path": "/subscribers/{id}/enable", "sets": {"state": "enabled"}},
        "delete": {"effect": "delete", "method": "DELETE", "path": "/subscribers/{id}"},
        "query": {
            "effect": "query", "method": "GET", "path": "/subscribers/{id}",
            "replies": {"done": {"body": '{"id": "{id}", "name": "{name}", "packages": "{packages}", "state": "{state}"}'}},
        },
    },
}  # fmt: skip


def main() -> None:
    """The command line, with the file of a description beside the common options."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--operations", type=Path)
    options, rest = own.parse_known_args()
    data = EXAMPLE if options.operations is None else json.loads(options.operations.read_text())
    text = "A system made from a description (--operations FILE.json; without it a small IPTV platform, user operator, password made-up)."
    run(lambda clock: TemplateSimulator(clock, described(data)), text, rest)


if __name__ == "__main__":
    main()

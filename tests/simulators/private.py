"""Descriptions of vendors with private interfaces: what those have in common that are REST, and the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime

from tests.simulators.description import described
from tests.simulators.run import run
from tests.simulators.template import TemplateSimulator

#: The log-in of all of them, by HTTP Basic.
USER, PASSWORD = "operator", "made-up"


def rest(
    key: str,
    path: str,
    body: str,
    kind: str = "json",
    *,
    unique: Sequence[str] = (),
    known: Mapping[str, tuple[str, ...]] | None = None,
    members: tuple[str, str] | None = None,
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """
    A resource at `path` whose records are made by POST, changed by PUT and deleted by DELETE with the same `body`.

    `members`: the word in the path, and the body, by which a record gets members; `more` are operations beside these.
    """
    one = f"{path}/{{{key}}}"
    operations: dict[str, Mapping[str, Any]] = {
        "create": {"effect": "create", "method": "POST", "path": path, "kind": kind, "body": body, "replies": {"done": {"status": 201}}},
        "update": {"effect": "update", "method": "PUT", "path": one, "kind": kind, "body": body},
        "delete": {"effect": "delete", "method": "DELETE", "path": one},
    }
    if members is not None:
        word, content = members
        operations["add"] = {"effect": "add", "method": "PUT", "path": f"{one}/{word}/{{item}}", "kind": kind, "body": content}
        operations["drop"] = {"effect": "drop", "method": "DELETE", "path": f"{one}/{word}/{{item}}"}
    told = {outcome: {"kind": "text", "body": "{error}"} for outcome in ("refused", "denied", "missing", "exists", "busy")}
    return {
        "key": key, "unique": unique, "known": known or {}, "replies": told, "operations": {**operations, **(more or {})}, "user": USER, "password": PASSWORD,
    }  # fmt: skip


def vendor(clock: IReactorTime, description: Mapping[str, Any]) -> TemplateSimulator:
    """The vendor of a description."""
    return TemplateSimulator(clock, described(description))


def main(vendors: Mapping[str, Mapping[str, Any]]) -> None:
    """The command line: which vendor, then the options that all simulators have."""
    name, *rest_of = sys.argv[1:] or [""]
    if name not in vendors:
        sys.exit(f"say which one first: {', '.join(vendors)}")
    run(lambda clock: vendor(clock, vendors[name]), f"The simulator of {name} (user {USER}, password {PASSWORD}).", rest_of)

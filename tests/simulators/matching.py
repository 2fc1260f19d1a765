"""
Templates of request and answer bodies: what of a request stands where its template has `{name}`, and answers with values filled in.

A template of JSON, XML or a form is compared by structure: order, blanks and namespaces don't count, numbers are compared as text. `{name?}` may be
missing. What the template doesn't have is refused, and so is a constant that differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from tests.simulators.soap import Element, Malformed, parse

KINDS = {"json": "application/json", "xml": "text/xml; charset=utf-8", "form": "application/x-www-form-urlencoded", "text": "text/plain; charset=utf-8"}
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)(\??)\}")


class Mismatch(Exception):
    """A request that is not what the template says; the text names the place."""


def fill(template: str, values: Mapping[str, str], kind: str = "text") -> str:
    """A template with values, escaped so that none breaks the document; a name without a value is empty."""
    return _PLACE.sub(lambda found: _escaped(values.get(found.group(1), ""), kind), template)


def _escaped(value: str, kind: str) -> str:
    if kind == "json":
        return json.dumps(value)[1:-1]
    if kind == "xml":
        return escape(value, {'"': "&quot;"})
    return quote(value, safe="") if kind == "form" else value


def names_of(template: str) -> set[str]:
    """The names of a template's places."""
    return {found.group(1) for found in _PLACE.finditer(template)}


def read(template: str, kind: str, body: bytes) -> dict[str, str]:
    """The values of a body by the names of the template's places, or Mismatch."""
    try:
        text = body.decode()
        wanted, given = dict(_flat(kind, template)), dict(_flat(kind, text))
    except (ValueError, RecursionError, Malformed) as error:
        raise Mismatch(f"the body is no {kind}") from error
    if strange := set(given) - set(wanted):
        raise Mismatch(f"{min(strange)} is not expected")
    values: dict[str, str] = {}
    for place, form in wanted.items():
        if place in given:
            for name, value in within(form, given[place], place).items():
                if values.setdefault(name, value) != value:
                    raise Mismatch(f"{name} has two values")
        elif not form.endswith("?}") or not _PLACE.fullmatch(form):
            raise Mismatch(f"{place} is missing")
    return values


def within(form: str, text: str, place: str) -> dict[str, str]:
    """The values in one text: `/subscribers/{id}` and `/subscribers/7` give id 7."""
    pattern, last = "", 0
    for found in _PLACE.finditer(form):
        pattern += re.escape(form[last : found.start()]) + f"(?P<{found.group(1)}>{'.*?' if found.group(2) else '.+?'})"
        last = found.end()
    right = re.fullmatch(pattern + re.escape(form[last:]), text, re.DOTALL)
    if right is None:
        raise Mismatch(f"the value of {place} is wrong")
    return right.groupdict()


def _flat(kind: str, text: str) -> Iterator[tuple[str, str]]:
    """Places and texts of a document."""
    if kind == "json":
        yield from _flat_json("$", json.loads(text)) if text.strip() else ()
    elif kind == "xml":
        yield from _flat_xml("", parse(text.encode())) if text.strip() else ()
    elif kind == "form":
        yield from parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else ()
    else:
        yield "the text", text


def _flat_json(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat_json(f"{place}.{name}", one)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _flat_json(f"{place}[{number}]", one)
    else:
        yield place, value if isinstance(value, str) else json.dumps(value)


def _flat_xml(before: str, element: Element) -> Iterator[tuple[str, str]]:
    place = f"{before}/{element.name}"
    for name, value in element.attributes.items():
        yield f"{place}@{name}", value
    if not element.children:
        yield place, element.text
    seen: dict[str, int] = {}
    for one in element.children:
        seen[one.name] = seen.get(one.name, 0) + 1
        yield from _flat_xml(place if seen[one.name] == 1 else f"{place}[{seen[one.name]}]", one)

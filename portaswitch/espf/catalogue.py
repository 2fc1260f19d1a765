"""
The 89 events of the guide, and what this server tells beside them (`OWN`), as handlers and receivers know them: `data/events.yaml`.

Event rows keep their variables as JSON objects, which have no order; `EventType.ordered` gives them in the guide's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event. `simplified` is the event of API version 2 that receivers get instead, '' where none fits; the other fields: head of the file."""

    name: str
    summary: str
    variables: tuple[str, ...]
    inherited: bool
    simplified: str
    also_from: tuple[str, ...]

    def ordered(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The variables of an event row in the guide's order; those that the guide does not name come last."""
        known = {name: variables[name] for name in self.variables if name in variables}
        if len(known) == len(variables):
            return known
        return {**known, **{name: value for name, value in variables.items() if name not in known}}


def read_events(text: str) -> Mapping[str, EventType]:
    """The events of a catalogue file by their name in small letters, in its order; KeyError names a field that one lacks."""
    return MappingProxyType({entry["name"].lower(): _event_type(entry) for entry in yaml.safe_load(text)["events"]})


def _event_type(entry: Mapping[str, Any]) -> EventType:
    return EventType(
        name=entry["name"],
        summary=entry["summary"],
        variables=tuple(entry["variables"]),
        inherited=entry.get("inherited", False),
        simplified=entry.get("simplified", ""),
        also_from=tuple(entry.get("also_from", ())),
    )


EVENTS: Final = read_events(resources.files("portaswitch.espf").joinpath("data", "events.yaml").read_text("utf-8"))
"""The package's catalogue."""

OWN: Final = frozenset({"Custom/Inventory/DeviceAdded"})
"""Events that the guide has not: only who is subscribed to them by name gets them."""


def find(name: str) -> EventType | None:
    """The event of that name, whatever its case ("Account/Id/Changed" is printed beside "Account/ID/Changed"); None where there is none."""
    return EVENTS.get(name.lower())

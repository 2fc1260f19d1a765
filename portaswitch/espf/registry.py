"""Which handler instances there are: ours, and those that the configuration file names, each a class from a folder with its options."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from portaswitch.espf.internal import ALWAYS, CONFIGURED, RUNNING
from portaswitch.espf.loader import Loader
from portaswitch.espf.options import Reading
from portaswitch.handler import EventHandler
from portaswitch.model.notification import Instance
from portaswitch.model.value import dataclass

#: Notifications that a handler without targets works on at once: they cost the database only.
AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Configured:
    """
    An instance as the configuration file has it. `places` say where each option is written ('' under the empty name: where the instance is); `public` are
    options from a file that every user can read.
    """

    name: str
    class_name: str
    i_env: int
    options: Mapping[str, Any]
    places: Mapping[str, str]
    public: Collection[str] = frozenset()

    def fault(self, option: str, reason: str) -> str:
        """A fault with its place, as the configuration's own."""
        place = self.places.get(option) or f"espf.handlers.{self.name}" + (f".{option}" if option else "")
        return f"{place}: {reason}"


@dataclass(frozen=True, slots=True)
class Ready:
    """An instance whose options are right: the configured handler, what it read, and what the database is told of it."""

    instance: Instance
    handler: EventHandler
    reading: Reading

    @property
    def parallel(self) -> int:
        """Notifications at once."""
        asked = self.reading.values.get("parallel")
        return int(asked) if asked else max((target.parallel for target in self.handler.reach().values()), default=AT_ONCE)


class Registry:
    """Over the folders (the shipped one first) and the configured instances."""

    def __init__(self, folders: Sequence[Path], configured: Sequence[Configured]) -> None:
        self.loader = Loader(folders)
        self._configured = tuple(configured)

    def classes(self) -> dict[str, EventHandler]:
        """All classes that can be configured, by name: ours count before those of folders."""
        return {**self.loader.handlers(), **{handler.name: handler for handler in CONFIGURED}}

    def faults(self) -> list[str]:
        """What keeps instances of the configuration from running, each with its place: they stop the start."""
        return list(self._faults(self.classes()))

    def _faults(self, classes: Mapping[str, EventHandler]) -> Iterator[str]:
        taken = {handler.name for handler in ALWAYS}
        for one in self._configured:
            handler = classes.get(one.class_name)
            if one.name in taken:
                yield one.fault("", f"{one.name} is the name of an internal handler: take another one")
            elif handler is None:
                yield one.fault("", f"there is no handler class {one.class_name}: {self._instead(one.class_name, classes)}")
            else:
                yield from (one.fault(option, f"{option}: {reason}") for option, reason in Reading(handler, one.options, one.public).faults)

    def _instead(self, name: str, classes: Mapping[str, EventHandler]) -> str:
        broken = "; ".join(f"{path} is broken: {error}" for path, error in self.loader.problems())
        return f"there are {', '.join(sorted(classes)) or 'none'}" + (f" ({broken})" if broken else "")

    def ready(self) -> dict[str, Ready]:
        """The instances that can run, by name; one whose class or options are no longer right is left out."""
        found = {handler.name: _internal(handler) for handler in ALWAYS}
        classes = self.classes()
        for one in self._configured:
            handler = classes.get(one.class_name)
            if handler is None:
                continue
            reading = Reading(handler, one.options, one.public)
            if not reading.faults:
                found[one.name] = Ready(_instance(one, handler), handler.configured(reading.values), reading)
        return found


def _internal(handler: EventHandler) -> Ready:
    instance = Instance(
        handler.name, handler.name, None, handler.description, handler.tier, handler.api, True, handler.name in RUNNING,
        RUNNING.get(handler.name, handler.events),
    )  # fmt: skip
    return Ready(instance, handler, Reading(handler, {}))


def _instance(one: Configured, handler: EventHandler) -> Instance:
    return Instance(one.name, one.class_name, one.i_env, handler.description, handler.tier, handler.api, False, False, handler.events)

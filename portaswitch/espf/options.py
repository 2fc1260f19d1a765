"""Options of handler instances: those that a handler declares and those that all have, read and judged."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from portaswitch.espf.verdicts import Retries
from portaswitch.handler import EventHandler, Option, whole

#: Options that every handler instance has beside its own; without a value the target's own hold.
COMMON: Final = (
    Option("attempts", whole, "how often an event is tried before it is parked for an operator", default=20),
    Option("retry_first", whole, "seconds to the second attempt; each further pause is twice as long", default=10),
    Option("retry_longest", whole, "seconds between two attempts at most", default=3600),
    Option("seconds", whole, "how long an answer of the vendor may take (default: as the handler's target says)", default=None),
    Option("parallel", whole, "requests at once (default: as the handler's target says)", default=None),
    Option("rate", whole, "requests a second, 0: no cap (default: as the handler's target says)", default=None),
)


def declared(handler: EventHandler) -> Mapping[str, Option]:
    """All options of an instance by name: the handler's own, then the common ones that it has not itself."""
    own = {option.name: option for option in handler.options}
    return {**own, **{option.name: option for option in COMMON if option.name not in own}}


class Reading:
    """What a handler reads from the options that an operator wrote: `values`, and `faults` as (option, reason)."""

    def __init__(self, handler: EventHandler, given: Mapping[str, Any], public: Collection[str] = ()) -> None:
        """`public`: options whose value stands in a file that every user of the machine may read."""
        known = declared(handler)
        self.values: dict[str, Any] = {}
        self.faults: list[tuple[str, str]] = [(name, _unknown(name, known)) for name in given if name not in known]
        for option in known.values():
            self.faults += [(option.name, reason) for reason in self._read(option, given, public)]
        secrets = [option.name for option in known.values() if option.secret]
        self.secrets: tuple[str, ...] = tuple(str(given[name]) for name in secrets if isinstance(given.get(name), str | int))

    def _read(self, option: Option, given: Mapping[str, Any], public: Collection[str]) -> Iterator[str]:
        if option.name not in given:
            if option.required:
                yield f"is required: {option.help}"
            else:
                self.values[option.name] = option.default
            return
        if option.secret and option.name in public:
            yield "is a secret in a file that every user can read: chmod 600 that file"
        try:
            self.values[option.name] = option.read(given[option.name])
        except Exception as error:  # a handler's own reader may raise anything; a secret is not quoted
            yield str(error) if isinstance(error, ValueError) else f"can't be read ({type(error).__name__})"

    @property
    def retries(self) -> Retries:
        """How often and when an event is tried."""
        return Retries(max(self.values["attempts"], 1), float(max(self.values["retry_first"], 1)), float(max(self.values["retry_longest"], 1)))


def _unknown(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:64], known, 1)
    return f"is no option of this handler: did you mean {near[0]}?" if near else f"is no option of this handler: it has {', '.join(known)}"

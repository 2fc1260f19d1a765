"""Credit control requests that make no sense: the Result-Code and the Failed-AVP of their answers (RFC 6733 7.5)."""

from __future__ import annotations

from typing import NoReturn

from portaswitch.errors import PortaSwitchError
from portaswitch.wire.diameter.datatypes import Value
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Result, example, wrapped


class Malformed(PortaSwitchError):
    """
    A CCR whose AVPs are sound one by one and can't be served together. `result_code` is that of the answer, `failed_avp` the octets that its Failed-AVP holds
    (b'' none); the text names AVPs and no values.
    """

    def __init__(self, result_code: int, text: str, failed_avp: bytes = b"") -> None:
        super().__init__(text)
        self.result_code, self.failed_avp = result_code, failed_avp


def wrong(path: tuple[str, ...], value: Value) -> NoReturn:
    """Raise `Malformed`: an AVP, named by the groups that it is in and itself, has a value that can't be served (5004)."""
    known = Dictionary.standard()
    outer = [known.avps[name] for name in path[:-1]]
    raise Malformed(Result.INVALID_AVP_VALUE, f"{path[-1]} can't be that", wrapped(known.pack((path[-1], value)), outer))


def missing(name: str) -> NoReturn:
    """Raise `Malformed`: an AVP is not there (5005)."""
    raise Malformed(Result.MISSING_AVP, f"{name} is missing", example(Dictionary.standard().avps[name]))


def too_many(name: str, value: Value) -> NoReturn:
    """Raise `Malformed`: an AVP is there too often (5009)."""
    raise Malformed(Result.AVP_OCCURS_TOO_MANY_TIMES, f"more of {name} than one request may have", Dictionary.standard().pack((name, value)))

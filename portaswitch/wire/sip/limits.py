"""How much of a message is read. Larger ones are refused before anything is taken apart."""

from __future__ import annotations

from typing import Final

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """
    In octets: `start_line`, `header` (one with its folds), `head` (start line and all headers), `body`. In number: `headers` (lines), `hops` (values of Via:
    no message
    has more than its largest usual Max-Forwards).
    """

    start_line: int = 4096
    header: int = 8192
    head: int = 32768
    body: int = 65536
    headers: int = 256
    hops: int = 70


LIMITS: Final = Limits()

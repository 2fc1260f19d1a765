"""
MD5, the interpreter's own: hashlib's goes through OpenSSL's context machinery, which costs 0.25 us a call on messages as short as ours, six calls a login, and
is refused on hosts in FIPS mode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, cast


class Digest(Protocol):
    """A state of MD5."""

    def update(self, data: bytes, /) -> None:
        """Go on with these octets."""

    def digest(self) -> bytes:
        """What it is after the octets so far."""

    def copy(self) -> Digest:
        """Another one of the same state."""


def _fastest() -> Any:
    try:
        return import_module("_md5").md5
    except ImportError:  # pragma: no cover - an interpreter that was built without it
        return hashlib.md5


md5: Final = cast(Callable[[bytes], Digest], _fastest())

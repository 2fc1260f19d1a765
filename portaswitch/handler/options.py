"""
Options of a handler, as data: from them come checks of the configuration file, example configurations and the operator's pages.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from portaswitch.model.value import dataclass

_REQUIRED: Any = object()
#: How a secret of Standard Webhooks begins.
WEBHOOK_SECRET = "whsec_"


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option: `read` turns the value of the configuration file into the one the handler sees and raises ValueError with a reason for a person.
    Without a default it must be given. `secret` ones are never shown and may come from `{file: PATH}` or `{env: NAME}` (as every value may).
    `example` stands in the generated example configuration.
    """

    name: str
    read: Callable[[Any], Any]
    help: str
    default: Any = _REQUIRED
    secret: bool = False
    example: Any = None

    @property
    def required(self) -> bool:
        """True when the file must give it."""
        return self.default is _REQUIRED


def text(value: Any) -> str:
    """Text, or a number as text."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("is text")
    return str(value)


def whole(value: Any) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("is a whole number, 0 or more")
    return value


def switch(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("is true or false")
    return value


def url(value: Any) -> str:
    """An http or https URL with a host."""
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is a URL: http://host:port/path or https://...")
    return str(value).rstrip("/")


def address(value: Any) -> str:
    """HOST:PORT."""
    host, _, port = str(value).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("is HOST:PORT")
    return str(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"is one of {', '.join(words)}")
        return str(value)

    return read


def mapping(value: Any) -> dict[str, str]:
    """A mapping of text to text."""
    if not isinstance(value, dict):
        raise ValueError("is a mapping")
    return {str(key): text(item) for key, item in value.items()}


def pattern(value: Any) -> str:
    """A regular expression, as text."""
    try:
        re.compile(text(value))
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text(value)


def mapping_of(*words: str, read: Callable[[Any], str] = text) -> Callable[[Any], dict[str, str]]:
    """A mapping of some of these words to what `read` takes."""

    def read_all(value: Any) -> dict[str, str]:
        given = mapping(value)
        if strange := sorted(set(given) - set(words)):
            raise ValueError(f"has {', '.join(strange)}: its words are {', '.join(words)}")
        for word, one in given.items():
            try:
                read(one)
            except ValueError as error:
                raise ValueError(f"has a word that is wrong: {word} {error}") from None
        return given

    return read_all


def webhook_secret(value: Any) -> str:
    """A secret of Standard Webhooks: whsec_ and the base64 of 24 to 64 octets."""
    try:
        octets = base64.b64decode(str(value).removeprefix(WEBHOOK_SECRET), validate=True)
    except binascii.Error:
        octets = b""
    if not str(value).startswith(WEBHOOK_SECRET) or not 24 <= len(octets) <= 64:
        raise ValueError("is a secret of 24 to 64 octets: whsec_ and their base64")
    return str(value)

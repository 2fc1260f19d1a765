"""
The small pieces of SIP's grammar (RFC 3261 25.1): tokens, quoted strings, lists and parameters.

Texts are str as decoded by :func:`decode`: an octet that is no UTF-8 lives on as a lone surrogate, so that what is copied into an answer is what came. All
reading is by
length; no octet ends a text. What isn't of the grammar gives None.
"""

from __future__ import annotations

import re
from typing import Final

#: Name in small letters, and its value as written (quotes included), None without one; in the order of the wire.
Parameters = tuple[tuple[str, str | None], ...]

BLANKS: Final = " \t"
TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
QUOTED: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
#: A value of a parameter: token, host (an IPv6 address with or without brackets) or quoted string. Non-ASCII is for quoted strings only.
_VALUE: Final = re.compile(r'[A-Za-z0-9\-.!%*_+`\'~:\[\]]+|"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WHOLE: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"|<[^<>"]*>|["<>]|'
_MARKS: Final = {mark: re.compile(_WHOLE + mark, re.DOTALL) for mark in ",;"}
#: What a mark may stand within.
_ENCLOSING: Final = re.compile(r'["<>]')
#: Control octets stand in quoted pairs only (quoted-pair: %x00-09 / %x0B-0C / %x0E-7F); HTAB is a blank.
_PAIR: Final = re.compile(r"\\[\x00-\x09\x0b\x0c\x0e-\x7f]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
#: Digits that may be made a number without a look at how many they are.
SHORT: Final = 20
#: Parameters without quotes, which nearly all are: one match instead of two for each of them.
_BARE: Final = re.compile(r"(?:[ \t]*;[ \t]*[A-Za-z0-9\-.!%*_+`'~]+(?:=[A-Za-z0-9\-.!%*_+`'~:\[\]]+)?)*")
#: A pair of credentials, and all of them, as nearly all write them.
_CREDENTIAL: Final = re.compile(r"""([A-Za-z0-9\-.!%*_+`'~]+)=(?:"([^"\\]*)"|([A-Za-z0-9\-.!%*_+`'~/:]+))""")
_CREDENTIALS: Final = re.compile(_CREDENTIAL.pattern + "(?:, *" + _CREDENTIAL.pattern + ")*")
#: What is no control octet, and HTAB.
PRINTED: Final = bytes((9, *range(0x20, 0x7F), *range(0x80, 0x100)))


def decode(octets: bytes) -> str:
    """The text of octets, whatever they are; :func:`encode` gives the same octets back."""
    return octets.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """
    The octets of a text.

    :raises ValueError: for a surrogate that no octet stands behind.
    """
    return text.encode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """The text for a database or a log: U+FFFD for octets that are no UTF-8 and for control characters."""
    return text if text.isascii() and text.isprintable() else _CONTROL.sub("\ufffd", encode(text).decode("utf-8", "replace"))


def clean(text: str) -> bool:
    """Whether a header's value may be sent or taken: no line end anywhere, other controls in quoted pairs only."""
    if not _CONTROL.search(text):
        return True
    return "\r" not in text and "\n" not in text and not _CONTROL.search(_PAIR.sub("", text))


def token(text: str) -> bool:
    """Whether a text is a token."""
    return TOKEN.fullmatch(text) is not None


def number(text: str, largest: int) -> int | None:
    """The number of a text of digits (zeros before it don't matter); None when it is none or larger than this."""
    if not text.isdigit() or not text.isascii():
        return None
    if len(text) < SHORT:
        return value if (value := int(text)) <= largest else None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(largest)):
        return None
    return value if (value := int(digits)) <= largest else None


def split(text: str, mark: str) -> list[str] | None:
    """
    The parts of a text between commas or semicolons that stand outside quotes and angle brackets, without blanks around them.

    None when a quote or a bracket isn't closed.
    """
    if not _ENCLOSING.search(text):
        return [part.strip(BLANKS) for part in text.split(mark)]
    parts, start = [], 0
    for found in _MARKS[mark].finditer(text):
        seen = found.group()
        if seen == mark:
            parts.append(text[start : found.start()].strip(BLANKS))
            start = found.end()
        elif len(seen) == 1:
            return None
    parts.append(text[start:].strip(BLANKS))
    return parts


def parameters(text: str) -> Parameters | None:
    """The parameters of `;name=value;name`, '' for none; None when one is empty, no token, of another form or there twice."""
    if not text:
        return ()
    found: dict[str, str | None] = {}
    if _BARE.fullmatch(text):
        parts = text.split(";")
        for part in parts[1:]:
            name, equals, value = part.strip(BLANKS).partition("=")
            found[name.lower()] = value if equals else None
        return tuple(found.items()) if len(found) == len(parts) - 1 else None
    divided = split(text, ";")
    if divided is None or divided[0]:
        return None
    parts = divided
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        name, value = name.rstrip(BLANKS).lower(), value.lstrip(BLANKS)
        if not token(name) or name in found or (equals and not _VALUE.fullmatch(value)):
            return None
        found[name] = value if equals else None
    return tuple(found.items())


def written(parameters: Parameters) -> str:
    """The parameters as they are sent, each with its semicolon."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters)


def named(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter without quotes: '' when it has none, None when it isn't there."""
    for known, value in parameters:
        if known == name:
            return unquoted(value) if value else ""
    return None


def unquoted(text: str) -> str:
    """A quoted string's content, with its pairs resolved; any other text as it is."""
    return _ESCAPED.sub(r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text


def quoted(text: str) -> str:
    """A text as a quoted string; whether it may be sent is for :func:`clean` to say."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pairs(text: str) -> dict[str, str] | None:
    """The `name=value, name="value"` of a challenge or of credentials, names in small letters, without quotes; None when one has no value or is there twice."""
    if not _CREDENTIALS.fullmatch(text):
        return _pairs(text)
    divided = _CREDENTIAL.findall(text)
    found = {name.lower(): quoted or plain for name, quoted, plain in divided}
    return found if len(found) == len(divided) else None


def _pairs(text: str) -> dict[str, str] | None:
    """The same of any text."""
    parts = split(text, ",")
    if parts is None:
        return None
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name, value = name.rstrip(BLANKS).lower(), value.lstrip(BLANKS)
        if not token(name) or name in found or not equals or not value or (value[0] == '"' and not QUOTED.fullmatch(value)):
            return None
        found[name] = unquoted(value)
    return found

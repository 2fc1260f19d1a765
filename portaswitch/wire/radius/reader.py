"""Reads dictionary text, the format that :mod:`.dictionary` describes, into definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from portaswitch.wire.dictionary_text import define_all, number_of
from portaswitch.wire.radius.datatypes import DECODERS
from portaswitch.wire.radius.definitions import STANDARD, Attribute, Vendor

#: Types that hold attributes instead of a value.
CONTAINERS: Final = frozenset({"tlv", "vsa"})

_TYPE_OCTETS: Final = (1, 2, 4)
_LENGTH_OCTETS: Final = (0, 1, 2)


class Reader:
    """
    Collects definitions from lines; a later ATTRIBUTE or VALUE of the same name replaces an earlier one.
    """

    def __init__(self) -> None:
        self.vendors: dict[str, Vendor] = {}
        self._attributes: dict[str, Attribute] = {}
        self._words: dict[str, dict[str, int]] = {}
        self._prefixes: dict[int, str] = {}
        self._carriers: dict[str, str] = {}
        self._vendor = STANDARD
        self._keywords: dict[str, Callable[[Sequence[str]], None]] = {
            "VENDOR": self._define_vendor,
            "BEGIN-VENDOR": self._begin_vendor,
            "END-VENDOR": self._end_vendor,
            "ATTRIBUTE": self._define_attribute,
            "VALUE": self._define_word,
            "PREFIX": self._define_prefix,
            "AVPAIR": self._define_carried,
        }

    def read(self, name: str, text: str) -> None:
        """
        Add the definitions of one file.

        :param name: the file's name, for errors.
        :raises DictionaryError: for the first line that can't be understood.
        """
        self._vendor = STANDARD
        define_all(name, text, self._keywords)

    def attributes(self) -> Iterator[Attribute]:
        """Everything read, with enumerated values, prefixes and carriers filled in."""
        for attribute in self._attributes.values():
            prefix = self._prefixes.get(attribute.vendor)
            own = prefix is not None and attribute.parent is None and attribute.name.startswith(prefix)
            yield replace(
                attribute,
                words=MappingProxyType(dict(self._words.get(attribute.name, {}))),
                prefix=attribute.name + "=" if own else "",
                carrier=self._carriers.get(attribute.name, ""),
            )
        for name, carrier in self._carriers.items():
            if name not in self._attributes:
                yield Attribute(name, -1, "string", carrier=carrier)

    def _define_vendor(self, words: Sequence[str]) -> None:
        """VENDOR name number [format=T,L]."""
        if len(words) not in (2, 3):
            raise ValueError("give a name, a number and perhaps format=T,L")
        layout = (1, 1)
        if len(words) == 3:
            key, _, sizes = words[2].partition("=")
            types, _, lengths = sizes.partition(",")
            layout = (int(types), int(lengths))
            if key != "format" or layout[0] not in _TYPE_OCTETS or layout[1] not in _LENGTH_OCTETS:
                raise ValueError(
                    f"format is T,L with T of {_TYPE_OCTETS} and L of {_LENGTH_OCTETS}, not {words[2]}"
                )
        self.vendors[words[0]] = Vendor(words[0], number_of(words[1]), *layout)

    def _begin_vendor(self, words: Sequence[str]) -> None:
        """BEGIN-VENDOR name."""
        (name,) = words
        if name not in self.vendors:
            raise ValueError(f"no VENDOR {name} above")
        self._vendor = self.vendors[name].number

    def _end_vendor(self, words: Sequence[str]) -> None:
        """END-VENDOR name."""
        (name,) = words
        if name not in self.vendors or self.vendors[name].number != self._vendor:
            raise ValueError(f"{name} was not begun")
        self._vendor = STANDARD

    def _define_attribute(self, words: Sequence[str]) -> None:
        """ATTRIBUTE name code[.code] type [flag,...]."""
        if len(words) not in (3, 4):
            raise ValueError("give a name, a code, a type and perhaps flags")
        name, code, kind = words[:3]
        if kind not in DECODERS and kind not in CONTAINERS:
            raise ValueError(f"type {kind} is not one of {', '.join(sorted({*DECODERS, *CONTAINERS}))}")
        outer, dot, inner = code.partition(".")
        tagged, encrypt = _flags(words[3]) if len(words) == 4 else (False, 0)
        self._attributes[name] = Attribute(
            name,
            number_of(inner if dot else outer),
            kind,
            self._vendor,
            number_of(outer) if dot else None,
            tagged,
            encrypt,
        )

    def _define_word(self, words: Sequence[str]) -> None:
        """VALUE attribute word number."""
        name, word, number = words
        if name not in self._attributes:
            raise ValueError(f"no ATTRIBUTE {name} above")
        self._words.setdefault(name, {})[word] = number_of(number)

    def _define_prefix(self, words: Sequence[str]) -> None:
        """PREFIX vendor prefix."""
        vendor, prefix = words
        self._prefixes[self.vendors[vendor].number] = prefix

    def _define_carried(self, words: Sequence[str]) -> None:
        """AVPAIR carrier name."""
        carrier, name = words
        if carrier not in self._attributes:
            raise ValueError(f"no ATTRIBUTE {carrier} above")
        self._carriers[name] = carrier


def _flags(text: str) -> tuple[bool, int]:
    """Whether a comma separated list of flags has has_tag, and the number of its encrypt."""
    tagged, encrypt = False, 0
    for flag in text.split(","):
        if flag == "has_tag":
            tagged = True
        elif flag in ("encrypt=1", "encrypt=2", "encrypt=3"):
            encrypt = int(flag[-1])
        else:
            raise ValueError(f"flag {flag} is not has_tag or encrypt=1|2|3")
    return tagged, encrypt

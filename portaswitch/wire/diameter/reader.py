"""Reads dictionary text, the format that :mod:`.dictionary` describes, into definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from portaswitch.wire.diameter.datatypes import TYPES
from portaswitch.wire.diameter.definitions import STANDARD, Avp, Command, Grammar
from portaswitch.wire.dictionary_text import DictionaryError, define_all, number_of

_MANDATORY: Final[Mapping[str, bool]] = MappingProxyType({"M": True, "-": False})
_PROXIABLE: Final[Mapping[str, bool]] = MappingProxyType({"P": True, "-": False})


class Reader:
    """
    Collects definitions from lines; a later AVP, VALUE or COMMAND of the same name replaces an earlier one.
    """

    def __init__(self) -> None:
        self.vendors: dict[str, int] = {}
        self.applications: dict[str, int] = {}
        self.commands: dict[str, Command] = {}
        self._avps: dict[str, Avp] = {}
        self._words: dict[str, dict[str, int]] = {}
        self._counts: dict[str, dict[str, list[str]]] = {}
        self._vendor = STANDARD
        self._keywords: dict[str, Callable[[Sequence[str]], None]] = {
            "APPLICATION": self._define_application,
            "VENDOR": self._define_vendor,
            "BEGIN-VENDOR": self._begin_vendor,
            "END-VENDOR": self._end_vendor,
            "AVP": self._define_avp,
            "VALUE": self._define_word,
            "COMMAND": self._define_command,
            **{word: self._counter(word) for word in ("REQUIRE", "ONCE", "SAME")},
        }

    def read(self, name: str, text: str) -> None:
        """
        Add the definitions of one file.

        :param name: the file's name, for errors.
        :raises DictionaryError: for the first line that can't be understood.
        """
        self._vendor = STANDARD
        define_all(name, text, self._keywords)

    def avps(self) -> Iterator[Avp]:
        """Everything read, with enumerated values filled in."""
        for avp in self._avps.values():
            yield replace(avp, words=MappingProxyType(dict(self._words.get(avp.name, {}))))

    def grammars(self) -> dict[str, Grammar]:
        """
        The grammar of each message (``CCR``) and group.

        :raises DictionaryError: for one of something that isn't defined, or that names an unknown AVP.
        """
        messages = {name + end for name in self.commands for end in "RA"}
        found = {}
        for target, counts in self._counts.items():
            known = self._avps.get(target)
            if target not in messages and (known is None or known.type != "Grouped"):
                raise DictionaryError(f"{target} has a grammar and is no COMMAND and no Grouped AVP")
            for name in (name for names in counts.values() for name in names):
                if name not in self._avps:
                    raise DictionaryError(f"the grammar of {target} names {name}, which is no AVP")
            found[target] = Grammar(
                tuple(counts.get("REQUIRE", ())),
                frozenset(counts.get("ONCE", ())),
                frozenset(counts.get("SAME", ())),
            )
        return found

    def _define_application(self, words: Sequence[str]) -> None:
        """APPLICATION name number."""
        name, number = words
        self.applications[name] = number_of(number)

    def _define_vendor(self, words: Sequence[str]) -> None:
        """VENDOR name number."""
        name, number = words
        self.vendors[name] = number_of(number)

    def _begin_vendor(self, words: Sequence[str]) -> None:
        """BEGIN-VENDOR name."""
        (name,) = words
        if name not in self.vendors:
            raise ValueError(f"no VENDOR {name} above")
        self._vendor = self.vendors[name]

    def _end_vendor(self, words: Sequence[str]) -> None:
        """END-VENDOR name."""
        (name,) = words
        if self.vendors.get(name) != self._vendor:
            raise ValueError(f"{name} was not begun")
        self._vendor = STANDARD

    def _define_avp(self, words: Sequence[str]) -> None:
        """AVP name code type M|-."""
        name, code, kind, flags = words
        if kind not in TYPES:
            raise ValueError(f"type {kind} is not one of {', '.join(sorted(TYPES))}")
        if flags not in _MANDATORY:
            raise ValueError(f"{flags} is not M (sent with the M bit) or -")
        if name in self._avps and (self._avps[name].vendor, self._avps[name].code) != (self._vendor, number_of(code)):
            raise ValueError(f"{name} is the name of another AVP")
        self._avps[name] = Avp(name, number_of(code), kind, self._vendor, _MANDATORY[flags])

    def _define_word(self, words: Sequence[str]) -> None:
        """VALUE avp word number."""
        name, word, number = words
        if name not in self._avps:
            raise ValueError(f"no AVP {name} above")
        self._words.setdefault(name, {})[word] = number_of(number)

    def _define_command(self, words: Sequence[str]) -> None:
        """COMMAND name code application P|-."""
        name, code, application, flags = words
        if flags not in _PROXIABLE:
            raise ValueError(f"{flags} is not P (may be proxied) or -")
        if application != "*" and application not in self.applications:
            raise ValueError(f"no APPLICATION {application} above")
        number = None if application == "*" else self.applications[application]
        self.commands[name] = Command(name, number_of(code), number, _PROXIABLE[flags])

    def _counter(self, word: str) -> Callable[[Sequence[str]], None]:
        """REQUIRE, ONCE or SAME, then a message or group, then AVPs."""

        def define(words: Sequence[str]) -> None:
            if len(words) < 2:
                raise ValueError("give a message or group, and AVPs")
            self._counts.setdefault(words[0], {}).setdefault(word, []).extend(words[1:])

        return define

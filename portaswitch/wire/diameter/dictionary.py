"""
The Diameter dictionary: which AVPs and commands there are, by name and by number.

They live in text files (portaswitch/wire/data/diameter), never in code: everything outside this package goes
by names. The words understood::

    APPLICATION   name number
    VENDOR        name number
    BEGIN-VENDOR  name                       the AVPs below are that vendor's
    END-VENDOR    name
    AVP           name code type M|-         type as in RFC 6733 4.2 and 4.3; M: we send it with the M bit
    VALUE         avp word number            of Enumerated, and of Result-Code and the like
    COMMAND       name code application|* P|-     name without R and A; P: its request may be proxied
    REQUIRE       target avp ...             target is a message (CCR) or group; at least one of each
    ONCE          target avp ...             at most one of each
    SAME          target avp ...             at most one of each, or more with the same value
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from portaswitch.wire.diameter.datatypes import DECODERS, SIZES, Value, decode_octets
from portaswitch.wire.diameter.definitions import Avp, Command, Grammar
from portaswitch.wire.diameter.encoders import Packer, Packs
from portaswitch.wire.diameter.faults import packed
from portaswitch.wire.diameter.message import UNKNOWN, Pair, Unknown
from portaswitch.wire.diameter.reader import Reader
from portaswitch.wire.diameter.shapes import Shapes
from portaswitch.wire.diameter.walk import CONVERTED, GROUP, LONG, NUMBER, OPAQUE, SIGNED, SIZED, TEXT, Entry
from portaswitch.wire.dictionary_text import DictionaryError as DictionaryError

_FORMS: Mapping[str, int] = MappingProxyType(
    {
        "UTF8String": TEXT,
        "IPFilterRule": TEXT,
        "QoSFilterRule": TEXT,
        "Unsigned32": NUMBER,
        "Integer32": SIGNED,
        "Enumerated": SIGNED,
        "Unsigned64": LONG,
        "Grouped": GROUP,
    }
)


class Dictionary:
    """
    Immutable once loaded.

    :ivar avps: by name.
    :ivar vendors: numbers by name.
    :ivar applications: numbers by name.
    :ivar commands: by number.
    :ivar entries: what decoding looks up.
    :ivar grammars: of messages, by name (``CCR``).
    """

    __slots__ = ("_named", "_packers", "_shapes", "applications", "avps", "commands", "entries", "grammars", "packs", "vendors")

    def __init__(self, reader: Reader) -> None:
        """
        :raises DictionaryError: when a grammar names what isn't defined.
        """
        self.vendors: Mapping[str, int] = MappingProxyType(dict(reader.vendors))
        self.applications: Mapping[str, int] = MappingProxyType(dict(reader.applications))
        self.commands: Mapping[int, Command] = MappingProxyType(
            {command.code: command for command in reader.commands.values()}
        )
        self.avps: Mapping[str, Avp] = MappingProxyType({avp.name: avp for avp in reader.avps()})
        self.grammars: Mapping[str, Grammar] = MappingProxyType(reader.grammars())
        self._named = {a.name: {n: word for word, n in a.words.items()} for a in self.avps.values() if a.words}
        #: Packs values by the names of their AVPs, with the flags that we send.
        self.packs = Packs(_unknown)
        self._packers = {name: Packer(avp, self.pack, self.packs) for name, avp in self.avps.items()}
        self.packs.by_name.update({name: packer.plain for name, packer in self._packers.items()})
        self._shapes: dict[frozenset[int] | None, Shapes] = {}
        # A plain dict: a look-up through a proxy costs twice as much, once an AVP.
        self.entries: dict[int, Entry] = {
            avp.key: _entry(avp, self.grammars.get(avp.name)) for avp in self.avps.values()
        }

    @classmethod
    def load(cls, paths: Iterable[Traversable]) -> Dictionary:
        """
        Read these files, in this order.

        :raises DictionaryError: for the first line that can't be understood, by file and line.
        """
        reader = Reader()
        for path in paths:
            reader.read(path.name, path.read_text(encoding="utf-8"))
        return cls(reader)

    @staticmethod
    def standard() -> Dictionary:
        """The shipped dictionary: the RFCs', 3GPP's and the vendors' that our clients send; read once."""
        return _standard()

    @staticmethod
    def shipped() -> tuple[Traversable, ...]:
        """The files of :meth:`standard` in the order of loading, to be followed by an operator's own."""
        folder = files("portaswitch.wire").joinpath("data", "diameter")
        found = [path for path in folder.iterdir() if path.name.endswith(".dictionary")]
        # A COMMAND names an application, and those are in the base protocol's file.
        return tuple(sorted(found, key=lambda path: (path.name != "rfc6733.dictionary", path.name)))

    def shapes(self, applications: frozenset[int] | None) -> Shapes:
        """The decoders made for shapes of messages, by the applications that are served."""
        found = self._shapes.get(applications)
        if found is None:
            found = self._shapes[applications] = Shapes(self.entries)
        return found

    def number(self, name: str, word: str) -> int:
        """
        The number of an enumerated value, such as ("CC-Request-Type", "INITIAL_REQUEST").

        :raises KeyError: when the AVP or the word is unknown.
        """
        return self.avps[name].words[word]

    def word(self, name: str, number: int) -> str | None:
        """The word of an enumerated value, or None."""
        return self._named.get(name, {}).get(number)

    def pack(self, pair: Pair, flags: int | None = None) -> bytes:
        """
        The octets of one AVP by name, padded.

        :param flags: other flags than the definition's.
        :raises ValueError: for an unknown name, or a value that isn't of the type or doesn't fit.
        """
        name, value = pair
        if flags is None:
            return self.packs.all((pair,))
        packer = self._packers.get(name)
        if packer is None:
            return _unknown(name, value)
        return packer.pack(value, flags)


def _unknown(name: str, value: Value) -> bytes:
    """
    What an AVP that was unknown when it came goes back as.

    :raises ValueError: for anything else.
    """
    if not isinstance(value, Unknown) or name != UNKNOWN:
        raise ValueError(f"{name}: not in the dictionary")
    return packed(value.code, value.flags, value.vendor, value.octets)


def _entry(avp: Avp, grammar: Grammar | None) -> Entry:
    """The tuple that decoding looks up for one AVP."""
    size = SIZES.get(avp.type, 0)
    form = _FORMS.get(avp.type, SIZED if size else CONVERTED)
    if avp.name == "Failed-AVP":
        form = OPAQUE
    header = 12 if avp.vendor else 8
    return form, avp.name, avp.flags << 24, header, header + size if size else 0, DECODERS.get(avp.type, decode_octets), grammar, avp


@cache
def _standard() -> Dictionary:
    """Reads the shipped files."""
    return Dictionary.load(Dictionary.shipped())

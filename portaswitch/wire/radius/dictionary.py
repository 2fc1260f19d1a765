"""
The RADIUS dictionary: which attributes there are, by name and by number.

Attributes live in text files of the FreeRADIUS format (portaswitch/wire/data/radius), never in code:
everything outside this package goes by names. The words understood::

    VENDOR        name number [format=T,L]   T octets of type (1, 2, 4), L of length (0, 1, 2; 0: to the end)
    BEGIN-VENDOR  name                       the attributes below are that vendor's
    END-VENDOR    name
    ATTRIBUTE     name code[.code] type [flag,...]     code.code: inside a TLV; has_tag, encrypt=1|2|3
    VALUE         attribute word number
    PREFIX        vendor prefix              ours: attributes so named repeat "name=" before the value (Cisco)
    AVPAIR        carrier name               ours: an attribute that is sent as "name=value" in the carrier

Other readers of the format ignore the two words of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from portaswitch.wire.dictionary_text import DictionaryError as DictionaryError
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.definitions import STANDARD, Attribute, Vendor
from portaswitch.wire.radius.encoders import Packer, layers
from portaswitch.wire.radius.reader import Reader
from portaswitch.wire.radius.tables import MESSAGE_AUTHENTICATOR, PROXY_STATE, VENDOR_SPECIFIC, Tables

#: Encodings kept at most; then all are dropped, which costs the constant ones a microsecond each.
CACHED_ENCODINGS: Final = 2048


class Dictionary:
    """
    Immutable once loaded.

    :ivar attributes: by name.
    :ivar vendors: by name.
    :ivar tables: what decoding looks up.
    :ivar reserved: names that a pair inside an AVPair must not pose as: all standard and vendors' attributes
        but those which Cisco itself sends in both ways.
    :ivar encodings: octets of (name, value) pairs that were encoded before; bounded, never holds hidden
        values.
    :ivar signature_head: type and length octets of a Message-Authenticator.
    :ivar proxy_state: the type octet of Proxy-State.
    """

    __slots__ = (
        "_by_code",
        "_named",
        "_packers",
        "attributes",
        "encodings",
        "proxy_state",
        "reserved",
        "signature_head",
        "tables",
        "vendors",
    )

    def __init__(self, vendors: Iterable[Vendor], attributes: Iterable[Attribute]) -> None:
        """
        :raises DictionaryError: when an attribute that the codec itself needs isn't among them.
        """
        self.vendors: Mapping[str, Vendor] = MappingProxyType({vendor.name: vendor for vendor in vendors})
        self.attributes: Mapping[str, Attribute] = MappingProxyType({a.name: a for a in attributes})
        for name in (MESSAGE_AUTHENTICATOR, PROXY_STATE, VENDOR_SPECIFIC):
            if name not in self.attributes:
                raise DictionaryError(f"ATTRIBUTE {name} is missing: load the RFC 2865 and 2869 files too")
        known = self.attributes.values()
        self._by_code = {(a.vendor, a.code): a for a in known if a.code >= 0 and a.parent is None}
        self._named = {a.name: {number: word for word, number in a.words.items()} for a in known if a.words}
        self._packers = self._all_packers()
        self.tables = Tables(self.vendors.values(), known, self.attributes[VENDOR_SPECIFIC].code)
        self.reserved = frozenset(a.name for a in known if not a.prefix and not a.carrier)
        self.encodings: dict[tuple[str, Value], bytes] = {}
        self.signature_head = bytes((self.attributes[MESSAGE_AUTHENTICATOR].code, 18))
        self.proxy_state = self.attributes[PROXY_STATE].code

    @classmethod
    def load(cls, paths: Iterable[Traversable]) -> Dictionary:
        """
        Read these files, in this order.

        :raises DictionaryError: for the first line that can't be understood, by file and line.
        """
        reader = Reader()
        for path in paths:
            reader.read(path.name, path.read_text(encoding="utf-8"))
        return cls(reader.vendors.values(), reader.attributes())

    @staticmethod
    def standard() -> Dictionary:
        """The shipped dictionary: the RFCs' attributes and the vendors' that our clients send; read once."""
        return _standard()

    @staticmethod
    def shipped() -> tuple[Traversable, ...]:
        """The files of :meth:`standard` in the order of loading, to be followed by an operator's own."""
        folder = files("portaswitch.wire").joinpath("data", "radius")
        found = [path for path in folder.iterdir() if path.name.endswith(".dictionary")]
        # A VALUE or AVPAIR may name an attribute of an RFC, so those come first.
        return tuple(sorted(found, key=lambda path: (not path.name.startswith("rfc"), path.name)))

    def attribute(self, name: str) -> Attribute:
        """
        The definition of a name.

        :raises KeyError: when there is none.
        """
        return self.attributes[name]

    def by_code(self, vendor: int, code: int) -> Attribute | None:
        """
        The definition of a number, with vendor 0 for the standard ones; attributes inside TLVs aren't found.
        """
        return self._by_code.get((vendor, code))

    def number(self, name: str, word: str) -> int:
        """
        The number of an enumerated value, such as ("Acct-Status-Type", "Start").

        :raises KeyError: when the attribute or the word is unknown.
        """
        return self.attributes[name].words[word]

    def word(self, name: str, number: int) -> str | None:
        """The word of an enumerated value (the last one read, where two have one number), or None."""
        return self._named.get(name, {}).get(number)

    def pack(self, pair: tuple[str, Value], secret: bytes, vector: bytes) -> bytes:
        """
        The octets of one attribute, by name or, for a tagged one, ``name:tag``.

        :param secret: with vector (the request's authenticator) the key of hidden values.
        :raises ValueError: for an unknown name, or a value that isn't of the type or doesn't fit.
        """
        full, value = pair
        packer, tag = self._packers.get(full), 0
        try:
            if packer is None:
                packer, tag = self._tagged(full)
            octets = packer.pack(value, tag, secret, vector)
        except ValueError as error:
            raise ValueError(f"{full}: {error}") from None
        if not packer.attribute.encrypt:
            if len(self.encodings) >= CACHED_ENCODINGS:
                self.encodings.clear()
            self.encodings[pair] = octets
        return octets

    def _tagged(self, full: str) -> tuple[Packer, int]:
        """
        The encoder and the tag of ``name:tag``.

        :raises ValueError: when there is no such name, or the tag isn't 1 to 31 (RFC 2868 3).
        """
        name, _, digits = full.partition(":")
        packer = self._packers.get(name)
        if packer is None:
            raise ValueError("not in the dictionary, or computed by the codec itself")
        tag = int(digits)
        if not 1 <= tag <= 0x1F:
            raise ValueError(f"tag {tag} is not 1 to 31")
        return packer, tag

    def _all_packers(self) -> dict[str, Packer]:
        """An encoder per name; a carried attribute is encoded by its carrier's headers."""
        container = self.attributes[VENDOR_SPECIFIC].code
        numbers = {vendor.number: vendor for vendor in self.vendors.values()}
        packers = {}
        for attribute in self.attributes.values():
            outer = self.attributes[attribute.carrier] if attribute.carrier else attribute
            prefix = f"{attribute.name}=" if attribute.carrier else attribute.prefix
            vendor = None if outer.vendor == STANDARD else numbers[outer.vendor]
            packers[attribute.name] = Packer(attribute, layers(outer, vendor, container), prefix)
        del packers[MESSAGE_AUTHENTICATOR]
        return packers


@cache
def _standard() -> Dictionary:
    """Reads the shipped files."""
    return Dictionary.load(Dictionary.shipped())

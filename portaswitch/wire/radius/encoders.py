"""Encoding of one attribute: value to octets, with its headers, tag, prefix or hiding."""

from __future__ import annotations

from typing import Final

from portaswitch.wire.radius import crypto
from portaswitch.wire.radius.datatypes import ENCODERS, Encoder, Value
from portaswitch.wire.radius.definitions import STANDARD, Attribute, Vendor

#: Octets of value that fit into one attribute (RFC 2865 5).
LARGEST: Final = 253


class Packer:
    """
    Encodes one attribute.

    :ivar attribute: its definition.
    """

    __slots__ = ("_bare", "_encode", "_heads", "_layers", "_limit", "_prefix", "_words", "attribute")

    def __init__(self, attribute: Attribute, layers: tuple[tuple[bytes, int], ...], prefix: str) -> None:
        """
        :param layers: the headers around the value, innermost first: the octets before the length, and the
            size of the length field, which counts its own header.
        :param prefix: text that goes before the value.
        """
        self.attribute = attribute
        self._layers = layers
        self._prefix = prefix.encode()
        # Nothing is hidden or tagged, so a size that was right once is right again.
        self._bare = not attribute.encrypt and not attribute.tagged
        # The headers before a value of so many octets, kept because they depend on nothing else.
        self._heads: dict[int, bytes] = {}
        self._limit = LARGEST + 2 - sum(len(octets) + size for octets, size in layers)
        self._words = attribute.words or None
        self._encode: Encoder = ENCODERS.get(attribute.type, _no_value)

    def pack(self, value: Value, tag: int, secret: bytes, vector: bytes) -> bytes:
        """
        The attribute's octets; none at all for an empty text, which must not be sent (RFC 2865 5).

        :param tag: 1 to 31, or 0 for none.
        :param vector: the request's authenticator, with the secret the key of what is hidden.
        :raises ValueError: when the value isn't of the type or doesn't fit; never split over two attributes.
        """
        payload = self._prefix + self._octets(value)
        if self._bare and not tag:
            head = self._heads.get(len(payload))
            if head is not None:
                return head + payload
        if self.attribute.encrypt:
            payload = self._hidden(payload, secret, vector)
        if self.attribute.tagged:
            payload = self._tagged(payload, tag)
        elif tag:
            raise ValueError("takes no tag")
        if len(payload) > self._limit:
            raise ValueError(f"{len(payload)} octets, and one attribute holds {self._limit}")
        return self._head(len(payload)) + payload if payload else b""

    def _octets(self, value: Value) -> bytes:
        """The value alone; the word of an enumerated value stands for its number."""
        words = self._words
        return self._encode(value if words is None or not isinstance(value, str) else words.get(value, value))

    def _head(self, size: int) -> bytes:
        """All headers before a value of this size."""
        head = self._heads.get(size)
        if head is None:
            head = b""
            for octets, counter in self._layers:
                length = len(octets) + counter + len(head) + size
                head = octets + (length.to_bytes(counter, "big") if counter else b"") + head
            self._heads[size] = head
        return head

    def _hidden(self, payload: bytes, secret: bytes, vector: bytes) -> bytes:
        """The value as the definition's encrypt wants it."""
        if self.attribute.encrypt == 1:
            return crypto.hide_password(payload, secret, vector)
        if self.attribute.encrypt == 2:
            return crypto.hide_salted(payload, secret, vector)
        raise ValueError("Ascend's own hiding is not supported")

    def _tagged(self, payload: bytes, tag: int) -> bytes:
        """The value with its tag (RFC 2868 3): 0 where one is due and none was given."""
        if self.attribute.type == "integer":
            if payload[0]:
                raise ValueError("a tagged number has 24 bits")
            return bytes((tag,)) + payload[1:]
        due = tag or self.attribute.encrypt or (payload and payload[0] <= 0x1F)
        return bytes((tag,)) + payload if due else payload


def _no_value(value: Value) -> bytes:
    """A container has no value of its own."""
    raise ValueError("is a container: give the attributes inside it")


def layers(attribute: Attribute, vendor: Vendor | None, container: int) -> tuple[tuple[bytes, int], ...]:
    """
    The headers around an attribute's value, innermost first.

    :param vendor: its vendor, None for a standard attribute.
    :param container: the code of Vendor-Specific.
    """
    if vendor is None or attribute.vendor == STANDARD:
        own = (bytes((attribute.code,)), 1)
        return (own,) if attribute.parent is None else (own, (bytes((attribute.parent,)), 1))
    types = vendor.type_octets
    inner = [(attribute.code.to_bytes(types, "big"), vendor.length_octets)]
    if attribute.parent is not None:
        inner = [
            (bytes((attribute.code,)), 1),
            (attribute.parent.to_bytes(types, "big"), vendor.length_octets),
        ]
    return *inner, (vendor.octets, 0), (bytes((container,)), 1)

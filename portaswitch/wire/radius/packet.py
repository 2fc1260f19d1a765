"""A decoded packet: attributes in order, and quick look-ups by name."""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping
from enum import IntEnum
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from portaswitch.wire.radius import crypto
from portaswitch.wire.radius.avpair import split_avpair, split_ivr
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.tables import PROXY_STATE, USER_PASSWORD

if TYPE_CHECKING:
    from portaswitch.wire.radius.dictionary import Dictionary
    from portaswitch.wire.radius.walk import Walk

#: Offset of the first attribute's value.
FIRST_VALUE: Final = 22

#: Pairs from the NAS, the carrier of PortaBilling's own attributes.
IVR_OUT: Final = "h323-ivr-out"


_NO_PAIRS: Final[Mapping[str, list[str]]] = MappingProxyType({})


class Code(IntEnum):
    """Packet codes (RFC 2865 3, RFC 2866 3, RFC 5176 2.2 and 2.3, RFC 5997 4)."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Packet:
    """
    A packet whose framing, lengths and signatures were right.

    :ivar code: a :class:`Code`, as a plain int.
    :ivar authenticator: the 16 octets of its Authenticator field.
    :ivar attributes: name and value of every attribute that was understood, in the order of the wire. A
        tagged attribute is named ``name:tag`` when its tag isn't 0.
    :ivar get: the first value of a name, or None. A ``name=value`` inside a Cisco-AVPair counts as an
        attribute of that name when the packet has no real one and the name isn't one that others own
        (User-Name, say). It is the dict's own method: a read costs 40 ns instead of 110.
    :ivar names: the names that `get` knows.
    :ivar ignored: attributes left out because length or content can't be of their type (RFC 5080 2.5).
    :ivar unknown: attributes left out because the dictionary hasn't got them.
    :ivar signed_at: offset of the Message-Authenticator's value, 0 when there is none.
    """

    __slots__ = (
        "_avpairs",
        "_dictionary",
        "attributes",
        "authenticator",
        "code",
        "get",
        "identifier",
        "ignored",
        "names",
        "signed_at",
        "unknown",
    )

    def __init__(
        self, code: int, identifier: int, authenticator: bytes, walk: Walk, dictionary: Dictionary
    ) -> None:
        first = walk.first
        self.code = code
        self.identifier = identifier
        self.authenticator = authenticator
        self.attributes = walk.attributes
        self.get: Callable[[str], Value | None] = first.get
        self.names: KeysView[str] = first.keys()
        self.ignored = walk.ignored
        self.unknown = walk.unknown
        self.signed_at = walk.signed_at
        self._dictionary = dictionary
        self._avpairs: Mapping[str, list[str]] = (
            _expose(walk.pairs, first, dictionary) if walk.pairs else _NO_PAIRS
        )

    def __repr__(self) -> str:
        """Code, identifier and number of attributes: never values, which hold passwords."""
        return f"<Packet code={self.code} identifier={self.identifier} attributes={len(self.attributes)}>"

    def text(self, name: str) -> str | None:
        """The first value if it is text; None if it is absent, a number, or octets unfit to be a name."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """The first value if it is a number, else None."""
        value = self.get(name)
        return value if isinstance(value, int) else None

    def octets(self, name: str) -> bytes | None:
        """The first value if it is octets, else None."""
        value = self.get(name)
        return value if isinstance(value, bytes) else None

    def all(self, name: str) -> list[Value]:
        """
        Every value of a name in the order of the wire, with any tag; pairs inside AVPairs as :attr:`get`
        does.
        """
        if self.get(name) is None:
            return []
        tagged = name + ":"
        real = [value for key, value in self.attributes if key == name or key.startswith(tagged)]
        return real or list(self._avpairs[name])

    def named(self, name: str) -> str | None:
        """
        The word of an enumerated value, its digits when it has no word; None when it is absent or no number.
        """
        value = self.get(name)
        if not isinstance(value, int):
            return None
        return self._dictionary.word(name, value) or str(value)

    def avpairs(self) -> Mapping[str, list[str]]:
        """
        The values of all ``name=value`` inside Cisco-AVPair, by name, whatever the name; quotes removed.
        """
        return self._avpairs

    def ivr_out(self) -> dict[str, list[str]]:
        """
        The pairs inside h323-ivr-out, by name, values in the order of the wire.

        Both carriers count: the attribute h323-ivr-out itself, and after it Cisco-AVPair
        ``h323-ivr-out=Name:Value``. Names have underscores where equipment wrote blanks.
        """
        pairs: dict[str, list[str]] = {}
        if self.get(IVR_OUT) is None:
            return pairs
        real = [value for name, value in self.attributes if name == IVR_OUT]
        for value in (*real, *self._avpairs.get(IVR_OUT, ())):
            pair = split_ivr(value) if isinstance(value, str) else None
            if pair is not None:
                pairs.setdefault(pair[0], []).append(pair[1])
        return pairs

    @property
    def proxy_states(self) -> list[bytes]:
        """The values of all Proxy-State in order, to be returned unmodified (RFC 2865 5.33)."""
        return [value for name, value in self.attributes if name == PROXY_STATE and isinstance(value, bytes)]

    @property
    def has_message_authenticator(self) -> bool:
        """It had a Message-Authenticator, which was right."""
        return self.signed_at > 0

    @property
    def first_is_message_authenticator(self) -> bool:
        """
        The Message-Authenticator was its first attribute, as senders that know of CVE-2024-3596 have it.
        """
        return self.signed_at == FIRST_VALUE

    def user_password(self, secret: bytes) -> bytes | None:
        """
        The PAP password (RFC 2865 5.2), or None without User-Password; nonsense when the secrets differ.
        """
        hidden = self.octets(USER_PASSWORD)
        return None if hidden is None else crypto.reveal_password(hidden, secret, self.authenticator)

    def chap_matches(self, password: bytes) -> bool:
        """
        CHAP-Password was made from this password (RFC 2865 5.3); False without one or at a wrong length.
        """
        given = self.octets("CHAP-Password")
        if given is None or len(given) != 17:
            return False
        challenge = self.octets("CHAP-Challenge") or self.authenticator
        return compare_digest(crypto.chap_response(given[0], password, challenge), given)


def _expose(texts: list[str], first: dict[str, Value], dictionary: Dictionary) -> Mapping[str, list[str]]:
    """
    The pairs inside Cisco-AVPair by name, which :attr:`Packet.get` then finds too: behind real attributes,
    and never under a name that belongs to others.
    """
    pairs: dict[str, list[str]] = {}
    for text in texts:
        pair = split_avpair(text)
        if pair is not None:
            name, value = pair
            if name in pairs:
                pairs[name].append(value)
            else:
                pairs[name] = [value]
                if name not in first and name not in dictionary.reserved:
                    first[name] = value
    return pairs

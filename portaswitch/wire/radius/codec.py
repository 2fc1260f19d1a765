"""
Octets to packets and back (RFC 2865 3 to 5, 2866 3, 2869 5.14, 5176 2, 5997).

Server: :func:`decode` a request, :func:`encode_reply` to it. Client: :func:`encode_request`,
:func:`verify_reply`. Neither keeps state; duplicates, permitted clients and codes per port are the
endpoint's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hmac import compare_digest
from secrets import token_bytes
from types import MappingProxyType
from typing import Final

from portaswitch.wire.radius import crypto
from portaswitch.wire.radius.crypto import ZEROS
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.packet import Code, Packet
from portaswitch.wire.radius.tables import EAP_MESSAGE, PROXY_STATE, USER_PASSWORD
from portaswitch.wire.radius.walk import Malformed as Malformed
from portaswitch.wire.radius.walk import walk

#: Code, identifier, length and authenticator (RFC 2865 3).
HEADER_OCTETS: Final = 20
#: The largest packet (RFC 2865 3).
LARGEST_PACKET: Final = 4096


def _codes(*codes: Code) -> frozenset[int]:
    """Plain numbers, whose hash and comparison cost a third of those of an enumeration's members."""
    return frozenset(int(code) for code in codes)


#: Requests whose authenticator is the digest of the packet (RFC 2866 3, RFC 5176 2.3) ...
_DIGESTED: Final = _codes(Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST)
#: ... and those whose authenticator is random (RFC 2865 3, RFC 5997 3).
_RANDOM: Final = _codes(Code.ACCESS_REQUEST, Code.STATUS_SERVER)
#: Packets that we always sign: every answer to a log-in (CVE-2024-3596), and our requests but accounting
#: ones, in which old servers don't expect a signature and the authenticator is one already.
_SIGNED: Final = _codes(
    Code.ACCESS_ACCEPT,
    Code.ACCESS_REJECT,
    Code.ACCESS_CHALLENGE,
    Code.ACCESS_REQUEST,
    Code.STATUS_SERVER,
    Code.DISCONNECT_REQUEST,
    Code.COA_REQUEST,
)
#: The answers that each request may get.
_ANSWERS: Final[Mapping[int, frozenset[int]]] = MappingProxyType(
    {
        int(Code.ACCESS_REQUEST): _codes(Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE),
        int(Code.ACCOUNTING_REQUEST): _codes(Code.ACCOUNTING_RESPONSE),
        int(Code.STATUS_SERVER): _codes(Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE),
        int(Code.DISCONNECT_REQUEST): _codes(Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
        int(Code.COA_REQUEST): _codes(Code.COA_ACK, Code.COA_NAK),
    }
)
_ACCOUNTING_REQUEST: Final = int(Code.ACCOUNTING_REQUEST)
_ACCOUNTING_RESPONSE: Final = int(Code.ACCOUNTING_RESPONSE)
_STATUS_SERVER: Final = int(Code.STATUS_SERVER)


def _framed(datagram: bytes) -> bytes:
    """
    The packet in a datagram, without what follows its Length (padding, RFC 2865 3).

    :raises Malformed: short, length or long.
    """
    size = len(datagram)
    if size < HEADER_OCTETS:
        raise Malformed("short")
    length = datagram[2] << 8 | datagram[3]
    if length < HEADER_OCTETS or length > size:
        raise Malformed("length")
    if length > LARGEST_PACKET:
        raise Malformed("long")
    return datagram if length == size else datagram[:length]


def decode(datagram: bytes, secret: bytes, dictionary: Dictionary) -> Packet:
    """
    A request, once its framing, authenticator and Message-Authenticator are right.

    Codes 1, 4, 12, 40 and 43 are requests. A packet without Message-Authenticator is let through, since
    whether a client must sign is the endpoint's to say; Status-Server and EAP-Message need one always (RFC
    5997 3, 3579 3.1).

    :raises Malformed: for what must be discarded in silence; nothing else is raised, whatever the octets.
    """
    data = _framed(datagram)
    code, vector = data[0], data[4:20]
    if code in _DIGESTED:
        if not compare_digest(crypto.authenticator(data[:4], ZEROS, data[20:], secret), vector):
            raise Malformed("authenticator")
    elif code not in _RANDOM:
        raise Malformed("code")
    found = walk(data, HEADER_OCTETS, dictionary.tables)
    if found.signed_at:
        _check_signature(data, found.signed_at, ZEROS if code in _DIGESTED else vector, secret)
    elif code == _STATUS_SERVER or EAP_MESSAGE in found.first:
        raise Malformed("message-authenticator")
    hidden = found.first.get(USER_PASSWORD)
    # Octets by its definition, of which any length decodes.
    if isinstance(hidden, bytes) and (len(hidden) % 16 or not 16 <= len(hidden) <= 128):
        raise Malformed("password")
    return Packet(code, data[1], vector, found, dictionary)


def _check_signature(data: bytes, at: int, vector: bytes, secret: bytes) -> None:
    """
    Compare the Message-Authenticator whose value is at this offset (RFC 2869 5.14), in constant time.

    :raises Malformed: message-authenticator.
    """
    signed = b"".join((data[:4], vector, data[20:at], ZEROS, data[at + 16 :]))
    if not compare_digest(crypto.message_authenticator(secret, signed), data[at : at + 16]):
        raise Malformed("message-authenticator")


def decode_pairs(octets: bytes, dictionary: Dictionary) -> Packet:
    """
    Attributes alone, without a header or any signature check, as a packet of code 0: for tools and tests.

    :raises Malformed: attribute or message-authenticator.
    """
    return Packet(0, 0, ZEROS, walk(octets, 0, dictionary.tables), dictionary)


def encode_pairs(
    attributes: Iterable[tuple[str, Value]],
    dictionary: Dictionary,
    secret: bytes = b"",
    vector: bytes = ZEROS,
) -> bytes:
    """
    The octets of attributes alone, in this order.

    :param secret: with vector the key of hidden values; neither matters when there are none.
    :raises ValueError: for an unknown name, or a value that isn't of its type or doesn't fit one attribute.
    """
    encoded = dictionary.encodings.get
    packed = []
    for pair in attributes:
        octets = encoded(pair)
        packed.append(dictionary.pack(pair, secret, vector) if octets is None else octets)
    return b"".join(packed)


def encode_reply(
    request: Packet, code: int, attributes: Iterable[tuple[str, Value]], secret: bytes, dictionary: Dictionary
) -> bytes:
    """
    The answer to a request: Message-Authenticator, attributes in this order, then the request's Proxy-States.

    Every Access answer is signed, with the Message-Authenticator first (CVE-2024-3596); others when the
    request was.

    :raises ValueError: for an unknown name, a value that isn't of its type, or more octets than an attribute
        or a packet holds; nothing is ever cut or split in silence.
    """
    body = encode_pairs(attributes, dictionary, secret, request.authenticator)
    if request.get(PROXY_STATE) is not None:
        head = dictionary.proxy_state
        body += b"".join(bytes((head, len(state) + 2)) + state for state in request.proxy_states)
    if code not in _SIGNED and not request.signed_at:
        return _sealed(code, request.identifier, request.authenticator, body, secret)
    # No RFC says how an Accounting-Response is signed; servers in use zero the authenticator, but for
    # Status-Server.
    zeroed = code == _ACCOUNTING_RESPONSE and request.code == _ACCOUNTING_REQUEST
    body = _signed(
        code,
        request.identifier,
        ZEROS if zeroed else request.authenticator,
        body,
        secret,
        dictionary.signature_head,
    )
    return _sealed(code, request.identifier, request.authenticator, body, secret)


def _head(code: int, identifier: int, body: bytes) -> bytes:
    """
    Code, identifier and length.

    :raises ValueError: for more than 4096 octets in all.
    """
    length = HEADER_OCTETS + len(body)
    if length > LARGEST_PACKET:
        raise ValueError(f"{length} octets, and a packet holds {LARGEST_PACKET}: send fewer attributes")
    return bytes((code, identifier, length >> 8, length & 0xFF))


def _signed(code: int, identifier: int, vector: bytes, body: bytes, secret: bytes, head: bytes) -> bytes:
    """The attributes with a Message-Authenticator before them (RFC 2869 5.14)."""
    body = head + ZEROS + body
    signature = crypto.message_authenticator(secret, _head(code, identifier, body) + vector + body)
    return head + signature + body[18:]


def _sealed(code: int, identifier: int, vector: bytes, body: bytes, secret: bytes) -> bytes:
    """The packet whose authenticator is the digest of itself with this vector in its place."""
    head = _head(code, identifier, body)
    return head + crypto.authenticator(head, vector, body, secret) + body


def encode_request(
    code: int,
    identifier: int,
    attributes: Iterable[tuple[str, Value]],
    secret: bytes,
    dictionary: Dictionary,
    authenticator: bytes | None = None,
) -> bytes:
    """
    A request, for use as a client: radius-test, CoA and Disconnect.

    User-Password is given in clear and hidden here. All but accounting carry a Message-Authenticator, first.

    :param authenticator: of Access-Request and Status-Server, for a retransmission with changed attributes or
        for tests; unpredictable by default. That of other requests is computed.
    :raises ValueError: as :func:`encode_reply`, and for a code that isn't a request's.
    """
    if code not in _ANSWERS:
        raise ValueError(f"{code} is not the code of a request")
    if code in _DIGESTED:
        body = encode_pairs(attributes, dictionary, secret, ZEROS)
        if code in _SIGNED:
            body = _signed(code, identifier, ZEROS, body, secret, dictionary.signature_head)
        return _sealed(code, identifier, ZEROS, body, secret)
    vector = token_bytes(16) if authenticator is None else authenticator
    body = encode_pairs(attributes, dictionary, secret, vector)
    body = _signed(code, identifier, vector, body, secret, dictionary.signature_head)
    return _head(code, identifier, body) + vector + body


def verify_reply(
    datagram: bytes, request: bytes, secret: bytes, dictionary: Dictionary | None = None
) -> Packet:
    """
    The answer to a request of ours, once its code, identifier, authenticator and signature are right.

    A Message-Authenticator is checked when there is one; that it must be there is for the caller to say
    (:attr:`.Packet.has_message_authenticator`).

    :param request: the octets that were sent.
    :param dictionary: the shipped one by default.
    :raises Malformed: for an answer to be ignored; the right one may still come.
    """
    known = Dictionary.standard() if dictionary is None else dictionary
    data = _framed(datagram)
    code, vector = data[0], request[4:20]
    if data[1] != request[1]:
        raise Malformed("identifier")
    if code not in _ANSWERS.get(request[0], frozenset()):
        raise Malformed("code")
    if not compare_digest(crypto.authenticator(data[:4], vector, data[20:], secret), data[4:20]):
        raise Malformed("authenticator")
    found = walk(data, HEADER_OCTETS, known.tables)
    if found.signed_at:
        zeroed = code == _ACCOUNTING_RESPONSE and request[0] == _ACCOUNTING_REQUEST
        _check_signature(data, found.signed_at, ZEROS if zeroed else vector, secret)
    return Packet(code, data[1], data[4:20], found, known)

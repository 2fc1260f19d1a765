"""
Octets to messages and back (RFC 6733 3, 4 and 7).

:func:`decode` never raises: what is wrong is the message's :attr:`.Message.fault`, a value that
:func:`encode_error` turns into the answer that the RFC asks for. :func:`encode` and its kin raise ValueError
for what we should not send. None of them keeps state but the decoders of :mod:`.shapes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from portaswitch.wire.diameter.definitions import (
    ERROR,
    HEADER_OCTETS,
    PROXIABLE,
    REQUEST,
    RETRANSMITTED,
    Command,
)
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import Fault, Result
from portaswitch.wire.diameter.message import Group, Message, Pair
from portaswitch.wire.diameter.walk import Limits, Walk

_HEADER: Final = Struct(">IIIII")
#: The only version (RFC 6733 3).
VERSION: Final = 1
#: The base protocol's application.
BASE: Final = 0
#: What we take when the caller says nothing else.
LIMITS: Final = Limits()

_KNOWN_BITS: Final = REQUEST | PROXIABLE | ERROR | RETRANSMITTED


def decode(
    octets: bytes,
    dictionary: Dictionary,
    limits: Limits = LIMITS,
    applications: frozenset[int] | None = None,
) -> Message:
    """
    One message, whose length is that of the octets (:mod:`.framing`).

    :param applications: those that this node serves, beside the base protocol; a request of another is fault
        3007. None serves all.
    """
    shapes = dictionary.shapes(applications) if limits is LIMITS else None
    known = shapes.read(octets) if shapes is not None else None
    if known is not None:
        _, second, application, *_ = _HEADER.unpack_from(octets)
        message = Message(second >> 24, second & 0xFFFFFF, application, known[0], known[1], known[2])
        message.get = dict(reversed(message.body.pairs)).get
        return message
    first, second, application, hop_by_hop, end_to_end = _HEADER.unpack_from(octets.ljust(HEADER_OCTETS, b"\0"))
    message = Message(second >> 24, second & 0xFFFFFF, application, hop_by_hop, end_to_end)
    message.fault = _framed(first, len(octets), limits)
    if message.fault is not None:
        return message
    walk = Walk(octets, dictionary.entries, limits)
    walk.walk(HEADER_OCTETS, len(octets), message.body)
    message.get = dict(reversed(message.body.pairs)).get
    message.fault = _headed(message, dictionary, limits, applications) or walk.fault
    if message.fault is None and not message.is_error:
        grammar = dictionary.grammars.get(dictionary.commands[message.code].name + "AR"[message.is_request])
        if grammar is not None:
            walk.compare(message.body, grammar, HEADER_OCTETS, len(octets))
            message.fault = walk.fault
    message.repeated = walk.repeated
    if shapes is not None and message.fault is None and not walk.repeated:
        shapes.was_sound(octets)
    return message


def _framed(first: int, size: int, limits: Limits) -> Fault | None:
    """What is wrong with version and length (RFC 6733 3)."""
    version, length = first >> 24, first & 0xFFFFFF
    if size < HEADER_OCTETS:
        return Fault(Result.INVALID_MESSAGE_LENGTH, f"{size} octets are no message")
    if version != VERSION:
        return Fault(Result.UNSUPPORTED_VERSION, f"version {version} is not {VERSION}")
    if length != size or length % 4:
        return Fault(Result.INVALID_MESSAGE_LENGTH, f"length {length} of {size} octets")
    if length > limits.octets:
        return Fault(Result.INVALID_MESSAGE_LENGTH, f"length {length} is over {limits.octets}")
    return None


def _headed(
    message: Message, dictionary: Dictionary, limits: Limits, applications: frozenset[int] | None
) -> Fault | None:
    """What is wrong with flags, command and application."""
    flags = message.flags
    if flags & ~_KNOWN_BITS & ~limits.ignored_bits:
        return Fault(Result.INVALID_BIT_IN_HEADER, f"reserved bits in flags {flags:#04x}")
    if flags & REQUEST and flags & ERROR:
        return Fault(Result.INVALID_HDR_BITS, "a request with the E bit")
    command = dictionary.commands.get(message.code)
    if command is None:
        return Fault(Result.COMMAND_UNSUPPORTED, f"command {message.code} is unknown")
    if not command.proxiable and flags & REQUEST and flags & PROXIABLE:
        return Fault(Result.INVALID_HDR_BITS, f"{command.name}R with the P bit, and it is never proxied")
    return _served(message, command, applications)


def _served(message: Message, command: Command, applications: frozenset[int] | None) -> Fault | None:
    """What is wrong with the application."""
    application = message.application
    if applications is not None and application != BASE and application not in applications:
        return Fault(Result.APPLICATION_UNSUPPORTED, f"application {application} is not served")
    if command.application is not None and application != command.application:
        return Fault(Result.COMMAND_UNSUPPORTED, f"command {command.code} is not one of application {application}")
    return None


def encode_avps(pairs: Iterable[Pair], dictionary: Dictionary) -> bytes:
    """
    The octets of AVPs in this order.

    :raises ValueError: for an unknown name, or a value that isn't of its type or doesn't fit.
    """
    return dictionary.packs.all(pairs if isinstance(pairs, list) else list(pairs))


def encode(
    flags: int,
    code: int,
    application: int,
    hop_by_hop: int,
    end_to_end: int,
    body: Iterable[Pair] | Group,
    dictionary: Dictionary,
) -> bytes:
    """
    A message, its AVPs in this order.

    :param flags: as :mod:`.definitions` has the bits.
    :raises ValueError: as :func:`encode_avps`, and for a message over 16 MB.
    """
    if isinstance(body, Group):
        odd: dict[int, int] = body.odd or {}
        if odd:
            avps = b"".join([dictionary.pack(pair, odd.get(at)) for at, pair in enumerate(body.pairs)])
        else:
            avps = encode_avps(body.pairs, dictionary)
    else:
        avps = encode_avps(body, dictionary)
    length = HEADER_OCTETS + len(avps)
    if length > 0xFFFFFF:
        raise ValueError(f"{length} octets, and a message holds {0xFFFFFF}")
    return _HEADER.pack(VERSION << 24 | length, flags << 24 | code, application, hop_by_hop, end_to_end) + avps


def encode_again(message: Message, dictionary: Dictionary) -> bytes:
    """The octets that a message without a fault came from, but for what stood in its padding."""
    return encode(
        message.flags,
        message.code,
        message.application,
        message.hop_by_hop,
        message.end_to_end,
        message.body,
        dictionary,
    )


def encode_answer(request: Message, body: Sequence[Pair], dictionary: Dictionary, flags: int = 0) -> bytes:
    """
    The answer to a request (RFC 6733 6.2): its identifiers, command, application and P bit; its Session-Id
    first; these AVPs, Result-Code and origin among them; its Proxy-Infos, unchanged and in order.

    :param flags: :data:`.ERROR` for a protocol error.
    :raises ValueError: as :func:`encode`.
    """
    packs = dictionary.packs
    parts = []
    session = request.get("Session-Id")
    if session is not None:
        parts.append(packs.by_name["Session-Id"](session))
    parts.append(packs.all(body))
    if request.get("Proxy-Info") is not None:
        odd: dict[int, int] = request.body.odd or {}
        parts += [dictionary.pack(p, odd.get(at)) for at, p in enumerate(request.body.pairs) if p[0] == "Proxy-Info"]
    avps = b"".join(parts)
    return (
        _HEADER.pack(
            VERSION << 24 | HEADER_OCTETS + len(avps),
            (request.flags & PROXIABLE | flags) << 24 | request.code,
            request.application,
            request.hop_by_hop,
            request.end_to_end,
        )
        + avps
    )


def encode_error(request: Message, fault: Fault, origin: Sequence[Pair], dictionary: Dictionary) -> bytes:
    """
    The answer to a request with a fault (RFC 6733 7): Result-Code, origin, Error-Message, Failed-AVP.

    :param origin: Origin-Host and Origin-Realm, and Origin-State-Id where it is sent.
    :raises ValueError: as :func:`encode`, for a wrong origin.
    """
    body: list[Pair] = [("Result-Code", fault.result), *origin, ("Error-Message", fault.text)]
    # An error of the application keeps the command's grammar (RFC 8506 3.2): what identifies the request goes back.
    if request.application != BASE and not fault.is_protocol_error:
        body.append(("Auth-Application-Id", request.application))
    for name in ("CC-Request-Type", "CC-Request-Number"):
        value = request.get(name)
        if value is not None and not fault.is_protocol_error:
            body.append((name, value))
    if fault.avp:
        body.append(("Failed-AVP", fault.avp))
    return encode_answer(request, body, dictionary, ERROR if fault.is_protocol_error else 0)

"""Octets of a CCR to octets of its CCA through the map and a core: the endpoint without its sockets."""

from __future__ import annotations

from datetime import datetime

from portaswitch.billing.core import Core
from portaswitch.endpoints.diameter_map import to_reply, to_request
from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.wire.diameter.codec import decode, encode_again
from portaswitch.wire.diameter.dictionary import Dictionary


async def answer(octets: bytes, core: Core, peer: DiameterPeer, received: datetime, answered: datetime) -> bytes:
    """The answer's octets; the request must be sound."""
    dictionary = Dictionary.standard()
    message = decode(octets, dictionary)
    if message.fault is not None:
        raise AssertionError(message.fault.text)
    request = to_request(message, peer, received, "r1")
    decision = await core.handle(request)
    return encode_again(to_reply(message, request, decision, peer, answered), dictionary)

"""
RADIUS requests as the core's (spec/radius.yaml): `to_request`.

An Access-Request without a called number is authentication (A1); with one, with a quota asked for by PortaBilling_Authorize, or of an Internet service it is
authorization (A2). What `AAARequest.kept` holds, and by which names, is in `radius_kept`; docs/radius-requests.rst tells it attribute by attribute.

PortaBilling_SessionEnv, the environment of a request from an internal node that has none of its own, is not heard: here every client and node has one, and an
environment is a wall that no request walks through (DESIGN.md 3.11).
"""

from __future__ import annotations

from datetime import datetime

from portaswitch.endpoints.ivr import last, session_control
from portaswitch.endpoints.radius_accounting import Unmappable as Unmappable
from portaswitch.endpoints.radius_accounting import accounting
from portaswitch.endpoints.radius_credentials import credentials
from portaswitch.endpoints.radius_kept import mask_vouchers
from portaswitch.endpoints.radius_quota import AUTHORIZE, units_asked
from portaswitch.endpoints.radius_reading import Reading, read
from portaswitch.model.catalogue import EMPTY, Catalogue, Node, RadiusClient
from portaswitch.model.request import AAARequest, Kind, Origin
from portaswitch.wire.radius.packet import Code, Packet

ACCESS_REQUEST = int(Code.ACCESS_REQUEST)
AUTHENTICATE_ONLY = "Authenticate-Only"


def to_request(packet: Packet, client: RadiusClient, node: Node, received: datetime, number: str, catalogue: Catalogue = EMPTY) -> AAARequest:
    """
    What the packet asks of the core. `number` is the id that the request has in all logs; `catalogue` knows the service of the node and the access points.

    Errors: `Unmappable`, and none beside it whatever the packet holds: what can't be understood is as if absent, and counted (`lenient.IGNORED`).
    """
    reading = read(packet, node, catalogue)
    if packet.code == ACCESS_REQUEST:
        return _access(reading, client, received, number)
    request = accounting(reading, received, number)
    mask_vouchers(reading.ivr, reading.kept)
    return request


def _access(reading: Reading, client: RadiusClient, received: datetime, number: str) -> AAARequest:
    packet, node, ivr, kept = reading.packet, reading.node, reading.ivr, reading.kept
    stamp = packet.authenticator.hex()
    quotas = ivr.get(AUTHORIZE, ())
    authorization = (reading.parties.called or quotas or reading.internet) and packet.named("Service-Type") != AUTHENTICATE_ONLY
    units = units_asked(quotas) if authorization else ()
    if units:
        mask_vouchers(ivr, kept)
    lock = session_control(ivr)
    if lock.stage:
        kept["session_stage"] = lock.stage
    return AAARequest(
        Kind.AUTH, number, Origin(node.i_node, node.i_env, node.name), (reading.session or f"auth-{stamp}") if units else "", f"{node.i_node}/auth/{stamp}",
        reading.parties, received, received, units, credentials(packet, client, last(ivr, "PortaBilling_Ignore_Password")), "", reading.service,
        reading.access_code, lock.lock, None, kept, reading.direction, lock.seconds, reading.access_node,
        login="" if units else packet.text("h323-conf-id") or "",
    )  # fmt: skip

"""
What RADIUS requests of both codes say alike: the service, the parties, the access point, the session's name and its sub-session (spec/radius.yaml).

An Internet request (service type Netaccess, Wifi, Dialup or Data, of the request or of its node, or a framed PPP user) names no number: its Called-Station-Id
is a MAC, an address or the name of a service, kept as called_station and not rated by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from portaswitch.endpoints import portaone, radius_kept
from portaswitch.endpoints.ivr import Pairs, access_code, last
from portaswitch.endpoints.lenient import IGNORED
from portaswitch.model.catalogue import Catalogue, Node
from portaswitch.model.request import Direction, Parties
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code, Packet

ACCESS_REQUEST = int(Code.ACCESS_REQUEST)
#: Service types of the text, by their lower case; any other is an operator's own and taken as written.
SERVICES = {
    name.lower(): name for name in ("Session", "Voice", "Data", "Netaccess", "Quantity", "Wifi", "Dialup", "Msg", "Conference", "Did")
}  # fmt: skip
INTERNET = frozenset(("Netaccess", "Wifi", "Dialup", "Data"))
#: The service of a framed user whose node says nothing of Internet.
FRAMED = "Netaccess"
INCOMING, OUTGOING = "INCOMING", "OUTGOING"
#: Attributes that only a PDSN sends: with one of them Acct-Multi-Session-Id names the session whose sub-session this is. Elsewhere it names a bundle of links
#: or of cells that end each for itself.
PDSN_MARKS = ("3GPP2-BSID", "3GPP2-PCF-IP-Address", "3GPP2-Session-Continue", "3GPP2-Begin-Session", "3GPP2-Service-Option")
#: How a session's name begins that was made up at the authorization, for want of one in the request; the NAS returns it as Class (RFC 2865 5.25).
MADE_UP = b"auth-"
#: A SIP-AOR; what follows the user or the host (password, parameters, headers) decides nothing.
AOR = re.compile(r"(?:sips?:(?P<user>[^@:;]+)[^@]*@(?P<host>[^:;?]+).*)|(?:tel:(?P<number>[^;]+).*)", re.IGNORECASE | re.DOTALL)
NO_PROPERTIES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as far as both codes agree. `part`: the sub-session of `session` whose own counters these are, '' where the session has no such parts."""

    packet: Packet
    ivr: Pairs
    node: Node
    parties: Parties
    service: str
    internet: bool
    session: str
    part: str
    access_code: str
    access_node: int
    direction: Direction
    kept: dict[str, str]


def read(packet: Packet, node: Node, catalogue: Catalogue) -> Reading:
    """All that; whatever can't be understood is as if absent, and counted."""
    ivr = packet.ivr_out()
    service, internet = _service(packet, ivr, node, catalogue)
    kept = radius_kept.kept(packet, ivr, radius_kept.INTERNET if internet else radius_kept.EVERY)
    access = portaone.parse(kept["access_info"]) if "access_info" in kept else NO_PROPERTIES
    code = access_code(ivr) or access.get("access-code", "")
    session, part = _session(packet)
    if part:
        kept["part"] = part
    direction = _direction(kept, code) if code or "service_features" in kept else Direction.OUTGOING
    if not code and direction is Direction.OUTGOING and kept.get("auth_method") == "INVITE":
        code = OUTGOING  # what a SIP server's call comes by (examples 02 and 04); products without such an entry use the one without a code
    parties = _parties(packet, ivr, kept, internet, access.get("user-name", ""))
    access_node = _access_node(access["nas-ip-address"], node, catalogue) if access.get("nas-ip-address") else 0
    return Reading(packet, ivr, node, parties, service, internet, session, part, code, access_node, direction, kept)


def _service(packet: Packet, ivr: Pairs, node: Node, catalogue: Catalogue) -> tuple[str, bool]:
    """The service type asked for ('': the node's own), and whether it is an Internet request. Service-Identifier is the attribute's former name."""
    told = packet.text("PortaOne-Service-Type") or packet.text("Service-Identifier")
    if not told and ivr:
        told = last(ivr, "PortaOne-Service-Type") or last(ivr, "Service-Identifier")
    if told:
        service = SERVICES.get(told.lower(), told)
        return service, service in INTERNET
    own = catalogue.services.get(node.i_service)
    if own is not None and own.service_type in INTERNET:
        return "", True
    framed = packet.get("Framed-Protocol") is not None and packet.named("Framed-Protocol") == "PPP" and packet.named("Service-Type") == "Framed-User"
    return (FRAMED, True) if framed else ("", False)


def _session(packet: Packet) -> tuple[str, str]:
    """
    The session's name and its sub-session's: h323-conf-id; at a PDSN what its sub-sessions share, each named by its Acct-Session-Id (3GPP2 X.S0011-005: the
    Correlation ID, else Acct-Multi-Session-Id); else Acct-Session-Id, else the call-id. Octets that are no text name it in hexadecimal: usage must not be lost.
    A name that was made up at the authorization comes back as Class.
    """
    known = packet.get("Class")
    if isinstance(known, bytes) and known.startswith(MADE_UP):
        return known.decode("ascii", "replace"), ""
    conference = _name(packet, "h323-conf-id")
    if conference:
        return conference, ""
    own = _name(packet, "Acct-Session-Id")
    shared = packet.text("3GPP2-Correlation-Id")
    if not shared and (bundle := packet.text("Acct-Multi-Session-Id")) and any(packet.get(mark) is not None for mark in PDSN_MARKS):
        shared = bundle
    if shared:
        return shared, own or shared
    return own or _name(packet, "call-id"), ""


def _name(packet: Packet, attribute: str) -> str:
    value = packet.get(attribute)
    return value if isinstance(value, str) else value.hex() if isinstance(value, bytes) else ""


def _parties(packet: Packet, ivr: Pairs, kept: Mapping[str, str], internet: bool, access_user: str) -> Parties:
    """
    Who takes part. What pairs say counts before the plain attributes, and those before PortaOne-*-Party, which tell of identities beside them; the user of the
    access point is asked for only where there is no other.
    """
    user = last(ivr, "PortaBilling_UserName") or packet.text("User-Name") or access_user
    called = last(ivr, "PortaBilling_Original_DNIS")
    if not called and not internet:
        called = _number(packet.get("Called-Station-Id")) or (portaone.number_of(kept["called_party"]) if "called_party" in kept else "")
    calling = packet.text("Calling-Station-Id") or (portaone.number_of(kept["calling_party"]) if "calling_party" in kept else "")
    redirecting = portaone.number_of(kept["redirecting_party"]) if "redirecting_party" in kept else ""
    aor = packet.get("SIP-AOR")
    return Parties(user, calling, called, redirecting, "" if aor is None or packet.code != ACCESS_REQUEST else sip_user(aor))


def _number(called: Value | None) -> str:
    """
    A called number; of octets that are no text those that can't be as U+FFFD, which nobody can dial. They must not count as absent: a request without a number
    only asks who the user is, and its accept sets no limit to the call.
    """
    if isinstance(called, bytes):
        return called.decode(errors="replace").replace("\0", "\ufffd")
    return called if isinstance(called, str) else ""


def sip_user(aor: Value) -> str:
    """
    The user of a SIP-AOR (RFC 5090 3.20: a SIP or tel URI), with its host where it has one, without parameters and the + of a number; the octets as they are
    where they are no such URI, which are nobody's.
    """
    found = AOR.fullmatch(aor) if isinstance(aor, str) else None
    if found is None:
        return f"no AOR: {aor!r}"
    user = unquote(found["user"] or found["number"]).removeprefix("+")
    return f"{user}@{found['host'].lower()}" if found["host"] else user


def _direction(kept: Mapping[str, str], code: str) -> Direction:
    """Incoming by the feature incoming-charge=1, or by the first alternative of the access code that says INCOMING or OUTGOING."""
    features = kept.get("service_features", "")
    if "incoming-charge" in features and portaone.parse(features).get("incoming-charge") == "1":
        return Direction.INCOMING
    if INCOMING in code:
        for alternative in code.split("|"):
            word = alternative.partition(".")[0]
            if word in (INCOMING, OUTGOING):
                return Direction.INCOMING if word == INCOMING else Direction.OUTGOING
    return Direction.OUTGOING


def _access_node(address: str, node: Node, catalogue: Catalogue) -> int:
    """The node of the access point, in the environment of the asking one: another's nodes do not exist (DESIGN.md 3.11); 0 where there is none."""
    found = catalogue.nodes_by_ip.get((node.i_env, address))
    if found is None:
        IGNORED.inc("PortaOne-Access-Info")
        return 0
    return found.i_node

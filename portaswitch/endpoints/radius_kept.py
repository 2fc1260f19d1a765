"""
What of a RADIUS request travels to the session, its xDRs and the answer: `AAARequest.kept`, text by these names, each only where the request says it.

Of every request: call_id, incoming_conf_id, disconnect_cause, remote_address, remote_media_address, session_protocol, subscriber_ip, voice_quality,
acct_session_id, multi_session_id, terminate_cause, release_source.
Pairs of h323-ivr-out: auth_method (INVITE ...), seed, transaction_id, original_cld, rate_pattern, select_code, cache_level (-1, 0, 1), session_stage (the
`open` of PortaBilling_Session), callback (START, ATTEMPT, OK), aux_info, user_agent, mod_<name> (PortaBilling_Mod_<name>).
PortaOne-* (property lists as sent): access_info, calling_party, called_party, redirecting_party, service_features, service_action, geo_location, transport
(SIP, H323, SMS, SMPP), leg_type (answer, originate), leg_origin, requested_uri, charge and media_info (one line for each), roam_e212 (of the calling party).
Features that others act on, where they differ from the default: charge_report=1, commit_charge=0, routing=1, force_cleanup=1, proclaim_duration=1.
Internet sessions: called_station (the Called-Station-Id, which is no number there), nas_port, nas_port_id, nas_port_name, nas_port_type, service_kind
(Service-Type), framed_protocol, realm, xmit_rate, data_rate, authentic, class (in hexadecimal), and of a PDSN: bsid, pcf_address, esn.
Accounting: input_octets, output_octets, input_packets, output_packets, setup_time (ms, the xDR's post-dial delay), part (the sub-session whose counters these
are), failed (yes: Acct-Status-Type Failed).

Nothing that proves who a user is: no passwords and digests; PINs, passwords and vouchers inside mod_<name> are masked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from portaswitch.endpoints import portaone
from portaswitch.endpoints.ivr import Pairs
from portaswitch.endpoints.lenient import IGNORED, whole
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import IVR_OUT, Packet

#: Our name of each attribute; '' for those that are used otherwise and only looked at here: octets unfit to be text are counted.
EVERY = {
    "call-id": "call_id", "h323-incoming-conf-id": "incoming_conf_id", "h323-disconnect-cause": "disconnect_cause", "h323-remote-address": "remote_address",
    "remote-media-address": "remote_media_address", "h323-session-protocol": "session_protocol", "Framed-IP-Address": "subscriber_ip",
    "h323-voice-quality": "voice_quality", "Acct-Session-Id": "acct_session_id", "Acct-Multi-Session-Id": "multi_session_id",
    "Acct-Terminate-Cause": "terminate_cause", "release-source": "release_source", "PortaOne-Access-Info": "access_info",
    "PortaOne-Calling-Party": "calling_party", "PortaOne-Called-Party": "called_party", "PortaOne-Redirecting-Party": "redirecting_party",
    "PortaOne-Service-Features": "service_features", "PortaOne-Service-Action": "service_action", "PortaOne-Geo-Location": "geo_location",
    "PortaOne-Transport-Protocol": "transport", "PortaOne-Leg-Type": "leg_type", "PortaOne-Leg-Origin": "leg_origin",
    "PortaOne-Requested-URI": "requested_uri", "PortaOne-Charge": "charge", "PortaOne-Media-Info": "media_info", "h323-conf-id": "", "User-Name": "",
    "Called-Station-Id": "", "Calling-Station-Id": "", "NAS-Identifier": "", "Cisco-AVPair": "", IVR_OUT: "",
}  # fmt: skip
INTERNET = EVERY | {
    "Called-Station-Id": "called_station", "NAS-Port": "nas_port", "NAS-Port-Id": "nas_port_id", "NAS-Port-Name": "nas_port_name",
    "NAS-Port-Type": "nas_port_type", "Service-Type": "service_kind", "Framed-Protocol": "framed_protocol", "Mikrotik-Realm": "realm",
    "Ascend-Xmit-Rate": "xmit_rate", "Ascend-Data-Rate": "data_rate", "Acct-Authentic": "authentic", "Class": "class",
    "Acct-Input-Packets": "input_packets", "Acct-Output-Packets": "output_packets", "3GPP2-BSID": "bsid", "3GPP2-PCF-IP-Address": "pcf_address",
    "3GPP2-ESN": "esn",
}  # fmt: skip
PAIRS = {
    "PortaBilling_AuthMethod": "auth_method", "PortaBilling_Seed": "seed", "transactionID": "transaction_id", "PortaBilling_Original_CLD": "original_cld",
    "PortaBilling_OriginalCLD": "original_cld", "PortaBilling_RatePattern": "rate_pattern", "PortaBilling_SelectCode": "select_code",
    "PortaBilling_RestoreCacheLevel": "cache_level", "PortaBilling_CallbackHistory": "callback", "PortaSIP_Aux_Info": "aux_info", "sip_ua": "user_agent",
}  # fmt: skip
#: Values that are all there is; another one is as if absent.
WORDS = {"callback": frozenset(("START", "ATTEMPT", "OK")), "cache_level": frozenset(("-1", "0", "1"))}
TRANSPORTS = frozenset(("SIP", "H323", "SMS", "SMPP"))
LEG_TYPES = {"1": "answer", "2": "originate", "answer": "answer", "originate": "originate"}
#: Features by the value that differs from the default, and the name under which others find them.
FEATURES = (
    ("charge-report", "1", "charge_report"), ("commit-charge", "0", "commit_charge"), ("routing", "1", "routing"), ("force-cleanup", "1", "force_cleanup"),
    ("proclaim-duration", "1", "proclaim_duration"),
)  # fmt: skip
MODULE = "PortaBilling_Mod_"
MODULE_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
MOST_MODULES = 16
SECRET = re.compile(r"(?i)((?:^|;)\s*(?:pin|pass|password|secret|voucher|voucher-id|voucher_id)\s*=)[^;]*")
VOUCHER_ID = re.compile(r"(?i)((?:^|;)\s*id\s*=)[^;]*")


def kept(packet: Packet, ivr: Pairs, table: Mapping[str, str]) -> dict[str, str]:
    """What the request says of all that (`table`: EVERY or INTERNET). Takes the time that its attributes take, not that of the table."""
    found: dict[str, str] = {}
    for name in packet.names & table.keys():
        value = packet.get(name)
        if value.__class__ is bytes:
            _octets(name, value, table[name], found)
            continue
        text = packet.named(name) if value.__class__ is int else value
        if text and (key := table[name]):
            if name in SPECIAL:
                SPECIAL[name](packet, str(text), found)
            else:
                found[key] = str(text)
    if ivr:
        _pairs(ivr, found)
    return found


def _octets(name: str, value: Value | None, key: str, found: dict[str, str]) -> None:
    """Class is octets by its type; elsewhere they are text that has a NUL or is no UTF-8, and so is none (PROTOCOLS.md 1.1)."""
    if name == "Class" and isinstance(value, bytes):
        found[key] = value.hex()
    else:
        IGNORED.inc(name)


def _features(_: Packet, text: str, found: dict[str, str]) -> None:
    found["service_features"] = text
    found.update(_differing(text))


@lru_cache(256)
def _differing(text: str) -> tuple[tuple[str, str], ...]:
    features = portaone.parse(text)
    return tuple([(key, value) for name, value, key in FEATURES if features.get(name) == value])


def _calling(_: Packet, text: str, found: dict[str, str]) -> None:
    found["calling_party"] = text
    if "roam" in text.lower() and (visited := portaone.parse(text).get("roam-e212")):
        found["roam_e212"] = visited


def _transport(_: Packet, text: str, found: dict[str, str]) -> None:
    _known("PortaOne-Transport-Protocol", "transport", text, text.upper() if text.upper() in TRANSPORTS else None, found)


def _leg_type(_: Packet, text: str, found: dict[str, str]) -> None:
    _known("PortaOne-Leg-Type", "leg_type", text, LEG_TYPES.get(text.lower()), found)


def _known(attribute: str, key: str, text: str, value: str | None, found: dict[str, str]) -> None:
    if value is not None:
        found[key] = value
    elif text:
        IGNORED.inc(attribute)


def _charge(packet: Packet, _: str, found: dict[str, str]) -> None:
    found["charge"] = _lines(packet, "PortaOne-Charge")


def _media_info(packet: Packet, _: str, found: dict[str, str]) -> None:
    found["media_info"] = _lines(packet, "PortaOne-Media-Info")


def _lines(packet: Packet, name: str) -> str:
    """All values of an attribute that may repeat, one a line."""
    return "\n".join([text.replace("\n", " ") for text in packet.all(name) if isinstance(text, str) and text])


#: What is not kept just as it stands, by attribute.
SPECIAL = {
    "PortaOne-Service-Features": _features, "PortaOne-Calling-Party": _calling, "PortaOne-Transport-Protocol": _transport, "PortaOne-Leg-Type": _leg_type,
    "PortaOne-Charge": _charge, "PortaOne-Media-Info": _media_info,
}  # fmt: skip


def _pairs(ivr: Pairs, found: dict[str, str]) -> None:
    """The pairs that are kept, the last of each; modules by their names, so many as any client of sense sends."""
    modules = 0
    for name, values in ivr.items():
        key, value = PAIRS.get(name), values[-1]
        if key is None:
            if name.startswith(MODULE):
                modules += 1
                _module(name.removeprefix(MODULE), value, modules, found)
        elif key == "select_code":
            _known(name, key, value, value if whole(value) is not None else None, found)
        elif key in WORDS:
            _known(name, key, value, value.upper() if value.upper() in WORDS[key] else None, found)
        elif value:
            found[key] = value


def _module(name: str, value: str, count: int, found: dict[str, str]) -> None:
    if count > MOST_MODULES or MODULE_NAME.fullmatch(name) is None:
        IGNORED.inc("PortaBilling_Mod")
        return
    found[f"mod_{name}"] = SECRET.sub(r"\1***", value)


def mask_vouchers(ivr: Pairs, found: dict[str, str]) -> None:
    """A voucher's id is money: for requests whose session is stored it is masked inside mod_<name> (`action=rechargeVoucher;id=...`)."""
    for name in ivr:
        if name.startswith(MODULE) and "voucher" in (value := found.get(f"mod_{name.removeprefix(MODULE)}", "")).lower():
            found[f"mod_{name.removeprefix(MODULE)}"] = VOUCHER_ID.sub(r"\1***", value)

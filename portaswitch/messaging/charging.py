"""
The money of a message: one piece is held before the message is accepted, and later charged or given back (DESIGN.md 3.3, 3.4).

    hold   AUTH, one piece asked for     the session of the message begins
    settle STOP, one piece or none used  it ends

Both are keyed by the message, so that neither happens twice however often it is asked for. Here Msg is the service type, and pieces are its base.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from portaswitch.model.message import Draft, Text
from portaswitch.model.request import AAARequest, Base, Kind, Origin, Parties, Report, UnitRequest

SERVICE = "Msg"
#: What a message within the server is rated by where the tariff has it; else it is rated by the recipient's number, as one to the outside is.
ON_NET = "MSG"
#: ISDN causes of xDRs, hexadecimal: normal clearing, and call rejected.
DELIVERED, REFUSED = "10", "15"


def hold(draft: Draft, on_net: bool, at: datetime, until: datetime) -> AAARequest:
    """Set the price of one message aside, until its fate is known."""
    kept = {"subscriber_ip": draft.source, "call_id": draft.call_id}
    if on_net:
        kept["rate_pattern"] = ON_NET
    if draft.peer_address:
        kept["remote_address"] = draft.peer_address
    unit = UnitRequest(base=Base.QUANTITY, requested=1, minimum=1, ends=until)
    parties = Parties(draft.account, draft.calling, draft.called)
    return _request(Kind.AUTH, draft.id, draft.origin, draft.key, parties, at, unit, kept)


def settle(id: str, origin: Origin, key: str, account: str, used: bool, at: datetime, remote: str = "") -> AAARequest:
    """Charge the message (`used`), or give back what was held for it."""
    kept = {"disconnect_cause": DELIVERED if used else REFUSED}
    if remote:
        kept["remote_address"] = remote
    unit = UnitRequest(base=Base.QUANTITY, used=int(used), report=Report.FINAL)
    return _request(Kind.STOP, id, origin, key, Parties(account), at, unit, kept)


def settled_by(text: Text, used: bool, at: datetime, remote: str = "") -> AAARequest:
    """The same for a message that was kept."""
    return settle(f"m{text.i_message}", Origin(text.i_node, text.i_env), text.key, text.account, used, at, remote)


def _request(kind: Kind, id: str, origin: Origin, key: str, parties: Parties, at: datetime, unit: UnitRequest, kept: Mapping[str, str]) -> AAARequest:
    return AAARequest(kind, id, origin, f"sip-{key}", f"sip/{key}/{kind.value}", parties, at, at, (unit,), service=SERVICE, kept=kept)

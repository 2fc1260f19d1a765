"""
The money of a message: it is charged as it is accepted, or one piece is held until its fate is known (DESIGN.md 3.3, 3.4).

    charge EVENT, one piece         log-in, price, charge and the message itself in one transaction
    hold   AUTH, one piece asked    the same with a hold: the session of the message begins
    settle STOP, one piece or none  it ends

All are keyed by the message, so that none happens twice however often it is asked for. Here Msg is the service type, and pieces are its base.
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


def log_in(draft: Draft, at: datetime) -> AAARequest:
    """Who sends it, and may they? Nothing is held: the message will not be accepted, and only who may send one is told why."""
    kept = {"subscriber_ip": draft.source}
    return AAARequest(Kind.AUTH, draft.id, draft.origin, "", f"sip/login/{draft.id}", _parties(draft), at, at, credentials=draft.credentials, kept=kept)


def charge(draft: Draft, on_net: bool, at: datetime, text: Text) -> AAARequest:
    """Charge a message and keep it."""
    unit = UnitRequest(base=Base.QUANTITY, requested=1)
    return _begun(Kind.EVENT, draft, at, unit, {**_kept(draft, on_net), "disconnect_cause": DELIVERED}, text)


def hold(draft: Draft, on_net: bool, at: datetime, text: Text) -> AAARequest:
    """Set the price of a message aside, until its fate is known, and keep it."""
    unit = UnitRequest(base=Base.QUANTITY, requested=1, minimum=1, ends=text.expires)
    return _begun(Kind.AUTH, draft, at, unit, _kept(draft, on_net), text)


def _begun(kind: Kind, draft: Draft, at: datetime, unit: UnitRequest, kept: Mapping[str, str], text: Text) -> AAARequest:
    return AAARequest(
        kind, draft.id, draft.origin, f"sip-{draft.key}", f"sip/{draft.key}/{kind.value}", _parties(draft), at, at, (unit,), service=SERVICE,
        credentials=draft.credentials, kept=kept, text=text,
    )  # fmt: skip


def _parties(draft: Draft) -> Parties:
    return Parties(draft.account, draft.calling, draft.called, identity=draft.sender, others=draft.others)


def _kept(draft: Draft, on_net: bool) -> dict[str, str]:
    kept = {"subscriber_ip": draft.source, "call_id": draft.call_id}
    if on_net:
        kept["rate_pattern"] = ON_NET
    if draft.peer_address:
        kept["remote_address"] = draft.peer_address
    return kept


def settle(id: str, origin: Origin, key: str, account: str, used: bool, at: datetime, remote: str = "") -> AAARequest:
    """Charge the message (`used`), or give back what was held for it."""
    kept = {"disconnect_cause": DELIVERED if used else REFUSED}
    if remote:
        kept["remote_address"] = remote
    unit = UnitRequest(base=Base.QUANTITY, used=int(used), report=Report.FINAL)
    parties = Parties(account)
    return AAARequest(Kind.STOP, id, origin, f"sip-{key}", f"sip/{key}/{Kind.STOP.value}", parties, at, at, (unit,), service=SERVICE, kept=kept)


def settled_by(text: Text, used: bool, at: datetime, remote: str = "") -> AAARequest:
    """The same for a message that was kept."""
    return settle(f"m{text.i_message}", Origin(text.i_node, text.i_env), text.key, text.account, used, at, remote)

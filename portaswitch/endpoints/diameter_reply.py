"""
Decisions as Credit-Control-Answers (RFC 8506 3.2): `to_reply`.

Units go back as they came: in Multiple-Services-Credit-Control, each group with its own Result-Code, or on the level of the message.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from portaswitch.endpoints.diameter_grants import TERMINATE, Telling, final_unit, granted, result_of, validity
from portaswitch.endpoints.diameter_peers import DiameterPeer
from portaswitch.endpoints.diameter_profiles import Use, profile
from portaswitch.endpoints.diameter_results import CREDIT_LIMIT_REACHED, END_USER_SERVICE_DENIED, GROUP, RATING_FAILED, SUCCESS, of_group, whole
from portaswitch.endpoints.diameter_units import MSCC, key_of
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Decision, Grant, Kind, Operation, QuotaKey
from portaswitch.wire.diameter.definitions import PROXIABLE
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.faults import example
from portaswitch.wire.diameter.message import Group, Message, Pair

APPLICATION: Final = 4
#: AVPs of the request that the answer repeats.
ECHOED: Final = ("CC-Request-Type", "CC-Request-Number", "CC-Sub-Session-Id")
ENOUGH_CREDIT, NO_CREDIT = 0, 1
#: Currency-Code of amounts (ISO 4217, numeric); of others none is told.
CURRENCIES: Final = {
    "AED": 784, "ARS": 32, "AUD": 36, "BRL": 986, "CAD": 124, "CHF": 756, "CLP": 152, "CNY": 156, "COP": 170, "CZK": 203, "DKK": 208, "EGP": 818, "EUR": 978,
    "GBP": 826, "GHS": 936, "HKD": 344, "HUF": 348, "IDR": 360, "ILS": 376, "INR": 356, "JPY": 392, "KES": 404, "KRW": 410, "MXN": 484, "MYR": 458,
    "NGN": 566, "NOK": 578, "NZD": 554, "PEN": 604, "PHP": 608, "PLN": 985, "RON": 946, "RSD": 941, "SAR": 682, "SEK": 752, "SGD": 702, "THB": 764,
    "TRY": 949, "TWD": 901, "TZS": 834, "UAH": 980, "UGX": 800, "USD": 840, "VND": 704, "XAF": 950, "XOF": 952, "ZAR": 710, "ZMW": 967,
}  # fmt: skip


def to_reply(ccr: Message, request: AAARequest, decision: Decision, peer: DiameterPeer, at: datetime) -> Message:
    """The answer to `ccr`, complete, as it leaves at `at` (aware UTC)."""
    telling = Telling(request, decision, profile(peer.profile, peer.profiles), at)
    result, told = _told(ccr, telling)
    reply = Message(ccr.flags & PROXIABLE, ccr.code, ccr.application, ccr.hop_by_hop, ccr.end_to_end)
    pairs = reply.body.pairs
    pairs += [("Session-Id", value) for value in ccr.all("Session-Id")[:1]]
    pairs += [("Result-Code", result), ("Origin-Host", peer.local.origin_host), ("Origin-Realm", peer.local.origin_realm), ("Auth-Application-Id", APPLICATION)]
    pairs += [(name, value) for name in ECHOED if (value := ccr.get(name)) is not None]
    pairs += told
    if result == RATING_FAILED:
        pairs += _unrated(ccr)
    _proxied(ccr, reply)
    reply.get = reply.body.get
    return reply


def _unrated(ccr: Message) -> list[Pair]:
    """What could not be rated (RFC 8506 9.2: a Failed-AVP is a must): the groups' names, else what tells the service, or an example of it."""
    groups = [(MSCC, Group(named)) for group in ccr.groups(MSCC) if (named := _named(group))]
    known: list[Pair] = [*groups] or [(name, value) for name in ("Service-Information", "Service-Identifier") for value in ccr.all(name)[:1]]
    return [("Failed-AVP", Group(known) if known else example(Dictionary.standard().avps["Service-Information"]))]


def _named(group: Group) -> list[Pair]:
    """The AVPs that name a group, as they came."""
    return [(name, value) for name in ("Rating-Group", "Service-Identifier") for value in group.all(name)]


def _proxied(ccr: Message, reply: Message) -> None:
    """Proxy-Info goes back unchanged and in order (RFC 6733 6.2), the flags that it came with included."""
    odd, kept = ccr.body.odd or {}, {}
    for place, pair in enumerate(ccr.pairs):
        if pair[0] == "Proxy-Info":
            if place in odd:
                kept[len(reply.pairs)] = odd[place]
            reply.pairs.append(pair)
    reply.body.odd = kept or None


def _told(ccr: Message, telling: Telling) -> tuple[int, list[Pair]]:
    """The Result-Code of the answer, and what it tells."""
    request, refusal = telling.request, telling.decision.refusal
    if refusal is not None and (refusal not in GROUP or request.kind is Kind.STOP):
        return whole(refusal), _denied(telling, refusal)
    if request.kind is Kind.STOP:
        return SUCCESS, []
    grants = _grants(telling, refusal)
    groups = ccr.groups(MSCC)
    if not groups:
        return _at_top(telling, grants)
    told: list[Pair] = [(MSCC, _group(telling, group, grants.get(key_of(group)))) for group in groups]
    result = SUCCESS
    if telling.profile.rise_result_code and not any(grant.refusal is None for grant in grants.values()):
        result = next((of_group(grant.refusal) for grant in grants.values() if grant.refusal is not None), SUCCESS)
    return result, told + _beside(telling)


def _denied(telling: Telling, refusal: Refusal) -> list[Pair]:
    """What a blocked account is told beside the code: to end, of data only (spec/diameter.yaml, final_unit_indication)."""
    data = telling.request.service == telling.profile.services[Use.DATA] and telling.request.kind is not Kind.EVENT
    if whole(refusal) != END_USER_SERVICE_DENIED or not data:
        return []
    return [("Final-Unit-Indication", Group([("Final-Unit-Action", TERMINATE)]))]


def _grants(telling: Telling, refusal: Refusal | None) -> dict[QuotaKey, Grant]:
    """The grants by key; a refusal of the only key is that key's."""
    if refusal is None:
        return {grant.key: grant for grant in telling.decision.grants}
    return {asked.key: Grant(asked.key, asked.base, 0, refusal=refusal) for asked in telling.request.units}


def _group(telling: Telling, asked: Group, grant: Grant | None) -> Group:
    """One group: what names it as it came, and what it gets."""
    told = granted(telling, grant) if grant is not None else []
    return Group([*_named(asked), ("Result-Code", result_of(telling, grant)), *told])


def _at_top(telling: Telling, grants: dict[QuotaKey, Grant]) -> tuple[int, list[Pair]]:
    """Units on the level of the message: there is one grant, and its Result-Code is that of the answer."""
    request, refusal = telling.request, telling.decision.refusal
    if request.operation in (Operation.BALANCE, Operation.PRICE, Operation.REFUND):
        return (SUCCESS if refusal is None else whole(refusal)), _beside(telling)
    if not request.units and refusal is not None:
        return whole(refusal), [final_unit(telling), validity(telling)] if whole(refusal) == CREDIT_LIMIT_REACHED else []
    grant = next(iter(grants.values()), None)
    told = granted(telling, grant) if grant is not None else []
    return result_of(telling, grant), told + _beside(telling)


def _beside(telling: Telling) -> list[Pair]:
    """What belongs to no group: the translated number, the price, whether the funds reach."""
    request, more = telling.request, telling.decision.facts.more
    told: list[Pair] = []
    if telling.decision.refusal is not None:
        return []
    number = telling.decision.facts.complete_number
    if telling.profile.provision_cld and number and request.kind is Kind.AUTH:
        called = Group([("Called-Party-Address", number)])
        told.append(("Service-Information", Group([("IMS-Information", called)])))
    if request.operation is Operation.BALANCE:
        told.append(("Check-Balance-Result", NO_CREDIT if more.get("credit") == "no" else ENOUGH_CREDIT))
    if "cost" in more and (request.operation in (Operation.PRICE, Operation.REFUND) or telling.profile.cost_information):
        told.append(("Cost-Information", _cost(Decimal(more["cost"]), telling.decision.facts.currency)))
    return told


def _cost(amount: Decimal, currency: str) -> Group:
    """An amount as digits and exponent, exactly (RFC 8506 8.7)."""
    sign, digits, exponent = amount.normalize().as_tuple()
    figure = int("".join(map(str, digits))) * (-1 if sign else 1)
    unit = Group([("Value-Digits", figure), ("Exponent", exponent if isinstance(exponent, int) else 0)])
    return Group([("Unit-Value", unit), ("Currency-Code", CURRENCIES.get(currency, 0))])

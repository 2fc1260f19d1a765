"""Decisions as RADIUS answers (spec/radius.yaml): `to_reply`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.request import AAARequest, Decision, Facts, Grant, Kind
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code

Attributes = list[tuple[str, Value]]
#: Octets that a pair may have in one Cisco-AVPair "h323-ivr-in=...", and characters that surely are no more.
ROOM, SURE = 253 - 6 - len("h323-ivr-in="), 50


def to_reply(request: AAARequest, decision: Decision) -> tuple[int, Attributes]:
    """Code and attributes of the answer, in the order of the guide's examples."""
    if request.kind is not Kind.AUTH:
        return Code.ACCOUNTING_RESPONSE, []
    if decision.refusal is not None:
        return Code.ACCESS_REJECT, _rejected(decision)
    facts = decision.facts
    if not request.units:
        return Code.ACCESS_ACCEPT, _authenticated(facts)
    return Code.ACCESS_ACCEPT, _authorized(request, decision.grants[0], facts)


def _authenticated(facts: Facts) -> Attributes:
    available = facts.available
    money: Attributes = [] if available is None else [("h323-credit-amount", cents(available))]
    told: Attributes = [*money, ("h323-billing-model", _model(facts))]
    if facts.tariff:
        told.append(_ivr("Tariff", facts.tariff))
    told.append(_ivr("PortaBilling_AccountBalance", five(facts.balance or Decimal(0))))
    if facts.breakage is not None:
        told.append(_ivr("PortaBilling_ProductBreakage", five(facts.breakage)))
    if available is not None:
        told.append(_ivr("available-funds", cents(available)))
    return told + _common(facts, "0")


def _authorized(request: AAARequest, grant: Grant, facts: Facts) -> Attributes:
    told: Attributes = [("h323-billing-model", _model(facts)), _ivr("Tariff", facts.tariff), _ivr("PortaBilling_CompleteNumber", facts.complete_number)]
    told.append(_ivr("PortaBilling_Auth_CLD", facts.rated_number))
    if facts.reseller_number:
        told.append(_ivr("PortaBilling_Auth_Reseller_CLD", facts.reseller_number))
    if grant.units is not None:
        told += [_ivr("DURATION", str(grant.units)), ("h323-credit-time", str(grant.units))]
    asked = request.units[0]
    if asked.minimum is not None or asked.requested:
        expires = f";expires={int(grant.expires.timestamp())}" if grant.expires is not None else ""
        available = -1 if grant.units is None else grant.units
        told.append(_ivr("PortaBilling_Authorize", f"base={grant.base._value_};avail={available};retained={grant.retained}{expires}"))
    return told + _internet(facts.more) + _common(facts, "0" if facts.limited else "13")


# MERGE: the reply branch has the full table of these facts; this minimal one then goes.
INTERNET = (("session_timeout", "Session-Timeout"), ("interim", "Acct-Interim-Interval"), ("idle_timeout", "Idle-Timeout"))


def _internet(more: Mapping[str, str]) -> Attributes:
    if "service" not in more:
        return []
    told: Attributes = [(name, int(more[fact])) for fact, name in INTERNET if fact in more]
    if "framed_ip" in more:
        told.append(("Framed-IP-Address", more["framed_ip"]))
    return [*told, ("Class", more["class"].encode())]


def _rejected(decision: Decision) -> Attributes:
    refusal, facts = decision.refusal, decision.facts
    assert refusal is not None
    told: Attributes = [("Reply-Message", refusal.reply_message), ("h323-return-code", str(refusal.return_code)), _ivr("ErrorExplanation", refusal.word)]
    if facts.product:
        told.append(_ivr("Product", facts.product))
    if facts.tariff:
        told.append(_ivr("Tariff", facts.tariff))
    if facts.i_account:
        told += [("h323-billing-model", _model(facts)), ("h323-currency", facts.currency), ("h323-preferred-lang", facts.language)]
    return told


def _common(facts: Facts, return_code: str) -> Attributes:
    return [("h323-return-code", return_code), ("h323-currency", facts.currency), ("h323-preferred-lang", facts.language)]


def _ivr(name: str, value: str) -> tuple[str, Value]:
    pair = f"{name}:{value}"
    if len(pair) > SURE and len(octets := pair.encode()) > ROOM:
        pair = octets[:ROOM].decode(errors="ignore")  # the name of a product or tariff is cut rather than the answer lost
    return ("h323-ivr-in", pair)


def _model(facts: Facts) -> str:
    return BillingModel(facts.billing_model or 0).h323


def cents(amount: Decimal) -> str:
    """An amount with two places, never more than it is: '10.00' (h323-credit-amount, available-funds in the guide's examples)."""
    return format(amount.quantize(Decimal("0.01"), ROUND_FLOOR), "f")


def five(amount: Decimal) -> str:
    """An amount with five places: '10.00000' (PortaBilling_AccountBalance)."""
    return format(amount.quantize(Decimal("0.00001"), ROUND_FLOOR), "f")

"""
Decisions as RADIUS answers (spec/radius.yaml, custom_to_client): `to_reply`.

What is told, and in which order, is data: one list of names for each situation (`ANSWERS`), and for each name how its text comes out of the facts (`TEXTS`);
a name whose text is '' is left out. docs/radius-answers.rst is the same for people.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.money import cents, five
from portaswitch.model.request import AAARequest, Base, Decision, Facts, Grant, Kind
from portaswitch.model.value import dataclass
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.packet import Code

Attributes = list[tuple[str, Value]]
#: Octets that a pair may have in one Cisco-AVPair "h323-ivr-in=...", and characters that surely are no more.
ROOM, SURE = 253 - 6 - len("h323-ivr-in="), 50


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer is made of; `grant` None where nothing was asked for or all was refused."""

    request: AAARequest
    decision: Decision
    facts: Facts
    grant: Grant | None


Text = Callable[[Told], str]


class Dialect(StrEnum):
    """Whom an answer speaks to, which says what is in it besides what everybody gets."""

    IVR = "ivr"  # gateways and IVR applications: examples 01, 03 and 07
    PORTAONE = "portaone"  # SIP servers that say how they authenticate, or which features they have: examples 02 and 04


class Step(StrEnum):
    """What an Access-Request is answered with."""

    AUTHENTICATED = "A1"
    AUTHORIZED = "A2"
    REJECTED = "reject"


#: What a request of the dialect PORTAONE carries, by the names of `AAARequest.kept`; one of them is enough.
PORTAONE_MARKS: Final = ("auth_method", "service_features")
#: Profiles of nodes that speak one dialect whatever their requests carry; all others go by the request.
PROFILES: Final = {"portaone": Dialect.PORTAONE, "ivr": Dialect.IVR}


# -- the texts ------------------------------------------------------------------------------------------------------------------------------------


def _more(name: str) -> Text:
    return lambda told: told.facts.more.get(name, "")


def _flag(name: str) -> Text:
    return lambda told: "YES" if told.facts.more.get(name) else ""


def _amount(amount: Decimal | None, form: Callable[[Decimal], str]) -> str:
    return "" if amount is None else form(amount)


def _units(told: Told) -> str:
    return "" if told.grant is None or told.grant.units is None else str(told.grant.units)


def _return_code(told: Told) -> str:
    """13 says that nothing limits the account (example 07)."""
    refusal = told.decision.refusal
    if refusal is not None:
        return str(refusal.return_code)
    return "13" if told.grant is not None and not told.facts.limited else "0"


def _user(told: Told) -> str:
    """Whom accounting shall name, where that is another one than the request named (an alias)."""
    return told.facts.account_id if told.facts.account_id != told.request.parties.user else ""


def _quota(told: Told) -> str:
    """PortaBilling_Authorize: avail -1 where nothing limits; what is held back only where something is (example 04)."""
    grant = told.grant
    if grant is None:
        return ""
    retained = f";retained={grant.retained}" if grant.retained else ""
    expires = f";expires={int(grant.expires.timestamp())}" if grant.expires is not None else ""
    return f"base={grant.base._value_};avail={-1 if grant.units is None else grant.units}{retained}{expires}"


def _quota_asked(told: Told) -> str:
    """The same, for a client that shows by its own PortaBilling_Authorize that it knows the attribute."""
    asked = told.request.units[0]
    wished = asked.requested or asked.minimum is not None or asked.base is not Base.TIME or asked.alternatives or asked.most_funds is not None
    return _quota(told) if wished else ""


def _session_timeout(told: Told) -> str:
    """The seconds granted, or those of the facts (the end of a phase, say) where they are less."""
    told_more, grant = told.facts.more.get("session_timeout", ""), told.grant
    if grant is None or grant.units is None or grant.base is not Base.TIME:
        return told_more
    return str(min(grant.units, int(told_more)) if told_more.isdecimal() else grant.units)


#: Attributes of their own; every other name is a pair in h323-ivr-in.
OWN: Final = frozenset({
    "Acct-Interim-Interval", "Class", "Framed-IP-Address", "Idle-Timeout", "Reply-Message", "Session-Timeout", "h323-billing-model", "h323-credit-amount",
    "h323-credit-time", "h323-currency", "h323-preferred-lang", "h323-redirect-number", "h323-return-code",
})  # fmt: skip

#: Texts that are a fact by name (`Facts.more`), and words that are told where such a fact is set.
FROM_MORE: Final = {
    "Acct-Interim-Interval": "interim",
    "Class": "class",
    "Framed-IP-Address": "framed_ip",
    "Idle-Timeout": "idle_timeout",
    "PortaBilling_AccessCode": "access_code",
    "PortaBilling_CustomerBalance": "customer_balance",
    "PortaBilling_CustomerCreditLimit": "customer_credit_limit",
    "PortaBilling_CustomerCreditLimitThreshold": "customer_threshold",
    "PortaBilling_RatePattern": "rate_pattern",
    "h323-redirect-number": "redirect_number",
}
FLAGS: Final = {
    "BalanceThreshold": "threshold_reached",
    "PortaBilling_No_Disconnect_Warning": "no_warning",
}
TEXTS: Final[dict[str, Text]] = {
    **{name: _more(fact) for name, fact in FROM_MORE.items()},
    **{name: _flag(fact) for name, fact in FLAGS.items()},
    "DURATION": _units,
    "ErrorExplanation": lambda told: told.decision.refusal.word if told.decision.refusal is not None else "",
    "PortaBilling_AccountBalance": lambda told: five(told.facts.balance or Decimal(0)),
    "PortaBilling_Auth_CLD": lambda told: told.facts.rated_number,
    "PortaBilling_Auth_Reseller_CLD": lambda told: told.facts.reseller_number,
    "PortaBilling_Authorize": _quota,
    "PortaBilling_Authorize where asked": _quota_asked,
    "PortaBilling_CompleteNumber": lambda told: told.facts.complete_number,
    "PortaBilling_NodeId": lambda told: told.request.origin.name,
    "PortaBilling_ProductBreakage": lambda told: _amount(told.facts.breakage, five),
    "PortaBilling_RatePattern or number": lambda told: told.facts.more.get("rate_pattern") or told.facts.rated_number,
    "PortaBilling_Seed": lambda told: told.request.kept.get("seed", ""),
    "PortaBilling_UserName": _user,
    "Product": lambda told: told.facts.product,
    "Reply-Message": lambda told: told.decision.refusal.reply_message if told.decision.refusal is not None else "",
    "Session-Timeout": _session_timeout,
    "Tariff": lambda told: told.facts.tariff,
    "available-funds": lambda told: _amount(told.facts.available, cents),
    "h323-billing-model": lambda told: BillingModel(told.facts.billing_model or 0).h323,
    "h323-credit-amount": lambda told: _amount(told.facts.available, cents),
    "h323-credit-time": lambda told: told.facts.more.get("announced") or _units(told),
    "h323-currency": lambda told: told.facts.currency,
    "h323-preferred-lang": lambda told: told.facts.language,
    "h323-return-code": _return_code,
}
"""How each name's text is made; a blank in a name parts the pair's name from the case in which it is told."""

# -- the lists ------------------------------------------------------------------------------------------------------------------------------------

_REFUSED: Final = ("Reply-Message", "h323-return-code", "ErrorExplanation")
_REFUSED_KNOWN: Final = (*_REFUSED, "Product", "Tariff")
_ACCOUNT: Final = ("h323-billing-model", "h323-currency", "h323-preferred-lang")
_SIGNALS: Final = ("PortaBilling_UserName", "PortaBilling_AccessCode", "PortaBilling_RatePattern", "PortaBilling_No_Disconnect_Warning")
_CALL_END: Final = ("PortaBilling_Authorize where asked", "h323-return-code", "h323-currency", "h323-credit-time", "h323-preferred-lang")
_NUMBERS: Final = ("PortaBilling_CompleteNumber", "PortaBilling_Auth_CLD", "PortaBilling_Auth_Reseller_CLD")

ANSWERS: Final[dict[tuple[Dialect, Step], tuple[str, ...]]] = {
    (Dialect.IVR, Step.AUTHENTICATED): (
        "h323-credit-amount", "h323-billing-model", "PortaBilling_UserName", "PortaBilling_AccessCode", "Tariff", "PortaBilling_AccountBalance",
        "BalanceThreshold", "PortaBilling_ProductBreakage", "available-funds", "h323-return-code", "h323-currency", "h323-redirect-number",
        "h323-preferred-lang",
    ),
    (Dialect.IVR, Step.AUTHORIZED): ("h323-billing-model", *_SIGNALS, "Tariff", *_NUMBERS, "DURATION", *_CALL_END),
    (Dialect.IVR, Step.REJECTED): (*_REFUSED_KNOWN, "PortaBilling_AccessCode", *_ACCOUNT),
    (Dialect.PORTAONE, Step.AUTHENTICATED): (
        "h323-return-code", "h323-credit-amount", "PortaBilling_UserName", "Product", "Tariff", "PortaBilling_NodeId", "PortaBilling_AccessCode",
        "PortaBilling_Seed", "PortaBilling_AccountBalance", "PortaBilling_CustomerBalance", "PortaBilling_CustomerCreditLimit",
        "PortaBilling_CustomerCreditLimitThreshold", "BalanceThreshold", "PortaBilling_ProductBreakage", "available-funds", "h323-billing-model",
        "h323-redirect-number", "h323-currency", "h323-preferred-lang",
    ),
    (Dialect.PORTAONE, Step.AUTHORIZED): (
        "h323-return-code", "PortaBilling_CompleteNumber", "PortaBilling_UserName", "Product", "Tariff", "PortaBilling_NodeId", "PortaBilling_AccessCode",
        "PortaBilling_Seed", "PortaBilling_RatePattern or number", "PortaBilling_No_Disconnect_Warning", "DURATION", "PortaBilling_Authorize",
        "h323-billing-model", "h323-currency", "h323-credit-time", "h323-preferred-lang",
    ),
    (Dialect.PORTAONE, Step.REJECTED): (
        *_REFUSED_KNOWN, "PortaBilling_NodeId", "PortaBilling_AccessCode", "PortaBilling_Seed", *_ACCOUNT,
    ),
}  # fmt: skip
"""What is told in which order, by whom it is told to and what was decided."""

_INTERNET: Final = ("Framed-IP-Address", "Session-Timeout", "Idle-Timeout", "Acct-Interim-Interval", "Class")
_QUANTITY: Final = ("h323-billing-model", *_SIGNALS, "Tariff", "DURATION", *_NUMBERS, *_CALL_END)
BY_SERVICE: Final[dict[str, dict[Step, tuple[str, ...]]]] = {
    "Quantity": {Step.AUTHORIZED: _QUANTITY},
    **{name: {Step.AUTHENTICATED: _INTERNET, Step.AUTHORIZED: _INTERNET, Step.REJECTED: _REFUSED} for name in ("Netaccess", "Wifi", "Dialup", "Data")},
}
"""Service types that are answered in their own way, whoever asks (examples 07 and 08); the others, and what is not named here, as above."""


#: One name of a list, ready for use: the attribute, what goes before its text, and the text.
Line = tuple[str, str, Text]


@dataclass(frozen=True, slots=True)
class Situation:
    """A list, ready for use: the whole of it, and `plain`, without what only further facts (`Facts.more`) can tell, for the many answers that have none."""

    whole: tuple[Line, ...]
    plain: tuple[Line, ...]


def _situation(names: tuple[str, ...]) -> Situation:
    return Situation(tuple(map(_line, names)), tuple(_line(name) for name in names if name not in FROM_MORE and name not in FLAGS))


def _line(name: str) -> Line:
    return (name, "", TEXTS[name]) if name in OWN else ("h323-ivr-in", f"{name.partition(' ')[0]}:", TEXTS[name])


_ANSWERS = {dialect: {step: _situation(ANSWERS[dialect, step]) for step in Step} for dialect in Dialect}
_BY_SERVICE = {service: {step: _situation(names) for step, names in steps.items()} for service, steps in BY_SERVICE.items()}
_UNKNOWN = _situation(_REFUSED)


def to_reply(request: AAARequest, decision: Decision, profile: str = "generic") -> tuple[int, Attributes]:
    """Code and attributes of the answer, in the order of the guide's examples; `profile` is the node's. Accounting gets a bare response."""
    if request.kind is not Kind.AUTH:
        return Code.ACCOUNTING_RESPONSE, []
    facts = decision.facts
    if decision.refusal is not None:
        told = Told(request, decision, facts, None)
        return Code.ACCESS_REJECT, _told(told, _find(told, Step.REJECTED, profile) if facts.i_account else _UNKNOWN)
    # An accepted authorization without a grant is a defect: it would be told as one without a limit.
    told = Told(request, decision, facts, decision.grants[0] if request.units else None)
    return Code.ACCESS_ACCEPT, _told(told, _find(told, Step.AUTHORIZED if request.units else Step.AUTHENTICATED, profile))


def _find(told: Told, step: Step, profile: str) -> Situation:
    more = told.facts.more
    if more and (service := more.get("service")) is not None:
        situation = _BY_SERVICE.get(service, {}).get(step)
        if situation is not None:
            return situation
    return _ANSWERS[PROFILES.get(profile) or _dialect(told.request)][step]


def _dialect(request: AAARequest) -> Dialect:
    kept = request.kept
    for mark in PORTAONE_MARKS if kept else ():
        if mark in kept:
            return Dialect.PORTAONE
    return Dialect.IVR


def _told(told: Told, situation: Situation) -> Attributes:
    attributes: Attributes = []
    for name, before, text in situation.whole if told.facts.more else situation.plain:
        value = text(told)
        if value:
            if before:
                value = before + value
                if len(value) > SURE:
                    value = _fitting(value)
            attributes.append((name, value))
    return attributes


def _fitting(pair: str) -> str:
    """The pair, cut to one attribute: of a long name of a product the end is lost rather than the answer."""
    octets = pair.encode()
    return pair if len(octets) <= ROOM else octets[:ROOM].decode(errors="ignore")

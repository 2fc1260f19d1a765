"""
Sessions and decisions as JSON text, and back.

Money is written as strings of digits; keys are short, since a session's state is written with every request. Readable by an operator all the same
(the view `holds` reads k, u, g and h of it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from portaswitch.model.billing_model import BillingModel
from portaswitch.model.catalogue import Protection, RatePlan, ServicePolicy
from portaswitch.model.charge import Source, SourceKey, Take
from portaswitch.model.discount import Stretch
from portaswitch.model.money import ZERO, Rounding
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Decision, Direction, Facts, Grant, QuotaKey
from portaswitch.model.session import Leg, Opened, Quota, Role, Session, Status
from portaswitch.store.pricing import pricing_of, pricing_text

ACCEPTED = Decision()
_escape = json.encoder.encode_basestring


# -- decisions ------------------------------------------------------------------------------------------------------------------------------------


def decision_text(decision: Decision) -> str:
    """A Decision as JSON; '' for the plain acceptance, which is what accounting gets. Written by hand, as it is part of every authorization."""
    if decision is ACCEPTED or decision == ACCEPTED:
        return ""
    facts = decision.facts
    refusal = "null" if decision.refusal is None else f'"{decision.refusal.name}"'
    return (
        f'{{"r":{refusal},"g":[{",".join([_grant(grant) for grant in decision.grants])}],"f":[{_escape(facts.account_id)},{facts.i_account},'
        f'{"null" if facts.billing_model is None else facts.billing_model},{_escape(facts.currency)},{_escape(facts.language)},{_escape(facts.product)},'
        f"{_escape(facts.tariff)},{_money(facts.balance)},{_money(facts.available)},{_money(facts.breakage)},{_escape(facts.complete_number)},"
        f'{_escape(facts.rated_number)},{_escape(facts.reseller_number)},{"true" if facts.limited else "false"}{_more(facts)}]}}'
    )


def decision_of(text: str) -> Decision:
    """The Decision that `decision_text` wrote. Routes are not kept: a repeated routing request computes them anew."""
    if not text:
        return ACCEPTED
    document = json.loads(text)
    fields = document["f"]
    for place in (7, 8, 9):
        fields[place] = None if fields[place] is None else Decimal(fields[place])
    refusal = None if document["r"] is None else Refusal[document["r"]]
    return Decision(tuple(_grant_of(grant) for grant in document["g"]), refusal, Facts(*fields))


def _more(facts: Facts) -> str:
    return "," + _texts(facts.more) if facts.more else ""


def _grant(grant: Grant) -> str:
    units = "null" if grant.units is None else grant.units
    expires = "null" if grant.expires is None else f'"{grant.expires.isoformat()}"'
    refusal = "null" if grant.refusal is None else f'"{grant.refusal.name}"'
    last = "true" if grant.last else "false"
    return f'["{key_text(grant.key)}","{grant.base._value_}",{units},{expires},{last},{grant.retained},{refusal}]'


def _grant_of(fields: list[Any]) -> Grant:
    key, base, units, expires, last, retained, refusal = fields
    until = None if expires is None else datetime.fromisoformat(expires)
    return Grant(key_of(key), Base(base), units, until, last, retained, None if refusal is None else Refusal[refusal])


def _money(amount: Decimal | None) -> str:
    return "null" if amount is None else f'"{amount}"'


def key_text(key: QuotaKey) -> str:
    """A quota key: 'rating group.service identifier'."""
    return f"{key.rating_group}.{key.service_identifier}"


def key_of(text: str) -> QuotaKey:
    """The quota key that `key_text` wrote."""
    group, _, identifier = text.partition(".")
    return QuotaKey(int(group), int(identifier))


# -- sessions -------------------------------------------------------------------------------------------------------------------------------------


def opened_text(session: Session) -> str:
    """What a session was opened with, and its opening legs, as JSON."""
    opened = session.opened
    legs = ",".join([_leg(leg) for leg in _opening(session)])
    return (
        f'{{"s":{_escape(opened.session)},"a":{_escape(opened.account_id)},"us":{_escape(opened.user)},"p":{_escape(opened.product)},"sv":{opened.i_service},"un":{opened.unit},'
        f'"ac":{opened.i_accessibility},"n":{_escape(opened.number)},"bm":{int(opened.billing_model)},"k":{_texts(opened.kept)},"l":[{legs}],"po":{_policy(opened.policy)}}}'
    )


def _opening(session: Session) -> tuple[Leg, ...]:
    return session.quotas[0].legs if session.opening_legs is None else session.opening_legs


def state_text(session: Session) -> str:
    """What changes of a session, as JSON. Written by hand: it is part of every charge."""
    first = _opening(session)  # a vendor may have joined since, a first group have come, a price have changed
    quotas = ",".join([_quota(quota, quota.legs is not first and quota.legs != first) for quota in session.quotas])
    connected = "" if session.connected is None else f',"cn":"{session.connected.isoformat()}"'
    charged = "" if session.charged_at is None else f',"ca":"{session.charged_at.isoformat()}"'
    named = f',"br":{_texts(session.brought)}' if session.brought else ""
    numbers = f',"nu":[{",".join([f"[{first},{last}]" for first, last in session.numbers])}]' if session.numbers else ""
    refunded = f',"rf":"{session.refunded}"' if session.refunded else ""  # written by refunds of operators too (statements_money)
    return f'{{"q":[{quotas}]{connected}{charged}{named}{numbers}{refunded}}}'


def _quota(quota: Quota, own_legs: bool) -> str:
    holds = ",".join([_take(take) for take in quota.holds])
    charged = ",".join([f'"{amount}"' for amount in quota.charged])
    legs = f',"l":[{",".join([_leg(leg) for leg in quota.legs])}]' if own_legs else ""
    if quota.bought:
        legs += f',"bo":{quota.bought}'
    if quota.parts:
        legs += ',"pa":{' + ",".join([f"{_escape(name)}:{used}" for name, used in quota.parts]) + "}"
    if quota.past:
        legs += ',"ps":[' + ",".join([f'[{stretch.units},"{stretch.percent}",{stretch.part}]' for stretch in quota.past]) + "]"
    if quota.final:
        legs += ',"fi":1'  # the column sessions.final reads it
    return (
        f'{{"k":"{key_text(quota.key)}","b":"{quota.base._value_}","r":{_escape(quota.rated)},"u":{quota.used},"g":{quota.granted},"h":[{holds}],'
        f'"c":[{charged}],"qt":{quota.quantity},"pc":{quota.pieces}{legs}}}'
    )


def _take(take: Take) -> str:
    units = f'"{take.units}"' if isinstance(take.units, Decimal) else take.units
    source, number, shared, level = take.key
    which = f',"sh":{"true" if shared else "false"},"lv":{level}' if source is Source.COUNTER else ""
    return f'{{"s":"{source._value_}","a":"{take.amount}","u":{units},"i":{number}{which}}}'


def _take_of(take: Mapping[str, Any]) -> Take:
    units = Decimal(take["u"]) if isinstance(take["u"], str) else take["u"]
    return Take(SourceKey(Source(take["s"]), take["i"], take.get("sh", False), take.get("lv", 0)), Decimal(take["a"]), units)


def _texts(named: Mapping[str, str]) -> str:
    return "{" + ",".join([f"{_escape(name)}:{_escape(value)}" for name, value in named.items()]) + "}"


def _leg(leg: Leg) -> str:
    return f'["{leg.role._value_}",{leg.i_party},{_plan(leg.plan)}]'


#: Texts of plans by i_rate, each with the plan it was made of: a look-up by value would hash sixteen fields.
_plans: dict[int, tuple[RatePlan, str]] = {}
MOST_PLANS = 100_000
#: The fields of a plan without pricing.
PLAIN = 16


def _plan(plan: RatePlan) -> str:
    known = _plans.get(plan.i_rate)
    if known is not None and known[0] is plan:
        return known[1]
    fields = (
        plan.i_tariff, plan.tariff, plan.currency, plan.i_rate, plan.i_dest, plan.prefix, plan.interval_first, plan.interval_n, str(plan.price_first),
        str(plan.price_n), plan.price_per, str(plan.connect_fee), plan.precision, plan.rounding.value, plan.forbidden, plan.i_dest_group,
    )  # fmt: skip
    if len(_plans) >= MOST_PLANS:
        _plans.clear()
    text = json.dumps(fields, separators=(",", ":"))[1:-1]
    if plan.pricing is not None:
        return f"{text},{pricing_text(plan.pricing)}"  # bound to its session: nobody asks for it again
    _plans[plan.i_rate] = (plan, text)
    return text


@lru_cache(256)
def _policy(policy: ServicePolicy) -> str:
    fields = (
        policy.i_service_policy, policy.protection, policy.slice, policy.minimum, policy.max_units, policy.idle_timeout, policy.charge_every, policy.top_rate,
    )  # fmt: skip
    return json.dumps(fields, separators=(",", ":"))


def _leg_of(fields: list[Any]) -> Leg:
    role, i_party, *plan = fields
    plan[8], plan[9], plan[11], plan[13] = Decimal(plan[8]), Decimal(plan[9]), Decimal(plan[11]), Rounding(plan[13])
    if len(plan) > PLAIN:
        plan[PLAIN] = pricing_of(plan[PLAIN])
    return Leg(Role(role), i_party, RatePlan(*plan))


def _quota_of(document: Mapping[str, Any], legs: tuple[Leg, ...]) -> Quota:
    own = document.get("l")
    return Quota(
        key_of(document["k"]), Base(document["b"]), legs if own is None else tuple(_leg_of(leg) for leg in own), document["r"], document["u"], document["g"],
        tuple(_take_of(take) for take in document["h"]),
        tuple(Decimal(amount) for amount in document["c"]), document["qt"], document["pc"],
        document.get("bo", 0), tuple(document["pa"].items()) if "pa" in document else (),
        tuple(Stretch(units, Decimal(percent), part) for units, percent, part in document.get("ps", ())),
        "fi" in document,
    )  # fmt: skip


def session_of(row: Mapping[str, Any]) -> Session:
    """A session from its row (as `exchange_view` gives it)."""
    fixed, state = json.loads(row["opened"]), json.loads(row["state"])
    legs = tuple(_leg_of(leg) for leg in fixed["l"])
    protection = fixed["po"][1]
    policy = ServicePolicy(fixed["po"][0], None if protection is None else Protection(protection), *fixed["po"][2:])
    opened = Opened(
        fixed["s"], row["i_env"], row["i_node"], row["i_account"], row["i_customer"], fixed["a"], fixed["us"],
        fixed["p"], fixed["sv"], row["service"], fixed["un"],
        fixed["ac"], row["cli"], row["cld"], fixed["n"], datetime.fromisoformat(row["started"]), policy, BillingModel(fixed["bm"]), fixed["k"],
        Direction.INCOMING if row["incoming"] else Direction.OUTGOING,
    )  # fmt: skip
    connected, charged_at = state.get("cn"), state.get("ca")
    return Session(
        row["session_key"], row["version"], Status(row["status"]), opened, tuple(_quota_of(quota, legs) for quota in state["q"]),
        datetime.fromisoformat(row["expires"]), datetime.fromisoformat(row["updated"]), row["last_key"], decision_of(row["answer"]),
        None if connected is None else datetime.fromisoformat(connected), None if charged_at is None else datetime.fromisoformat(charged_at),
        state.get("br", {}), tuple([(first, last) for first, last in state.get("nu", ())]), legs, Decimal(state["rf"]) if "rf" in state else ZERO,
    )  # fmt: skip


def request_text(request: AAARequest, **why: str) -> str:
    """A request as JSON for an operator to read, with `why` it is kept; credentials are left out."""
    units = [
        {
            "key": key_text(asked.key), "base": asked.base.value, "requested": asked.requested, "used": asked.used, "report": asked.report.value,
            **({"counters": {base.value: figure for base, figure in asked.counters.items()}} if asked.counters else {}),
        }
        for asked in request.units
    ]  # fmt: skip
    parties = request.parties
    document = {
        "kind": request.kind.value, "id": request.id, "session": request.session, "user": parties.user, "calling": parties.calling, "called": parties.called,
        "at": request.at.isoformat(), "received": request.received.isoformat(), "service": request.service, "units": units, "kept": dict(request.kept), **why,
    }  # fmt: skip
    return json.dumps(document)

"""Access: which rating entry of the product a request comes by, and the legs (account, resellers, vendor) with the plans that price it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portaswitch.billing import numbers
from portaswitch.billing.rules import chance
from portaswitch.model.catalogue import Catalogue, Node, Product, RatePlan, RatingEntry, Service, ServicePolicy, Tariff
from portaswitch.model.ledger import View
from portaswitch.model.money import ZERO
from portaswitch.model.pricing import Pricing
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import AAARequest, Base, Direction
from portaswitch.model.session import Leg, Quota, Role, Session
from portaswitch.model.value import dataclass

NO_POLICY = ServicePolicy()
DEFAULT_SERVICE = "Voice"
#: What a use without a called number is rated by, by service type (special destinations, PORTABILLING.md a.6).
DEFAULT_PATTERN = {"Netaccess": "NETACCESS", "Wifi": "NETACCESS", "Dialup": "NETACCESS", "Data": "NETACCESS", "Msg": "MSG"}


@dataclass(frozen=True, slots=True)
class Access:
    """How a request is let in: service, rating entry and the translated number it is rated by. `product` for the answer's facts."""

    product: Product
    service: Service
    entry: RatingEntry
    number: str


def find(view: View, request: AAARequest, catalogue: Catalogue) -> Access | Refusal:
    """The access of `request`, or why there is none (not_available: no rating entry of the product fits)."""
    account = view.account
    product = catalogue.products.get(account.i_product) if account is not None else None
    node = catalogue.nodes.get(request.origin.i_node)
    if product is None or node is None:
        return Refusal.NOT_AVAILABLE
    wanted = request.service or _node_service(node, catalogue)
    entry = choose(product, wanted, request.access_node or request.origin.i_node, request.access_code, catalogue)
    if entry is None:
        return Refusal.NOT_AVAILABLE
    service = catalogue.services[entry.i_service]
    number = numbers.translate(request.parties.called, node.dial_rules) or DEFAULT_PATTERN.get(service.service_type, "")
    if request.direction is Direction.INCOMING or "rate_pattern" in request.kept:
        number = _pattern(request, number, catalogue.tariffs[entry.i_tariff])
    return Access(product, service, entry, number)


def _pattern(request: AAARequest, number: str, tariff: Tariff) -> str:
    """
    What a use is rated by instead of its number: the first of the client's rate patterns that the tariff has a rate for (PortaBilling_RatePattern, told when it
    was authorized), or the special destination of incoming uses where the tariff has one.
    """
    told = request.kept.get("rate_pattern", "").replace("\\", "")
    for wanted in told.split("|") if told else ("INCOMING",):
        if wanted and tariff.knows(wanted):
            return wanted
    return number


def _node_service(node: Node, catalogue: Catalogue) -> str:
    service = catalogue.services.get(node.i_service)
    return DEFAULT_SERVICE if service is None else service.service_type


def choose(product: Product, service_type: str, i_node: int, access_code: str, catalogue: Catalogue) -> RatingEntry | None:
    """
    The rating entry for a service type: by the first of the request's access codes that an entry names, else one without a code; the exact node before any.

    An access code that no entry names falls back to the entries without one: an IVR's access number need not be known to every product.
    """
    services = catalogue.services
    for code in access_codes(access_code) if access_code else ("",):
        best: RatingEntry | None = None
        for entry in product.entries:
            if entry.access_code == code and entry.i_node in (0, i_node) and services[entry.i_service].service_type == service_type:
                if entry.i_node:
                    return entry
                best = best or entry
        if best is not None:
            return best
    return None


def access_codes(text: str) -> list[str]:
    """
    The access codes that a request's one stands for, in the order they are tried, '' last (spec/radius.yaml, PortaBilling_AccessCode).

    'top.321|ivr.branding' is tried as top.321, top, ivr.branding, ivr.
    """
    codes: list[str] = []
    for alternative in text.split("|") if text else ():
        while alternative:
            codes.append(alternative)
            alternative = alternative.rpartition(".")[0]
    return [*codes, ""]


def legs(view: View, access: Access, at: datetime, catalogue: Catalogue, session: str = "") -> tuple[Leg, ...] | Refusal:
    """
    The charged parties of a use that begins at `at`, each with the plan in force then: the account, and every reseller of the chain.

    No rate for the account refuses (cld_blocked); a reseller without one is not charged, as it has no price. The vendor joins when a call ends
    (`with_vendor`): only its accounting says who carried it. Chances of the plans are drawn from the name of the `session`.
    """
    plan = catalogue.tariffs[access.entry.i_tariff].find(access.number, at)
    if plan is None or plan.forbidden or view.account is None:
        return Refusal.CLD_BLOCKED
    zone, seconds = "UTC" if view.customer is None else view.customer.timezone, _seconds(access.service)
    found = [Leg(Role.ACCOUNT, view.account.i_account, bound(plan, zone, seconds, session))]
    i_tariff = access.entry.i_tariff_reseller
    for reseller, _ in view.resellers:
        leg = _leg(Role.CUSTOMER, reseller.i_customer, catalogue.tariffs.get(i_tariff or reseller.i_tariff), access.number, at)
        for one in leg:
            plan = exchanged(one.plan, catalogue, view.account.i_env, reseller.currency, at)
            found.append(Leg(one.role, one.i_party, bound(plan, reseller.timezone, seconds, session)))
        i_tariff = 0  # the entry names the price of the nearest reseller only
    return tuple(found)


def leads_elsewhere(view: View, session: Session, request: AAARequest, way: Access, catalogue: Catalogue) -> bool:
    """
    Whether a session that goes on is asked for another number, which has another rate. It keeps the price of its own number: a caller who can have two calls in
    one session (a SIP server may name it by the Call-ID) would pay for the dear one what the cheap one costs.
    """
    opened, quota = session.opened, session.quotas[0]
    if request.parties.called == opened.cld or way.number in (opened.number, quota.rated):
        return False
    found = legs(view, way, opened.started, catalogue, opened.session)
    return isinstance(found, Refusal) or quota.legs[: len(found)] != found


def with_vendor(session: Session, quota: Quota, request: AAARequest, catalogue: Catalogue) -> Quota:
    """The quota with a leg of the vendor of the session's environment whose connection the accounting names by its remote address, when it has none yet."""
    connection = catalogue.connections.get((session.opened.i_env, request.kept.get("remote_address", "")))
    if connection is None or not quota.legs or any(leg.role is Role.VENDOR for leg in quota.legs):
        return quota
    legs = _leg(Role.VENDOR, connection.i_vendor, catalogue.tariffs.get(connection.i_tariff), quota.rated, session.opened.started)
    seconds = session.opened.unit if quota.base is Base.TIME else 0
    at, i_env = session.opened.started, session.opened.i_env
    plans = [exchanged(leg.plan, catalogue, i_env, connection.currency or leg.plan.currency, at) for leg in legs]
    more = tuple([
        Leg(leg.role, leg.i_party, bound(plan, connection.timezone, seconds, session.opened.session)) for leg, plan in zip(legs, plans, strict=True)
    ])  # fmt: skip
    return replace(quota, legs=quota.legs + more, charged=quota.charged + tuple(ZERO for _ in more)) if more else quota


def bound(plan: RatePlan, zone: str, seconds: int, session: str) -> RatePlan:
    """The plan as this session has it: the zone of its levels of the day, how long a unit lasts, the seed of its chances. A plain plan is the same."""
    pricing = plan.pricing
    if pricing is None:
        return plan
    binding = replace(pricing.bound, zone=zone, seconds=seconds, seed=chance.seed_of(session) if pricing.formula else 0)
    return replace(plan, pricing=replace(pricing, bound=binding))


def exchanged(plan: RatePlan, catalogue: Catalogue, i_env: int, currency: str, at: datetime) -> RatePlan:
    """The plan as it charges a party whose money is in `currency`, by the exchange rate of `at`; without one as it is (a load refuses such a tariff)."""
    if plan.currency == currency:
        return plan
    rate = catalogue.worth(i_env, plan.currency, currency, at)
    if rate is None:
        return plan
    pricing = plan.pricing or Pricing()
    return replace(plan, pricing=replace(pricing, bound=replace(pricing.bound, exchange=rate)))


def _seconds(service: Service) -> int:
    return service.unit if service.base is Base.TIME else 0


def _leg(role: Role, i_party: int, tariff: Tariff | None, number: str, at: datetime) -> list[Leg]:
    plan = tariff.find(number, at) if tariff is not None else None
    return [Leg(role, i_party, plan)] if plan is not None else []

"""What is sold and at which price, as operators see it (PORTABILLING.md a.4 to a.7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from portaswitch.model.actor import Privilege
from portaswitch.model.budget import SpendPeriod
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import AMOUNT, CURRENCY, FLAG, LINE, NAME, NATURAL, POSITIVE, PRICE, TextKind, choice, instant, mapped, pattern
from portaswitch.operations import prices

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
OWN: Final = PLACED | {Mark.FIXED}
FIXED: Final = frozenset({Mark.FIXED})
NEEDED: Final = frozenset({Mark.FIXED, Mark.REQUIRED})
NUMBERED: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})

BASES: Final = choice("session-time", "quantity", "octets")
TYPES: Final = mapped(
    {"Session": 1, "Data": 2, "Voice": 3, "Netaccess": 4, "Quantity": 5, "Wifi": 6, "Dialup": 7, "Msg": 8, "Conference": 9, "Did": 10}
)
PREFIX: Final = pattern(
    r"[0-9]{1,20}|[A-Z]{2,20}|\||[A-Za-z][A-Za-z0-9_.-]{0,63}", "prefix", "is neither digits, nor a special destination, nor an item of a Quantity service"
)
DIGITS: Final = mapped({str(digits): digits for digits in range(6)})
LEVEL: Final = choice("regular", "turbo", "limited", "blocked")
SINCE: Final = TextKind("date or time, UTC", instant, {datetime.min.replace(tzinfo=UTC): None})
"""When a rate begins; the one that was always there shows none."""

SERVICE: Final = Entity(
    "service",
    "services: what can be used and charged",
    "services",
    "i_service",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, shown on invoices", NAME, PLACED),
        Field("type", "its service type", TYPES, NEEDED, "i_service_type"),
        Field("base", "what is counted", BASES, NEEDED),
        Field("unit", "units that usage is rounded up to", POSITIVE, DETAIL),
    ),
    shared=True,
)

POLICY: Final = Entity(
    "policy",
    "service policies: overdraft protection and limits of sessions",
    "service_policies",
    "i_service_policy",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("protection", "what is held; null: by billing model and service", choice("none", "whole", "slice", "purchase")),
        Field("slice", "units of one slice", POSITIVE),
        Field("minimum", "no grant below so many units", POSITIVE, DETAIL),
        Field("max_units", "the most that one session may use", POSITIVE),
        Field("idle_timeout", "seconds without a message after which a session is dead", POSITIVE, DETAIL),
        Field("charge_every", "seconds after which an open session is charged; 0: at its end", NATURAL, DETAIL),
        Field("top_rate", "bits a second beyond which octets are not believed", POSITIVE, DETAIL),
        Field("push_events", "outside systems hear when what it governs is used up (docs/handlers/audiocodes.rst)", FLAG, DETAIL),
    ),
    shared=True,
)

DESTINATION: Final = Entity(
    "destination",
    "destinations: prefixes that rates are for",
    "destinations",
    "i_dest",
    "prefix",
    Privilege.CATALOGUE,
    (
        Field("prefix", "first digits, a special destination or an item", PREFIX, PLACED),
        Field("format", "E.164 or E.212", choice("E.164", "E.212"), FIXED),
        Field("country", "country", LINE),
        Field("description", "what it is", LINE),
    ),
    shared=True,
)

GROUP_SET: Final = Entity(
    "destination-set",
    "destination group sets: groups of prefixes that tariffs and plans point at",
    "destination_group_sets",
    "i_dest_group_set",
    "name",
    Privilege.CATALOGUE,
    (Field("name", "name, unique in the environment", NAME, PLACED),),
    shared=True,
)

GROUP: Final = Entity(
    "destination-group",
    "destination groups: named lists of prefixes",
    "destination_groups",
    "i_dest_group",
    "name",
    Privilege.CATALOGUE,
    (Field("set", "the set it is in", NAME, OWN, "i_dest_group_set", "destination-set"), Field("name", "name, unique in the set", NAME, PLACED)),
    parent="set",
    environment="",
    shared=True,
)

TARIFF: Final = Entity(
    "tariff",
    "tariffs: price lists of one service in one currency",
    "tariffs",
    "i_tariff",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of its prices", CURRENCY, NEEDED),
        Field("service", "the service that it prices", NAME, NEEDED, "i_service", "service"),
        Field("applied_to", "who is charged by it", choice("customer", "reseller", "vendor"), FIXED),
        Field("managed_by", "the reseller whose tariff it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("destinations", "its destination group set", NAME, DETAIL, "i_dest_group_set", "destination-set"),
        Field("precision", "decimals of an amount, at most 5", DIGITS, DETAIL),
        Field("rounding", "how an amount is rounded", choice("away", "half", "nickel"), DETAIL),
        Field("price_per", "prices are for so many units (60: a minute)", POSITIVE, DETAIL),
        Field("connect_fee", "fee of an answered call", PRICE),
        Field("free_units", "units of each session that cost nothing", NATURAL, DETAIL),
        Field("free_units_mode", "short: of sessions that are not longer; first: the first of each", choice("short", "first"), DETAIL),
        Field("off_peak_period", "when off-peak prices hold, in the period language; '' is never", prices.PERIOD, DETAIL),
        Field("second_off_peak_period", "when second off-peak prices hold, which win where both do", prices.PERIOD, DETAIL),
        Field("off_peak_mode", "each interval by its own time, or all by one", choice("split", "starts", "finishes", "both"), DETAIL),
        Field("post_call_percent", "percentage of what was charged, added at the end", PRICE, DETAIL),
        Field("post_call_fee", "amount added at the end", PRICE, DETAIL),
        Field("minimum_charge", "a session that is charged costs no less; null: no bound", PRICE, DETAIL),
        Field("maximum_charge", "a session costs no more; null: no bound", PRICE, DETAIL),
        Field("add_duration", "portions that lengthen a session; '' is none", prices.PORTIONS, DETAIL),
    ),
    customer="i_managed_by",
)

RATE: Final = Entity(
    "rate",
    "rates: the prices of a tariff by prefix and date",
    "rates",
    "i_rate",
    "number",
    Privilege.CATALOGUE,
    (
        Field("tariff", "the tariff it is in", NAME, OWN, "i_tariff", "tariff"),
        Field("number", "its number", LINE, NUMBERED, "i_rate"),
        Field("destination", "the prefix it is for", NAME, OWN, "i_dest", "destination"),
        Field("effective_from", "when it begins; the rate before it holds until then", SINCE, FIXED),
        Field("interval_first", "units of the first interval", POSITIVE),
        Field("interval_n", "units of each further one", POSITIVE),
        Field("price_first", "price of the first interval, for price_per units; below 0 with payback", AMOUNT, FIXED),
        Field("price_n", "price of the further ones", AMOUNT, FIXED),
        Field("connect_fee", "fee of an answered call; null: the tariff's", AMOUNT),
        Field("off_peak", "prices of the off-peak time", prices.level("off_peak"), DETAIL),
        Field("second_off_peak", "prices of the second off-peak time", prices.level("second_off_peak"), DETAIL, "off_peak"),
        Field("formula", "ordered elements instead of prices", prices.FORMULA, DETAIL),
        Field("forbidden", "nobody may call there", FLAG),
        Field("discontinued", "not in the tariff any more", FLAG),
        Field("hidden", "not in published lists", FLAG, DETAIL),
    ),
    parent="tariff",
    order="t.i_dest, t.effective_from",
    environment="",
)

SUBSCRIPTION: Final = Entity(
    "subscription",
    "subscriptions: fees that come by the calendar with the products that have them",
    "subscriptions",
    "i_subscription",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment; it stands on the bill", NAME, PLACED),
        Field("currency", "currency of its fees", CURRENCY, NEEDED),
        Field("activation_fee", "charged once, when an account gets it", PRICE),
        Field("charge_model", "end: a period is charged when it is over; advance: when it begins", choice("end", "advance"), FIXED),
        Field("prorate", "a part of the first or last period costs its days' share", FLAG),
        Field("precision", "decimals of a fee, at most 5; rounded up", DIGITS, DETAIL),
    ),
    shared=True,
)

PRODUCT: Final = Entity(
    "product",
    "products: which services, by which tariffs",
    "products",
    "i_product",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("currency", "currency of its accounts", CURRENCY, NEEDED),
        Field("is_addon", "an add-on to a main product", FLAG, FIXED),
        Field("addon_priority", "of an add-on: the higher one counts first", NATURAL, DETAIL),
        Field("managed_by", "the reseller whose product it is; null: administrators only", NAME, FIXED, "i_managed_by", "customer"),
        Field("breakage", "funds below it count as none", PRICE),
        Field("access_policy", "Internet access policy of its accounts", NAME, DETAIL, "i_access_policy", "access-policy"),
        Field("discount_plan", "discount plan of its accounts; an add-on's counts beside the main product's", NAME, DETAIL, "i_vd_plan", "discount-plan"),
        Field("subscription", "periodic fees of its accounts (`subscription list`)", NAME, DETAIL, "i_subscription", "subscription"),
        Field("spend_limit", "budget of each account without one of its own, in one spend_period; null: none", PRICE, DETAIL),
        Field("spend_period", "the period of the budget", choice(*SpendPeriod), DETAIL),
        Field("description", "what it is", LINE, DETAIL),
    ),
    customer="i_managed_by",
)

ENTRY: Final = Entity(
    "entry",
    "rating entries of products: which tariff rates which service, at which node, with which access code",
    "accessibility",
    "i_accessibility",
    "number",
    Privilege.CATALOGUE,
    (
        Field("product", "the product it is in", NAME, OWN, "i_product", "product"),
        Field("number", "its number", LINE, NUMBERED, "i_accessibility"),
        Field("service", "the service that may be used", NAME, OWN, "i_service", "service"),
        Field("node", "at this node only; null: at any", NAME, FIXED, "i_node", "node"),
        Field("access_code", "with this access code", LINE, FIXED),
        Field("tariff", "what the account is charged by", NAME, frozenset({Mark.REQUIRED}), "i_tariff", "tariff"),
        Field("reseller_tariff", "what the reseller above is charged by", NAME, frozenset({Mark.ADMIN}), "i_tariff_reseller", "tariff"),
        Field("policy", "service policy of its sessions", NAME, frozenset(), "i_service_policy", "policy"),
    ),
    parent="product",
    order="t.i_accessibility",
    environment="",
)

ACCESS_POLICY: Final = Entity(
    "access-policy",
    "Internet access policies: speeds by time and state (levels, phases and attributes by `portaswitch load`)",
    "access_policies",
    "i_access_policy",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, sent to some vendors", NAME, PLACED),
        Field("default_level", "outside of all phases", LEVEL),
        Field("exceeded_level", "when quota or funds are used up", LEVEL),
        Field("captive_portal", "address for blocked users; null: they are disconnected", LINE, DETAIL),
        Field("interim_interval", "seconds between accounting messages", POSITIVE, DETAIL),
        Field("idle_timeout", "seconds without traffic that end a session", POSITIVE, DETAIL),
        Field("description", "what it is", LINE, DETAIL),
    ),
    shared=True,
)

ACCESS_PHASE: Final = Entity(
    "access-phase",
    "phases of access policies: when another level holds",
    "access_policy_phases",
    "i_access_policy_phase",
    "name",
    Privilege.CATALOGUE,
    (
        Field("policy", "the access policy", NAME, OWN, "i_access_policy", "access-policy"),
        Field("name", "name, unique in the policy", NAME, PLACED),
        Field("period", "when, in the period language", LINE, frozenset({Mark.REQUIRED})),
        Field("level", "the level that holds then", LEVEL, frozenset({Mark.REQUIRED})),
        Field("sort_order", "where phases overlap the lower one holds", NATURAL, DETAIL),
    ),
    parent="policy",
    environment="",
    shared=True,
)

ENTITIES: Final = (SERVICE, POLICY, DESTINATION, GROUP_SET, GROUP, TARIFF, RATE, SUBSCRIPTION, PRODUCT, ENTRY, ACCESS_POLICY, ACCESS_PHASE)

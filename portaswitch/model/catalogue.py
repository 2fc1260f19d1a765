"""
The catalogue as it is compiled in memory: immutable, looked up by what requests carry, swapped as a whole (DESIGN.md 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_network

from portaswitch.model.access_policy import AccessPolicy
from portaswitch.model.budget import Budget
from portaswitch.model.discount import DiscountPlan, Plans
from portaswitch.model.money import ZERO, Rounding
from portaswitch.model.pricing import Pricing
from portaswitch.model.request import Base
from portaswitch.model.value import dataclass

SPECIAL = frozenset((
    "VOICEONNET", "VOICEONNETR", "VOICEONNETRX", "INCOMING", "INCOMINGN", "INCOMINGNR", "INCOMINGNRX", "UM", "UMIVR", "EMERGENCY", "NETACCESS", "MSG", "|",
))  # fmt: skip
"""Destinations that are no prefixes of numbers: what a use without one is rated by; | is the default of a tariff."""


class Protection(StrEnum):
    """Overdraft protection of a service policy (DESIGN.md 3.3)."""

    NONE = "none"  # check only
    WHOLE = "whole"  # all funds, for one session
    SLICE = "slice"  # as much as the next slice costs
    PURCHASE = "purchase"  # debit accounts: the longest use that the funds pay for is charged when it is authorized; credit accounts as `none`


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """
    Limits of a service's sessions, in units of its rating base and seconds.

    `protection` None: debit accounts whole (Wifi: purchase), credit accounts none. `charge_every`: seconds after which an open session is charged at its next
    report; 0 only at its end, None as its service type has it (`billing.increments`). `top_rate`: bits a second, both directions together, beyond which octets
    are not believed; None the general bound (`billing.plausible`).
    """

    i_service_policy: int = 0
    protection: Protection | None = None
    slice: int = 30
    minimum: int = 1
    max_units: int = 86400
    idle_timeout: int = 7200
    charge_every: int | None = None
    top_rate: int | None = None


#: The policy of rating entries that name none, by the base of their service: what 86400 s are to a call is no measure for octets and pieces.
DEFAULT_POLICIES = {
    Base.TIME: ServicePolicy(),
    Base.OCTETS: ServicePolicy(slice=2**30, max_units=10**15),
    Base.QUANTITY: ServicePolicy(slice=1, max_units=10**9),
}


@dataclass(frozen=True, slots=True)
class Service:
    """A service and its type (Voice, Netaccess ...; spec/radius.yaml PortaOne-Service-Type)."""

    i_service: int
    name: str
    service_type: str
    base: Base
    unit: int = 1


@dataclass(frozen=True, slots=True)
class RatePlan:
    """
    Everything that prices one use: the row of a tariff for one destination, in force from one date.

    Prices are per `price_per` units (60: per minute of a service in seconds; 1: per unit). A use is lengthened to `interval_first` once and then to multiples
    of `interval_n`. `precision` and `rounding` say how the figure is made of the exact amount. `pricing` is what goes beyond that; None of a plain rate. A
    session keeps the plan of its start, bound to the session.
    """

    i_tariff: int
    tariff: str
    currency: str
    i_rate: int
    i_dest: int
    prefix: str
    interval_first: int
    interval_n: int
    price_first: Decimal
    price_n: Decimal
    price_per: int = 60
    connect_fee: Decimal = ZERO
    precision: int = 5
    rounding: Rounding = Rounding.AWAY
    forbidden: bool = False
    i_dest_group: int = 0
    pricing: Pricing | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One row of a tariff for a prefix, in force from `effective_from`; `plan` None says that the rate is discontinued from then."""

    effective_from: datetime
    plan: RatePlan | None


@dataclass(frozen=True, slots=True)
class Tariff:
    """A compiled tariff: versions by prefix, the newest first. Prefixes of any text: digits, VOICEONNET, NETACCESS, '|' as the default."""

    i_tariff: int
    name: str
    currency: str
    i_service: int
    rates: Mapping[str, tuple[Version, ...]]
    longest: int

    def find(self, number: str, at: datetime) -> RatePlan | None:
        """The plan of the longest prefix of `number` that is in force at `at`; '|' is the default of last resort; None when there is none."""
        rates = self.rates
        for length in range(min(len(number), self.longest), 0, -1):
            versions = rates.get(number[:length])
            if versions is not None and (plan := in_force(versions, at)) is not None:
                return plan
        return in_force(rates.get("|", ()), at)

    def knows(self, number: str) -> bool:
        """Whether it has a rate, of whatever date, for the number itself or a prefix of it."""
        return any(number[:length] in self.rates for length in range(min(len(number), self.longest), 0, -1))


def in_force(versions: tuple[Version, ...], at: datetime) -> RatePlan | None:
    """The plan of the newest version that is in force at `at`."""
    for version in versions:
        if version.effective_from <= at:
            return version.plan
    return None


@dataclass(frozen=True, slots=True)
class RatingEntry:
    """One rating entry (accessibility) of a product; i_node 0 means any node, access_code '' any access code."""

    i_accessibility: int
    i_service: int
    i_node: int
    access_code: str
    i_tariff: int
    i_tariff_reseller: int
    policy: ServicePolicy


@dataclass(frozen=True, slots=True)
class Product:
    """
    A product and its rating entries. `barring` is its letter of call barring (as `Account.barring`), `barred` the prefixes where it is Y; `budget` what each
    account may spend that has none of its own.
    """

    i_product: int
    name: str
    currency: str
    breakage: Decimal
    entries: tuple[RatingEntry, ...]
    i_access_policy: int = 0
    barring: str = ""
    barred: tuple[str, ...] = ()
    i_vd_plan: int = 0
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class DialRule:
    """Number translation of a node: a number that begins with `prefix` has it replaced."""

    prefix: str
    replace: str


@dataclass(frozen=True, slots=True)
class Node:
    """
    A node and what is peculiar to it, as data. `coa_address` '': it takes no CoA and no Disconnect; `coa_port` 0: the port of its profile. `response_template`
    is the text that the endpoint compiles (docs/templates.rst). `origin_host`, `origin_realm`: the names of a Diameter peer in small letters, '' where it has
    none; `max_connections`: hosts of its realm that may be connected at once. `i_collector`: the node that is told of its sessions' addresses by copies of
    its accounting (0: none); a collector itself is told at its `coa_address` and `coa_port`.
    """

    i_node: int
    i_env: int
    name: str
    nas_ip: str
    nas_identifier: str
    profile: str = "generic"
    i_service: int = 0
    dial_rules: tuple[DialRule, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    coa_address: str = ""
    coa_port: int = 0
    response_template: str = ""
    i_ip_pool: int = 0  # the pool that addresses of its Internet sessions come from; 0: accounts' static ones
    origin_host: str = ""
    origin_realm: str = ""
    require_tls: bool = False
    max_connections: int = 4
    i_collector: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """A vendor's connection and the tariff that the vendor charges by."""

    i_connection: int
    i_vendor: int
    i_node: int
    remote_ip: str
    i_tariff: int
    timezone: str = "UTC"  # the vendor's: its off-peak times
    currency: str = ""  # the vendor's; '': its tariff's


class Observe(StrEnum):
    """Values of require_message_authenticator and limit_proxy_state (PROTOCOLS.md 1.2)."""

    YES = "yes"
    NO = "no"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a RADIUS client was seen to send in Access-Requests that were served (aware UTC; None: never).

    `authenticator`: since when every one had a right Message-Authenticator; `without`: when one last came without; `proxy_state`: when one last came without
    and with Proxy-State.
    """

    authenticator: datetime | None = None
    without: datetime | None = None
    proxy_state: datetime | None = None


NOTHING_SEEN = Seen()


@dataclass(frozen=True, slots=True)
class RadiusClient:
    """Who may send RADIUS packets to us, and how far they are trusted. `address` is a host or a network; `seen` what the last run of the server kept."""

    i_client: int
    i_env: int
    address: str
    secret: bytes
    i_node: int
    require_message_authenticator: Observe
    limit_proxy_state: Observe
    ignore_password: bool
    seen: Seen = NOTHING_SEEN

    def __repr__(self) -> str:
        return f"RadiusClient({self.address!r}, i_env={self.i_env})"

    @property
    def single(self) -> bool:
        """One host, not a network."""
        return ip_network(self.address).num_addresses == 1

    @property
    def exposed(self) -> bool:
        """Nothing at all is asked of its Access-Requests: their answers can be forged by whoever sits on the path (CVE-2024-3596)."""
        return self.require_message_authenticator is Observe.NO and self.limit_proxy_state is Observe.NO


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    All of it. Look-ups by id; nodes also by (i_env, NAS-IP-Address) and (i_env, NAS-Identifier), connections by (i_env, remote address); exchange rates from
    the newest. `reseller_slack`: what the balances of resellers may be behind (configuration).
    """

    generation: int
    services: Mapping[int, Service]
    products: Mapping[int, Product]
    tariffs: Mapping[int, Tariff]
    nodes: Mapping[int, Node]
    nodes_by_ip: Mapping[tuple[int, str], Node]
    nodes_by_identifier: Mapping[tuple[int, str], Node]
    connections: Mapping[tuple[int, str], Connection]
    clients: tuple[RadiusClient, ...]
    access_policies: Mapping[int, AccessPolicy] = field(default_factory=dict)
    reseller_slack: Decimal = ZERO
    exchange: Mapping[tuple[int, str, str], tuple[tuple[datetime, Decimal], ...]] = field(default_factory=dict)
    discount_plans: Mapping[int, DiscountPlan] = field(default_factory=dict)
    #: Of nodes that have one, their collector: most installations have none, which a look at this tells.
    collectors: Mapping[int, int] = field(default_factory=dict)
    #: The plans together that accounts have, by their numbers, as far as any was asked for; no part of the value.
    plan_sets: dict[tuple[int, ...], Plans] = field(default_factory=dict, init=False, compare=False, repr=False)

    def worth(self, i_env: int, currency: str, into: str, at: datetime) -> Decimal | None:
        """What one unit of a currency is worth in another at `at`; None where no exchange rate is in force."""
        for since, rate in self.exchange.get((i_env, currency, into), ()):
            if since <= at:
                return rate
        return None


EMPTY = Catalogue(0, {}, {}, {}, {}, {}, {}, {}, ())

"""
The snapshot of an account that event handlers map to a vendor's words: what it is now, not what it was when the event happened (DESIGN.md 5.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from enum import StrEnum

from portaswitch.model.value import dataclass


class Condition(StrEnum):
    """What keeps an account from its services. A handler is shown only those of which it hears both directions (DESIGN.md 5.5)."""

    BLOCKED = "blocked"  # Account/Blocked, /Unblocked; the customer's too
    SUSPENDED = "suspended"  # Account/Status/Suspend, /Unsuspend
    NO_FUNDS = "no_funds"  # Account/ZeroAvailableFunds, /AvailableFundsAppear
    QUOTA_EXCEEDED = "quota_exceeded"  # Account/Service/QuotaExceeded, /QuotaAvailable
    CLOSED = "closed"  # Account/Status/Closed


@dataclass(frozen=True, slots=True, repr=False)
class Sim:
    """
    The SIM card of an account. `ki`, `opc`, `pin`, `puk` are filled in only for a handler that `needs` them (DESIGN.md 7), '' else; they are not in
    the repr.
    """

    i_sim_card: int
    imsi: str
    iccid: str = ""
    msisdn: str = ""
    hlr: str = ""
    kind: str = "sim"  # or esim
    amf: str = ""
    ki: str = ""
    opc: str = ""
    pin: str = ""
    puk: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Sim({self.i_sim_card})"


@dataclass(frozen=True, slots=True)
class Device:
    """A port of a device (CPE) that is assigned to the account. `inventory_id` is the operator's id, the FSAN serial number of an ONT. `settings` are the
    device's over its profile's ({"port_type": "RG"}), `profile` names the profile; `port_config` is of this port."""

    i_ua: int
    name: str
    port: int
    model: str = ""
    inventory_id: str = ""
    mac: str = ""
    ports: int = 1
    profile: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    port_config: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """
    The Internet access policy in force: of the first add-on by priority that has one, else the account's or its product's.

    `attributes`: `upload_rate` and `download_rate` (bit/s) of its default level, `pdn_context_id`, `captive_portal`, and the policy's own attributes
    for network elements as 'group.name' ('calix.bandwidth_profile_id'). What a policy has not is left out.
    """

    i_access_policy: int
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Party:
    """A person or company: of the account (its subscriber record) or of its customer."""

    company: str = ""
    first_name: str = ""
    last_name: str = ""
    address: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""


NOBODY = Party()


@dataclass(frozen=True, slots=True, repr=False)
class Subscriber:
    """
    An account as it is now. `attributes` are the values in force of service features after inheritance: feature, attribute, values
    ({'netaccess_static_ip': {'address': ('192.0.2.7',)}}). `features` are those switched on. `addons` are in order of priority. `password` is the service
    password, filled in only for a handler that needs it. `services` are the service types of the product and add-ons ('Netaccess', 'Voice').
    `reseller_custom_fields`: of the nearest reseller above that has a value. `push_events`: whether a messaging policy of its product or an add-on says so.
    """

    i_account: int
    i_env: int
    id: str
    i_customer: int
    customer: str
    conditions: frozenset[Condition] = frozenset()
    product: str = ""
    i_product: int = 0
    addons: tuple[str, ...] = ()
    services: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    attributes: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    policy: Policy | None = None
    sim: Sim | None = None
    devices: tuple[Device, ...] = ()
    aliases: tuple[str, ...] = ()
    dids: tuple[str, ...] = ()
    follow_me: tuple[str, ...] = ()
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    customer_custom_fields: Mapping[str, str] = field(default_factory=dict)
    discount_plan: str = ""
    activation_date: date | None = None
    expiration_date: date | None = None
    language: str = ""
    time_zone: str = ""
    currency: str = ""
    person: Party = NOBODY
    owner: Party = NOBODY
    password: str = ""
    reseller_custom_fields: Mapping[str, str] = field(default_factory=dict)
    push_events: bool = False

    def __repr__(self) -> str:
        return f"Subscriber({self.i_account})"

    @property
    def barred(self) -> bool:
        """True when anything that the handler hears of keeps the account from its services; never when it is closed only."""
        return bool(self.conditions - {Condition.CLOSED})

    @property
    def closed(self) -> bool:
        """True when the account is closed for good."""
        return Condition.CLOSED in self.conditions

    def field(self, name: str, default: str = "") -> str:
        """The account's custom field of that name, else its customer's, else `default`."""
        return self.custom_fields.get(name) or self.customer_custom_fields.get(name) or default

    def attribute(self, feature: str, name: str, default: str = "") -> str:
        """The (first) value in force of a service attribute, `default` where it has none."""
        values = self.attributes.get(feature, {}).get(name, ())
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Record:
    """
    What a vendor's system was last told and confirmed about one entity (remote_records): its own id, external keys ({'imsi': ('25501...',)}) and the hash of
    the state. `state` None: nothing was confirmed, or it is unknown: send it whole.
    """

    remote_id: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state: bytes | None = None

    def key(self, name: str) -> str:
        """The first key of that name, '' where there is none."""
        keys = self.keys.get(name, ())
        return keys[0] if keys else ""


NO_RECORD = Record()

"""
A catalogue file as values: what `portaswitch load` was given, what the database has already, and what came of
it.

The file is declarative and may be partial: an `Entry` holds only what the file names, so that everything else
stays as the database has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from portaswitch.errors import PortaSwitchError
from portaswitch.model.feature import Attribute, Feature
from portaswitch.model.value import dataclass


class Section(StrEnum):
    """The kinds of things in a file, as its keys name them (those behind the accounts stand inside others)."""

    ENVIRONMENTS = "environments"
    SERVICES = "services"
    POLICIES = "policies"
    ACCESS_POLICIES = "access_policies"
    IP_POOLS = "ip_pools"
    DESTINATIONS = "destinations"
    DESTINATION_GROUPS = "destination_groups"
    EXCHANGE_RATES = "exchange_rates"
    TARIFFS = "tariffs"
    NODES = "nodes"
    PRODUCTS = "products"
    RADIUS_CLIENTS = "radius_clients"
    VENDORS = "vendors"
    CUSTOMERS = "customers"
    ACCOUNTS = "accounts"
    RATES = "rates"
    ENTRIES = "entries"
    CONNECTIONS = "connections"
    ALIASES = "aliases"
    LEVELS = "levels"
    PHASES = "phases"
    ATTRIBUTES = "attributes"
    STATIC_ADDRESSES = "static_addresses"
    SIM_CARDS = "sim_cards"
    COUNTERS = "counters"
    DISCOUNT_ITEMS = "discount_items"
    DISCOUNT_PLANS = "discount_plans"
    PLAN_ITEMS = "items"
    THRESHOLDS = "thresholds"
    POOLS = "pool"
    TOPUPS = "topups"
    CUSTOMER_CLASSES = "customer_classes"
    CUSTOMER_DETAILS = "customer_details"
    ADDONS = "addons"
    FEATURES = "features"
    FEATURE_VALUES = "feature_values"
    CUSTOM_FIELDS = "custom_fields"
    CUSTOM_VALUES = "custom_values"
    CPE_PROFILES = "cpe_profiles"
    CPES = "cpes"
    PORTS = "ports"
    DID_GROUPS = "did_groups"
    DID_VENDOR_BATCHES = "did_vendor_batches"
    DID_OWNER_BATCHES = "did_owner_batches"
    DIDS = "dids"
    VOUCHER_BATCHES = "voucher_batches"
    VOUCHERS = "vouchers"
    VOUCHER_NUMBERS = "voucher_numbers"


class Fault(Protocol):
    """One thing that is wrong; its text begins with file, line, column and key; faults sort by place."""

    def __str__(self) -> str: ...

    def __hash__(self) -> int: ...

    def __lt__(self, other: Any, /) -> bool: ...


class Place(Protocol):
    """Where something stands in a file."""

    def find(self, dotted: str, /) -> Place:
        """The place of a key below this one, or this one when the file has no such key."""

    def fault(self, reason: str, /) -> Fault:
        """A fault at this place; the reason says what to do."""


Value = (
    None | bool | int | Decimal | str | datetime | Mapping[str, str] | tuple["Entry", ...] | tuple[str, ...]
)
"""
What a key of an entry may hold; entries inside entries are rates, rating entries, connections, groups and
aliases.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One thing of a file under its name (`tariffs: {NAME: ...}`): `values` by the file's keys, only those that
    are written.

    `broken` are keys whose values were refused; a fault tells of them already, so nothing more is said about
    what they would have meant. Values are kept out of the repr: passwords and secrets are among them.
    """

    name: str
    values: Mapping[str, Value] = field(repr=False)
    place: Place = field(repr=False, compare=False)
    broken: frozenset[str] = frozenset()

    def text(self, key: str) -> str | None:
        """The text under a key, None when the file names none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def amount(self, key: str) -> Decimal | None:
        """The amount of money under a key, None when the file names none."""
        value = self.values.get(key)
        return value if isinstance(value, Decimal) else None

    def parts(self, key: str) -> tuple[Entry, ...]:
        """The entries under a key, none when the file names none."""
        value = self.values.get(key)
        return tuple(part for part in value if isinstance(part, Entry)) if isinstance(value, tuple) else ()

    def names(self, key: str) -> tuple[str, ...]:
        """The list of plain words under a key."""
        value = self.values.get(key)
        return tuple(word for word in value if isinstance(word, str)) if isinstance(value, tuple) else ()

    def silent(self, key: str) -> bool:
        """Whether the file says nothing under a key, not even something that was refused."""
        return key not in self.values and key not in self.broken and not self.is_unread

    @property
    def is_unread(self) -> bool:
        """Whether nothing of it could be read, so that only its name is known."""
        return "*" in self.broken


CUSTOMER_DETAILS = frozenset(
    "class companyname salutation firstname midinit lastname baddr1 baddr2 baddr3 baddr4 baddr5 city state zip country phone1 phone2 faxnum"
    " email bcc note".split()
)
"""Keys of a customer that say who it is, and are kept beside its money."""


def item_name(counter: Entry) -> str:
    """The name under which the stock has the discount item of a counter: plan, service, destination group and kind."""
    return "\x1f".join((counter.text("plan") or "", counter.text("service") or "", counter.text("group") or "", counter.text("kind") or "discount"))


def plan_item(plan: str, item: Entry) -> str:
    """The name of an item of a discount plan: plan, service, destination group, kind and level of the day are what it is known by."""
    return "\x1f".join((plan, *(item.text(key) or "" for key in ("service", "group", "kind", "peak_level"))))


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """
    A whole file: the environment (i_env) that everything in it belongs to, its sections, and what is wrong
    with it as a text.
    """

    i_env: int
    sections: Mapping[Section, tuple[Entry, ...]]
    place: Place = field(repr=False, compare=False)
    faults: tuple[Fault, ...] = ()

    def of(self, section: Section) -> tuple[Entry, ...]:
        """The entries of a section, in the order of the file."""
        return self.sections.get(section, ())


@dataclass(frozen=True, slots=True)
class Known:
    """
    Something that the database has: its id, and facts under the file's keys that may not change or that
    others must agree with.
    """

    id: int
    facts: Mapping[str, str] = field(default_factory=dict)


Stock = Mapping[Section, Mapping[str, Known]]
"""
What the database has, by section and name: the catalogue whole, customers and accounts as far as the file
names them.

RADIUS clients come from all environments, as an address belongs to one of them only.
"""


def features_of(stock: Stock) -> dict[str, Feature]:
    """The service features that the database has, by name."""
    attributes: dict[str, list[Attribute]] = {}
    for name, known in stock.get(Section.FEATURE_VALUES, {}).items():
        feature, _, attribute = name.partition(".")
        attributes.setdefault(feature, []).append(Attribute(known.id, attribute, known.facts["multiple"] == "true"))
    return {
        name: Feature(known.id, name, int(known.facts["position"]), known.facts["service"], tuple(attributes.get(name, ())))
        for name, known in stock.get(Section.FEATURES, {}).items()
    }


def custom_field(file: CatalogueFile, stock: Stock, name: str) -> tuple[str, tuple[str, ...]]:
    """Type and choices of a custom field (OWNER.NAME) as they will be: by the file, else the database; a new one is text."""
    entry = next((one for one in file.of(Section.CUSTOM_FIELDS) if one.name == name), None)
    known = stock.get(Section.CUSTOM_FIELDS, {}).get(name)
    facts = known.facts if known is not None else {"type": "text", "choices": ""}
    kind = (entry.text("type") if entry is not None else None) or facts["type"]
    choices = entry.names("choices") if entry is not None and not entry.silent("choices") else tuple(filter(None, facts["choices"].split("\x1f")))
    return kind, choices


@dataclass(frozen=True, slots=True)
class Count:
    """How many things of one section were created, changed, and found as the file says already."""

    created: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.created + other.created, self.changed + other.changed, self.same + other.same)

    @property
    def total(self) -> int:
        """All of them."""
        return self.created + self.changed + self.same


@dataclass(frozen=True, slots=True)
class Kept:
    """
    An opening balance of the file that was not applied: what exists has its own, and its money is never
    touched.
    """

    section: Section
    name: str
    asked: Decimal


@dataclass(frozen=True, slots=True, order=True)
class Total:
    """
    A control total: how many things of a section there are of one kind ('debit', 'retail') in one currency ('' where there is none), and their money: opening
    balances, what counters have counted.
    """

    section: Section
    kind: str
    currency: str
    number: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did, for the command line to print; `totals` of what the database has of the things of the file, where they were asked for."""

    counts: Mapping[Section, Count]
    kept: tuple[Kept, ...] = ()
    totals: tuple[Total, ...] = ()


class LoadError(PortaSwitchError):
    """The database refused the load and nothing was changed; the text says why and what to do."""


def voucher_name(batch: str, control_number: str) -> str:
    """The name of a voucher among all: its batch and the number printed on it."""
    return f"{batch}\x1f{control_number}"


def vouchers_of(file: CatalogueFile) -> Iterator[tuple[str, Entry, Entry]]:
    """The vouchers of a file: name, batch and voucher."""
    for batch in file.of(Section.VOUCHER_BATCHES):
        for voucher in batch.parts("vouchers"):
            yield voucher_name(batch.name, voucher.name), batch, voucher

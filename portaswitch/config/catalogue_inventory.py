"""
What a catalogue file says beside money and prices: SIM cards, devices, numbers, custom fields, add-ons, service features, who customers are.

Whether a feature, an attribute or a custom field exists and takes such a value is asked against the database (`operations.inventory_rules`).
"""

from __future__ import annotations

import re
from typing import Final

from portaswitch.config.catalogue_kinds import UNREAD, Hidden, Section, Thing, items_of
from portaswitch.config.catalogue_values import Currency, Instant, Money
from portaswitch.config.grammar import Kind, Node, OrNone, Reader, Refused, ScalarKind, Unreadable
from portaswitch.config.kinds import ListOf, children_of
from portaswitch.config.values import Boolean, Choice, Integer, Text
from portaswitch.model.loading import CUSTOMER_DETAILS as KEYS
from portaswitch.model.loading import Entry, Value
from portaswitch.model.text_values import MOST_DAYS

NAME: Final = Text("a name of printable characters", r"[^\x00-\x1f\x7f]+", longest=128)
ID: Final = Text("an account id without blanks", r"[^\s\x00-\x1f\x7f]+", longest=128)
LINE: Final = Text("text of one line", r"[^\x00-\x1f\x7f]*", longest=255)
WORDS: Final = Text("text", r"[^\x00-\x1f\x7f]*", longest=1024)
IMSI: Final = Text("an IMSI of 6 to 15 digits", "[0-9]{6,15}")
NUMBER: Final = Text("a number of 3 to 15 digits, without plus sign", "[0-9]{3,15}")
PORT: Final = Text("the number of a port, from 1", "[1-9][0-9]{0,3}")


class Code(Hidden):
    """A secret of a given form, which a fault does not quote."""

    def __init__(self, form: str, what: str) -> None:
        self._form, self._what = re.compile(form), what

    def convert(self, node: Node) -> str:
        if not self._form.fullmatch(node.text):
            raise Refused(f"is not {self._what}")
        return node.text

    def describe(self) -> str:
        return self._what


class MacAddress(ScalarKind[str]):
    """A MAC address, in PostgreSQL's form afterwards."""

    def convert(self, node: Node) -> str:
        digits = re.sub(r"[:.-]", "", node.text).lower()
        if not re.fullmatch("[0-9a-f]{12}", digits):
            raise Refused("is no MAC address, such as 00:11:22:33:44:55")
        return ":".join(digits[place : place + 2] for place in range(0, 12, 2))

    def describe(self) -> str:
        return "MAC address"


class Lists(Kind[tuple[Entry, ...]]):
    """Texts under names, one or a list of them: `NAME: TEXT` or `NAME: [TEXT, ...]`; each becomes an entry with its `values`, none for null."""

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        found = []
        for name, child in children_of(node, reader).items():
            try:
                listed = items_of(child, reader, "list of texts") if not child.is_scalar() or child.value is None else (child,)
                found.append(Entry(name, {"values": tuple(WORDS.read(item, reader) for item in listed)}, child))
            except Unreadable:
                found.append(Entry(name, {}, child, UNREAD))
        return tuple(found)

    def describe(self) -> str:
        return "texts under names, each one or a list"


class CustomFields(Kind[tuple[Entry, ...]]):
    """Custom fields by what they apply to and name, each an entry under OWNER.NAME that `applies_to` it."""

    owners: Final = ("customer", "account", "sim_card")

    def __init__(self, thing: Thing) -> None:
        self.fields = Section(NAME, thing)

    def read(self, node: Node, reader: Reader) -> tuple[Entry, ...]:
        found: list[Entry] = []
        for owner, child in children_of(node, reader).items():
            if owner not in self.owners:
                reader.report(child, f"is nothing that has custom fields: write {', '.join(self.owners)}")
                continue
            try:
                entries = self.fields.read(child, reader)
            except Unreadable:
                continue
            found += [Entry(f"{owner}.{one.name}", {**one.values, "applies_to": owner, "name": one.name}, one.place, one.broken) for one in entries]
        return tuple(found)

    def describe(self) -> str:
        return f"custom fields under {', '.join(self.owners)}: {self.fields.describe()}"


CUSTOM: Final = Lists()
_FLAG: Final = Text('Y, N, "~", "^", "-" (says nothing) or the letter of a mode', "[YN~^A-Z0-9-]", longest=1)
FEATURES: Final = Section(NAME, Thing({"flag": _FLAG, "attributes": Lists()}))
ADDONS: Final = Section(NAME, Thing({"from": Instant(), "to": OrNone(Instant())}))

_KEY: Final = Code("[0-9A-Fa-f]{32}", "32 hexadecimal digits")
_PIN: Final = Code("[0-9]{4,8}", "4 to 8 digits")
SIM_CARD: Final = Thing(
    {
        "iccid": Text("an ICCID of 19 or 20 digits", "[0-9]{19,20}"), "account": ID, "customer": NAME, "managed_by": NAME,
        "status": Choice("available", "in_use", "reserved", "disposed"), "kind": Choice("sim", "esim"), "hlr": NAME,
        "ki": _KEY, "opc": _KEY, "amf": Text("4 hexadecimal digits", "[0-9A-Fa-f]{4}"), "pin": _PIN, "puk": _PIN, "puk2": _PIN,
        "activation_code": Hidden(), "description": WORDS, "custom": CUSTOM,
    }
)  # fmt: skip
CPE_PROFILE: Final = Thing({"model": NAME, "managed_by": NAME})
CPE: Final = Thing(
    {
        "model": NAME, "cpe_profile": OrNone(NAME), "mac": OrNone(MacAddress()), "inventory_id": OrNone(NAME), "ports": Integer(1, 4096, "ports"),
        "customer": OrNone(NAME), "managed_by": NAME, "description": WORDS,
        "port_accounts": Section(PORT, Thing({"account": ID, "settings": WORDS})),
    }
)  # fmt: skip
DID_GROUP: Final = Thing({})
DID_VENDOR_BATCH: Final = Thing({"vendor": NAME, "activation_cost": Money(), "recurring_cost": Money()})
DID_OWNER_BATCH: Final = Thing({"customer": NAME, "activation_fee": Money(), "periodic_fee": Money()})
DID: Final = Thing(
    {
        "customer": NAME, "account": ID, "frozen": Boolean(), "vendor_batch": OrNone(NAME), "owner_batch": OrNone(NAME), "group": OrNone(NAME),
        "country": OrNone(Text("a country, two letters of ISO 3166", "[A-Z]{2}")), "free_of_charge": Boolean(),
        "activation_fee": OrNone(Money()), "periodic_fee": OrNone(Money()), "description": WORDS,
    }
)  # fmt: skip
_WORTH: Final[dict[str, Kind[Value]]] = {
    "amount": Money(), "currency": Currency(), "status": Choice("active", "inactive"), "expiration_date": OrNone(Instant()),
    "days_added": OrNone(Integer(1, MOST_DAYS, "days added to the end of the account")),
}  # fmt: skip
VOUCHER: Final = Thing({"number": Code("[0-9]{12,20}", "12 to 20 digits"), **_WORTH})
VOUCHER_BATCH: Final = Thing({"managed_by": NAME, **_WORTH, "vouchers": Section(Text("the number printed on it, from 1", "[1-9][0-9]{0,17}"), VOUCHER)})
CUSTOM_FIELDS: Final = CustomFields(
    Thing(
        {
            "type": Choice("text", "number", "date", "datetime", "list"), "choices": ListOf(LINE, least=1), "default": OrNone(LINE),
            "mandatory": Boolean(), "visible": Boolean(), "personal": Boolean(),
        }
    )
)  # fmt: skip
DAYS: Final = OrNone(Integer(0, MOST_DAYS, "days"))
CUSTOMER_CLASS: Final = Thing(
    {"managed_by": NAME, "credit_limit": OrNone(Money()), "grace_period": Integer(0, MOST_DAYS, "days"), "suspension_time": DAYS, "termination_time": DAYS}
)
_MAILBOX: Final = r"[^@\s,;<>]+@[^@\s,;<>]+"
_MAIL: Final = OrNone(Text("an e-mail address (name@domain), several with commas", rf"{_MAILBOX}(, ?{_MAILBOX})*"))
CUSTOMER_DETAILS: Final[dict[str, Kind[Value]]] = {
    **dict.fromkeys(sorted(KEYS), OrNone(LINE)), "class": OrNone(NAME), "email": _MAIL, "bcc": _MAIL, "note": WORDS,
}  # fmt: skip
"""Keys of a customer that say who it is."""

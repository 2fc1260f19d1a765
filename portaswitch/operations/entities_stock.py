"""What is given to accounts, as operators see it: SIM cards, devices (CPE) with their ports, numbers (DID), custom fields (PORTABILLING.md a.11, a.13)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from portaswitch.model.actor import Privilege
from portaswitch.model.operation import Entity, Field, Mark
from portaswitch.model.text_values import FLAG, INSTANT, LINE, NAME, POSITIVE, PRICE, TextKind, choice, pattern

PLACED: Final = frozenset({Mark.PLACE, Mark.REQUIRED})
OWN: Final = PLACED | {Mark.FIXED}
FIXED: Final = frozenset({Mark.FIXED})
READ_ONLY: Final = frozenset({Mark.READ_ONLY})
DETAIL: Final = frozenset({Mark.DETAIL})
SEALED: Final = frozenset({Mark.SECRET, Mark.DETAIL})

IMSI: Final = pattern(r"[0-9]{6,15}", "6 to 15 digits", "is no IMSI: write 6 to 15 digits")
ICCID: Final = pattern(r"[0-9]{19,20}", "19 or 20 digits", "is no ICCID: write 19 or 20 digits")
KEY: Final = pattern(r"[0-9A-Fa-f]{32}", "32 hexadecimal digits", "is not 32 hexadecimal digits")
AMF: Final = pattern(r"[0-9A-Fa-f]{4}", "4 hexadecimal digits", "is not 4 hexadecimal digits")
CODE: Final = pattern(r"[0-9]{4,8}", "4 to 8 digits", "is not 4 to 8 digits")
MSISDN: Final = pattern(r"[0-9]{3,15}", "3 to 15 digits", "is no number: write 3 to 15 digits, no plus sign")
COUNTRY: Final = pattern(r"[A-Z]{2}", "two letters of ISO 3166", "is no country: write two letters, such as CA")


def _mac(text: str) -> str:
    digits = re.sub(r"[:.-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError("is no MAC address, such as 00:11:22:33:44:55")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def _settings(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or len(text) > 4096:
        raise ValueError('is no JSON object, such as {"port_type": "GE"}')
    return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


MAC: Final = TextKind("MAC address", _mac)
SETTINGS: Final = TextKind("JSON object", _settings)
WORDS: Final = TextKind("words with commas between them", _words)

SIM: Final = Entity(
    "sim",
    "SIM cards and eSIMs",
    "sim_cards",
    "i_sim_card",
    "imsi",
    Privilege.STOCK,
    (
        Field("imsi", "IMSI, unique in the environment", IMSI, PLACED),
        Field("iccid", "number of the card", ICCID),
        Field("msisdn", "the id of its account", LINE, READ_ONLY),
        Field("status", "available, in_use, reserved or disposed", choice("available", "in_use", "reserved", "disposed"), READ_ONLY),
        Field("account", "whose it is now", NAME, READ_ONLY, "i_account", "account"),
        Field("customer", "the customer it is meant for", NAME, frozenset(), "i_customer", "customer"),
        Field("managed_by", "the reseller whose stock it is in", NAME, DETAIL, "i_managed_by", "customer"),
        Field("kind", "sim or esim", choice("sim", "esim"), DETAIL),
        Field("hlr", "which HLR or HSS knows it", NAME, DETAIL),
        Field("ki", "authentication key", KEY, SEALED),
        Field("opc", "operator key of the card", KEY, SEALED),
        Field("amf", "authentication management field", AMF, DETAIL),
        Field("pin", "PIN", CODE, SEALED),
        Field("puk", "PUK1", CODE, SEALED),
        Field("puk2", "PUK2", CODE, SEALED),
        Field("activation_code", "of an eSIM", LINE, SEALED),
        Field("description", "what it is", LINE, DETAIL),
    ),
    customer="i_managed_by",
    account="i_account",
)

CPE_PROFILE: Final = Entity(
    "cpe-profile",
    "profiles of devices: what those of one model are told",
    "ua_profiles",
    "i_ua_profile",
    "name",
    Privilege.STOCK,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("model", "manufacturer and type", NAME, frozenset({Mark.REQUIRED})),
        Field("managed_by", "the reseller whose it is", NAME, FIXED, "i_managed_by", "customer"),
        Field("settings", "what they are told", SETTINGS, DETAIL),
    ),
    customer="i_managed_by",
)

CPE: Final = Entity(
    "cpe",
    "devices (CPE, IP phones, ONTs) with their ports",
    "ua",
    "i_ua",
    "name",
    Privilege.STOCK,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("model", "manufacturer and type", NAME, frozenset({Mark.REQUIRED})),
        Field("profile", "its profile", NAME, frozenset(), "i_ua_profile", "cpe-profile"),
        Field("mac", "MAC address", MAC),
        Field("inventory_id", "the operator's id; the FSAN serial number of an ONT", NAME),
        Field("ports", "how many ports it has", POSITIVE),
        Field("customer", "the customer it stands at", NAME, frozenset(), "i_customer", "customer"),
        Field("managed_by", "the reseller whose stock it is in", NAME, DETAIL, "i_managed_by", "customer"),
        Field("settings", "override the profile's", SETTINGS, DETAIL),
        Field("description", "what it is", LINE, DETAIL),
    ),
    customer="i_managed_by",
)

PORT: Final = Entity(
    "cpe-port",
    "ports of devices and the accounts on them",
    "ua_links",
    "i_ua_link",
    "port",
    Privilege.STOCK,
    (
        Field("cpe", "the device", NAME, OWN, "i_ua", "cpe"),
        Field("port", "number of the port, from 1", POSITIVE, OWN),
        Field("account", "the account on it", NAME, frozenset({Mark.REQUIRED, Mark.FIXED}), "i_account", "account"),
        Field("settings", "of this port, as its handlers take them", LINE, DETAIL, "config"),
    ),
    parent="cpe",
)

DID_GROUP: Final = Entity(
    "did-group",
    "groups of numbers",
    "did_groups",
    "i_group",
    "name",
    Privilege.STOCK,
    (Field("name", "name, unique in the environment", NAME, PLACED),),
)

DID_VENDOR_BATCH: Final = Entity(
    "did-vendor-batch",
    "batches of numbers as vendors sell them",
    "did_vendor_batches",
    "i_dv_batch",
    "name",
    Privilege.STOCK,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("vendor", "whose numbers they are", NAME, frozenset({Mark.REQUIRED, Mark.FIXED}), "i_vendor", "vendor"),
        Field("activation_cost", "cost of a number", PRICE),
        Field("recurring_cost", "cost of a number a month", PRICE),
    ),
)

DID_OWNER_BATCH: Final = Entity(
    "did-owner-batch",
    "batches of numbers as resellers have them",
    "did_owner_batches",
    "i_do_batch",
    "name",
    Privilege.STOCK,
    (
        Field("name", "name, unique in the environment", NAME, PLACED),
        Field("customer", "whose they are", NAME, frozenset({Mark.REQUIRED, Mark.FIXED}), "i_customer", "customer"),
        Field("activation_fee", "fee of a number", PRICE),
        Field("periodic_fee", "fee of a number a month", PRICE),
    ),
    customer="i_customer",
)

DID: Final = Entity(
    "did",
    "numbers (DID)",
    "dids",
    "i_did_number",
    "number",
    Privilege.STOCK,
    (
        Field("number", "number, unique in the environment", MSISDN, PLACED),
        Field("customer", "to whom it is given", NAME, READ_ONLY, "i_customer", "customer"),
        Field("account", "on which it is in use", NAME, READ_ONLY, "i_account", "account"),
        Field("frozen", "can't be given; an upload starts so", FLAG, READ_ONLY),
        Field("vendor_batch", "the vendor's batch", NAME, DETAIL, "i_dv_batch", "did-vendor-batch"),
        Field("owner_batch", "the reseller's batch", NAME, DETAIL, "i_do_batch", "did-owner-batch"),
        Field("group", "its group", NAME, frozenset(), "i_group", "did-group"),
        Field("country_iso", "country", COUNTRY, DETAIL),
        Field("free_of_charge", "costs its customer nothing", FLAG, DETAIL),
        Field("activation_fee", "null: the owner batch's", PRICE, DETAIL),
        Field("periodic_fee", "null: the owner batch's", PRICE, DETAIL),
        Field("release_date", "when it was given back", INSTANT, READ_ONLY | DETAIL),
        Field("moved_to", "the installation that serves it now", NAME, READ_ONLY | DETAIL),
        Field("description", "what it is", LINE, DETAIL),
    ),
    customer="i_customer",
    account="i_account",
)

CUSTOM_FIELD: Final = Entity(
    "custom-field",
    "custom fields of customers, accounts and SIM cards",
    "custom_fields",
    "i_custom_field",
    "name",
    Privilege.CATALOGUE,
    (
        Field("name", "name, unique for what it applies to", NAME, PLACED),
        Field("applies_to", "customer, account or sim_card", choice("customer", "account", "sim_card"), frozenset({Mark.REQUIRED, Mark.FIXED})),
        Field("type", "what it holds", choice("text", "number", "date", "datetime", "list"), FIXED),
        Field("choices", "of a list", WORDS, DETAIL),
        Field("default_value", "where nobody gave one", LINE),
        Field("mandatory", "must be given", FLAG, DETAIL),
        Field("visible", "the end user sees it", FLAG, DETAIL),
        Field("personal", "personal data: left out of logs and exports", FLAG, DETAIL),
    ),
)

ENTITIES: Final = (SIM, CPE_PROFILE, CPE, PORT, DID_GROUP, DID_VENDOR_BATCH, DID_OWNER_BATCH, DID, CUSTOM_FIELD)

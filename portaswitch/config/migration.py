"""
The folder that `portaswitch migrate` reads: customers, accounts, aliases, SIMs and counters of an existing installation, one CSV file each
(docs/migration.rst). Columns carry PortaBilling's own field names; what is read are the same entries as of a catalogue file.

    moved = read_folder(path, environment)      # never fails: what is wrong is in moved.file.faults
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portaswitch.config.catalogue import ID, LANGUAGE, MONEY, NAME
from portaswitch.config.catalogue_kinds import Hidden
from portaswitch.config.catalogue_values import Currency, Instant, Zone
from portaswitch.config.csv_table import Column, Sheet, Table, entries_of, read_sheet
from portaswitch.config.grammar import Fault, Mark, Node
from portaswitch.config.migration_kinds import Code, Coded, Flag
from portaswitch.config.node import one_line
from portaswitch.config.tree import why
from portaswitch.config.values import Choice, Integer, Text
from portaswitch.model.loading import CatalogueFile, Entry, Section
from portaswitch.model.text_values import MOST_DAYS

NUMBER: Final = Text("a number of the old installation", r"[0-9]{1,18}", longest=18)
STATUS: Final = Coded(
    {"O": "open", "S": "suspended", "D": "deactivated", "E": "exported", "I": "inactive"},
    {"C": "is closed: leave its line out, what is closed stays in the old installation"},
)
MODEL: Final = Coded(
    {"-1": "debit", "1": "credit", "4": "beneficiary"},
    {"2": "is the model of an alias: aliases stand in aliases.csv", "0": "is the model of a voucher, which is not moved"},
)
DAYS: Final = Integer(1, MOST_DAYS, "days")
USED: Final = MONEY
KEY: Final = Code("32 hexadecimal digits", "[0-9A-Fa-f]{32}")
PIN: Final = Code("4 to 16 digits", "[0-9]{4,16}")
WORDS: Final = Text("text", r"[^\x00-\x1f\x7f]*", longest=1024)
OF_CUSTOMER: Final = {"customer_name": Column("customer", NAME), "i_customer": Column("customer", NUMBER, Section.CUSTOMERS)}
OF_ACCOUNT: Final = {"account_id": Column("account", ID), "i_account": Column("account", NUMBER, Section.ACCOUNTS)}
PERSON: Final = frozenset(
    "companyname salutation firstname midinit lastname baddr1 baddr2 baddr3 baddr4 baddr5 city state zip country phone1 phone2 faxnum email bcc note"
    " login".split()
)

CUSTOMERS: Final = Table(
    "customers.csv", Section.CUSTOMERS, "name",
    {
        "name": Column("", NAME),
        "parent_name": Column("parent", NAME),
        "i_parent": Column("parent", NUMBER, Section.CUSTOMERS),
        "i_customer_type": Column("type", Coded({"1": "retail", "2": "reseller", "3": "distributor"})),
        "iso_4217": Column("currency", Currency()),
        "balance": Column("opening_balance", MONEY),
        "credit_limit": Column("credit_limit", MONEY),
        "bill_status": Column("status", STATUS),
        "blocked": Column("blocked", Flag()),
        "time_zone_name": Column("timezone", Zone()),
        "i_lang": Column("language", LANGUAGE),
        "tariff_name": Column("tariff", NAME),
        "vd_plan_name": Column("discount_plan", NAME),
    },
    number="i_customer", needed=("opening_balance",),
    left=PERSON | frozenset(
        "i_customer_class i_balance_control_type i_billing_period billing_lock opening_balance perm_credit_limit credit_exceed billed_to next_billed_to"
        " unallocated_payments suspension_delay_date suspend_on_insuff_funds terminate_on restore_on deactivate_on scheduled_status_change_list"
        " i_office_type i_main_office i_template i_vd_plan override_tariffs_enabled creation_date password i_time_zone".split()
    ),
)  # fmt: skip
ACCOUNTS: Final = Table(
    "accounts.csv", Section.ACCOUNTS, "id",
    {
        "id": Column("", ID),
        **OF_CUSTOMER,
        "product_name": Column("product", NAME),
        "vd_plan_name": Column("discount_plan", NAME),
        "billing_model": Column("model", MODEL),
        "master_id": Column("payer", ID),
        "i_master_account": Column("payer", NUMBER, Section.ACCOUNTS),
        "iso_4217": Column("currency", Currency()),
        "balance": Column("opening_balance", MONEY),
        "credit_limit": Column("credit_limit", MONEY),
        "bill_status": Column("status", STATUS),
        "blocked": Column("blocked", Flag()),
        "h323_password": Column("password", Hidden()),
        "activation_date": Column("activation_date", Instant()),
        "expiration_date": Column("expiration_date", Instant()),
        "life_time": Column("life_time", DAYS),
        "inactivity_expire_time": Column("inactivity_days", DAYS),
        "first_usage_time": Column("first_usage", Instant()),
        "first_usage": Column("first_usage", Instant()),
        "last_usage": Column("last_usage", Instant()),
        "iso_639_1": Column("language", LANGUAGE),
        "i_lang": Column("language", LANGUAGE),
        "password": Column("console_password", Hidden()),
    },
    number="i_account", needed=("customer", "product", "model", "opening_balance"),
    left=PERSON | frozenset(
        "i_product product_visible_name i_subscriber i_role i_account_role i_acl is_active status opening_balance i_account_balance_control_type issue_date"
        " idle_days i_time_zone time_zone_name customer_bill_status customer_blocked customer_bill_suspended cust_bill_suspension_delayed i_vd_plan"
        " i_routing_plan i_batch batch_name assigned_addons included_services service_features service_flags ecommerce_enabled has_custom_fields"
        " subscriber_email redirect_number i_env".split()
    ),
)  # fmt: skip
ALIASES: Final = Table(
    "aliases.csv", Section.ACCOUNTS, "id",
    {"id": Column("", ID), "master_id": Column("alias_of", ID), "i_master_account": Column("alias_of", NUMBER, Section.ACCOUNTS)},
    needed=("alias_of",), left=frozenset("i_account blocked bill_status billing_model i_customer".split()),
)  # fmt: skip
SIMS: Final = Table(
    "sims.csv", Section.SIM_CARDS, "imsi",
    {
        "imsi": Column("", Text("an IMSI of 6 to 15 digits", "[0-9]{6,15}")),
        "iccid": Column("iccid", Text("an ICCID of 19 or 20 digits", "[0-9]{19,20}")),
        "msisdn": Column("msisdn", ID),
        "ki": Column("ki", KEY),
        "opc": Column("opc", KEY),
        "amf": Column("amf", Text("4 hexadecimal digits", "[0-9A-Fa-f]{4}")),
        "pin": Column("pin", PIN),
        "puk": Column("puk", PIN),
        "puk2": Column("puk2", PIN),
        "activation_code": Column("activation_code", Hidden()),
        "kind": Column("kind", Choice("sim", "esim")),
        "hlr": Column("hlr", NAME),
        "status": Column("status", Coded({"free": "available", "in use": "in_use", "reserved": "reserved", "disposed": "disposed"})),
        "description": Column("description", WORDS),
        **OF_CUSTOMER,
        **OF_ACCOUNT,
    },
    left=frozenset(("i_sim_card",)),
)  # fmt: skip
COUNTERS: Final = Table(
    "counters.csv", Section.COUNTERS, "",
    {
        **OF_ACCOUNT,
        **OF_CUSTOMER,
        "vd_plan_name": Column("plan", NAME),
        "service_name": Column("service", NAME),
        "dest_group_name": Column("group", NAME),
        "kind": Column("kind", Choice("discount", "quota")),
        "peak_level": Column("peak_level", Integer(0, 2, "(a peak level)")),
        "used": Column("used", USED),
        "carried": Column("carried", USED),
        "period_start": Column("period_start", Instant()),
        "period_end": Column("period_end", Instant()),
        "exceeded": Column("exceeded", Flag()),
    },
    needed=("plan", "service", "used", "period_start"),
)  # fmt: skip
TABLES: Final = (CUSTOMERS, ACCOUNTS, ALIASES, SIMS, COUNTERS)
"""The files of the folder, in the order in which they refer to each other."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read: the entries as a file, and by name of each file its columns that are known and not taken."""

    file: CatalogueFile
    left: Mapping[str, list[str]]


def read_folder(path: Path, environment: int) -> Folder:
    """The folder at `path`; its things belong to `environment` (i_env)."""
    root = Node({}, Mark(str(path)))
    faults = _strange(path)
    sheets = [read_sheet(path / table.file, table) for table in TABLES if (path / table.file).exists()]
    if not sheets and not faults:
        faults.append(root.fault(f"there is none of {', '.join(table.file for table in TABLES)} in it"))
    named = {sheet.table.section: _numbers(sheet) for sheet in sheets if sheet.table.number}
    sections: dict[Section, list[Entry]] = {}
    seen: dict[tuple[Section, str], str] = {}
    for sheet in sheets:
        for line, entry in entries_of(sheet, named):
            place = f"line {line.number} of {sheet.table.file}"
            first = seen.setdefault((sheet.table.section, entry.name), place)
            if first != place:
                sheet.faults.append(line.find(sheet.table.name).fault(f"{entry.name} stands in {first} already: it is given once"))
            else:
                sections.setdefault(sheet.table.section, []).append(entry)
    faults += [fault for sheet in sheets for fault in sheet.faults]
    file = CatalogueFile(environment, {section: tuple(entries) for section, entries in sections.items()}, root, tuple(faults))
    return Folder(file, {sheet.table.file: sheet.left for sheet in sheets if sheet.left})


def _numbers(sheet: Sheet) -> dict[str, str]:
    """The names behind the old installation's numbers, where the file has a column of them; a number that is given twice is a fault."""
    places = sheet.places()
    number, name = places.get(sheet.table.number), places.get(sheet.table.name)
    found: dict[str, str] = {}
    if number is None or name is None:
        return found
    for line, cells in sheet.lines:
        if cells[number] and found.setdefault(cells[number], cells[name]) != cells[name]:
            sheet.faults.append(line.cell(number).fault(f"is the number of {one_line(found[cells[number]])} already"))
    return found


def _strange(path: Path) -> list[Fault]:
    """Files of the folder that look as if they were meant and are not read."""
    wanted = {table.file for table in TABLES}
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        return [Fault(Mark(str(path)), "", f"can't be read: {why(error)}; give a folder with {', '.join(sorted(wanted))}")]
    return [
        Fault(Mark(str(path / name)), "", f"is none of {', '.join(table.file for table in TABLES)}: rename it, or move it away")
        for name in names
        if name.lower().endswith(".csv") and name not in wanted
    ]

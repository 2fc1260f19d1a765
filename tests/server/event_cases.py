"""
For each of the 89 events and of our own, what somebody does that raises it, and its variables then.

A step is an operation with its values, a use that the core charges, the text of a file to load (one that begins with a section), or SQL that prepares
something. A variable is what it is, or SQL (`select ...`) that is asked after the steps. `i_env` is 1 wherever an event has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.server.desks import CARD, LINE, SUBLINE

#: A step that is the text of a file: it begins with a section.
FILE = re.compile(r"[a-z_]+: ?\{")
USER = "user1@demo.example"
OFFICE, RETAIL, SUB = "Office", "Demo retail", "Demo subcustomer"
POLICY: dict[str, Any] = {"i_access_policy": "select i_access_policy from access_policies where name = 'Home Internet'"}
PRODUCT: dict[str, Any] = {"i_product": "select i_product from products where name = 'Office'"}
BARRING: dict[str, Any] = {"feature_name": "call_barring", "attribute_name": "prefixes"}


@dataclass(frozen=True)
class Use:
    """What the core charges the line: so many units at a node."""

    node: str
    units: int
    called: str = ""


Step = str | Use | tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Case:
    """How an event is raised: `before` it, what is done, whose it is, and its variables but for i_env."""

    before: tuple[Step, ...]
    do: tuple[Step, ...]
    entity: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def by_hand(self) -> bool:
        """Whether no operation, charge or file does it."""
        return any(isinstance(step, str) and not FILE.match(step) for step in self.do)

    @property
    def charged(self) -> bool:
        """Whether something of it is a charge."""
        return any(isinstance(step, Use) for step in (*self.before, *self.do))


def op(operation: str, /, **values: str) -> Step:
    """An operation as a step."""
    return operation, values


def account(name: str = LINE) -> str:
    """The number of an account, as SQL."""
    return f"select i_account from accounts where id = '{name}'"


def customer(name: str = SUB) -> str:
    """The number of a customer, as SQL."""
    return f"select i_customer from customers where name = '{name}'"


def of_account(*do: Step, name: str = LINE, before: tuple[Step, ...] = (), **variables: Any) -> Case:
    """An event of an account."""
    return Case(before, do, "account:" + account(name), {"i_account": account(name), **variables})


def of_customer(*do: Step, name: str = SUB, before: tuple[Step, ...] = (), **variables: Any) -> Case:
    """An event of a customer."""
    return Case(before, do, "customer:" + customer(name), {"i_customer": customer(name), **variables})


def status(to: str) -> Step:
    """A step to another bill status of the line."""
    return op("account.status", id=LINE, to=to)


def customers_status(to: str) -> Step:
    """A step to another bill status of a customer."""
    return op("customer.status", name=SUB, to=to)


def did(number: str, *do: Step, before: tuple[Step, ...] = (), **variables: Any) -> Case:
    """An event of a number."""
    return Case(before, do, f"did:{number}", {"number": number, **variables})


FREE, USED = "16045550121", "16045550120"
GIVEN = op("did.assign", number=FREE, customer=RETAIL)
FOLLOW = op("account.follow-me.set", id=LINE, timeout="20")
REDIRECT = op("account.follow-me-number.add", account=LINE, redirect_number="49301")
FOLLOWED: dict[str, Any] = {
    "i_follow_me": "select max(i_follow_me) from follow_me",
    "i_follow_me_number": "select coalesce(max(i_follow_me_number), 1) from follow_me_numbers",
}
PLAN: dict[str, Any] = {"curr_i_vd_plan": "select i_vd_plan from vd_plans where name = 'Vancouver minutes'", "prev_i_vd_plan": None}
ADDON = "select i_product from products where is_addon"
BUNDLED = "from vd_dgs join vd_plans using (i_vd_plan) where name = 'Bundle'"
QUOTA: dict[str, Any] = {"i_service": f"select i_service {BUNDLED}", "i_vd_dg": f"select i_vd_dg {BUNDLED}"}
CALL, MESSAGE, SURFING = Use("Card gateway", 60, "82262363451"), Use("SIP domain", 1, "44123"), Use("Demo BRAS", 60)


def bundle(service: str, units: int) -> tuple[Step, ...]:
    """The line has a plan whose quota of a service ends after so many units."""
    return (
        op("discount-plan.add", name="Bundle", currency="CAD"),
        op("discount-plan.item.add", plan="Bundle", service=service, kind="quota", thresholds=f"{units}: forbidden"),
        op("account.change", id=LINE, discount_plan="Bundle"),
    )


PERSON = op("subscriber.add", customer=RETAIL, firstname="Ann", city="Bonn", email="a@example.com")
INVOICE = op(
    "invoice.add", number="I-1", customer=SUB, period_from="2026-01-01", period_to="2026-02-01", issue_date="2026-02-01", amount_net="12.50"
)  # fmt: skip
BILL = {"i_customer": customer(), "invoice_number": "I-1", "amount_net": 12.50, "i_invoice_type": 1, "i_invoice_status": 1}
START = op("transaction.start", account=LINE, amount="10.00", processor="PayPal")
PAYMENT = {"i_payment_transaction": "select max(i_payment_transaction) from payment_transactions", "test_mode": False, "amount": 10.0, "iso_4217": "CAD"}
AUTHORIZE = ("transaction.authorize", {"number": "select max(i_payment_transaction) from payment_transactions", "result_code": "00"})


def invoice(*do: Step, before: tuple[Step, ...] = (), **more: Any) -> Case:
    """An event of an invoice."""
    return Case(before, do, "invoice:select max(i_invoice) from invoices", {**BILL, **more})


def person(given: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, ...]) -> Case:
    """An event of the person behind an account."""
    shown = {f"{side}_{name}": values.get(name) for name in names for side, values in (("prev", before), ("curr", after))}
    who = "select max(i_subscriber) from subscribers"
    return Case((PERSON,), (op("subscriber.change", number=who, **given),), f"subscriber:{who}", {"i_subscriber": who, **shown})


def of_policy(*do: Step) -> Case:
    """An event of the demo's access policy."""
    return Case((), do, "access_policy:" + POLICY["i_access_policy"], POLICY)


def of_product(*do: Step, before: tuple[Step, ...] = (), **more: Any) -> Case:
    """An event of the product Office."""
    return Case(before, do, "product:" + PRODUCT["i_product"], {**PRODUCT, **more})


def payment(*do: Step, before: tuple[Step, ...] = (), **more: Any) -> Case:
    """An event of a payment transaction."""
    return Case(before, do, f"payment_transaction:{PAYMENT['i_payment_transaction']}", {**PAYMENT, **more})


CATALOGUE = {
    "AccessPolicy/Changed": of_policy(op("access-policy.change", name="Home Internet", default_level="turbo")),
    "AccessPolicy/Phase/New": of_policy(op("access-phase.add", policy="Home Internet", name="late", period="hr{22-6}", level="turbo")),
    "AccessPolicy/Phase/Changed": of_policy(op("access-phase.change", policy="Home Internet", name="Nights", period="hr{1am-5am}", level="limited")),
    "AccessPolicy/Phase/Deleted": of_policy(op("access-phase.remove", policy="Home Internet", name="Nights")),
    "Accessibility/Inserted": of_product(
        op("entry.add", product=OFFICE, service="Voice calls", access_code="X", tariff="Office retail"),
        i_accessibility="select i_accessibility from accessibility where access_code = 'X'",
    ),
    "Accessibility/Deleted": of_product(
        op("entry.remove", product=OFFICE, number="4711"), i_accessibility=4711,
        before=("insert into accessibility (i_accessibility, i_product, i_service, access_code, i_tariff) overriding system value "
                "select 4711, i_product, i_service, 'Y', i_tariff from accessibility join products using (i_product) where name = 'Office' limit 1",),
    ),
    "Product/AccessPolicy/Changed": of_product(op("product.change", name=OFFICE, access_policy="null"), i_access_policy=None),
    "Product/Discount/Changed": of_product(
        op("product.change", name=OFFICE, discount_plan="Vancouver minutes"), **PLAN, addon_priority=10
    ),
    "Product/ServiceAttribute/Changed": of_product(
        op("product.feature.set", name=OFFICE, feature="call_barring", flag="Y", attributes="prefixes=900"), **BARRING, old_value=None
    ),
    "Connection/New": Case(
        (), (op("connection.add", vendor="Demo Carrier", name="Second"),), "connection:select max(i_connection) from connections",
        {"i_vendor": "select i_vendor from vendors", "i_connection": "select max(i_connection) from connections"},
    ),
    "Connection/Changed": Case(
        (), (op("connection.change", vendor="Demo Carrier", name="To Demo Carrier", remote_ip="192.0.2.78"),),
        "connection:select min(i_connection) from connections",
        {"i_vendor": "select i_vendor from vendors", "i_connection": "select min(i_connection) from connections", "prev_remote_ip": "192.0.2.77"},
    ),
    "Connection/Deleted": Case(
        ("insert into connections (i_connection, i_vendor, name, remote_ip) overriding system value select 4711, i_vendor, 'Old', '192.0.2.79' from vendors",),
        (op("connection.remove", vendor="Demo Carrier", name="Old"),), "connection:4711",
        {"i_vendor": "select i_vendor from vendors", "i_connection": 4711, "i_connection_type": 1, "prev_remote_ip": "192.0.2.79"},
    ),
}  # fmt: skip

ACCOUNTS = {
    "Account/New": of_account(op("account.add", id="701", customer=RETAIL, model="debit"), name="701"),
    "Account/ID/Changed": of_account(op("account.change", id=LINE, rename="16045550199"), name="16045550199", prev_id=LINE, curr_id="16045550199"),
    "Account/Alias/Delete": Case(
        (), (op("account.alias.remove", id=LINE, alias="16045550102"),), "account:" + account(), {"i_master_account": account(), "id": "16045550102"}
    ),
    "Account/Product/Changed": of_account(
        op("account.product", id=LINE, product="PrepaidCard"), prev_product=PRODUCT["i_product"],
        curr_product="select i_product from products where name = 'PrepaidCard'"
    ),
    "Account/ActivationDate/Changed": of_account(
        op("account.change", id=LINE, activation_date="2020-01-31"), prev_activation_date=None, curr_activation_date="2020-01-31T00:00:00+00:00"
    ),
    "Account/ExpirationDate/Changed": of_account(
        op("account.change", id="16045550104", expiration_date="2099-01-01"), name="16045550104",
        prev_expiration_date="2021-01-01T00:00:00+00:00", curr_expiration_date="2099-01-01T00:00:00+00:00",
    ),
    "Account/AccessPolicy/Changed": of_account('accounts: {"user1@demo.example": {access_policy: Home Internet}}', name=USER, **POLICY),
    "Account/Discount/Changed": of_account(op("account.change", id=LINE, discount_plan="Vancouver minutes"), **PLAN),
    "Account/Password/Changed": of_account(
        op("account.web-password", id=LINE), prev_password=None,
        curr_password=f"select 'secret:accounts.password:' || ({account()})",
    ),
    "Account/ServicePassword/Changed": of_account(
        op("account.password", id=LINE), prev_h323_pwd=f"select 'secret:accounts.h323_password:' || ({account()}) || ':before'",
        curr_h323_pwd=f"select 'secret:accounts.h323_password:' || ({account()})",
    ),
    "Account/ServiceFlags/Changed": of_account(
        op("account.feature.set", id=LINE, feature="clir", flag="Y"), account_prev_service_flags="---------------N"
    ),
    "Account/Blocked": of_account(op("account.block", id=LINE)),
    "Account/Unblocked": of_account(op("account.unblock", id="16045550103"), name="16045550103"),
    "Account/Status/Changed": of_account(op("account.suspend", id=LINE), prev_status="O", new_status="S"),
    "Account/Status/Closed": of_account(op("account.close", id=LINE)),
    "Account/Status/Exported": of_account(status("exported")),
    "Account/Status/Imported": of_account(status("open"), before=(status("exported"),)),
    "Account/Status/Suspend": of_account(op("account.suspend", id=LINE)),
    "Account/Status/Unsuspend": of_account(op("account.unsuspend", id="16045550105"), name="16045550105"),
    "Account/BalanceChanged": of_account(op("account.charge", id=CARD, amount="0.75"), name=CARD, prev_balance=10.0, curr_balance=9.25),
    "Account/AvailableFundsAppear": of_account(op("account.topup", id=CARD, amount="5"), name=CARD, before=(op("account.charge", id=CARD, amount="10"),)),
    "Account/ZeroAvailableFunds": of_account(op("account.charge", id=CARD, amount="10"), name=CARD),
}  # fmt: skip

BESIDE = {
    "Account/CustomField/Changed": of_account(
        op("account.custom", id=LINE, field="Building", value="South"), field_name="Building", prev_value="North", curr_value="South"
    ),
    "CustomField/Changed": of_account(
        op("account.custom", id=LINE, field="Building", value="null"), field_name="Building", prev_value="North", curr_value=None
    ),
    "Account/FollowMe/Changed": of_account(FOLLOW),
    "Account/FollowMeNumber/Inserted": of_account(REDIRECT, **FOLLOWED, curr_redirect_number="49301"),
    "Account/FollowMeNumber/Changed": of_account(
        op("account.follow-me-number.change", account=LINE, redirect_number="49301", rename="49302"), before=(REDIRECT,), **FOLLOWED,
        curr_redirect_number="49302", prev_redirect_number="49301"
    ),
    "Account/FollowMeNumber/Deleted": of_account(
        op("account.follow-me-number.remove", account=LINE, redirect_number="49301"), before=(REDIRECT,), **FOLLOWED, prev_redirect_number="49301"
    ),
    "Account/IPDeviceAssignment": of_account(
        op("cpe-port.add", cpe="ONT of user1", port="2", account=LINE),
        i_ua="select i_ua from ua", port=2, config="", prev_ua=None, prev_port=None, prev_config=None
    ),
    "Account/SIMCardAssignment": of_account(
        op("sim.assign", imsi="999700000000002", account=LINE), prev_i_sim=None, i_sim="select i_sim_card from sim_cards where imsi = '999700000000002'"
    ),
    "Account/ProductAddon/Inserted": of_account(
        op("account.addon.add", id=LINE, product="More destinations"), curr_i_addon_product=ADDON
    ),
    "Account/ProductAddon/Changed": of_account(
        op("account.addon.change", id=SUBLINE, product="More destinations", to="2099-01-01"), name=SUBLINE, i_addon_product=ADDON
    ),
    "Account/ProductAddon/Deleted": of_account(
        op("account.addon.remove", id=LINE, product="More destinations"),
        before=(("account.addon.add", {"id": LINE, "product": "More destinations", "from": "2098-01-01"}),),
        prev_i_addon_product=ADDON,
    ),
    "Account/Service/QuotaExceeded": of_account(CALL, before=bundle("Voice calls", 60), **QUOTA),
    "Account/Service/QuotaAvailable": of_account(
        op("discount-plan.item.change", plan="Bundle", number=QUOTA["i_vd_dg"], thresholds="120: forbidden"), before=(*bundle("Voice calls", 60), CALL), **QUOTA
    ),
    "Account/Service/Msg/QuotaExceeded": of_account(MESSAGE, before=bundle("Messages", 1), i_service=QUOTA["i_service"]),
    "Account/Service/Netaccess/QuotaExceeded": of_account(SURFING, before=bundle("Internet access", 60), i_service=QUOTA["i_service"]),
    "Account/ServiceAttribute/Changed": of_account(
        op("account.feature.set", id=LINE, feature="call_barring", flag="Y", attributes="prefixes=900"), **BARRING, old_value=None
    ),
    "Custom/Jasper/CapReached": of_account(op("account.report", id=LINE, source="Jasper", kind="CapReached")),
    "ServiceAttribute/Changed": Case(
        (op("account.feature.set", id=LINE, feature="call_barring", flag="Y", attributes="prefixes=900"),),
        (op("account.feature.set", id=LINE, feature="call_barring", attributes="prefixes=900,976"),), "account:" + account(),
        {"i_savalue": "select i_savalue from service_attribute_values where i_attribute = 23", "i_foreign": account(), "i_attribute": 23, "old_value": ["900"]},
    ),
}  # fmt: skip

CUSTOMERS = {
    "Customer/New": of_customer(op("customer.add", name="Acme", currency="CAD"), name="Acme"),
    "Customer/Name/Changed": of_customer(op("customer.change", name=SUB, rename="Sub"), name="Sub", prev_name=SUB, curr_name="Sub"),
    "Customer/Blocked": of_customer(op("customer.block", name=SUB)),
    "Customer/Unblocked": of_customer(op("customer.unblock", name=SUB), before=(op("customer.block", name=SUB),)),
    "Customer/BalanceChanged": of_customer(op("customer.pay", name=SUB, amount="3"), prev_balance=0, curr_balance=-3),
    "Customer/AvailableFundsAppear": of_customer(op("customer.pay", name=SUB, amount="1"), before=(op("customer.charge", name=SUB, amount="200"),)),
    "Customer/ZeroAvailableFunds": of_customer(op("customer.charge", name=SUB, amount="200")),
    "Customer/CustomField/Changed": of_customer(
        op("customer.custom", name=SUB, field="born", value="1970-01-31"), before=(op("custom-field.add", name="born", applies_to="customer", type="date"),),
        field_name="born", prev_value=None, curr_value="1970-01-31",
    ),
    "Customer/ServiceAttribute/Changed": of_customer(
        op("customer.feature.set", name=SUB, feature="call_barring", flag="Y", attributes="prefixes=900"), **BARRING, old_value=None
    ),
    "Customer/ServiceFlags/Changed": of_customer(op("customer.feature.set", name=SUB, feature="clir", flag="Y"), prev_service_flags=""),
    "Customer/Status/Activated": of_customer(customers_status("open"), before=(customers_status("deactivated"),)),
    "Customer/Status/Changed": of_customer(customers_status("suspended"), prev_status="O", new_status="S"),
    "Customer/Status/Closed": of_customer(op("customer.close", name="Acme"), before=(op("customer.add", name="Acme", currency="CAD"),), name="Acme"),
    "Customer/Status/Deactivated": of_customer(customers_status("deactivated")),
    "Customer/Status/Exported": of_customer(customers_status("exported"), prev_status="O"),
    "Customer/Status/Imported": of_customer(customers_status("open"), before=(customers_status("exported"),), new_status="O"),
    "Customer/Status/Suspend": of_customer(op("customer.suspend", name=SUB)),
    "Customer/Status/Unsuspend": of_customer(op("customer.unsuspend", name=SUB), before=(op("customer.suspend", name=SUB),)),
    "CustomerSite/ServiceAttribute/Changed": Case(
        (op("site.add", customer=SUB, name="North"),),
        (op("site.feature.set", customer=SUB, name="North", feature="call_barring", flag="Y", attributes="prefixes=900"),),
        "customer_site:select i_customer_site from customer_sites",
        {"i_customer_site": "select i_customer_site from customer_sites", **BARRING, "old_value": None},
    ),
}  # fmt: skip

STOCK = {
    "DID/New": did("16045559999", op("did.add", number="16045559999")),
    "DID/Status/Assigned": did(FREE, op("did.assign", number=FREE, customer=RETAIL), prev_customer=None),
    "DID/Status/Unassigned": did(FREE, op("did.release", number=FREE), before=(GIVEN,), prev_customer=customer(RETAIL)),
    "DID/Status/Activated": did(FREE, op("did.activate", number=FREE, account=LINE), before=(GIVEN,)),
    "DID/Status/Canceled": did(USED, op("did.cancel", number=USED)),
    "DID/Status/Moved": did(FREE, op("did.move", number=FREE, to="Ottawa")),
    "DID/Deleted": did(FREE, op("did.remove", number=FREE)),
    "Custom/Inventory/DeviceAdded": Case(
        (), (op("cpe.add", name="Modem 9", model="Demo ONT-4", profile="Home ONT", mac="00:11:22:33:44:99", inventory_id="S-9"),),
        "ua:select max(i_ua) from ua",
        {"i_ua": "select max(i_ua) from ua", "name": "Modem 9", "model": "Demo ONT-4", "mac": "00:11:22:33:44:99", "inventory_id": "S-9",
         "profile": "Home ONT"},
    ),
    "IPDeviceProfile/New": Case(
        (), (op("cpe-profile.add", name="Other", model="X"),), "ua_profile:select max(i_ua_profile) from ua_profiles",
        {"i_ua_profile": "select max(i_ua_profile) from ua_profiles"},
    ),
}  # fmt: skip

MONEY = {
    "Invoice/New": invoice(INVOICE),
    "Invoice/Adjustment/Changed": invoice(op("invoice.adjust", number="I-1", amount="2"), before=(INVOICE,), adjustments=2, prev_adjustments=0),
    "Invoice/AmountPaid/Changed": invoice(
        op("invoice.pay", number="I-1", amount="5"), before=(INVOICE,), i_invoice_status=2, amount_paid=5, prev_amount_paid=0
    ),
    "Invoice/Status/Changed": invoice(
        op("invoice.pay", number="I-1", amount="12.50"), before=(INVOICE,), prev_i_invoice_status=1, i_invoice_status=3
    ),
    "PaymentTransaction/New": payment(START, status="STARTED"),
    "PaymentTransaction/ResultCode/Changed": payment(AUTHORIZE, before=(START,), status="AUTHORIZED", result_code="00", prev_result_code=None),
    "PaymentTransaction/Status/Changed": payment(AUTHORIZE, before=(START,), prev_status="STARTED", status="AUTHORIZED"),
    "Subscriber/Address/Changed": person(
        {"city": "Cologne", "zip": "50667"}, {"city": "Bonn"}, {"city": "Cologne", "zip": "50667"},
        ("baddr1", "baddr2", "baddr3", "baddr4", "baddr5", "state", "zip", "city", "country"),
    ),
    "Subscriber/ContactInfo/Changed": person(
        {"email": "null", "phone1": "49301"}, {"email": "a@example.com"}, {"phone1": "49301"}, ("phone1", "phone2", "cont1", "cont2", "faxnum", "email", "bcc")
    ),
    "Subscriber/Name/Changed": person(
        {"firstname": "Bea"}, {"firstname": "Ann"}, {"firstname": "Bea"}, ("companyname", "salutation", "firstname", "midinit", "lastname")
    ),
}  # fmt: skip

CASES: Mapping[str, Case] = {**CATALOGUE, **ACCOUNTS, **BESIDE, **CUSTOMERS, **STOCK, **MONEY}

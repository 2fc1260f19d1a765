"""Service features, add-ons, custom fields, who customers are, and the stock, through `load`."""

from __future__ import annotations

from portaswitch.model.loading import Count, Section
from tests.server.loads import LoadTestCase

FLAGS = "select service_flags from accounts where id = '16045550101'"
BARRED = "select v.value from service_attribute_values v join accounts a using (i_account) where i_attribute = 23 and a.id = '16045550101'"
WRONG = """\
customers: {Demo retail: {class: Nobody, email: nobody, features: {call_barring: {flag: "~"}}}}
products: {Office: {features: {call_baring: {flag: Y}, clir: {flag: y}}}}
accounts:
  "16045550101":
    addons: {Office: {from: 2026-01-01}, More destinations: {to: 2026-01-01}, Nothing: {from: 2026-01-01}, Music Account: {from: 2026-02-01, to: 2026-01-01}}
    features: {call_barring: {flag: "^", attributes: {prefixes: ["9x"], other: "1"}}, netaccess_static_ip: {flag: Y, attributes: {address: 192.0.2.7}}}
    custom: {Building: West, Colour: red}
  "16045550106": {addons: {More destinations: {from: 2026-06-01}}}
sim_cards:
  "999700000000003": {iccid: "8999970000000000017", ki: short-secret, custom: {Nothing: x}}
  "999700000000004": {account: "16045550106"}
  "999700000000001": {account: "16045550101"}
cpes:
  Second: {inventory_id: DEMO00000001, model: X, port_accounts: {2: {account: "16045550102"}}}
  Third: {cpe_profile: None such}
dids:
  "16045550120": {account: "16045550101"}
  "16045550122": {customer: Demo retail, account: "16045550106"}
  "16045550123": {customer: Demo retail, frozen: true}
custom_fields: {account: {Building: {type: text}, List: {type: list}, Number: {type: number, default: ten}}, vendor: {}}
did_owner_batches: {Empty: {}}
"""
FAULTS = """\
accounts.16045550101.addons.More destinations: needs from
accounts.16045550101.addons.Music Account: Music Account is a main product
accounts.16045550101.addons.Music Account: Music Account is in USD
accounts.16045550101.addons.Music Account.to: is not after from
accounts.16045550101.addons.Nothing: Nothing is not among the products
accounts.16045550101.addons.Office: Office is a main product
accounts.16045550101.custom.Colour: is no custom field of account
accounts.16045550101.features.call_barring.attributes.other: is no attribute of call_barring
accounts.16045550101.features.call_barring.attributes.prefix...: '9x' is no beginning of a number
accounts.16045550101.features.call_barring.attributes: values count only where the flag is on
accounts.16045550101.features.netaccess_static_ip.attributes...: write it as static_ip
accounts.16045550101.features.netaccess_static_ip.flag: must agree with static_ip
accounts.16045550106.addons.More destinations.from: the account has it from 2026-01-01T00:00:00Z already
cpes.Second.inventory_id: DEMO00000001 is the inventory id of ONT of user1
cpes.Second.port_accounts.2.account: is an alias
cpes.Second.port_accounts.2: Second has 1 ports
cpes.Third.cpe_profile: None such is not among
cpes.Third: is new: it needs model
custom_fields.account.Building.type: is list in the database
custom_fields.account.Building: a field of type list needs choices
custom_fields.account.List: a field of type list needs choices
custom_fields.account.Number.default: ten is not an amount
custom_fields.vendor: is nothing that has custom fields
customers.Demo retail.class: Nobody is not among
customers.Demo retail.email: nobody is not an e-mail
customers.Demo retail.features.call_barring.flag: '~' is nothing that a customer says
did_owner_batches.Empty: is new: it needs customer
dids.16045550120.account: is 16045550106 in the database
dids.16045550122.customer: the account 16045550106 is of the customer Demo subcustomer
dids.16045550123.frozen: a frozen number is nobody's
products.Office.features.call_baring: is no service feature
products.Office.features.clir.flag: y is not Y, N
sim_cards.999700000000001.account: is 16045550106 in the database
sim_cards.999700000000003.custom.Nothing: is no custom field of sim_card
sim_cards.999700000000003.iccid: the ICCID 8999970000000000017 is that of the card 999700000000001
sim_cards.999700000000003.ki: the value is not 32 hexadecimal digits
sim_cards.999700000000004.account: the account 16045550106 is that of the card 999700000000001
"""


class InventoryTests(LoadTestCase):
    """The demo's own, and changes of them."""

    async def test_the_demo(self) -> None:
        """A card on an account with its key sealed, an ONT with a port, numbers, an add-on, a field, a class."""
        await self.demo()
        self.assertEqual(
            self.ask(
                "select s.imsi, s.status, s.msisdn, c.name from sim_cards s left join customers c using (i_customer) order by 1"
            ),
            [
                ("999700000000001", "in_use", "16045550106", "Demo subcustomer"),
                ("999700000000002", "available", None, None),
                ("999700000000003", "in_use", "380630000001", "Demo retail USD"),
            ],
        )
        self.assertEqual(self.sealer.open(self.one("select ki from sim_cards where ki is not null")), "00112233445566778899aabbccddeeff")
        self.assertEqual(
            self.ask("select u.name, p.name, u.ports, l.port, a.id from ua u join ua_profiles p using (i_ua_profile) join ua_links l using (i_ua) "
                     "join accounts a using (i_account)"),
            [("ONT of user1", "Home ONT", 4, 1, "user1@demo.example")],
        )  # fmt: skip
        self.assertEqual(
            self.ask("select d.number, d.frozen, c.name, a.id, v.name, o.name, d.country_iso from dids d left join customers c using (i_customer) "
                     "left join accounts a using (i_account) join did_vendor_batches v using (i_dv_batch) "
                     "left join did_owner_batches o using (i_do_batch) order by 1"),
            [("16045550120", False, "Demo subcustomer", "16045550106", "Demo Carrier 1", "Demo reseller 1", "CA"),
             ("16045550121", False, None, None, "Demo Carrier 1", None, None)],
        )  # fmt: skip
        self.assertEqual(
            self.ask("select a.id, p.name, d.addon_effective_to::text from account_addons d join accounts a using (i_account) "
                     "join products p on p.i_product = d.i_product"),
            [("16045550106", "More destinations", "2027-01-01 00:00:00+00")],
        )  # fmt: skip
        self.assertEqual(self.ask("select f.name, f.choices, v.db_value from custom_fields f join custom_field_values v using (i_custom_field)"),
                         [("Building", ["North", "South"], "North")])  # fmt: skip
        self.assertEqual(self.ask("select k.name, d.companyname, d.email from customer_details d join customer_classes k using (i_customer_class)"),
                         [("Homes", "Demo Homes Ltd", "billing@example.com")])  # fmt: skip
        self.assertEqual(self.one(FLAGS), "---------------N")

    async def test_a_secret_attribute(self) -> None:
        """A PIN is sealed, and sealed again only when it is another one; beside it plain attributes stay as they are."""
        await self.demo()
        barring = 'call_barring: {flag: Y, attributes: {prefixes: ["9"]}}'
        text = 'accounts: {"16045550101": {features: {voice_authentication: {flag: Y, attributes: {pin: "%s"}}, ' + barring + "}}}\n"
        found = []
        for pin in ("98765", "98765", "12345"):
            await self.text(text % pin)
            ((value, sealed),) = self.ask("select value, sealed from service_attribute_values where i_attribute = 8")
            found.append(bytes(sealed))
            self.assertEqual((value, self.sealer.open(bytes(sealed))), ([], pin))
        self.assertEqual((found[0] == found[1], found[1] == found[2]), (True, False))
        self.assertEqual(self.one("select value from service_attribute_values where i_attribute = 23 and i_account is not null"), ["9"])

    async def test_features(self) -> None:
        """A letter in its place and a row of values, changed in place; what operators set of other features stays."""
        await self.demo()
        self.ask("update accounts set service_flags = 'YN~^' where id = '16045550101'")
        text = 'accounts: {"16045550101": {features: {call_barring: {flag: Y, attributes: {prefixes: %s}}}}}\n'
        done = await self.text(text % '["900", "976"]')
        self.assertEqual(dict(done.counts), {Section.ACCOUNTS: Count(0, 1, 0), Section.FEATURE_VALUES: Count(1)})
        self.assertEqual((self.one(FLAGS), self.one(BARRED)), ("YN~^--------Y", ["900", "976"]))
        before = self.everything()
        again = await self.text(text % '["900", "976"]')
        self.assertEqual((dict(again.counts), self.everything()), ({Section.ACCOUNTS: Count(0, 0, 1), Section.FEATURE_VALUES: Count(0, 0, 1)}, before))
        number = self.one("select i_savalue from service_attribute_values where i_attribute = 23")
        await self.text(text % "null")
        self.assertEqual((self.one(BARRED), self.one("select i_savalue from service_attribute_values where i_attribute = 23")), ([], number))
        await self.text('accounts: {"16045550101": {features: {call_barring: {flag: "-"}}}}\n')
        self.assertEqual(self.one(FLAGS), "YN~^---------")

    async def test_features_of_others(self) -> None:
        """Products and customers; a static address is its feature's flag too."""
        await self.demo()
        await self.text(
            "products: {Office: {features: {call_barring: {flag: Y, attributes: {prefixes: '900'}}}}}\n"
            "customers: {Demo retail: {features: {forward_mode: {flag: 2, attributes: {max_forwards: '3'}}}}}\n"
        )
        self.assertEqual(self.one("select service_flags from products where name = 'Office'"), "------------Y")
        self.assertEqual(self.one("select service_flags from customers where name = 'Demo retail'"), "-------------2")
        self.assertEqual(
            self.ask("select i_product is not null, i_customer is not null, value from service_attribute_values where i_attribute in (19, 23) order by 1"),
            [(False, True, ["3"]), (True, False, ["900"])],
        )
        static = "select service_flags from accounts where id = 'user1@demo.example'"
        self.assertEqual(self.one(static), "--Y")
        await self.text('accounts: {"user1@demo.example": {static_ip: null}}\n')
        self.assertEqual(self.one(static), "--N")

    async def test_changes(self) -> None:
        """Only what is named: the end of an add-on, a value, a port, a number's account, a detail, a code of a card."""
        await self.demo()
        done = await self.text(
            'customers: {Demo retail: {city: Burnaby}}\naccounts:\n  "16045550106": {addons: {More destinations: {from: 2026-01-01, to: null}}}\n'
            '  "16045550101": {custom: {Building: South}}\nsim_cards: {"999700000000001": {puk: "12345678"}}\n'
            'cpes: {ONT of user1: {port_accounts: {2: {account: "16045550101"}}}}\ndids: {"16045550121": {account: "16045550101"}}\n'
        )
        changed = {section: (count.created, count.changed) for section, count in done.counts.items() if count.created or count.changed}
        self.assertEqual(changed, {
            Section.CUSTOMER_DETAILS: (0, 1), Section.ADDONS: (0, 1), Section.CUSTOM_VALUES: (0, 1), Section.SIM_CARDS: (0, 1), Section.PORTS: (1, 0),
            Section.DIDS: (0, 1)})  # fmt: skip
        self.assertEqual(self.ask("select companyname, city from customer_details"), [("Demo Homes Ltd", "Burnaby")])
        self.assertEqual(self.one("select addon_effective_to from account_addons"), None)
        self.assertEqual(self.one("select c.name from dids d join customers c using (i_customer) where number = '16045550121'"), "Demo retail")
        self.assertEqual(self.one("select db_value from custom_field_values"), "South")
        await self.text('accounts: {"16045550101": {custom: {Building: null}}}\n')
        self.assertEqual(self.one("select db_value from custom_field_values"), None)

    async def test_faults(self) -> None:
        """All at once, each at its place, no secret quoted, and nothing is changed."""
        await self.demo()
        before = self.everything()
        found = await self.refused(self.text(WRONG))
        self.assertEqual(self.everything(), before)
        said = sorted(fault.split(": ", 1)[1] for fault in found)
        self.assertEqual(len(said), len(FAULTS.splitlines()), "\n".join(said))
        for one, start in zip(said, sorted(FAULTS.splitlines()), strict=True):
            self.assertTrue(one.startswith(start), f"\nfound  {one}\nwanted {start}")
        self.assertNotIn("short-secret", str(found))

"""The rules of `operations.load`: all faults of a file at once, each at its place, and none of a good one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from portaswitch.config.catalogue import read_catalogue
from portaswitch.errors import ConfigError
from portaswitch.interfaces.loading import ILoading
from portaswitch.model.loading import Count, Section, Stock
from portaswitch.operations.load import faults, load
from tests.unit.operations.files import BORN, DEMO, GOOD, Shelf, file_of, stock_of

WRONG = """\
environment: 1
environments: {1: {name: One, currency: CAD}, 2: {name: One}}
shelves: {}
services:
  Voice: {type: Voice}
  Fax: {type: Telefax}
  New: {unit: 1}
policies: {Long: {max_units: 0}}
destinations: {"49a": {country: DE}}
destination_groups: {World: {East: ["82"], West: ["82"]}}
tariffs:
  Retail:
    service: Voices
    applied_to: customer
    rates:
      "82": {first: 1, next: 1, price: -0.02}
      "83": {first: 1, interval_first: 6, price: 0.1}
      "84": {first: 1}
      "8x": 0.10
      "85": [{price: 1}, {price: 2}]
      "86": {price: 1, effective_from: 2026-02-30}
  Carrier: {service: Voice, applied_to: vendor, precision: 6}
  Dollars: {service: Voice, currency: USD, managed_by: Shop, connect_fee: -1}
  Wholesale: {service: Voice, applied_to: reseller, currency: USD, rates: {VOICEONET: 0.01}}
nodes:
  Gate: {nas_ip: 192.0.2.1, zones: {PST: America/Atlantis}}
  Twin: {nas_ip: 192.0.2.1}
  Bare: {}
products:
  Card:
    breakage: -1
    entries:
      - {service: Voice, tariff: Carrier, policy: Lnog}
      - {service: Voice, tariff: Dollars}
      - {service: Fax, reseller_tariff: Wholesale}
radius_clients:
  127.0.0.1: {secret: testing123}
  192.0.2.1/24: {secret: long-enough-secret}
  192.0.2.5: {node: Nowhere}
vendors: {Carrier: {connections: {Out: {tariff: Retail}}}}
customers:
  Shop: {tariff: Retail}
  Seller: {type: reseller, parent: Other}
  Other: {type: reseller, parent: Seller}
  Below: {parent: Shop}
  Sub: {parent: Seller, credit_limit: -5}
accounts:
  "100": {customer: Shop, product: Card, model: debit, credit_limit: 5, opening_balance: -1,
    aliases: ["101", "102"]}
  "101": {customer: Shop, product: Card, model: credit, currency: USD}
  "103": {customer: Seller, product: Crad, model: credit, aliases: ["102"]}
  "104": {alias_of: "105"}
  "105": {alias_of: "100", blocked: true}
  "106": {model: credit, activation_date: 2026-05-01, expiration_date: 2026-04-01}
  "107": {customer: Sub, product: Card, model: credit, password: {env: MISSING}}
"""

FOUND = """\
2: environments.2.name: environment 1 has that name
3: shelves: unknown key
6: services.Fax.type: Telefax is not one of
7: services.New: is new: it needs type
8: policies.Long.max_units: 0 is out of range
9: destinations.49a: '49a' is neither digits nor a special destination
10: destination_groups.World.West[0]: 82 is in the group East
13: tariffs.Retail.service: Voices is not among the services of the file or the database: did you mean Voice?
16: tariffs.Retail.rates.82.price: -0.02 is negative
17: tariffs.Retail.rates.83.interval_first: first says the same already
18: tariffs.Retail.rates.84: needs a price
19: tariffs.Retail.rates.8x: '8x' is neither digits nor a special destination
20: tariffs.Retail.rates.85[1]: 85 has a rate of that date in this tariff
21: tariffs.Retail.rates.86.effective_from: 2026-02-30 is no day of the calendar
22: tariffs.Carrier.precision: 6 is out of range
23: tariffs.Dollars.managed_by: Shop is a retail customer
23: tariffs.Dollars.connect_fee: -1 is negative
24: tariffs.Wholesale.rates.VOICEONET: 'VOICEONET' is neither digits nor a special destination
26: nodes.Gate.zones.PST: America/Atlantis is not a time zone
27: nodes.Twin.nas_ip: node Gate has the same
28: nodes.Bare: is new: it needs nas_ip or nas_identifier
31: products.Card.breakage: -1 is negative
33: products.Card.entries[0].tariff: Carrier is applied_to vendor
33: products.Card.entries[0].policy: Lnog is not among the policies of the file or the database: did
34: products.Card.entries[1]: the product has an entry for that service
34: products.Card.entries[1].tariff: Dollars is in USD, and CAD is needed here
35: products.Card.entries[2]: needs tariff
35: products.Card.entries[2].reseller_tariff: Wholesale rates the service Voice, not Fax
37: radius_clients.127.0.0.1.secret: is shorter than 12 octets
38: radius_clients.192.0.2.1/24: '192.0.2.1/24' is not an address or network
39: radius_clients.192.0.2.5: is new: it needs secret
39: radius_clients.192.0.2.5.node: Nowhere is not among the nodes
40: vendors.Carrier.connections.Out.tariff: Retail is applied_to customer
42: customers.Shop.tariff: is for resellers
43: customers.Seller.parent: closes a circle
44: customers.Other.parent: closes a circle
45: customers.Below.parent: Shop is a retail customer
46: customers.Sub.credit_limit: -5 is negative
48: accounts.100.credit_limit: a debit account has no credit limit
48: accounts.100.opening_balance: -1 is negative
49: accounts.100.aliases[0]: 101 is an account of this file itself
50: accounts.101.currency: the account is in USD and its customer Shop in CAD
50: accounts.101.product: Card is in CAD and the account in USD
51: accounts.103.customer: Seller is a reseller
51: accounts.103.product: Crad is not among the products of the file or the database: did you mean Card?
51: accounts.103.aliases[0]: 102 is an alias of 100 already
52: accounts.104.alias_of: 105 is an alias itself
53: accounts.105: is an alias: alias_of is all that it says
54: accounts.106: is new: it needs customer and product
54: accounts.106.expiration_date: is not after activation_date
55: accounts.107.product: its reseller_tariff Wholesale is in USD and the reseller Seller in CAD
55: accounts.107.password: the environment variable MISSING is not set
"""


def place(fault: str) -> tuple[str, str]:
    """A fault without its column, and the text that stands at its place."""
    line, column, rest = fault.removeprefix("f.yaml:").split(":", 2)
    return f"{line}:{rest}", WRONG.splitlines()[int(line) - 1][int(column) - 1 :]


class AllAtOnceTests(SynchronousTestCase):
    """One file with everything wrong."""

    def test_every_fault_at_its_place(self) -> None:
        """
        More than fifty faults come in one error, each with line, column, key and reason, in the order of the
        file.
        """
        shelf = Shelf({})
        failure = self.failureResultOf(load(file_of(WRONG), shelf, lambda *_: None), ConfigError)
        found = [place(fault) for fault in failure.value.faults]
        self.assertEqual(
            [int(said.split(":")[0]) for said, _ in found],
            sorted(int(said.split(":")[0]) for said, _ in found),
        )
        wanted = sorted(FOUND.splitlines())
        for (said, there), start in zip(sorted(found), wanted, strict=True):
            self.assertTrue(said.startswith(start), f"\nfound  {said}\nwanted {start}")
            name = said.split(": ")[1]
            if not name.endswith("]"):
                # A key may hold dots itself: 127.0.0.1.
                words = [name.split(".", depth)[-1] for depth in range(1 + name.count("."))]
                self.assertTrue(there.lstrip('"').startswith(tuple(words)), f"{said} is not at {there}")
        self.assertGreater(len(found), 50)
        self.assertEqual(shelf.loaded, [])

    def test_no_secret_is_quoted(self) -> None:
        """Neither faults nor the repr of a file show a secret."""
        file = file_of(WRONG)
        self.assertNotIn("testing123", "\n".join(faults(file, {})) + repr(file))

    def test_a_text_that_is_no_yaml(self) -> None:
        """Is a fault like any other; what stood before it is still looked at."""
        found = faults(file_of("services: {Fax: {type: Telefax}}\ntariffs: {\n"), {})
        self.assertTrue(any("services.Fax.type" in fault for fault in found), found)
        self.assertTrue(any("not YAML" in fault for fault in found), found)


class GoodTests(SynchronousTestCase):
    """Files without faults."""

    def test_a_good_file_is_loaded(self) -> None:
        """It goes to the store, progress goes to who asked, the counts come back."""
        shelf, told = Shelf({}), list[tuple[int, int, str]]()
        verifyObject(ILoading, shelf)
        done = self.successResultOf(load(file_of(GOOD), shelf, lambda *progress: told.append(progress)))
        self.assertEqual(done.counts, {Section.ACCOUNTS: Count(1)})
        self.assertEqual(told, [(1, 1, "accounts")])
        self.assertEqual(len(shelf.loaded), 1)

    def test_the_demo(self) -> None:
        """config/demo.yaml is good in an empty database."""
        self.assertEqual(faults(read_catalogue(DEMO, 1), BORN), [])

    def test_an_empty_file(self) -> None:
        """Says nothing, and nothing is wrong with it where the environment exists."""
        self.assertEqual(faults(file_of(""), stock_of()), [])


class RuleTests(SynchronousTestCase):
    """Single rules, mostly against what the database has."""

    def reasons(self, text: str, stock: Stock) -> list[str]:
        """Key and reason of each fault."""
        return [fault.split(": ", 1)[1] for fault in faults(file_of(text), stock)]

    def check(self, text: str, stock: Stock, *starts: str) -> None:
        """The faults of this file begin so."""
        found = self.reasons(text, stock)
        self.assertEqual(len(found), len(starts), found)
        for reason, start in zip(found, starts, strict=True):
            self.assertTrue(reason.startswith(start), reason)

    def added(self, text: str, *starts: str) -> None:
        """The faults of the good file with this text below it begin so."""
        self.check(GOOD + text, {}, *starts)

    def test_the_environment_must_exist(self) -> None:
        """In the file or in the database."""
        self.check(
            "services: {Voice: {type: Voice}}", {}, "environment 1 is neither in the file nor in the database"
        )
        self.check("environment: 3", stock_of(), "environment: environment 3 is neither")

    def test_references_into_the_database(self) -> None:
        """What the database has may be referred to without being in the file."""
        stock = stock_of(
            customers={"Shop": {"type": "retail", "currency": "CAD", "parent": ""}},
            products={"Card": {"currency": "CAD"}},
        )
        self.check('accounts: {"1": {customer: Shop, product: Card, model: debit}}', stock)

    def test_what_is_fixed(self) -> None:
        """Currency, model, customer, service type of what exists."""
        stock = stock_of(
            services={"Voice": {"type": "Voice", "base": "session-time"}},
            vendors={"Carrier": {"currency": "USD"}},
            customers={
                "Shop": {"type": "retail", "currency": "CAD", "parent": ""},
                "Two": {"type": "retail", "currency": "CAD", "parent": ""},
            },
            accounts={
                "1": {"customer": "Shop", "product": "", "model": "debit", "currency": "CAD", "alias_of": ""}
            },
        )
        text = (
            "services: {Voice: {type: Data}}\nvendors: {Carrier: {currency: CAD}}\n"
            "customers: {Shop: {type: reseller}}\n"
            'accounts: {"1": {customer: Two, model: credit}}\n'
        )
        self.check(
            text,
            stock,
            "services.Voice.type: is Voice in the database",
            "vendors.Carrier.currency: is USD",
            "customers.Shop.type: is retail",
            "accounts.1.customer: is Shop",
            "accounts.1.model: is debit",
        )

    def test_beneficiaries(self) -> None:
        """A payer is of the same customer and pays for itself; a beneficiary has no money of its own, and keeps its payer."""
        account = {"customer": "Shop", "product": "Card", "model": "debit", "currency": "CAD", "alias_of": "", "payer": ""}
        stock = stock_of(
            customers={"Shop": {"type": "retail", "currency": "CAD", "parent": ""}, "Two": {"type": "retail", "currency": "CAD", "parent": ""}},
            products={"Card": {"currency": "CAD", "managed_by": "", "addon": "false"}},
            accounts={
                "1": account, "2": account | {"customer": "Two"}, "3": account | {"model": "beneficiary", "payer": "1"}, "4": account | {"model": "voucher"},
                "11": account | {"model": "alias", "alias_of": "1"},
            },
        )  # fmt: skip
        new = "customer: Shop, product: Card, model: beneficiary"
        self.check(f'accounts: {{"8": {{{new}, payer: "9"}}, "9": {{customer: Shop, product: Card, model: credit}}, "3": {{payer: "1"}}}}', stock)
        for text, told in (
            (f'"8": {{{new}}}', "accounts.8: is a beneficiary: it needs payer"),
            (f'"8": {{{new}, payer: "77"}}', "accounts.8.payer: 77 is not among the accounts"),
            (f'"8": {{{new}, payer: "2"}}', "accounts.8.payer: 2 is of Two and the account of Shop"),
            (f'"8": {{{new}, payer: "3"}}', "accounts.8.payer: 3 is a beneficiary"),
            (f'"8": {{{new}, payer: "4"}}', "accounts.8.payer: 4 is a voucher"),
            (f'"8": {{{new}, payer: "11"}}', "accounts.8.payer: 11 is an alias"),
            (f'"8": {{{new}, payer: "1", opening_balance: 5}}', "accounts.8.opening_balance: a beneficiary has none"),
            (f'"8": {{{new}, payer: "1", credit_limit: 5}}', "accounts.8.credit_limit: a beneficiary has none"),
            ('"1": {payer: "2"}', "accounts.1.payer: is for accounts of the model beneficiary"),
            ('"3": {payer: "2"}', "accounts.3.payer: is 1 in the database"),
        ):
            with self.subTest(text):
                found = self.reasons(f"accounts: {{{text}}}", stock)
                self.assertTrue(any(reason.startswith(told) for reason in found), found)

    def test_an_existing_debit_account_gets_no_limit(self) -> None:
        """The model is the database's when the file names none."""
        account = {"customer": "Shop", "product": "", "model": "debit", "currency": "CAD", "alias_of": ""}
        self.check(
            'accounts: {"1": {credit_limit: 5}}',
            stock_of(accounts={"1": account}),
            "accounts.1.credit_limit: a debit account",
        )
        credit = stock_of(accounts={"1": account | {"model": "credit"}})
        self.check('accounts: {"1": {credit_limit: 5}}', credit)

    def test_aliases_of_the_database(self) -> None:
        """The same alias again is fine; another master, or an account in its place, is not."""
        account = {"customer": "Shop", "product": "", "model": "debit", "currency": "CAD", "alias_of": ""}
        stock = stock_of(
            accounts={"1": account, "2": account, "11": account | {"model": "alias", "alias_of": "1"}}
        )
        self.check('accounts: {"1": {aliases: ["11"]}}', stock)
        self.check('accounts: {"11": {alias_of: "1"}}', stock)
        self.check(
            'accounts: {"2": {aliases: ["11"]}}',
            stock,
            "accounts.2.aliases[0]: 11 is an alias of 1 in the database",
        )
        self.check(
            'accounts: {"2": {aliases: ["1"]}}', stock, "accounts.2.aliases[0]: 1 is an account of its own"
        )
        self.check('accounts: {"11": {blocked: true}}', stock, "accounts.11: is an alias of 1")
        self.check(
            'accounts: {"12": {alias_of: "13"}}', stock, "accounts.12.alias_of: 13 is not among the accounts"
        )

    def test_an_alias_of_itself(self) -> None:
        """Points to no real account."""
        self.check(
            'accounts: {"5": {alias_of: "5"}}', stock_of(), "accounts.5.alias_of: 5 is an alias itself"
        )

    def test_nodes_of_the_database(self) -> None:
        """An address that another node gives up in the same file is free."""
        stock = stock_of(nodes={"Old": {"nas_ip": "192.0.2.1", "nas_identifier": "gate"}})
        self.check("nodes: {New: {nas_ip: 192.0.2.1}}", stock, "nodes.New.nas_ip: node Old has the same")
        self.check("nodes: {New: {nas_ip: 192.0.2.1}, Old: {nas_ip: 192.0.2.2}}", stock)

    def test_payback_rates(self) -> None:
        """A negative price says what it is."""
        self.check(
            'tariffs: {T: {rates: {"82": {price: -1, payback: true}}}}',
            stock_of(tariffs={"T": {"currency": "CAD"}}),
        )

    def test_a_forbidden_rate_needs_no_price(self) -> None:
        """Nor does a discontinued one."""
        barred = '"82": {forbidden: true}, "83": {discontinued: true}'
        text = f'tariffs: {{T: {{rates: {{{barred}, "84": {{hidden: true}}}}}}}}'
        self.check(text, stock_of(tariffs={"T": {"currency": "CAD"}}), "tariffs.T.rates.84: needs a price")

    def test_empty_and_weak_secrets(self) -> None:
        """An empty one is refused whatever stands beside it."""
        self.check(
            "radius_clients: {192.0.2.7: {secret: '', weak_secret: true}}",
            stock_of(),
            "radius_clients.192.0.2.7.secret: is empty",
        )
        self.check("radius_clients: {192.0.2.7: {secret: short, weak_secret: true}}", stock_of())
        self.check("radius_clients: {192.0.2.7: {secret: twelve-octet}}", stock_of())

    def test_a_circle_through_the_database(self) -> None:
        """The customer above may be known to the database only."""
        reseller = {"type": "reseller", "currency": "CAD"}
        stock = stock_of(customers={"A": reseller | {"parent": ""}, "B": reseller | {"parent": "A"}})
        self.check("customers: {A: {parent: B}}", stock, "customers.A.parent: closes a circle")
        self.check("customers: {C: {parent: B}}", stock)

    def test_one_currency(self) -> None:
        """An account's is its customer's, a new customer's the environment's."""
        self.added(
            '  "200": {customer: American, product: Card, model: credit}\n',
            "accounts.200.product: Card is in CAD and the account in USD",
        )
        self.added('  "200": {customer: Below, product: Card, model: credit}\n')

    def test_nothing_is_said_of_what_was_refused_already(self) -> None:
        """
        A refused type is not missing too, a refused currency agrees with all, a refused customer exists.
        """
        text = GOOD.replace("Voice: {type: Voice}", "Voice: {type: Vioce}").replace(
            "American: {currency: USD}", "American: [x]"
        )
        text += '  "200": {customer: American, product: Card, model: credit}\n'
        self.check(text, {}, "services.Voice.type: Vioce", "customers.American: a list stands where keys")

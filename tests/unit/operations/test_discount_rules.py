"""What a catalogue file may say of discounts: each fault at its line and column."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.discount_steps import Step, end_of, parse, shown
from portaswitch.model.discount_steps import faults as step_faults
from portaswitch.operations.load import faults
from tests.unit.operations.files import file_of, stock_of

WRONG = """\
services: {Voice: {type: Voice}, Net: {type: Netaccess, base: octets}}
destination_groups: {World: {Canada: ["1604"]}}
discount_plans:
  Steps:
    items:
      - {service: Voice, kind: discount, thresholds: [{from: 100, discount: 50}, {from: 100, discount: 10}]}
      - {service: Net, kind: quota, thresholds: [{from: 0, discount: 100}, {from: 5, discount: 0}]}
      - {service: Voice, kind: quota, thresholds: [{from: 0, forbidden: true}, {from: 9, forbidden: true}]}
      - {service: Voice, kind: discount, peak_level: peak, thresholds: [{from: 0.5, discount: 101}, {discount: 5}]}
      - {service: Voice, kind: discount, peak_level: off_peak, thresholds: [{from: 0, forbidden: true}]}
      - {service: Net, kind: discount, thresholds: [{from: 0.5, discount: 5}]}
      - {service: Net, kind: discount, peak_level: peak, thresholds: [{from: 0, discount: 5, forbidden: true}]}
      - {service: Net, kind: discount, peak_level: off_peak, thresholds: []}
      - {service: Net, kind: discount, peak_level: second_off_peak, thresholds: [{from: 1}]}
  Kinds:
    destination_groups: World
    items:
      - {service: Voice, kind: wallet, counted_in: money, rollover: true, topups: {Hour: {fee: 1}}}
      - {service: Voice, group: Canada, kind: wallet, thresholds: [{from: 0, discount: 100}]}
      - {service: Voice, group: Mars, kind: quota, exclusive: maybe, reset: once, rollover: true, thresholds: [{from: 1, forbidden: true}]}
      - {service: Fax, kind: quota, topups: {Hour: {units: 3600}}, thresholds: [{from: 1, forbidden: true}]}
      - {service: Voice, kind: wallet}
      - {kind: sometimes, notify_percent: 101}
  Groups: {items: [{service: Voice, group: Canada, kind: quota, thresholds: [{from: 1, forbidden: true}]}], managed_by: Shop}
  Dollars: {currency: USD}
  Sellers: {managed_by: Seller}
products: {Card: {discount_plan: Dollars}, Ours: {discount_plan: Sellers}, Theirs: {managed_by: Seller, discount_plan: Sellers}}
customers: {Shop: {discount_plan: Sellers}, Seller: {type: reseller}, Below: {parent: Seller, discount_plan: Sellers}, American: {discount_plan: Nothing}}
accounts:
  "1": {customer: Below, product: Theirs, model: debit, discount_plan: Sellers}
  "2": {customer: Shop, product: Ours, model: debit, discount_plan: Sellers}
  "3": {customer: Shop, product: Ours, model: debit, discount_plan: Dollars}
"""
FOUND = (
    "f.yaml:6:82: discount_plans.Steps.items[0].thresholds[1]: 100 is not above the step before it, 100",
    "f.yaml:7:76: discount_plans.Steps.items[1].thresholds[1]: is the last step of a quota",
    "f.yaml:8:52: discount_plans.Steps.items[2].thresholds[0]: forbids use, so nothing comes after it",
    "f.yaml:9:85: discount_plans.Steps.items[3].thresholds[0].discount: 101 is more than 100 percent",
    "f.yaml:10:77: discount_plans.Steps.items[4].thresholds[0]: forbids use, which only a quota does",
    "f.yaml:11:53: discount_plans.Steps.items[5].thresholds[0]: 0.5 is no whole number of units",
    "f.yaml:12:71: discount_plans.Steps.items[6].thresholds[0]: says one of the two",
    "f.yaml:13:9: discount_plans.Steps.items[7]: needs thresholds",
    "f.yaml:14:82: discount_plans.Steps.items[8].thresholds[0]: says one of the two",
    "f.yaml:18:40: discount_plans.Kinds.items[0].counted_in: a wallet holds units",
    "f.yaml:18:59: discount_plans.Kinds.items[0].rollover: does not fit a wallet",
    "f.yaml:18:84: discount_plans.Kinds.items[0].topups.Hour: needs units",
    "f.yaml:19:55: discount_plans.Kinds.items[1].thresholds: does not fit a wallet",
    "f.yaml:20:26: discount_plans.Kinds.items[2].group: Mars is no group of World",
    "f.yaml:20:52: discount_plans.Kinds.items[2].exclusive: maybe is neither true nor false",
    "f.yaml:20:83: discount_plans.Kinds.items[2].rollover: means nothing when the counter is reset once",
    "f.yaml:21:10: discount_plans.Kinds.items[3].service: Fax is not among the services",
    "f.yaml:21:37: discount_plans.Kinds.items[3].topups: does not fit a quota",
    "f.yaml:22:9: discount_plans.Kinds.items[4]: the plan has an item of that service",
    "f.yaml:23:10: discount_plans.Kinds.items[5].kind: sometimes is not one of",
    "f.yaml:23:9: discount_plans.Kinds.items[5]: needs service",
    "f.yaml:23:27: discount_plans.Kinds.items[5].notify_percent: 101 is",
    "f.yaml:24:37: discount_plans.Groups.items[0].group: the plan has no destination_groups",
    "f.yaml:24:109: discount_plans.Groups.managed_by: Shop is a retail customer",
    "f.yaml:27:19: products.Card.discount_plan: Dollars is in USD and the product in CAD",
    "f.yaml:27:51: products.Ours.discount_plan: Sellers is managed by Seller and the product by administrators only",
    "f.yaml:28:20: customers.Shop.discount_plan: Sellers is managed by Seller, which is not above Shop",
    "f.yaml:28:131: customers.American.discount_plan: Nothing is not among the discount_plans",
    "f.yaml:31:54: accounts.2.discount_plan: Sellers is managed by Seller, which is not above Shop",
    "f.yaml:32:54: accounts.3.discount_plan: Dollars is in USD and the account in CAD",
)

GOOD = """\
services: {Voice: {type: Voice}}
destination_groups: {World: {Canada: ["1604"]}}
discount_plans:
  Free minutes:
    destination_groups: World
    items:
      - {service: Voice, group: Canada, kind: discount, exclusive: true, rollover: true, prorate_first: true, split: false,
         notify_percent: 80, thresholds: [{from: 0, discount: 100}, {from: 12000, discount: 12.5}]}
      - {service: Voice, kind: quota, counted_in: money, reset: daily, thresholds: [{from: 4.5, forbidden: true}]}
      - {service: Voice, kind: wallet, topups: {Hour: {units: 3600, expires_after: 86400, fee: 1.00}, Gift: {units: 60, expires_after: null}}}
products: {Card: {discount_plan: Free minutes}}
customers: {Shop: {discount_plan: null}}
"""

SERVICES = {"Voice": {"type": "Voice", "base": "session-time"}}
PLANS = {"P": {"currency": "CAD", "destination_groups": "", "managed_by": ""}}

amounts = st.decimals(Decimal(0), Decimal(10**12), places=2)
steps = st.lists(st.builds(Step, amounts, st.decimals(Decimal(0), Decimal(100), places=1), st.just(False)), min_size=1, max_size=5)


class FileTests(SynchronousTestCase):
    """Catalogue files."""

    def test_wrong(self) -> None:
        """Every fault with its place, and nothing else."""
        found = faults(file_of(WRONG), stock_of())
        self.assertEqual(len(found), len(FOUND), "\n".join(found))
        for got, wanted in zip(sorted(found), sorted(FOUND), strict=True):
            self.assertTrue(got.startswith(wanted), f"{got!r} is not {wanted!r}")

    def test_good(self) -> None:
        """Discount, quota and wallet without a fault; what is there keeps its steps when the file names none."""
        self.assertEqual(faults(file_of(GOOD), stock_of()), [])
        stock = stock_of(
            services=SERVICES, discount_plans=PLANS,
            items={"P\x1fVoice\x1f\x1fquota\x1f": {"counted_in": "units", "reset": "daily", "count": "1"}},
        )  # fmt: skip
        text = "discount_plans: {P: {items: [{service: Voice, kind: quota, rollover: true}]}}"
        self.assertEqual(faults(file_of(text), stock), [])
        (fault,) = faults(file_of(text.replace("rollover: true", "counted_in: money")), stock)
        self.assertIn("counted_in: is units in the database", fault)

    def test_alike(self) -> None:
        """Items that the database has twice can't be told apart."""
        stock = stock_of(
            services=SERVICES, discount_plans=PLANS,
            items={"P\x1fVoice\x1f\x1fquota\x1f": {"counted_in": "units", "reset": "daily", "count": "2"}},
        )  # fmt: skip
        (fault,) = faults(file_of("discount_plans: {P: {items: [{service: Voice, kind: quota}]}}"), stock)
        self.assertIn("2 items of the plan are like that", fault)


class StepTests(SynchronousTestCase):
    """Steps as one line."""

    @given(steps)
    def test_there_and_back(self, some: list[Step]) -> None:
        """What is shown is read as the same."""
        self.assertEqual(parse(shown(some)), tuple(some))

    def test_wrong(self) -> None:
        """The character where the text goes wrong."""
        for text, told in (("0: 100%, 5", "character 9:"), ("", "character 1:"), ("1e3: 5%", "character 1:"), ("0: 100% 5: 1%", "character 1:")):
            with self.assertRaises(ValueError) as caught:
                parse(text)
            self.assertIn(told, str(caught.exception))

    def test_end(self) -> None:
        """A quota grants up to its forbidden step, a discount up to the one that takes off less; one that only grows has no end."""
        self.assertEqual(end_of(parse("0: 100%, 12000: 50%, 15000: 0%")), Decimal(12000))
        self.assertEqual(end_of(parse("0: 50%, 60: forbidden")), Decimal(60))
        for endless in ("0: 10%", "0: 10%, 60000: 25%", "60000: 10%"):
            self.assertEqual(end_of(parse(endless)), None)
        self.assertEqual(list(step_faults("quota", "units", parse("0: 0%, 5: forbidden"))), [])

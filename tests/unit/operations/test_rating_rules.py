"""What a catalogue file may say of rating: periods, formulas, portions, levels, bounds; each fault at its line and column."""

from __future__ import annotations

from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.loading import Section
from portaswitch.operations.load import faults
from tests.unit.operations.files import file_of, stock_of

WRONG = """\
services: {Voice: {type: Voice}}
tariffs:
  Periods: {service: Voice, off_peak_period: "hr{25}", second_off_peak_period: "wd{mo-fr} hrs{1}", off_peak_mode: ends}
  Bounds: {service: Voice, minimum_charge: 2, maximum_charge: 1, post_call_fee: -1, add_duration: "300+20%, 5%"}
  Levels:
    service: Voice
    off_peak_period: hr{19}
    rates:
      "1": {price: 1, off_peak: {first: 60}}
      "2": {price: 1, off_peak: -0.5}
      "3": {formula: "60@1", off_peak: 0.5}
      "4": {price: 1, second_off_peak: {price: 1, first: 6, interval_first: 7}}
      "5": {price: 1, off_peak: {prize: 1}}
  Never: {service: Voice, rates: {"1": {price: 1, off_peak: 0.5}}}
  Formulas:
    service: Voice
    rates:
      "1": {formula: "60*1@1.80, fe 0.5"}
      "2": {formula: "60@1", price: 1}
      "3": {formula: "60@-1"}
      "4": {formula: "fee 0.50"}
      "5": {formula: "unlimited*60@1, fee 0.50"}
      "6": {formula: "60@1, fee 1 random 101%"}
      "7": {formula: "60@1, disconnect tricky"}
      "8": {formula: "0*60@1"}
"""
FOUND = (
    "f.yaml:3:29: tariffs.Periods.off_peak_period: 'hr{25}' is not a period: character 4: 25 is no value of hr",
    "f.yaml:3:56: tariffs.Periods.second_off_peak_period: 'wd{mo-fr} hrs{1}' is not a period: character 11: hrs is no scale",
    "f.yaml:3:100: tariffs.Periods.off_peak_mode: ends is not one of",
    "f.yaml:4:28: tariffs.Bounds.minimum_charge: 2 is more than maximum_charge, 1",
    "f.yaml:4:66: tariffs.Bounds.post_call_fee: -1 is negative",
    "f.yaml:4:85: tariffs.Bounds.add_duration: '300+20%, 5%' is not a list of portions: character 10: a portion belongs here",
    "f.yaml:9:23: tariffs.Levels.rates.1.off_peak: needs a price",
    "f.yaml:10:23: tariffs.Levels.rates.2.off_peak: has a negative price",
    "f.yaml:11:30: tariffs.Levels.rates.3.off_peak: stands beside a formula",
    "f.yaml:12:61: tariffs.Levels.rates.4.second_off_peak.interval_first: first says the same already",
    "f.yaml:13:34: tariffs.Levels.rates.5.off_peak.prize: unknown key",
    "f.yaml:13:23: tariffs.Levels.rates.5.off_peak: needs a price",
    "f.yaml:14:51: tariffs.Never.rates.1.off_peak: never holds",
    "f.yaml:18:13: tariffs.Formulas.rates.1.formula: '60*1@1.80, fe 0.5' is not a formula: character 12: an element belongs here",
    "f.yaml:19:13: tariffs.Formulas.rates.2.formula: stands beside a price",
    "f.yaml:20:13: tariffs.Formulas.rates.3.formula: has a negative amount",
    "f.yaml:21:13: tariffs.Formulas.rates.4.formula: 'fee 0.50' is not a formula: character 1: there is no interval",
    "f.yaml:22:13: tariffs.Formulas.rates.5.formula: 'unlimited*60@1, fee 0.50' is not a formula: character 17: nothing is reached behind unlimited",
    "f.yaml:23:13: tariffs.Formulas.rates.6.formula: '60@1, fee 1 random 101%' is not a formula: character 12: random is more than 0%",
    "f.yaml:24:13: tariffs.Formulas.rates.7.formula: '60@1, disconnect tricky' is not a formula: character 17: tricky is not understood here",
    "f.yaml:25:13: tariffs.Formulas.rates.8.formula: '0*60@1' is not a formula: character 1: an interval has at least one unit",
)

GOOD = """\
services: {Voice: {type: Voice}}
tariffs:
  Day: {service: Voice, off_peak_period: "hr{7pm-6am}", add_duration: "", rates: {
    "1": {price: 1, off_peak: 0.5, second_off_peak: {first: 60, price: 0.1}}, "2": {formula: "FEE connect , 60 * 1 @ 1.80"},
    "3": {formula: "60@-1", payback: true}, "4": {price: 1, off_peak: -1, payback: true}}}
"""


class RatingRuleTests(SynchronousTestCase):
    """Faults, and files without any."""

    def test_every_fault_at_its_place(self) -> None:
        """With line and column in the file, and the character in the text."""
        found = faults(file_of(WRONG), stock_of())
        for start in FOUND:
            self.assertTrue(any(said.startswith(start) for said in found), f"{start}\n" + "\n".join(found))
        self.assertEqual(len(found), len(FOUND), "\n".join(found))

    def test_good(self) -> None:
        """Both forms of a level; blanks and capitals in a formula; payback where it is said."""
        file = file_of(GOOD)
        self.assertEqual(faults(file, stock_of()), [])
        rates = {rate.name: rate for rate in file.of(Section.TARIFFS)[0].parts("rates")}
        (level,), (second,) = rates["1"].parts("off_peak"), rates["1"].parts("second_off_peak")
        self.assertEqual(level.values, {"price_first": Decimal("0.5"), "price_n": Decimal("0.5")})
        self.assertEqual(second.values, {"interval_first": 60, "price_first": Decimal("0.1"), "price_n": Decimal("0.1")})

    def test_periods_that_the_database_has(self) -> None:
        """A later file gives an existing tariff's rates off-peak prices: its periods are in the database."""
        stock = stock_of(services={"Voice": {"type": "Voice"}}, tariffs={"Day": {"currency": "CAD", "service": "Voice", "applied_to": "customer"}})
        self.assertEqual(faults(file_of('tariffs: {Day: {rates: {"1": {price: 1, off_peak: 0.5}}}}'), stock), [])

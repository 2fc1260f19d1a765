"""Prices beyond two intervals by operations: what catalogue files say of tariffs and rates, the command line says too."""

from __future__ import annotations

from decimal import Decimal

from portaswitch.config.catalogue import RATE, TARIFF
from portaswitch.model.operation import OperationRefused
from portaswitch.operations import entities_catalogue as sold
from tests.server.desks import DeskCase

PLACE = {"tariff": "Office retail", "destination": "1604", "effective_from": "2030-01-01"}
RENAMED = {"destination_groups": "destinations"}
SHORT = {"first", "next", "price"}


class PriceTests(DeskCase):
    """Tariffs and rates."""

    async def test_tariff(self) -> None:
        """Every key of a tariff in a file is one of the operation; what can't be is refused with its character."""
        keys = {RENAMED.get(key, key) for key in TARIFF.fields} - {"rates"}
        self.assertEqual(keys - {field.name for field in sold.TARIFF.fields}, set())
        values = {
            "free_units_mode": "first", "off_peak_period": "hr{7pm-6am}", "second_off_peak_period": "wd{su}", "off_peak_mode": "starts",
            "post_call_percent": "10", "post_call_fee": "0.01", "minimum_charge": "0.1", "maximum_charge": "1", "add_duration": "300+20%, 600+5%",
        }  # fmt: skip
        changed = await self.put("tariff.change", {"name": "Office retail", **values})
        self.assertEqual({name: str(changed[name]) for name in values}, values)
        self.assertEqual((await self.put("tariff.change", {"name": "Office retail", "off_peak_period": ""}))["off_peak_period"], "")
        wrong = (("off_peak_period", "hr{25}", "character 4"), ("add_duration", "300+20%, 5%", "character 10"), ("minimum_charge", "2", "is more than"))
        for name, value, told in wrong:
            with self.assertRaises(OperationRefused) as caught:
                await self.put("tariff.change", {"name": "Office retail", name: value})
            self.assertIn(told, str(caught.exception))

    async def test_rate(self) -> None:
        """Levels of the day and formulas as rates of a file have them, shown as they are written."""
        keys = set(RATE.fields) - SHORT - {"payback"}
        self.assertEqual(keys - {field.name for field in sold.RATE.fields}, set())
        prices = {"price_first": "0.5", "price_n": "0.5", "off_peak": "0.10", "second_off_peak": "60/6@0.20/0.05"}
        made = await self.put("rate.add", {**PLACE, **prices})
        self.assertEqual((made["off_peak"], made["second_off_peak"], made["formula"]), ("0.10", "60/6@0.20/0.05", None))
        stored = "select off_peak, formula, price_n from rates where i_rate = %s"
        second = {"interval_first": "60", "interval_n": "6", "price_first": "0.20", "price_n": "0.05"}
        self.assertEqual(
            self.ask(stored, (made["number"],)), [({"off_peak": {"price_first": "0.10", "price_n": "0.10"}, "second_off_peak": second}, None, Decimal("0.5"))]
        )
        other = await self.put("rate.add", {**PLACE, "destination": "82", "formula": "60@-1", "payback": "yes"})
        self.assertEqual(self.ask(stored, (other["number"],)), [(None, {"text": "60@-1"}, Decimal(0))])
        self.assertEqual((await self.do("rate.show", tariff="Office retail", number=str(other["number"])))["formula"], "60@-1")
        (line,) = [line for line in self.audited("rate") if line[3]["formula"]]
        self.assertEqual(line[3]["formula"], "60@-1")

    async def test_refused(self) -> None:
        """A formula beside prices, no price at all, negative amounts that nobody meant, texts that can't be read."""
        for values, told in (
            ({}, ("price_first is missing", "price_n is missing")),
            ({"formula": "60@1", "price_n": "1", "off_peak": "1"}, ("formula: stands beside price_n, off_peak",)),
            ({"price_first": "-1", "price_n": "1", "off_peak": "-1"}, ("price_first: is negative", "off_peak: is negative")),
            ({"formula": "60@-1"}, ("formula: is negative",)),
            ({"formula": "60@1, fe 1"}, ("formula: '60@1, fe 1' can't be read: character 7",)),
            ({"price_first": "1", "price_n": "1", "off_peak": "0/6@1"}, ("off_peak: '0/6@1' is no price of a level",)),
        ):
            with self.assertRaises(OperationRefused) as caught:
                await self.put("rate.add", {**PLACE, **values})
            self.assertEqual(len(caught.exception.faults), len(told), caught.exception.faults)
            for fault, begin in zip(caught.exception.faults, told, strict=True):
                self.assertTrue(fault.startswith(begin), fault)
        await self.put("rate.add", {**PLACE, "forbidden": "yes"})

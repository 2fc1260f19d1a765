"""Rules of catalogue files about collectors of addresses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.loading import Stock
from portaswitch.operations.collector_rules import collectors
from portaswitch.operations.world import World
from tests.unit.operations.files import file_of, stock_of

CLIENTS = "radius_clients: {192.0.2.0/24: {secret: long-enough-secret}}\n"
GOOD = "nodes:\n  spb: {nas_identifier: spb, coa_address: 192.0.2.9}\n  bras: {nas_ip: 192.0.2.1, accounting_copy: spb}\n"


class RuleTests(SynchronousTestCase):
    """What is told of a file over a stock."""

    def told(self, text: str, stock: Stock | None = None) -> list[str]:
        """The faults, without the file's name."""
        return [str(fault) for fault in collectors(World(file_of(text), stock_of() if stock is None else stock))]

    def faulty(self, text: str, word: str, stock: Stock | None = None) -> None:
        """One fault that says the word."""
        found = self.told(text, stock)
        self.assertEqual((len(found), word in found[0]), (1, True), found)

    def test_good(self) -> None:
        """Collector, address and client in the file, or the last two in the database; a node without a collector has nothing to say."""
        self.assertEqual(self.told(GOOD + CLIENTS), [])
        stock = stock_of(nodes={"spb": {"coa_address": "192.0.2.9"}}, radius_clients={"192.0.2.9/32": {"environment": "1"}})
        self.assertEqual(self.told("nodes: {bras: {nas_ip: 192.0.2.1, accounting_copy: spb}}\n", stock), [])
        self.assertEqual(self.told("nodes: {bras: {nas_ip: 192.0.2.1, accounting_copy: null}, gw: {nas_ip: 192.0.2.2}}\n"), [])

    def test_address(self) -> None:
        """A collector has an address, and a client of this environment covers it."""
        self.faulty(GOOD.replace(", coa_address: 192.0.2.9", "") + CLIENTS, "node spb has no coa_address")
        self.faulty(GOOD.replace("192.0.2.9", "198.51.100.9") + CLIENTS, "no entry of radius_clients covers 198.51.100.9")
        self.faulty(GOOD, "covers 192.0.2.9", stock_of(radius_clients={"192.0.2.0/24": {"environment": "2"}}))
        self.faulty(GOOD.replace("192.0.2.9", "2001:db8::9") + CLIENTS, "covers 2001:db8::9")

    def test_circles(self) -> None:
        """No collector has a collector, in the file or in the database."""
        self.faulty(GOOD.replace("accounting_copy: spb", "accounting_copy: bras, coa_address: 192.0.2.1") + CLIENTS, "bras has a collector itself")
        stock = stock_of(nodes={"spb": {"coa_address": "192.0.2.9", "accounting_copy": "bras"}}, radius_clients={"192.0.2.9/32": {"environment": "1"}})
        self.faulty("nodes: {gw: {nas_ip: 192.0.2.2, accounting_copy: spb}}\n", "spb has a collector itself", stock)

    def test_diameter(self) -> None:
        """A Diameter peer sends no accounting."""
        self.faulty(GOOD.replace("nas_ip: 192.0.2.1", "origin_host: pgw.example.com") + CLIENTS, "a Diameter peer does not")

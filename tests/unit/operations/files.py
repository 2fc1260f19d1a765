"""Catalogue files for tests, and a database for them that is a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.defer import Deferred, execute
from zope.interface import implementer

from portaswitch.config.catalogue import catalogue
from portaswitch.config.grammar import read_text
from portaswitch.interfaces.loading import Check, ILoading, Progress
from portaswitch.model.loading import CatalogueFile, Count, Known, Loaded, Section, Stock

DEMO = Path(__file__).parents[3] / "config" / "demo.yaml"

BORN: Stock = {
    Section.FEATURES: {
        "netaccess_static_ip": Known(3, {"position": "3", "service": "Netaccess"}), "call_barring": Known(13, {"position": "13", "service": "Voice"}),
        "clir": Known(16, {"position": "16", "service": "Voice"}),
    },
    Section.FEATURE_VALUES: {
        "netaccess_static_ip.address": Known(3, {"multiple": "false"}), "netaccess_static_ip.routed_network": Known(5, {"multiple": "true"}),
        "call_barring.prefixes": Known(23, {"multiple": "true"}),
    },
}  # fmt: skip
"""What an empty database has: service features (some of them)."""

GOOD = """\
environments: {1: {name: One, currency: CAD}}
services: {Voice: {type: Voice}, Net: {type: Netaccess}}
policies: {Long: {max_units: 86400}}
tariffs:
  Retail: {service: Voice, rates: {"82": 0.02}}
  Wholesale: {service: Voice, applied_to: reseller, rates: {"82": 0.01}}
  Carrier: {service: Voice, applied_to: vendor, rates: {"82": 0.005}}
  Dollars: {service: Voice, currency: USD, rates: {"82": 0.02}}
nodes: {Gate: {nas_ip: 192.0.2.1}}
products:
  Card: {entries: [{service: Voice, tariff: Retail, reseller_tariff: Wholesale, policy: Long, node: Gate}]}
vendors: {Carrier: {connections: {Out: {remote_ip: 192.0.2.9, tariff: Carrier}}}}
customers:
  Shop: {}
  Seller: {type: reseller, tariff: Wholesale}
  Below: {parent: Seller}
  American: {currency: USD}
accounts:
  "100": {customer: Shop, product: Card, model: debit, opening_balance: 10.00, aliases: ["101"]}
"""
"""A whole small catalogue; tests add to it or to a stock of the same."""


def file_of(text: str, environ: Mapping[str, str] | None = None) -> CatalogueFile:
    """The file of this text in environment 1, named f.yaml."""
    return catalogue(read_text(text, "f.yaml"), 1, environ=environ or {})


def stock_of(**sections: Mapping[str, Mapping[str, str]]) -> Stock:
    """A stock of facts by section and name; environment 1 is always in it."""
    facts = {"environments": {"1": {"name": "One", "currency": "CAD"}}, **sections}
    return {
        Section(section): {
            name: Known(number, about) for number, (name, about) in enumerate(named.items(), 1)
        }
        for section, named in facts.items()
    }


@implementer(ILoading)
@dataclass
class Shelf:
    """A database that only knows what it has; `loaded` are the files that passed the check."""

    stock: Stock
    loaded: list[CatalogueFile] = field(default_factory=list)

    def load(self, file: CatalogueFile, check: Check, progress: Progress) -> Deferred[Loaded]:
        """See `ILoading.load`."""
        return execute(self._load, file, check, progress)

    rehearse = migrate = load

    def _load(self, file: CatalogueFile, check: Check, progress: Progress) -> Loaded:
        check(self.stock)
        self.loaded.append(file)
        progress(1, 1, "accounts")
        return Loaded({Section.ACCOUNTS: Count(len(file.of(Section.ACCOUNTS)))})

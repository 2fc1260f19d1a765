"""The grammar of a catalogue file: what may be written, in which forms, and what it becomes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.config.catalogue import RATE, SECTIONS, read_catalogue
from portaswitch.config.catalogue_inventory import CustomFields
from portaswitch.config.catalogue_kinds import Section as SectionKind
from portaswitch.config.catalogue_kinds import Thing, Things
from portaswitch.model.loading import Entry, Section
from tests.unit.operations.files import DEMO, file_of

ROOT = Path(__file__).parents[3]


def rates_of(text: str) -> list[tuple[str, dict[str, object]]]:
    """The rates of a tariff written so: prefix and values."""
    file = file_of(f"tariffs:\n  T:\n    rates: {text}\n")
    assert not file.faults, file.faults
    return [(rate.name, dict(rate.values)) for rate in file.of(Section.TARIFFS)[0].parts("rates")]


class RateTests(SynchronousTestCase):
    """The forms of a rate."""

    long = {"interval_first": 1, "interval_n": 6, "price_first": Decimal("0.02"), "price_n": Decimal("0.02")}

    def test_short_keys_are_long_ones(self) -> None:
        """The one-line form and the written-out one are the same rate."""
        self.assertEqual(rates_of('{"82": {first: 1, next: 6, price: 0.02}}'), [("82", self.long)])
        self.assertEqual(
            rates_of('{"82": {interval_first: 1, interval_n: 6, price_first: 0.02, price_n: 0.02}}'),
            [("82", self.long)],
        )

    def test_a_price_alone(self) -> None:
        """Is both prices."""
        price = Decimal("0.10")
        self.assertEqual(rates_of('{"82": 0.10}'), [("82", {"price_first": price, "price_n": price})])

    def test_versions_and_lists(self) -> None:
        """Several dates under one prefix, and items that name one or several destinations."""
        versions = rates_of('{"82": [{price: 1}, {price: 2, effective_from: 2030-01-01}]}')
        self.assertEqual([prefix for prefix, _ in versions], ["82", "82"])
        self.assertEqual(versions[1][1]["effective_from"], datetime(2030, 1, 1, tzinfo=UTC))
        listed = rates_of('[{destination: "82", price: 1}, {destinations: ["83", MSG, "|"], price: 2}]')
        self.assertEqual([prefix for prefix, _ in listed], ["82", "83", "MSG", "|"])
        self.assertEqual(set(listed[0][1]), {"price_first", "price_n"})

    def test_a_list_item_without_destination(self) -> None:
        """Is a fault at the item."""
        found = [str(fault) for fault in file_of("tariffs:\n  T:\n    rates:\n      - {price: 1}\n").faults]
        self.assertEqual(len(found), 1)
        self.assertIn("f.yaml:4:9: tariffs.T.rates[0]: names no destination", found[0])

    def test_no_float_comes_near_a_price(self) -> None:
        """0.1 stays one tenth; an exponent is refused."""
        self.assertEqual(rates_of('{"1": 0.1}')[0][1]["price_n"], Decimal("0.1"))
        self.assertIn("is not an amount", str(file_of('tariffs: {T: {rates: {"1": 1e-3}}}').faults[0]))


class ValueTests(SynchronousTestCase):
    """Single values."""

    def account(self, values: str, **environ: str) -> Entry:
        """An account with these keys."""
        file = file_of(f'accounts: {{"0042": {{{values}}}}}', environ)
        assert not file.faults, file.faults
        return file.of(Section.ACCOUNTS)[0]

    def test_only_what_is_written_is_there(self) -> None:
        """No defaults: an absent key and null are different things; ids keep their zeros."""
        self.assertEqual(self.account("").values, {})
        account = self.account("credit_limit: null, blocked: false")
        self.assertEqual((account.name, account.values), ("0042", {"credit_limit": None, "blocked": False}))
        self.assertTrue(account.silent("password"))
        self.assertFalse(account.silent("credit_limit"))

    def test_times(self) -> None:
        """A day is its midnight in UTC; offsets are taken into account."""
        account = self.account("activation_date: 2026-01-31, expiration_date: '2026-02-01 01:00:00+02:00'")
        self.assertEqual(account.values["activation_date"], datetime(2026, 1, 31, tzinfo=UTC))
        self.assertEqual(account.values["expiration_date"], datetime(2026, 1, 31, 23, tzinfo=UTC))

    def test_a_password_from_the_environment(self) -> None:
        """`{env: NAME}` stands for it; a file too, which must not be public."""
        self.assertEqual(self.account("password: {env: DEMO}", DEMO="secret-1").text("password"), "secret-1")
        secret = Path(self.mktemp())
        secret.write_text("secret-2\n")
        secret.chmod(0o600)
        self.assertEqual(
            self.account(f"password: {{file: {secret.absolute()}}}").text("password"), "secret-2"
        )
        secret.chmod(0o644)
        found = file_of(f'accounts: {{"1": {{password: {{file: {secret.absolute()}}}}}}}').faults
        self.assertIn("chmod o-r", str(found[0]))

    def test_networks(self) -> None:
        """As PostgreSQL prints them, so that a second load finds them."""
        file = file_of("radius_clients: {127.0.0.1: {}, 192.0.2.0/24: {}, '2001:DB8::/32': {}}")
        self.assertEqual(
            [entry.name for entry in file.of(Section.RADIUS_CLIENTS)],
            ["127.0.0.1/32", "192.0.2.0/24", "2001:db8::/32"],
        )

    def test_the_environment(self) -> None:
        """The file's, else the caller's."""
        self.assertEqual((file_of("environment: 3").i_env, file_of("").i_env), (3, 1))


class ReferenceTests(SynchronousTestCase):
    """What operators read: docs/catalogue.rst and config/demo.yaml."""

    def things(self) -> dict[str, Thing]:
        """Every thing of the grammar that has keys, by section."""
        found: dict[str, Thing] = {"rates": RATE}
        for section, kind in SECTIONS.items():
            if isinstance(kind, CustomFields):
                kind = kind.fields
            assert isinstance(kind, SectionKind)
            found |= self.within(section.value, kind.thing)
        return found

    def within(self, name: str, thing: Thing) -> dict[str, Thing]:
        """A thing and those inside it, at any depth."""
        found = {name: thing}
        for key, inner in thing.fields.items():
            if isinstance(inner, Things | SectionKind):
                found |= self.within(key, inner.thing)
        return found

    def test_every_key_is_documented(self) -> None:
        """Each section and each key stands in docs/catalogue.rst as a literal, and no other key does."""
        text = (ROOT / "docs" / "catalogue.rst").read_text("utf-8")
        known = {"environment", "destination", "destinations"}
        for section, thing in self.things().items():
            known |= {section, *thing.fields}
        terms = set(re.findall(r"^(?:    )?``([a-z_0-9]+)``", text, re.M))
        self.assertEqual(sorted(known - terms), [])
        self.assertEqual(sorted(terms - known), [])

    def test_every_line_of_the_demo_is_explained(self) -> None:
        """Each section has a comment, and every section of the grammar is in it."""
        file = read_catalogue(DEMO, 1)
        self.assertEqual(set(file.sections), set(SECTIONS))
        self.assertEqual(file.faults, ())

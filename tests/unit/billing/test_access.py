"""Access: the rating entry of a request, and the parties that are charged, with their plans."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.billing import access
from portaswitch.model.catalogue import Catalogue, Connection, RatingEntry, ServicePolicy, Tariff, Version
from portaswitch.model.ledger import View
from portaswitch.model.party import Funds
from portaswitch.model.refusal import Refusal
from portaswitch.model.request import Direction, Origin
from portaswitch.model.session import Leg, Role
from tests.unit.builders import AT, CARRIER, FREE, RATED, Book, auth, catalogue, event, kept, money, plan, prepaid, reseller, stop, tariff

WORLD = catalogue()
POLICY = ServicePolicy()


def found(**what: Any) -> access.Access:
    """The access of a request that must have one."""
    way = access.find(prepaid(), auth(**what), WORLD)
    if isinstance(way, Refusal):
        raise AssertionError(f"refused: {way}")
    return way


def charged(view: View, world: Catalogue = WORLD, called: str = RATED) -> tuple[Leg, ...] | Refusal:
    """The charged parties of a call that begins now."""
    way = access.find(view, auth(called=called), world)
    return way if isinstance(way, Refusal) else access.legs(view, way, AT, world)


def carried(address: str, *others: Leg, world: Catalogue = WORLD) -> tuple[list[tuple[str, int]], int]:
    """The legs of a quota key with these legs when its accounting names a remote address, and how many figures are charged."""
    book = Book(prepaid())
    book.ask(auth())
    session = book.sessions["7/s1"]
    quota = session.quotas[0]
    quota = replace(quota, legs=quota.legs + others, charged=quota.charged + tuple(money(1) for _ in others))
    quota = access.with_vendor(session, quota, stop(60, kept=kept(remote_address=address)), world)
    return [(leg.role, leg.i_party) for leg in quota.legs], len(quota.charged)


class PatternTests(SynchronousTestCase):
    """Special destinations."""

    def rated(self, *special: str, **what: Any) -> str:
        """What a call is rated by where the tariff has these special destinations beside its prefixes."""
        own = WORLD.tariffs[1]
        rates = {**own.rates, **{name: (Version(datetime(2000, 1, 1, tzinfo=UTC), plan(prefix=name)),) for name in special}}
        world = replace(WORLD, tariffs={**WORLD.tariffs, 1: replace(own, rates=rates, longest=max(map(len, rates)))})
        way = access.find(prepaid(), auth(**what), world)
        return "refused" if isinstance(way, Refusal) else way.number

    def test_incoming(self) -> None:
        """An incoming call is INCOMING where the tariff has it, else rated by its number; an outgoing one never."""
        self.assertEqual(self.rated("INCOMING", direction=Direction.INCOMING), "INCOMING")
        self.assertEqual(self.rated(direction=Direction.INCOMING), RATED)
        self.assertEqual(self.rated("INCOMING"), RATED)

    def test_rate_pattern(self) -> None:
        """The client's pattern counts instead of the number: of several the first that the tariff has; backslashes are blanks of nothing."""
        self.assertEqual(self.rated("VOICEONNET", kept=kept(rate_pattern="1800|VOICE\\ONNET\\RX")), "VOICEONNETRX")
        self.assertEqual(self.rated("VOICEONNET", kept=kept(rate_pattern="82|VOICEONNET")), "82")
        self.assertEqual(self.rated(kept=kept(rate_pattern="VOICEONNET||x")), RATED)


class EntryTests(SynchronousTestCase):
    """The choice among rating entries."""

    def choose(self, entries: tuple[RatingEntry, ...], code: str = "", i_node: int = 7) -> int:
        """The i_accessibility chosen for voice, 0 for none."""
        chosen = access.choose(replace(WORLD.products[5], entries=entries), "Voice", i_node, code, WORLD)
        return 0 if chosen is None else chosen.i_accessibility

    def test_exact_before_any(self) -> None:
        """The access code before none, the exact node before any; other nodes, other codes and other services never."""
        plain, node = RatingEntry(1, 3, 0, "", 1, 0, POLICY), RatingEntry(2, 3, 7, "", 1, 0, POLICY)
        code, both = RatingEntry(3, 3, 0, "IVR", 1, 0, POLICY), RatingEntry(4, 3, 7, "IVR", 1, 0, POLICY)
        for entries in ((plain, node, code, both), (both, code, node, plain)):
            self.assertEqual([self.choose(entries, "IVR"), self.choose(entries), self.choose(entries, "IVR", 8), self.choose(entries, "", 8)], [4, 2, 3, 1])
        self.assertEqual(self.choose((plain, code), "ivr"), 1)
        self.assertEqual(self.choose((RatingEntry(5, 3, 8, "", 1, 0, POLICY), RatingEntry(6, 4, 0, "", 1, 0, POLICY))), 0)

    def test_unknown_code_falls_back(self) -> None:
        """An IVR's access number need not be known to the product, unless all entries want codes."""
        plain, code = RatingEntry(1, 3, 0, "", 1, 0, POLICY), RatingEntry(2, 3, 0, "IVR", 1, 0, POLICY)
        self.assertEqual([self.choose((plain, code), "6045551600"), self.choose((code,), "6045551600"), self.choose((code,))], [1, 0, 0])

    def test_code_grammar(self) -> None:
        """Dotted codes are tried from the longest on, alternatives between bars from the left (spec/radius.yaml, PortaBilling_AccessCode)."""
        entries = (RatingEntry(1, 3, 0, "", 1, 0, POLICY), RatingEntry(2, 3, 0, "ivr", 1, 0, POLICY), RatingEntry(3, 3, 0, "top", 1, 0, POLICY))
        codes = {"ivr.branding.4565": 2, "top.321|ivr.branding": 3, "ivr.branding|top.321": 2, "none.1|top": 3, "none.1|other": 1}
        self.assertEqual({code: self.choose(entries, code) for code in codes}, codes)

    def test_service(self) -> None:
        """The type asked for, else the node's, else voice; a type without entry is not available."""
        self.assertEqual([found().service.name, found(service="Msg").service.name], ["Voice calls", "Messages"])
        self.assertIs(access.find(prepaid(), auth(service="Conference"), WORLD), Refusal.NOT_AVAILABLE)
        nodes = {7: replace(WORLD.nodes[7], i_service=4)}
        way = access.find(prepaid(), auth(), replace(WORLD, nodes=nodes))
        assert isinstance(way, access.Access)
        self.assertEqual(way.service.name, "Messages")

    def test_nothing_known(self) -> None:
        """An account without product and a node that is gone are not available."""
        self.assertIs(access.find(prepaid(i_product=0), auth(), WORLD), Refusal.NOT_AVAILABLE)
        self.assertIs(access.find(prepaid(), auth(origin=Origin(99, 1)), WORLD), Refusal.NOT_AVAILABLE)
        self.assertIs(access.find(View(), auth(), WORLD), Refusal.NOT_AVAILABLE)

    def test_number(self) -> None:
        """The number is translated by the node; a use without one is rated by its service's word."""
        self.assertEqual(found(called="01182623634515").number, "82623634515")
        way = access.find(prepaid(), event(1, called=""), WORLD)
        assert isinstance(way, access.Access)
        self.assertEqual(way.number, "MSG")


class LegTests(SynchronousTestCase):
    """Who is charged, by which plan."""

    def test_account_only(self) -> None:
        """Without resellers and connection."""
        self.assertEqual(charged(prepaid()), (Leg(Role.ACCOUNT, 101, plan()),))

    def test_no_rate(self) -> None:
        """No rate, a forbidden and a discontinued one: the number is blocked."""
        self.assertIs(charged(prepaid(), called="33"), Refusal.CLD_BLOCKED)
        self.assertIs(charged(prepaid(), catalogue(retail=plan(forbidden=True))), Refusal.CLD_BLOCKED)

    def test_chain(self) -> None:
        """Every reseller, nearest first; the entry's reseller tariff is that of the nearest alone."""
        chain = ((reseller(), Funds()), (reseller(i_customer=302, i_tariff=3), Funds()))
        view = replace(prepaid(), resellers=chain)
        legs = charged(view)
        assert isinstance(legs, tuple)
        self.assertEqual([(leg.role, leg.i_party, leg.plan.i_tariff) for leg in legs], [("a", 101, 1), ("c", 301, 2), ("c", 302, 3)])
        product = WORLD.products[5]
        named = replace(product, entries=(replace(product.entries[0], i_tariff_reseller=1),))
        view = replace(view, resellers=(chain[1], chain[0]))
        legs = charged(view, replace(WORLD, products={5: named}))
        assert isinstance(legs, tuple)
        self.assertEqual([leg.plan.i_tariff for leg in legs], [1, 1, 2])

    def test_reseller_without_price(self) -> None:
        """A reseller that has no tariff, or no rate for the number, is not charged."""
        view = replace(prepaid(), resellers=((reseller(i_tariff=0), Funds()), (reseller(i_customer=302), Funds())))
        for called, parties in ((RATED, [101, 302]), (FREE, [101])):
            legs = charged(view, called=called)
            assert isinstance(legs, tuple)
            self.assertEqual([leg.i_party for leg in legs], parties)

    def test_vendor_of_the_environment(self) -> None:
        """An address is the vendor's of the session's own environment, whoever else has it."""
        other = Connection(42, 52, 0, CARRIER, 3)
        self.assertEqual(carried(CARRIER, world=replace(WORLD, connections={**WORLD.connections, (2, CARRIER): other})), ([("a", 101), ("v", 51)], 2))
        self.assertEqual(carried(CARRIER, world=replace(WORLD, connections={(2, CARRIER): other})), ([("a", 101)], 1))

    def test_vendor(self) -> None:
        """The vendor of the connection that the accounting names, once; nobody's address is no vendor's."""
        self.assertEqual(carried(CARRIER), ([("a", 101), ("v", 51)], 2))
        self.assertEqual(carried("192.0.2.78"), ([("a", 101)], 1))
        self.assertEqual(carried(CARRIER, Leg(Role.VENDOR, 52, plan())), ([("a", 101), ("v", 52)], 2))


class TariffTests(SynchronousTestCase):
    """The longest prefix in force."""

    def test_longest_prefix(self) -> None:
        """The longest prefix counts, '|' where nothing else does; a number shorter than the prefixes is no trouble."""
        rates = tariff(1, plan(prefix="8"), plan(prefix="826"), plan(prefix="|"))
        prefixes = {number: rates.find(number, AT).prefix for number in ("8262", "8270", "8", "9", "", "MSG")}  # type: ignore[union-attr]
        self.assertEqual(prefixes, {"8262": "826", "8270": "8", "8": "8", "9": "|", "": "|", "MSG": "|"})
        self.assertIsNone(tariff(1, plan(prefix="82")).find("8", AT))

    def test_versions(self) -> None:
        """The newest version in force; one to come does not count yet, a discontinued one gives way to the shorter prefix."""
        early, late = datetime(2020, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        old, new = plan(price_n=money("1")), plan(price_n=money("2"))
        known = Tariff(1, "t", "CAD", 3, {"82": (Version(late, new), Version(early, old)), "8": (Version(late, None), Version(early, new))}, 2)
        self.assertEqual(known.find("82", AT), old)
        self.assertEqual(known.find("82", late), new)
        self.assertIsNone(known.find("82", datetime(2019, 1, 1, tzinfo=UTC)))
        self.assertEqual((known.find("81", AT), known.find("81", late)), (new, None))

"""Service features: whose word holds, letters in their places, values of attributes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.feature import Attribute, Feature, Said, effective, flag_at, flag_faults, flags_with, read_values, shown

BARRING = Feature(13, "call_barring", 13, "Voice", (Attribute(23, "prefixes", True),))
NET = Attribute(3, "address", False), Attribute(4, "netmask", False), Attribute(5, "routed_network", True)
STATIC = Feature(3, "netaccess_static_ip", 3, "Netaccess", NET)
FORWARD = Feature(14, "forward_mode", 14, "Voice", (Attribute(19, "max_forwards", False),))
PIN = Feature(6, "voice_authentication", 6, "Voice", (Attribute(8, "pin", False),))


def said(by: str, flag: str) -> Said:
    """Somebody with one value of its own."""
    return Said(by, flag, {"prefixes": (by,)})


class EffectiveTests(SynchronousTestCase):
    """Whose word holds."""

    def holds(self, own: str, addon: str, main: str, site: str, customer: str) -> tuple[str, str]:
        """The effective flag, and whose it is."""
        found = effective(said("own", own), [said("addon", addon), said("main", main)], [said("site", site), said("customer", customer)])
        if found.flag not in ("N", ""):
            self.assertEqual(found.values, {"prefixes": (found.by,)})
        return found.flag, found.by

    def test_table(self) -> None:
        """Each way that a flag can go."""
        for flags, expected in (
            ("YNNNN", ("Y", "own")), ("NYYYY", ("N", "own")), ("2YYYY", ("2", "own")),
            ("~YNNN", ("Y", "addon")), ("~-YNN", ("Y", "main")), ("~NYYY", ("N", "addon")), ("~---Y", ("N", "")),
            ("^YYNY", ("N", "site")), ("^YY-Y", ("Y", "customer")), ("^YY--", ("N", "")),
            ("~^N-Y", ("Y", "customer")), ("~-^2Y", ("2", "site")), ("~^Y--", ("N", "addon")),
            ("-YNNN", ("Y", "addon")), ("----Y", ("Y", "customer")), ("-----", ("N", "")), ("~~Y-N", ("Y", "main")),
        ):  # fmt: skip
            self.assertEqual(self.holds(*("" if flag == "-" else flag for flag in flags)), expected, flags)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(["Y", "N", "~", "^", "", "2"]), min_size=5, max_size=5))
    def test_always_decided(self, flags: list[str]) -> None:
        """What holds is never an inheritance, and an own word is never overridden."""
        flag, by = self.holds(*flags)
        self.assertNotIn(flag, ("~", "^", ""))
        if flags[0] in ("Y", "N", "2"):
            self.assertEqual((flag, by), (flags[0], "own"))


class LetterTests(SynchronousTestCase):
    """Letters in service_flags."""

    @settings(deadline=None)
    @given(st.text("YN~^-2", max_size=22), st.integers(1, 22), st.sampled_from(["Y", "N", "~", "^", "", "F"]))
    def test_one_letter_changes(self, flags: str, position: int, flag: str) -> None:
        """The one that is set; all others say what they said."""
        after = flags_with(flags, position, flag)
        self.assertEqual(flag_at(after, position), flag)
        others = [place for place in range(1, 23) if place != position]
        self.assertEqual([flag_at(after, place) for place in others], [flag_at(flags, place) for place in others])

    def test_who_says_what(self) -> None:
        """Nobody inherits from below, and only features with modes have letters of their own."""
        allowed = {owner: [flag for flag in "YN~^2y" if not list(flag_faults(BARRING, owner, flag))] for owner in ("account", "product", "customer")}
        self.assertEqual(allowed, {"account": ["Y", "N", "~", "^"], "product": ["Y", "N", "^"], "customer": ["Y", "N"]})
        self.assertEqual(list(flag_faults(FORWARD, "customer", "2")), [])
        self.assertIn("mode of it", next(flag_faults(FORWARD, "account", "f")))
        self.assertEqual(list(flag_faults(BARRING, "customer", "")), [])


class ValueTests(SynchronousTestCase):
    """Values of attributes."""

    def test_kept(self) -> None:
        """As they are written, checked by what they are."""
        self.assertEqual(read_values(BARRING, "prefixes", ["900", "976"]), ("900", "976"))
        self.assertEqual(read_values(STATIC, "address", ["192.0.2.7"]), ("192.0.2.7",))
        self.assertEqual(read_values(STATIC, "netmask", ["255.255.255.0"]), ("255.255.255.0",))
        self.assertEqual(read_values(STATIC, "routed_network", ["198.51.100.0/24", "203.0.113.0/24"]), ("198.51.100.0/24", "203.0.113.0/24"))
        self.assertEqual(read_values(BARRING, "prefixes", []), ())

    def test_refused(self) -> None:
        """With the reason; a secret is not quoted."""
        for feature, name, values, told in (
            (BARRING, "prefix", ["9"], "is no attribute of call_barring: it has prefixes"), (BARRING, "prefixes", ["9", "9"], "twice"),
            (BARRING, "prefixes", ["+9"], "write digits"), (STATIC, "address", ["192.0.2.7", "192.0.2.8"], "one value only"),
            (STATIC, "address", ["192.0.2.300"], "IPv4 address"), (STATIC, "netmask", ["255.0.255.0"], "netmask"),
            (STATIC, "routed_network", ["198.51.100.1/24"], "host bits"), (PIN, "pin", ["12ab"], "the value is no PIN"),
        ):  # fmt: skip
            with self.assertRaises(ValueError) as caught:
                read_values(feature, name, values)
            self.assertIn(told, str(caught.exception))
            self.assertNotIn("12ab", str(caught.exception))

    def test_shown(self) -> None:
        """A PIN is hidden, and what is not set is left out."""
        self.assertEqual(shown("voice_authentication", {"pin": ("1234",)}), {"pin": "(hidden)"})
        self.assertEqual(shown("call_barring", {"prefixes": ("1", "2"), "other": ()}), {"prefixes": "1, 2"})

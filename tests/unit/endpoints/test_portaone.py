"""Property lists, numbers and pairs as equipment writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints import lenient, portaone
from portaswitch.endpoints.ivr import NO_CONTROL, SessionControl, access_code, last, session_control
from portaswitch.endpoints.lenient import IGNORED
from portaswitch.model.request import Lock

NAMES = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"], include_characters="-_."), min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_characters=";\"'", exclude_categories=["Cs"]), max_size=20).map(str.strip)


class ListTests(SynchronousTestCase):
    """`name=value;name=value`."""

    def test_examples(self) -> None:
        """The examples of the text."""
        for text, wanted in {
            "delegate=1;nas-ip-address=10.10.10.10;user-name=14567238;access-code=OUTGOING":
                {"delegate": "1", "nas-ip-address": "10.10.10.10", "user-name": "14567238", "access-code": "OUTGOING"},
            "ctx-id=52333; name=EASYCALL; id=17289277770; display-id=17289277770; net=0":
                {"ctx-id": "52333", "name": "EASYCALL", "id": "17289277770", "display-id": "17289277770", "net": "0"},
            "routing=1;": {"routing": "1"}, "base=quantity;value=2": {"base": "quantity", "value": "2"},
        }.items():  # fmt: skip
            self.assertEqual(portaone.parse(text), wanted)

    def test_lax(self) -> None:
        """Capitals, blanks, quotes, a blank for a hyphen, no value, no name, equals signs in values; the last of a name counts."""
        self.assertEqual(portaone.parse(' X = 5 ;name = "a b";max expires=7;bare;;=v; x=6;uri=a=b'), {
            "x": "6", "name": "a b", "max-expires": "7", "bare": "", "uri": "a=b",
        })  # fmt: skip
        self.assertEqual([portaone.either({name: "7"}, "max_expires") for name in ("max_expires", "max-expires", "max")], ["7", "7", None])
        self.assertEqual(portaone.parse(""), {})

    def test_party(self) -> None:
        """The identity counts before the number shown; a party of which neither is said is nobody."""
        texts = ("id=1;display-id=2", "display-id=2", "name=x")
        self.assertEqual([portaone.number_of(text) for text in texts], ["1", "2", ""])

    @settings(max_examples=200, deadline=None)
    @given(st.dictionaries(NAMES, VALUES, max_size=8))
    def test_printed_and_read(self, properties: dict[str, str]) -> None:
        """What is printed is read as the same."""
        self.assertEqual(portaone.parse(portaone.show(properties)), properties)

    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=300))
    def test_anything(self, text: str) -> None:
        """Any text is a list of some properties; printed once it stays the same, as far as quotes are single."""
        found = portaone.parse(text)
        self.assertNotIn("", found)
        if '"' not in text and "'" not in text:
            self.assertEqual(portaone.parse(portaone.show(found)), {name: value.strip() for name, value in found.items()})


class NumberTests(SynchronousTestCase):
    """Numbers, amounts and instants."""

    def test_whole(self) -> None:
        """Digits of ASCII, so many as make sense; no signs, blanks, fractions or digits of other scripts."""
        good, bad = {"0": 0, "007": 7, "9" * 15: 10**15 - 1}, ("-1", "+1", " 1", "1.5", "", "²", "٣", "9" * 16, "1e3", None)
        self.assertEqual({text: lenient.whole(text) for text in good}, good)
        self.assertEqual({lenient.whole(text) for text in bad}, {None})
        self.assertEqual([lenient.positive(text) for text in ("0", "1", "-1")], [None, 1, None])

    def test_amount(self) -> None:
        """Money above nothing, in plain digits."""
        self.assertEqual([lenient.amount(text) for text in ("1.50", "3", ".5", "0.00001")], [Decimal(text) for text in ("1.50", "3", ".5", "0.00001")])
        bad = ("0", "0.00", "-1", "1e9", "NaN", "Infinity", "1.2.3", ".", "", "1_0", "9" * 16, "٣", None)
        self.assertEqual({lenient.amount(text) for text in bad}, {None})

    def test_instant(self) -> None:
        """Within the calendar."""
        self.assertEqual(lenient.instant("1515660408"), datetime(2018, 1, 11, 8, 46, 48, tzinfo=UTC))
        self.assertEqual(lenient.instant("253402300799"), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        self.assertEqual({lenient.instant(text) for text in ("0", "-1", "253402300800", "9" * 15, "now", None)}, {None})


class PairTests(SynchronousTestCase):
    """Pairs of h323-ivr-out."""

    def test_access_code(self) -> None:
        """Quintum's name is a synonym, and the last of either counts."""
        self.assertEqual(access_code({"ACCESSCODE": ["1", "2"]}), "2")
        self.assertEqual(access_code({"ACCESSCODE": ["1"], "PortaBilling_AccessCode": ["a.b|c"]}), "a.b|c")
        self.assertEqual((access_code({}), last({"x": []}, "x")), ("", ""))

    def test_session_control(self) -> None:
        """The action, the stage that it opens, and for how long: the shorter of two bounds."""
        for text, wanted in {
            "lock": SessionControl(Lock.LOCK), "NOLOCK ": SessionControl(Lock.NOLOCK), "unlock;": SessionControl(Lock.UNLOCK),
            "ignore;open=pin": SessionControl(Lock.IGNORE, None, "pin"), "lock;expires=60": SessionControl(Lock.LOCK, 60),
            "lock;expires=60;max_expires=20": SessionControl(Lock.LOCK, 20), "lock;max-expires=20": SessionControl(Lock.LOCK, 20),
            "lock;max expires=20;expires=5": SessionControl(Lock.LOCK, 5),
        }.items():  # fmt: skip
            self.assertEqual(session_control({"PortaBilling_Session": ["ignored", text]}), wanted, text)
        self.assertIs(session_control({}), NO_CONTROL)

    def test_nonsense_is_counted(self) -> None:
        """Each part that is none, however often it comes."""
        before = IGNORED.get("PortaBilling_Session")
        for _ in range(2):
            control = session_control({"PortaBilling_Session": ["grab;expires=-5;max_expires=soon"]})
            self.assertEqual((control.lock, control.seconds), (Lock.DEFAULT, None))
        self.assertEqual(IGNORED.get("PortaBilling_Session") - before, 6)

"""Decoders made for shapes: whatever comes, they and the walk read the same, or the walk reads alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import decode, encode
from portaswitch.wire.diameter.definitions import VENDOR
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import UNKNOWN, Group, Message, Pair, Unknown
from portaswitch.wire.diameter.walk import Limits
from tests.unit.wire.diameter.test_malformed import SOUND
from tests.unit.wire.diameter.test_oracle import PAIRS

TIMES = 8
#: Not the usual ones, so that the walk reads.
BY_WALK = Limits()


def fresh() -> Dictionary:
    """A dictionary that has seen no message."""
    return Dictionary.load(Dictionary.shipped())


DICTIONARY = fresh()


def told(message: Message) -> tuple[object, ...]:
    """All that a decoded message says."""
    head = message.flags, message.code, message.application, message.hop_by_hop, message.end_to_end
    return *head, message.pairs, _odd(message.body), message.fault, message.repeated, {name: message.get(name) for name, _ in message.pairs}


def _odd(group: Group) -> list[object]:
    return [group.odd or {}, *(_odd(value) for _, value in group.pairs if isinstance(value, Group))]


def ccr(session: str, number: int, more: list[Pair]) -> bytes:
    """A CCR of one shape for sessions of one length."""
    body: list[Pair] = [("Session-Id", session), ("Origin-Host", "p.example"), ("Origin-Realm", "example"), ("Destination-Realm", "example")]
    body += [("Auth-Application-Id", 4), ("Service-Context-Id", "32251@3gpp.org"), ("CC-Request-Type", 2), ("CC-Request-Number", number)]
    return encode(0xC0, 272, 4, number, number + 7, [*body, *more], DICTIONARY)


class ShapeTests(SynchronousTestCase):
    """Decoders and the walk."""

    def same(self, octets: bytes) -> None:
        """Both read the same."""
        self.assertEqual(told(decode(octets, DICTIONARY)), told(decode(octets, DICTIONARY, BY_WALK)))

    def test_made_after_some(self) -> None:
        """A decoder is made for what comes often, and used for other values; nothing is made for a message with a fault, or one let pass."""
        dictionary = fresh()
        for number in range(TIMES):
            decode(ccr(f"s{number}", number, []), dictionary)
        self.assertEqual(dictionary.shapes(None).made, 1)
        self.assertIsNotNone(dictionary.shapes(None).read(ccr("zz", 77, [])))
        self.assertIsNone(dictionary.shapes(None).read(ccr("longer", 77, [])))
        self.assertEqual(told(decode(ccr("zz", 77, []), dictionary)), told(decode(ccr("zz", 77, []), dictionary, BY_WALK)))
        for _ in range(3 * TIMES):
            decode(ccr("s1", 1, [("Origin-Host", "p.example")]), dictionary)
            decode(ccr("s1", 1, [("CC-Request-Type", 2)]), dictionary)
        self.assertEqual(dictionary.shapes(None).made, 1)

    def test_applications_apart(self) -> None:
        """What is sound for one set of applications is not for another."""
        for _ in range(2 * TIMES):
            self.assertIsNone(decode(SOUND, DICTIONARY, applications=frozenset({4})).fault)
        fault = decode(SOUND, DICTIONARY, applications=frozenset({3})).fault
        self.assertEqual(fault and fault.result, 3007)

    def test_odd_and_unknown(self) -> None:
        """Flags that aren't ours and AVPs that nobody knows are kept."""
        group = Group([("Rating-Group", 1), (UNKNOWN, Unknown(9999, 10415, VENDOR, b"abc"))])
        group.odd = {0: 0}
        octets = ccr("s", 1, [("Multiple-Services-Credit-Control", group), ("Requested-Service-Unit", Group())])
        for _ in range(2 * TIMES):
            self.same(octets)
        self.assertIsNotNone(DICTIONARY.shapes(None).read(octets))

    @settings(max_examples=300, deadline=None)
    @given(st.integers(20, len(SOUND) - 1), st.binary(min_size=1, max_size=4))
    def test_mutated(self, at: int, octets: bytes) -> None:
        """A message of a known shape with other octets anywhere: the same as the walk has it, fault and all."""
        for _ in range(TIMES + 1):
            decode(SOUND, DICTIONARY)
        self.same((SOUND[:at] + octets + SOUND[at + len(octets) :])[: len(SOUND)])

    @settings(max_examples=60, deadline=None)
    @given(PAIRS)
    def test_any(self, pairs: list[Pair]) -> None:
        """Messages of any AVPs, read often."""
        octets = ccr("s", 1, pairs)
        for _ in range(TIMES + 2):
            self.same(octets)

    def test_ever_new_shapes(self) -> None:
        """They take the place of older ones, and each lot needs twice as many messages."""
        shapes = fresh().shapes(None)
        for size in range(1, 260):
            for _ in range(TIMES):
                for more in range(4):
                    shapes.was_sound(ccr("s" * size, 1, [("User-Name", "u" * (more * 4 + 1))]))
        self.assertLessEqual(shapes.made, 1000)
        self.assertIsNone(shapes.read(ccr("s", 1, [("User-Name", "u")])))

"""
python-diameter as the oracle: what either side encodes, the other reads the same.

Its own ways, which the strategies step around: Enumerated and Integer32 are one to it, as are text types; Time is
a naive local datetime; an Address is a pair of family and text.
"""

from __future__ import annotations

import datetime
from ipaddress import ip_address
from typing import Any

from diameter.message import Message as TheirMessage
from diameter.message.avp import Avp as TheirAvp
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.codec import decode, encode
from portaswitch.wire.diameter.datatypes import Value
from portaswitch.wire.diameter.definitions import Avp
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import Group, Pair

DICTIONARY = Dictionary.standard()
FEW = settings(max_examples=200, deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UTF8String": TEXTS,
    "OctetString": st.binary(max_size=40),
    "Unsigned32": st.integers(0, 2**32 - 1),
    "Unsigned64": st.integers(0, 2**64 - 1),
    "Integer32": st.integers(-(2**31), 2**31 - 1),
    "Integer64": st.integers(-(2**63), 2**63 - 1),
    "Enumerated": st.integers(0, 2**31 - 1),
    "Float32": st.floats(width=32, allow_nan=False),
    "Address": st.ip_addresses().map(str),
    # Their epoch is that of 1900 only, which ends in February 2036; times beyond are for the tests of our own values.
    "Time": st.integers(0, 2**32 - 2_208_988_800 - 86_400),
}
THEIRS = {
    "UTF8String": {"AvpUtf8String"},
    "Enumerated": {"AvpInteger32", "AvpEnumerated"},
    "Integer32": {"AvpInteger32", "AvpEnumerated"},
}


def their_type(avp: Avp) -> str:
    """The class that the oracle has for an AVP."""
    return type(TheirAvp.new(avp.code, avp.vendor)).__name__


def usable(avp: Avp) -> bool:
    """Both sides know it, by the same type."""
    try:
        kind = their_type(avp)
    except ValueError:
        return False
    return avp.type in VALUES and kind in THEIRS.get(avp.type, {f"Avp{avp.type}"})


NAMES = sorted(name for name, avp in DICTIONARY.avps.items() if usable(avp))
PAIRS = st.lists(
    st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), VALUES[DICTIONARY.avps[name].type])),
    max_size=12,
)


def read(avp: Any, known: Avp) -> Value:
    """A value of theirs as ours."""
    value: Value | datetime.datetime | tuple[int, str] = avp.value
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    # An IPv4 address inside an IPv6 one has two spellings: the C library's, with points, and Python's.
    return str(ip_address(value[1])) if isinstance(value, tuple) else value


class OracleTests(SynchronousTestCase):
    """Both directions."""

    def test_most_avps_take_part(self) -> None:
        """The strategies reach most of the dictionary that is no group."""
        self.assertGreater(len(NAMES), 800)

    @FEW
    @given(PAIRS, PAIRS)
    def test_the_oracle_reads_ours(self, pairs: list[Pair], inner: list[Pair]) -> None:
        """Every value arrives, on the top level and in a group, and the header is the same."""
        body: list[Pair] = [*pairs, ("Service-Information", Group(inner))]
        octets = encode(0xC0, 272, 4, 7, 9, body, DICTIONARY)
        message = TheirMessage.from_bytes(octets, plain_msg=True)
        self.assertEqual((message.header.command_code, message.header.application_id), (272, 4))
        self.assertEqual((message.header.hop_by_hop_identifier, message.header.end_to_end_identifier), (7, 9))
        *plain, group = message.avps
        self.assertEqual([self.their_pair(avp) for avp in plain], pairs)
        self.assertEqual([self.their_pair(avp) for avp in group.value], inner)

    def their_pair(self, avp: Any) -> Pair:
        """Name and value of an AVP of theirs."""
        known = DICTIONARY.entries[avp.vendor_id << 32 | avp.code][7]
        return known.name, read(avp, known)

    @FEW
    @given(PAIRS)
    def test_we_read_the_oracles(self, pairs: list[Pair]) -> None:
        """Every value arrives, whatever its M bits."""
        message = TheirMessage()
        message.header.command_code = 280
        message.header.is_request = True
        for name, value in pairs:
            known = DICTIONARY.avps[name]
            given_value: Any = value
            if known.type == "Time" and isinstance(value, int):
                given_value = datetime.datetime.fromtimestamp(value)
            message.append_avp(TheirAvp.new(known.code, known.vendor, value=given_value))
        decoded = decode(message.as_bytes(), DICTIONARY)
        self.assertEqual(decoded.pairs, pairs)

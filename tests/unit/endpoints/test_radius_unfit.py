"""Requests that no sane equipment sends, with right lengths and signatures: never an exception, never more than their share of time, what is unfit counted."""

from __future__ import annotations

from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.lenient import IGNORED
from portaswitch.endpoints.radius_kept import EVERY, INTERNET, PAIRS
from portaswitch.endpoints.radius_request import Unmappable, to_request
from portaswitch.model.request import AAARequest, Base, Kind
from portaswitch.wire.radius.codec import decode
from portaswitch.wire.radius.crypto import authenticator
from tests.unit.builders import AT, NODE
from tests.unit.endpoints.radius_world import CLIENT, DICTIONARY, SECRET
from tests.unit.endpoints.test_radius_request import BRAS, world

#: What the mapping looks at beside what it keeps.
USED = (
    "Service-Type", "Framed-Protocol", "Acct-Status-Type", "Acct-Session-Time", "Acct-Delay-Time", "Event-Timestamp", "Acct-Input-Octets",
    "Acct-Input-Gigawords", "Acct-Output-Octets", "Acct-Output-Gigawords", "h323-setup-time", "h323-connect-time", "h323-disconnect-time", "h323-call-origin",
    "h323-call-type", "alert-timepoint", "PortaOne-Service-Type", "PortaOne-Used-Resource", "Service-Identifier", "Used-Service-Unit", "3GPP2-Correlation-Id",
    "3GPP2-Session-Continue",
)  # fmt: skip
NAMES = sorted({*EVERY, *INTERNET, *USED})
PAIR_NAMES = sorted({*PAIRS, "PortaBilling_Authorize", "PortaBilling_Session", "PortaBilling_AccessCode", "ACCESSCODE", "PortaBilling_Original_DNIS",
                     "PortaBilling_UserName", "PortaBilling_SessionEnv", "PortaBilling_Mod_ivrutil", "PortaBilling_Ignore_Password"})  # fmt: skip
WORDS = (
    "base=", "session-time", "quantity", "octets", ";", "=", ":", "min=", "max=", "max_funds=", "expires=", "max_expires=", "lock", "open=", "id=", "-1", "0",
    "1", "253402300800", "9" * 40, "1e400", "NaN", "nas-ip-address=", "access-code=", "incoming-charge=1", "value=", "amount=", "INCOMING|", ".", "'", '"', " ",
    "00:16:21.164 PST Fri Mar 9 2007", "23:59:60.-9 UTC Fri Feb 30 0", "99:99:99 X Y Z 9 99999999", "\u202e", "٣", "é",
)  # fmt: skip
TEXTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=9).map("".join), st.text(max_size=40)).map(lambda text: text.encode(errors="replace")[:200])
VALUES = st.one_of(TEXTS, st.binary(max_size=40), st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4)))
ATTRIBUTES = st.lists(st.one_of(
    st.tuples(st.sampled_from(NAMES), VALUES),
    st.tuples(st.sampled_from(PAIR_NAMES), VALUES).map(lambda pair: ("h323-ivr-out", pair[0].encode() + b":" + pair[1])),
), max_size=12)  # fmt: skip
STATUS = ("Acct-Status-Type", b"\0\0\0\2")


def wire(name: str, value: bytes) -> bytes:
    """One attribute as octets, whatever its value; what travels as a pair inside Cisco-AVPair does."""
    attribute = DICTIONARY.attributes.get(name)
    if attribute is None or attribute.code < 0:
        carrier = DICTIONARY.attribute("Cisco-AVPair")
        vendor, code, value = carrier.vendor, carrier.code, name.encode() + b"=" + value
    else:
        vendor, code = attribute.vendor, attribute.code
    if not vendor:
        return bytes((code, len(value) + 2)) + value
    return bytes((26, len(value) + 8)) + vendor.to_bytes(4) + bytes((code, len(value) + 2)) + value


def asked(code: int, attributes: list[tuple[str, bytes]], internet: bool = False) -> AAARequest:
    """What a packet of raw attributes asks; accounting is signed."""
    body = b"".join([wire(name, value) for name, value in attributes])
    head = bytes((code, 1)) + (20 + len(body)).to_bytes(2)
    stamp = b"v" * 16 if code == 1 else authenticator(head, bytes(16), body, SECRET)
    return to_request(decode(head + stamp + body, SECRET, DICTIONARY), CLIENT, BRAS if internet else NODE, AT, "r1", world())


class AnythingTests(SynchronousTestCase):
    """No input raises."""

    @settings(max_examples=400, deadline=None)
    @given(ATTRIBUTES, st.booleans())
    def test_access(self, attributes: list[tuple[str, bytes]], internet: bool) -> None:
        """Any Access-Request is a question with sane numbers."""
        request = asked(1, attributes, internet)
        self.assertIs(request.kind, Kind.AUTH)
        self.sane(request)

    @settings(max_examples=400, deadline=None)
    @given(ATTRIBUTES, st.sampled_from([1, 2, 3, 7, 8]), st.booleans())
    def test_accounting(self, attributes: list[tuple[str, bytes]], status: int, internet: bool) -> None:
        """Any Accounting-Request is a report, or means nothing and says why."""
        try:
            request = asked(4, [("Acct-Status-Type", status.to_bytes(4)), *attributes], internet)
        except Unmappable as fault:
            self.assertIn(fault.reason, ("session-id", "status-type"))
            return
        self.sane(request)

    def sane(self, request: AAARequest) -> None:
        """Values as their docstrings promise them."""
        for name, value in request.kept.items():
            self.assertIsInstance(value, str)
            self.assertNotIn("\0", name + value)
        self.assertLessEqual(len({unit.key for unit in request.units}), 1)
        for unit in request.units:
            for wish in (unit, *unit.alternatives):
                self.assertTrue(wish.minimum is None or 0 < wish.minimum <= (wish.requested or wish.minimum))
                self.assertTrue(wish.most_funds is None or (wish.most_funds.is_finite() and wish.most_funds > 0))
                self.assertTrue(wish.begins is None or wish.ends is None or wish.begins < wish.ends)
            for base in Base:
                self.assertGreaterEqual(unit.reported(base) or 0, 0)
        self.assertTrue(request.lock_seconds is None or request.lock_seconds > 0)


class CountTests(SynchronousTestCase):
    """What is unfit is as if absent, and counted by its attribute."""

    def test_text_that_is_none(self) -> None:
        """A NUL, or octets that are no UTF-8, in whatever is text."""
        texts = ("User-Name", "Called-Station-Id", "h323-conf-id", "Acct-Session-Id", "NAS-Port-Id", "h323-ivr-out", "h323-remote-address")
        for name in (*texts, "PortaOne-Geo-Location"):
            # Pairs inside Cisco-AVPair are unfit together with what carries them.
            label = "Cisco-AVPair" if name.startswith("PortaOne") else name
            for value in (b"x\0", b"\xff\xfe"):
                before = IGNORED.get(label)
                request = asked(1, [(name, value)], internet=True)
                self.assertEqual((request.kept, request.parties.user, IGNORED.get(label) - before), ({}, "", 1), name)


class TimeTests(SynchronousTestCase):
    """A packet of 4096 octets costs what its octets cost, whatever they are."""

    def cost(self, attributes: list[tuple[str, bytes]]) -> float:
        """Seconds of the best of three."""
        body = [("Acct-Session-Id", b"a"), STATUS, *attributes]
        best = 9.0
        for _ in range(3):
            since = process_time()
            asked(4, body)
            best = min(best, process_time() - since)
        return best

    def test_long_lists(self) -> None:
        """Hundreds of pairs, of bases, of modules, of properties, of the same name or of names that differ."""
        for attributes in (
            [("h323-ivr-out", b"PortaBilling_Authorize:max=%d" % number) for number in range(100)],
            [("h323-ivr-out", b"PortaBilling_Mod_%d:;" % number) for number in range(130)],
            [("h323-ivr-out", b"a%d:" % number) for number in range(300)],
            [("PortaOne-Used-Resource", b"base=quantity;value=%d" % number) for number in range(70)],
            [("PortaOne-Charge", b";" * 200)] * 15, [("PortaOne-Calling-Party", b"roam=;" * 33)] * 15,
            [("h323-ivr-out", b"PortaBilling_Mod_x:" + b";pin= " * 30 + b"voucher")] * 15, [("PortaOne-Service-Features", b"incoming-charge" * 13)] * 15,
            [("h323-ivr-out", b"PortaBilling_AccessCode:" + b"INCOMINGS|" * 18)] * 15,
        ):  # fmt: skip
            self.assertLess(self.cost(attributes), 0.05, attributes[0])

"""Digest arithmetic: the values printed in RFCs and drafts, both wire forms, and the laws of what verifies."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.radius.codec import decode_pairs, encode_pairs
from portaswitch.wire.radius.datatypes import Value
from portaswitch.wire.radius.dictionary import Dictionary
from portaswitch.wire.radius.digest import Proof, fields, read
from portaswitch.wire.radius.packet import Packet

DICTIONARY = Dictionary.standard()
FEW = settings(max_examples=200, deadline=None)
NONCE, CNONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b"
#: draft-smith-sipping-auth-examples-01: bob at biloxi.com, password zanzibar.
BOB = {"Username": "bob", "Realm": "biloxi.com", "Nonce": NONCE, "Method": "INVITE", "URI": "sip:bob@biloxi.com"}
QOP = {"CNonce": CNONCE, "Nonce-Count": "00000001"}
BODY = {"Entity-Body-Hash": "c1ed018b8ec4a3b170c0921f5b564e48"}
#: RFC 5090 6: the telephone's INVITE and the browser's GET, password secret.
CALL = {
    "Username": "12345678", "Realm": "example.com", "Nonce": "3bada1a0", "Method": "INVITE", "URI": "sip:97226491335@example.com", "Qop": "auth",
    "Algorithm": "MD5", "CNonce": "56593a80", "Nonce-Count": "00000001", "Response": "756933f735fcd93f90a4bbdd5467f263",
}  # fmt: skip
#: RFC 7616 3.9.1, password "Circle of Life".
MUFASA = {
    "Username": "Mufasa", "Realm": "http-auth@example.org", "Nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "Method": "GET",
    "URI": "/dir/index.html", "Qop": "auth", "CNonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "Nonce-Count": "00000001",
}  # fmt: skip


def packet(told: dict[str, str | bytes], form: str = "Digest-", more: tuple[tuple[str, Value], ...] = ()) -> Packet:
    """A packet with these fields."""
    given: list[tuple[str, Value]] = [(form + name, value) for name, value in told.items()]
    return decode_pairs(encode_pairs([*given, *more], DICTIONARY), DICTIONARY)


def proof(told: dict[str, str], form: str = "Digest-") -> Proof:
    """The proof of fields that make one."""
    found = read(packet({**told}, form))
    assert found is not None
    return found


def right(told: dict[str, str], password: str) -> dict[str, str]:
    """The fields with the response that a client computes."""
    return {**told, "Response": proof({**told, "Response": "?"}).computed(password)}


class PrintedTests(SynchronousTestCase):
    """Values that others have printed."""

    def test_sip_examples(self) -> None:
        """Each qop with MD5 and MD5-sess (draft-smith-sipping-auth-examples-01 3.1 to 3.6)."""
        auth, both = {**QOP, "Qop": "auth"}, {**QOP, **BODY, "Qop": "auth-int"}
        for more, response in (
            ({}, "bf57e4e0d0bffc0fbaedce64d59add5e"),
            (auth, "89eb0059246c02b2f6ee02c7961d5ea3"),
            ({**auth, "Algorithm": "MD5"}, "89eb0059246c02b2f6ee02c7961d5ea3"),
            ({**auth, "Algorithm": "MD5-Sess"}, "e4e4ea61d186d07a92c9e1f6919902e9"),
            (both, "bdbeebb2da6adb6bca02599c2239e192"),
            ({**both, "Algorithm": "md5-sess"}, "91984da2d8663716e91554859c22ca70"),
        ):
            for form in ("Digest-", "Sterman-Digest-"):
                self.assertTrue(proof({**BOB, **more, "Response": response}, form).matches("zanzibar"), (more, form))

    def test_rfc_2617(self) -> None:
        """Its section 3.5."""
        told = {**QOP, "Qop": "auth", "Username": "Mufasa", "Realm": "testrealm@host.com", "Nonce": NONCE, "Method": "GET", "URI": "/dir/index.html"}
        self.assertTrue(proof({**told, "Response": "6629fae49393a05397450978507c4ef1"}).matches("Circle Of Life"))

    def test_rfc_7616(self) -> None:
        """Its section 3.9.1, MD5 and SHA-256."""
        for algorithm, response in (
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ):
            self.assertTrue(proof({**MUFASA, "Algorithm": algorithm, "Response": response}).matches("Circle of Life"))

    def test_rfc_5090(self) -> None:
        """Its section 6: the call and the web page, with the Digest-Response-Auth of their answers."""
        page = {**CALL, "Nonce": "a3086ac8", "Method": "GET", "URI": "/index.html", "Response": "a4fac45c27a30f4f244c54a2e99fa117"}
        for told, answer in ((CALL, "f847de948d12285f8f4199e366f1af21"), (page, "08c4e942d1d0a191de8b3aa98cd35147")):
            found = proof(told)
            self.assertEqual((found.matches("secret"), found.response_auth("secret")), (True, answer))


class ReadTests(SynchronousTestCase):
    """What is a proof at all."""

    def test_spelling(self) -> None:
        """Quotes around values, capital digits and capital names of algorithms are tolerated."""
        quoted = {name: f'"{value}"' for name, value in CALL.items()}
        self.assertTrue(proof({**quoted, "Response": CALL["Response"].upper(), "Algorithm": "md5"}).matches("secret"))
        told = {**BOB, **QOP, "Qop": "auth-int", "Entity-Body-Hash": BODY["Entity-Body-Hash"].upper()}
        self.assertTrue(proof({**told, "Response": "bdbeebb2da6adb6bca02599c2239e192"}).matches("zanzibar"))

    def test_missing(self) -> None:
        """Without a needed field, or with an empty one, nothing is proven."""
        needed = {**CALL, "Qop": "auth-int", "Algorithm": "MD5-sess", **BODY}
        self.assertIsNotNone(read(packet({**needed})))
        for name in needed.keys() - {"Qop", "Algorithm"}:
            self.assertIsNone(read(packet({field: value for field, value in needed.items() if field != name})), name)
            self.assertIsNone(read(packet({**needed, name: '""'})), name)
        session = {**BOB, "Response": "a", "Algorithm": "SHA-256-sess"}
        self.assertIsNone(read(packet({**session})))
        self.assertIsNotNone(read(packet({**session, "CNonce": "c"})))

    def test_username(self) -> None:
        """The arithmetic is done with Digest-Username, and with User-Name where there is none (RFC 5090 3.13)."""
        named: tuple[tuple[str, Value], ...] = (("User-Name", "380441234567"),)
        found = read(packet({**CALL}, more=named))
        self.assertTrue(found is not None and found.matches("secret"))
        told = {name: value for name, value in CALL.items() if name != "Username"}
        found = read(packet({**told}, more=(("User-Name", "12345678"),)))
        self.assertTrue(found is not None and found.matches("secret"))
        self.assertIsNone(read(packet({**told}, more=(("User-Name", b"1\0"),))))

    def test_unknown(self) -> None:
        """Algorithms and qop that are not known prove nothing."""
        for name, value in (("Algorithm", "AKAv1-MD5"), ("Algorithm", "SHA-1"), ("Algorithm", "-sess"), ("Qop", "auth,auth-int"), ("Qop", "none")):
            self.assertIsNone(read(packet({**CALL, name: value})), value)

    def test_unfit(self) -> None:
        """A NUL or an octet that is not UTF-8 in any field, needed or not."""
        for name in (*CALL, "Opaque", "Auth-Param"):
            for value in (b"a\0b", b"\xff"):
                self.assertIsNone(read(packet({**CALL, name: value})), name)

    def test_twice(self) -> None:
        """A field given twice counts when both are the same; parameters that nobody computes with may come as they like."""
        for name in CALL:
            self.assertIsNone(read(packet({**CALL}, more=((f"Digest-{name}", "other"),))), name)
            self.assertIsNotNone(read(packet({**CALL}, more=((f"Digest-{name}", CALL[name]),))), name)
        self.assertIsNotNone(read(packet({**CALL}, more=(("Digest-Auth-Param", "a=1"), ("Digest-Auth-Param", "b=2")))))

    def test_never_from_both(self) -> None:
        """With RFC 5090's response nothing of the older form counts; without a response in either there are the older form's fields."""
        self.assertEqual(fields(packet({"Response": "ab"}, more=(("Sterman-Digest-Realm", "r"), ("Sterman-Digest-Nonce", b"\0")))), {"Response": "ab"})
        self.assertEqual(fields(packet({"Realm": "r"}, more=(("Sterman-Digest-Nonce", "n"),))), {"Nonce": "n"})

    def test_containers(self) -> None:
        """Several sub-attributes in one 207, one in each, and a mixture: the same fields."""
        told = {"Realm": "r", "Nonce": "n", "Method": "INVITE", "URI": "sip:a"}
        subs = [bytes((code, len(value) + 2)) + value.encode() for code, value in ((1, "r"), (2, "n"), (3, "INVITE"), (4, "sip:a"))]
        response = b"\xce\x04ab"
        for parts in ([subs], [[sub] for sub in subs], [subs[:2], subs[2:]], [subs[3:], subs[:3]]):
            groups = [b"".join(part) for part in parts]
            octets = b"".join(bytes((207, len(group) + 2)) + group for group in groups) + response
            self.assertEqual(fields(decode_pairs(octets, DICTIONARY)), {**told, "Response": "ab"})

    def test_response_auth(self) -> None:
        """None for auth-int, and none in the older form, which has no attribute for it."""
        self.assertIsNone(proof({**CALL, **BODY, "Qop": "auth-int"}).response_auth("secret"))
        self.assertIsNone(proof(CALL, "Sterman-Digest-").response_auth("secret"))
        without = {name: value for name, value in CALL.items() if name != "Qop"}
        self.assertEqual(proof(without).response_auth("secret"), "be0b1c69823e400f1e121d1acb48a95e")

    def test_hidden(self) -> None:
        """Nothing of a proof is in its repr."""
        self.assertNotIn("12345678", repr(proof(CALL)))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters='\0"'), min_size=1, max_size=40)
ALGORITHMS = st.sampled_from(("MD5", "MD5-sess", "SHA-256", "SHA-256-sess"))


@st.composite
def logins(draw: st.DrawFn) -> dict[str, str]:
    """Fields of a login of any kind, without a response."""
    names = ["Username", "Realm", "Nonce", "Method", "URI", "CNonce"]
    told = {name: draw(TEXT) for name in names}
    told["Algorithm"] = draw(ALGORITHMS)
    qop = draw(st.sampled_from(("", "auth", "auth-int")))
    if qop:
        told |= {"Qop": qop, "Nonce-Count": draw(TEXT)}
    if qop == "auth-int":
        told["Entity-Body-Hash"] = draw(st.text("0123456789abcdef", min_size=32, max_size=32))
    return told


class LawTests(SynchronousTestCase):
    """What a client computes verifies; with any change it does not."""

    @given(logins(), TEXT, TEXT)
    @FEW
    def test_password(self, told: dict[str, str], password: str, other: str) -> None:
        """The right password in both wire forms, and no other."""
        for form in ("Digest-", "Sterman-Digest-"):
            found = proof(right(told, password), form)
            self.assertTrue(found.matches(password))
            self.assertEqual(found.matches(other), other == password)

    @given(logins(), TEXT, st.data())
    @FEW
    def test_changed(self, told: dict[str, str], password: str, data: st.DataObject) -> None:
        """Another value in any field that goes into the response."""
        told = right(told, password)
        counted = set(told)
        if "Qop" not in told and not told["Algorithm"].endswith("-sess"):
            counted.discard("CNonce")
        name = data.draw(st.sampled_from(sorted(counted)))
        value = data.draw(ALGORITHMS if name == "Algorithm" else TEXT)
        assume(value.lower() != told[name].lower())
        found = read(packet({**told, name: value}))
        self.assertFalse(found is not None and found.matches(password))

    @given(logins(), TEXT, st.text("0123456789abcdef", min_size=64, max_size=64))
    @FEW
    def test_response(self, told: dict[str, str], password: str, random: str) -> None:
        """A response that is too long, too short, empty of sense or not ASCII."""
        found = proof(right(told, password))
        for response in (found.response + "0", found.response[:-1], random, "é", "ſ" * 32):
            self.assertFalse(replace(found, response=response).matches(password))

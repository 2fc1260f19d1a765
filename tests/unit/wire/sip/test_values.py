"""URIs, and the values of headers: what is read, what isn't, and when two are the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip import values
from portaswitch.wire.sip.grammar import clean, decode, encode, named, number, pairs, parameters, printable, quoted, split, unquoted
from portaswitch.wire.sip.uri import SipUri, TelUri, escaped, read, unescaped

FEW = settings(max_examples=200, deadline=None)


class GrammarTests(SynchronousTestCase):
    """Lists, parameters, quoted strings, numbers."""

    def test_split(self) -> None:
        """Commas in quotes and brackets divide nothing; what isn't closed is None."""
        self.assertEqual(split('"a, \\"b" <sip:x,y@h>;p="," , c', ","), ['"a, \\"b" <sip:x,y@h>;p=","', "c"])
        self.assertEqual(split("", ","), [""])
        for broken in ('"a', "<a", "a>", '"a\\"', '<"a">'):
            self.assertIsNone(split(broken, ","), broken)

    def test_parameters(self) -> None:
        """Names without case, blanks around; nothing empty, nothing twice."""
        self.assertEqual(parameters('; TAG = x ;lr; q="a;b"'), (("tag", "x"), ("lr", None), ("q", '"a;b"')))
        for broken in (";;", ";a=1;A=2", "x;a", ";a=", ";=b", ";a b", ';a="', ";a=b c", ";\u00e4"):
            self.assertIsNone(parameters(broken), broken)

    def test_numbers(self) -> None:
        """Digits only, zeros before don't count, thousands of digits cost nothing."""
        self.assertEqual(number("0" * 9999 + "7", 255), 7)
        for broken in ("", "-1", "+1", " 1", "1_0", "\u0663", "256", "9" * 100000):
            self.assertIsNone(number(broken, 255), broken[:9])

    def test_pairs(self) -> None:
        """The fields of a challenge or of credentials."""
        self.assertEqual(pairs('realm="a, \\"b\\"",qop=auth , NC=1'), {"realm": 'a, "b"', "qop": "auth", "nc": "1"})
        for broken in ("", "a", "a=", "a=1,a=2", 'a="', 'a="b"c', ",a=1"):
            self.assertIsNone(pairs(broken), broken)

    @FEW
    @given(st.binary(max_size=40))
    def test_any_octets(self, octets: bytes) -> None:
        """Octets survive the way to a text and back, and can always be shown."""
        self.assertEqual(encode(decode(octets)), octets)
        printable(decode(octets)).encode()

    @FEW
    @given(st.text(max_size=20))
    def test_quoting(self, text: str) -> None:
        """A quoted text is read again as it was."""
        self.assertEqual(unquoted(quoted(text)), text)

    def test_clean(self) -> None:
        """Controls stand in quoted pairs only, line ends nowhere."""
        for good in ("a\tb", '"\\\0"', "\u00e4"):
            self.assertTrue(clean(good), good)
        for bad in ("a\0", "a\rb", "a\nb", "\\\n", "\\\\\0", "\x7f", "\x1b[2J"):
            self.assertFalse(clean(bad), repr(bad))


class UriTests(SynchronousTestCase):
    """RFC 3261 19.1, RFC 3966."""

    def test_parts(self) -> None:
        """All parts, and the text again."""
        text = "sips:al%69ce;x:pw@[2001:db8::7]:5061;Transport=tcp;lr?Subject=a&To=b"
        found = read(text)
        assert isinstance(found, SipUri)
        self.assertEqual((found.user, found.password, found.host, found.port), ("al%69ce;x", "pw", "[2001:db8::7]", 5061))
        self.assertEqual((found.parameters, found.headers, found.user_text), ((("transport", "tcp"), ("lr", None)), (("Subject", "a"), ("To", "b")), "alice;x"))
        self.assertEqual(str(found), text.replace("Transport", "transport"))

    def test_broken(self) -> None:
        """What is no URI."""
        for text in (
            "", "sip:", "sip:@h", "sip:a@", "sip:a@b@c", "sip:a b@h", "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:5060x", "sip:h;",
            "sip:h;a=1;A=2", "sip:h?", "sip:h?a",
            "sip:%zz@h", "sip:a@-h", "sip:a@h-", "sip:a@h..x", "sip:a@300.1.1.1", "sip:a@1.2.3", "sip:a@[::1", "sip:a@[1.2.3.4]", "sip:a@[fe80::1%eth0]",
            "sip:\u00e4@h",
            "sip:a\0@h", "tel:", "tel:+", "tel:7", "tel:+1x", "<sip:h>", "1x:y", "x", "sip:a@" + "h" * 256, "tel:+" + "1" * 8000 + "x", "http://a b",
        ):  # fmt: skip
            self.assertIsNone(read(text), text)

    def test_same(self) -> None:
        """The pairs of RFC 3261 19.1.4, in our words."""
        for one, other in (
            ("sip:%61lice@h.example;transport=TCP", "sip:alice@H.Example;Transport=tcp"),
            ("sip:bob@h.example", "sip:bob@h.example;newparam=5"),
            ("sip:bob@h.example;a=b?x=1&y=2", "sip:bob@h.example;c=d?y=2&X=1"),
            ("tel:+1-206-555;x=y", "tel:+1206555"),
            ("tel:7042;phone-context=Example.com", "tel:7042;phone-context=example.com"),
        ):
            first, second = read(one), read(other)
            assert first is not None and second is not None
            self.assertTrue(first.same(second) and second.same(first), one)
            self.assertTrue(first.same(first))

    def test_other(self) -> None:
        """Those of its pairs that differ."""
        for one, other in (
            ("SIP:ALICE@h.example", "sip:alice@h.example"), ("sip:bob@h.example", "sip:bob@h.example:5060"),
            ("sip:bob@h.example", "sip:bob@h.example;transport=udp"),
            ("sip:bob@h.example", "sip:bob@h.example?x=1"), ("sip:bob@h.example;a=1", "sip:bob@h.example;a=2"), ("sip:bob@h.example", "sips:bob@h.example"),
            ("sip:b%2Fb@h.example", "sip:b/b@h.example"), ("sip:bob@h.example", "tel:+1"), ("tel:+1", "tel:+2"),
            ("tel:+1", "tel:+1;ext=2"), ("sip:a:x@h.b", "sip:a:y@h.b"),
        ):  # fmt: skip
            first, second = read(one), read(other)
            assert first is not None and second is not None
            self.assertFalse(first.same(second) or second.same(first), one)

    def test_numbers(self) -> None:
        """Telephone numbers without their separators."""
        found = read("tel:+1-(206).555")
        assert isinstance(found, TelUri)
        self.assertEqual((found.digits, str(found)), ("+1206555", "tel:+1-(206).555"))

    @FEW
    @given(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()))
    def test_escaped(self, user: str) -> None:
        """Any user's name can stand in a URI, and comes out as it went in."""
        found = read(f"sip:{escaped(user)}@h.example")
        assert isinstance(found, SipUri)
        self.assertEqual((found.user_text, unescaped(escaped(user))), (user, user))


class HeaderTests(SynchronousTestCase):
    """Values of single headers."""

    def test_name_addr(self) -> None:
        """With and without name and brackets; parameters are the header's where there are no brackets."""
        for text, display, address, told in (
            ('"A, \\"B\\"" <sip:a@h;x>;tag=1', 'A, "B"', "sip:a@h;x", (("tag", "1"),)),
            ("A  B<sip:a@h>", "A  B", "sip:a@h", ()),
            ("<sip:a@h>", "", "sip:a@h", ()),
            ("sip:a@h ;tag=1", "", "sip:a@h", (("tag", "1"),)),
            ('sip:a@h;x="<y>"', "", "sip:a@h", (("x", '"<y>"'),)),
        ):
            found = values.name_addr(text)
            assert found is not None, text
            self.assertEqual((found.display, str(found.uri), found.parameters), (display, address, told))
            self.assertEqual(values.name_addr(str(found)), found)

    def test_no_name_addr(self) -> None:
        """Broken ones, the lone backslash at the end of a name among them (CVE-2021-43611)."""
        for text in (
            "",
            "<",
            "<>",
            '"a\\" <sip:a@h>',
            '"a" sip:a@h',
            "a,b <sip:a@h>",
            "<sip:a@h> x",
            "<sip:a@h>;",
            "sip:a@h?x=1",
            "sip:a@h,b",
            "< sip:a@h>",
            "*",
            "<sip:a@h",
            '"',
        ):
            self.assertIsNone(values.name_addr(text), text)
        self.assertEqual(values.contact("*"), values.STAR)

    def test_via(self) -> None:
        """Hops, their place and what is filled in (RFC 3261 18.2.1, RFC 3581 4)."""
        top = values.via("SIP/2.0/UDP h.example;branch=z9hG4bKx;rport;received=9.9.9.9")
        assert top is not None
        stamped = top.stamped("192.0.2.1", 4444)
        self.assertEqual(str(stamped), "SIP/2.0/UDP h.example;branch=z9hG4bKx;rport=4444;received=192.0.2.1")
        self.assertEqual((stamped.reply_to(), top.sent_by, top.modern), (("192.0.2.1", 4444), ("h.example", 5060), True))
        plain = values.via("SIP/2.0/TLS 192.0.2.1")
        assert plain is not None
        self.assertEqual(
            (str(plain.stamped("192.0.2.1", 9)), plain.reply_to(), plain.branch, plain.modern), ("SIP/2.0/TLS 192.0.2.1", ("192.0.2.1", 5061), "", False)
        )
        six = values.via("SIP/2.0/UDP [2001:db8::1]:7;received=2001:db8::2")
        assert six is not None
        self.assertEqual(six.reply_to(), ("2001:db8::2", 7))

    def test_no_via(self) -> None:
        """Broken hops."""
        for text in ("", "SIP/2.0/UDP", "SIP/2.0 h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0",
                     "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h x", "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;branch",
                     "SIP/2.0/UDP h;a=1;a=2", "SIP/2.0/UDP [h]", "SIP/2.0/UDP -"):  # fmt: skip
            self.assertIsNone(values.via(text), text)

    def test_others(self) -> None:
        """CSeq, Call-ID, Expires, types, credentials."""
        self.assertEqual(values.cseq("007  MESSAGE"), values.CSeq(7, "MESSAGE"))
        for text in ("", "1", "x MESSAGE", "2147483648 MESSAGE", "1 ME SSAGE", "-1 X", "1 \u00e4"):
            self.assertIsNone(values.cseq(text), text)
        for text in ("", "a b", "a@b@c", "@a", "\u00e4", "a,b", "a;b"):
            self.assertIsNone(values.call_id(text), text)
        self.assertEqual([values.seconds(text) for text in ("60", "9" * 40, "x", "", "-1")], [60, 2**32 - 1, None, None, None])
        kind, every, some = (values.media_type(text) for text in ("Text / Plain ;charset=UTF-8", "*/*", "text/*"))
        assert kind is not None and every is not None and some is not None
        self.assertEqual((str(kind), every.covers("a/b"), some.covers("text/plain"), some.covers("image/x")), ("text/plain;charset=UTF-8", True, True, False))
        for text in ("", "text", "text/", "/x", "text/plain;", "a b/c"):
            self.assertIsNone(values.media_type(text), text)
        found = values.credentials('Digest realm="r",nonce="n"')
        assert found is not None
        self.assertEqual((found.scheme, found.fields), ("digest", {"realm": "r", "nonce": "n"}))
        for text in ("", "Digest", "Digest a", '"x"'):
            self.assertIsNone(values.credentials(text), text)
        self.assertEqual(named((("a", None), ("b", '"x\\"y"')), "b"), 'x"y')

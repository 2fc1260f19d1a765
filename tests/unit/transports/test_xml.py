"""XML as values: written so that no value breaks it, read so that nothing hostile gets in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import NotSendable
from portaswitch.handler import Element, Soap, fields, render, xml
from portaswitch.transports.soap import envelope
from portaswitch.transports.xml_reading import DEEPEST, read, soap_content

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x2FFF, exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc")), max_size=10)
ELEMENTS = st.recursive(
    st.builds(Element, NAMES, text=TEXTS, attributes=st.dictionaries(NAMES, TEXTS, max_size=2)),
    lambda below: st.builds(Element, NAMES, st.lists(below, min_size=1, max_size=3).map(tuple), attributes=st.dictionaries(NAMES, TEXTS, max_size=2)),
    max_leaves=8,
)


class WritingTests(SynchronousTestCase):
    """What is written is read back."""

    @given(ELEMENTS)
    def test_round(self, element: Element) -> None:
        """Any tree of any text comes back as it was."""
        self.assertEqual(read(render(element)), element)

    def test_build(self) -> None:
        """The short forms."""
        built = xml("Key", *fields(imsi="1", isdn=None), namespace="urn:x", version="2")
        self.assertEqual(render(built), '<Key xmlns="urn:x" version="2"><imsi>1</imsi></Key>')
        self.assertEqual(built.value("imsi"), "1")

    def test_envelope(self) -> None:
        """A request's content is what a reader finds in the envelope, whatever is in its values."""
        for version in ("1.1", "1.2"):
            content = xml("Name", "</Body>&<!--")
            self.assertEqual(soap_content(read(envelope(Soap("/", content, version=version)).decode())), content)


class ReadingTests(SynchronousTestCase):
    """Hostile documents are refused in a word."""

    def test_refused(self) -> None:
        """Document types, entities, depth, cut off text, an envelope without a body."""
        bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
        outside = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
        deep = "<a>" * (DEEPEST + 1) + "</a>" * (DEEPEST + 1)
        for text in (bomb, outside, deep, "<a><b></a>", "", "no xml"):
            with self.assertRaises(NotSendable):
                read(text)
        with self.assertRaises(NotSendable):
            soap_content(read("<Envelope/>"))

    def test_names(self) -> None:
        """Prefixes differ by release: names are read without."""
        answer = read('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><n:R xmlns:n="x"><n:c>0</n:c></n:R></s:Body></s:Envelope>')
        self.assertEqual(soap_content(answer).value("c"), "0")

"""XML and SOAP of simulators: elements by their local names, answers as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from tests.simulators.web import Reply

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


class Malformed(Exception):
    """What can't be read as XML, or not as the envelope that was expected."""


@dataclass(frozen=True)
class Element:
    """An element: its local name, namespace ('' for none), attributes by local name, text without outer blanks, child elements in order."""

    name: str
    namespace: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple[Element, ...] = ()

    def child(self, *names: str) -> Element | None:
        """The first element down this path."""
        here: Element | None = self
        for name in names:
            here = next((one for one in here.children if one.name == name), None) if here is not None else None
        return here

    def all(self, name: str) -> Iterator[Element]:
        """The child elements of this name."""
        return (one for one in self.children if one.name == name)

    def value(self, *names: str) -> str | None:
        """The text down a path, None when there is no such element."""
        found = self.child(*names)
        return found.text if found is not None else None

    def values(self) -> dict[str, str]:
        """Text by name of the children that have no children."""
        return {one.name: one.text for one in self.children if not one.children}


def parse(octets: bytes) -> Element:
    """Read a document; Malformed when it is not well formed, has undeclared prefixes or a document type."""
    if b"<!DOCTYPE" in octets:
        raise Malformed("a document type")
    try:
        return _element(ElementTree.fromstring(octets))
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise Malformed(str(error)) from error


def body_of(octets: bytes) -> Element:
    """The one element in the Body of an envelope of any SOAP version."""
    return content(parse(octets))


def content(envelope: Element) -> Element:
    """The one element in an envelope's Body."""
    body = envelope.child("Body")
    if envelope.name != "Envelope" or body is None or len(body.children) != 1:
        raise Malformed("no Envelope with one element in its Body")
    return body.children[0]


def _element(node: ElementTree.Element) -> Element:
    namespace, name = _split(node.tag)
    attributes = {_split(key)[1]: value for key, value in node.items()}
    return Element(name, namespace, attributes, (node.text or "").strip(), tuple(_element(one) for one in node))


def _split(tag: str) -> tuple[str, str]:
    namespace, brace, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    return namespace, name


def tag(name: str, *inner: str, **attributes: str) -> str:
    """An element as text; `inner` are elements already rendered. Attributes' underscores become hyphens."""
    shown = "".join(f" {key.replace('_', '-')}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{shown}>{''.join(inner)}</{name.split(' ')[0]}>"


def leaf(name: str, value: object) -> str:
    """An element with text."""
    return f"<{name}>{escape(str(value))}</{name.split(' ')[0]}>"


def render(element: Element) -> str:
    """An element as it came, without namespaces."""
    return f"<{element.name}>{escape(element.text)}{''.join(map(render, element.children))}</{element.name}>"


def envelope(body: str, namespace: str = SOAP_11, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """An answer in an envelope."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="{namespace}"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'
    return Reply(status, text.encode(), "text/xml; charset=utf-8", headers)


def fault(code: str, text: str, detail: str = "", status: int = 500) -> Reply:
    """A SOAP 1.1 fault (section 4.4: HTTP 500)."""
    inner = leaf("faultcode", f"soapenv:{code}") + leaf("faultstring", text) + (tag("detail", detail) if detail else "")
    return envelope(tag("soapenv:Fault", inner), status=status)

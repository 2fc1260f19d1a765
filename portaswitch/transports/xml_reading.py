"""
Reading XML from outside: no document types, no entities, bounded depth and size (DESIGN.md 7).

Names lose their namespace prefix, since vendors' differ by release.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from portaswitch.errors import NotSendable
from portaswitch.handler.xml import Element

#: No vendor's answer nests deeper; reading is by recursion.
DEEPEST = 64
MOST_ELEMENTS = 100_000


def read(text: str) -> Element:
    """Read a document. Errors: NotSendable for one that is not well-formed, declares a document type or is too deep or too large."""
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise NotSendable(f"an answer that is no XML we take: {type(error).__name__}") from error
    if sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        raise NotSendable("an answer with too many elements")
    return _element(root, 1)


def soap_content(root: Element) -> Element:
    """The child of a SOAP envelope's Body, of either version; the root itself where it is no envelope."""
    if root.tag != "Envelope":
        return root
    body = root.find("Body")
    if body is None:
        raise NotSendable("a SOAP envelope without a Body")
    return body.children[0] if body.children else body


def _element(node: Node, depth: int) -> Element:
    if depth > DEEPEST:
        raise NotSendable("an answer that nests too deep")
    children = tuple(_element(child, depth + 1) for child in node)
    attributes = {_local(name): value for name, value in node.attrib.items()}
    return Element(_local(str(node.tag)), children, (node.text or "").strip(), attributes)


def _local(name: str) -> str:
    return name.rpartition("}")[2]

"""
XML as values: built by handlers, written and read by transports. A value can't break the document, since escaping is the writer's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from xml.sax.saxutils import escape, quoteattr

from portaswitch.model.value import dataclass

#: Signs that no XML document has, escaped or not (XML 1.0, section 2.2).
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Element:
    """
    An element: `tag` (without namespace prefix), attributes, children (elements) or text. `namespace` is declared on it and inherited below; with a `prefix` it
    is the element's alone, and those below are in none.
    """

    tag: str
    children: tuple[Element, ...] = ()
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    prefix: str = ""

    def find(self, path: str) -> Element | None:
        """The first element below by a path of local names: 'Result/ResultCode'; None where there is none."""
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.tag == name:
                found = child.find(rest) if rest else child
                if found is not None:
                    return found
        return None

    def value(self, path: str) -> str:
        """The text of the first element at `path`, '' where there is none."""
        found = self.find(path)
        return found.text if found is not None else ""

    def all(self, tag: str) -> Iterator[Element]:
        """All elements of that local name below, at any depth, in document order."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.all(tag)


def xml(tag: str, *children: Element | str, namespace: str = "", **attributes: str) -> Element:
    """
    Build an element: `xml("SubscriberKey", xml("Name", "alice"))`. Text and elements don't mix. Attribute names that are no Python names: build `Element`.
    """
    text = "".join(child for child in children if isinstance(child, str))
    return Element(tag, tuple(child for child in children if isinstance(child, Element)), text, attributes, namespace)


def fields(**values: str | int | None) -> tuple[Element, ...]:
    """One element a value, in order; None leaves it out: `fields(imsi="25501...", isdn=None)`."""
    return tuple(Element(name, text=str(value)) for name, value in values.items() if value is not None)


def render(element: Element) -> str:
    """The element as XML text, without a declaration."""
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in element.attributes.items())
    name = f"{element.prefix}:{element.tag}" if element.prefix else element.tag
    if element.namespace:
        attributes = f" {f'xmlns:{element.prefix}' if element.prefix else 'xmlns'}={quoteattr(element.namespace)}" + attributes
    inner = "".join(render(child) for child in element.children) or escape(element.text)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"

"""
Lists of properties, `name=value;name=value`, as PortaOne-* attributes and some PortaBilling_* pairs hold them (spec/radius.yaml, custom_to_server).

Lax in: blanks around names and values, quotes around values, names in any case, a blank for the hyphen in a name that print has lost ("max expires"); of a name
that repeats the last counts. Reading takes time in proportion to the text, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from portaswitch.wire.radius.avpair import unquote


def parse(text: str) -> dict[str, str]:
    """The properties by name, in lower case; a name without `=` has the value ''. What has no name is left out."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, sign, value = part.partition("=")
        name = name.strip().lower()
        if name:
            found["-".join(name.split()) if " " in name else name] = unquote(value) if sign else ""
    return found


def show(properties: Mapping[str, str]) -> str:
    """The list as sent: what `parse` reads as the same, unless names have `;`, `=` or capitals, or values `;`, quotes or blanks around them."""
    return ";".join([f"{name}={value}" for name, value in properties.items()])


def either(properties: Mapping[str, str], name: str) -> str | None:
    """A property that is printed with an underscore and with a hyphen (max_expires, max-expires); `name` has underscores."""
    value = properties.get(name)
    return properties.get(name.replace("_", "-")) if value is None else value


def number_of(party: str) -> str:
    """Who a party is: its id, else the number it shows (PortaOne-Calling-Party and its kin)."""
    properties = parse(party)
    return properties.get("id") or properties.get("display-id") or ""

"""From the entries of a catalogue file to service flags and rows of attribute values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from portaswitch.model.feature import OFF, ON, SECRET, read_values
from portaswitch.model.loading import Entry, Section, features_of
from portaswitch.store.arrays import Element, array
from portaswitch.store.loading_merge import Row, Shape

if TYPE_CHECKING:
    from portaswitch.store.loading_rows import Builder

OWNERS: Final[Mapping[Section, str]] = {Section.PRODUCTS: "i_product", Section.CUSTOMERS: "i_customer", Section.ACCOUNTS: "i_account"}
STATIC_IP: Final = "netaccess_static_ip"
_BLANK: Final = " "


def flags_of(builder: Builder, owner: Entry) -> dict[str, Element]:
    """The letters that a file names, in their places, blanks elsewhere; nothing when it names none. A static address is the feature's flag too."""
    said = {part.name: flag for part in owner.parts("features") if (flag := part.text("flag")) is not None}
    if "static_ip" in owner.values:
        said[STATIC_IP] = ON if owner.text("static_ip") else OFF
    known = features_of(builder.stock)
    places = {known[name].position: flag for name, flag in said.items()}
    if not places:
        return {}
    return {"service_flags": "".join(places.get(place, _BLANK) for place in range(1, max(places) + 1))}


def feature_values(builder: Builder) -> list[tuple[Section, Shape, list[Row]]]:
    """Values of attributes, a table's rows by kind of owner; an attribute without values keeps its row without elements."""
    known = features_of(builder.stock)
    found = []
    for section, column in OWNERS.items():
        shape = Shape("service_attribute_values", "i_savalue", (column, "i_attribute"), sealed=("sealed",))
        rows = []
        for owner in builder.file.of(section):
            number = builder.ids.of(section, owner.name)
            for part in owner.parts("features"):
                feature = known[part.name]
                for attribute in part.parts("attributes"):
                    values = read_values(feature, attribute.name, attribute.names("values"))
                    key = number, next(one.number for one in feature.attributes if one.name == attribute.name)
                    secret = (feature.name, attribute.name) in SECRET
                    named = {"value": array(()), "sealed": values[0] if values else None} if secret else {"value": array(values)}
                    rows.append(Row(owner.name, key, named, {"i_env": builder.file.i_env}))
        found.append((Section.FEATURE_VALUES, shape, rows))
    return found

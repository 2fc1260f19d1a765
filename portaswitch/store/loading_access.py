"""From the entries of a catalogue file to rows of Internet access: policies, address pools, static addresses of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from portaswitch.model.loading import Entry, Section
from portaswitch.store.arrays import Element
from portaswitch.store.loading_merge import Row, Shape

if TYPE_CHECKING:
    from portaswitch.store.loading_rows import Builder

POLICIES: Final = Shape("access_policies", "i_access_policy", ("i_env", "name"))
LEVELS: Final = Shape("access_policy_levels", "i_access_policy_level", ("i_access_policy", "level"))
PHASES: Final = Shape("access_policy_phases", "i_access_policy_phase", ("i_access_policy", "name"))
ATTRIBUTES: Final = Shape("access_policy_attributes", "i_access_policy_attribute", ("i_access_policy", "sort_order"))
POOLS: Final = Shape("ip_pools", "i_ip_pool", ("i_env", "name"))
STATIC: Final = Shape("service_attribute_values", "i_savalue", ("i_account", "i_attribute"))

STATIC_IP: Final = 3
"""i_attribute of netaccess_static_ip/address (51_features.sql)."""


def access_tables(builder: Builder) -> list[tuple[Section, Shape, list[Row]]]:
    """Policies with what is in them, and pools, in the order in which they can be written."""
    file = builder.file
    return [
        (Section.ACCESS_POLICIES, POLICIES, [builder.named(Section.ACCESS_POLICIES, entry) for entry in file.of(Section.ACCESS_POLICIES)]),
        (Section.LEVELS, LEVELS, list(_levels(builder))),
        (Section.PHASES, PHASES, list(_phases(builder))),
        (Section.ATTRIBUTES, ATTRIBUTES, list(_attributes(builder))),
        (Section.IP_POOLS, POOLS, [_pool(builder, entry) for entry in file.of(Section.IP_POOLS)]),
    ]


def static_addresses(builder: Builder) -> list[Row]:
    """Static addresses of accounts, which are values of a service attribute; null is a value without elements."""
    rows = []
    for entry in builder.file.of(Section.ACCOUNTS):
        if "static_ip" in entry.values:
            key = builder.ids.of(Section.ACCOUNTS, entry.name), STATIC_IP
            rows.append(Row(entry.name, key, {"value": f"{{{entry.text('static_ip') or ''}}}"}, {"i_env": builder.file.i_env}))
    return rows


def _parts(builder: Builder, key: str) -> Iterator[tuple[int | None, int, Entry]]:
    """The policy's id, the place (from 1) and the entry of everything under one key of the policies."""
    for policy in builder.file.of(Section.ACCESS_POLICIES):
        i_policy = builder.ids.of(Section.ACCESS_POLICIES, policy.name)
        for place, entry in enumerate(policy.parts(key), 1):
            yield i_policy, place, entry


def _levels(builder: Builder) -> Iterator[Row]:
    """A level stands as a whole: a speed that it does not name is unlimited."""
    for i_policy, _, entry in _parts(builder, "levels"):
        yield Row(entry.name, (i_policy, entry.name), {"upload_rate": None, "download_rate": None, **dict(builder.values_of(entry))})


def _phases(builder: Builder) -> Iterator[Row]:
    for i_policy, _, entry in _parts(builder, "phases"):
        yield Row(entry.name, (i_policy, entry.name), dict(builder.values_of(entry)))


def _attributes(builder: Builder) -> Iterator[Row]:
    """Attributes have no names of their own, as one may be added several times: they are known by their place in the list."""
    for i_policy, place, entry in _parts(builder, "attributes"):
        named: dict[str, Element] = {"level": None, "operator": "=", **dict(builder.values_of(entry, "group")), "group_name": entry.text("group")}
        yield Row(entry.text("name") or "", (i_policy, place), named)


def _pool(builder: Builder, entry: Entry) -> Row:
    row = builder.named(Section.IP_POOLS, entry)
    if "ranges" not in entry.values:
        return row
    parted = [word.partition("-") for word in entry.names("ranges")]
    listed: list[dict[str, str]] = [{"first": first, "last": last} for first, _, last in parted]
    return Row(row.name, row.key, {**row.named, "ranges": listed}, row.initial)

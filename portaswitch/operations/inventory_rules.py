"""Rules about what customers and accounts have: service features, add-ons, custom fields, devices, numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from portaswitch.model.custom_field import kept
from portaswitch.model.feature import Feature, flag_faults, read_values
from portaswitch.model.loading import Entry, Fault, Place, Section, custom_field, features_of
from portaswitch.operations.card_rules import owner
from portaswitch.operations.world import World

STATIC_IP: Final = "netaccess_static_ip"
FEATURED: Final = {Section.PRODUCTS: "product", Section.CUSTOMERS: "customer", Section.ACCOUNTS: "account"}
CUSTOM: Final = {Section.CUSTOMERS: "customer", Section.ACCOUNTS: "account", Section.SIM_CARDS: "sim_card"}
ALWAYS: Final = datetime.max.replace(tzinfo=UTC)


def features(world: World) -> Iterator[Fault]:
    """Features and attributes exist and take such flags and values; values count only where the flag is on."""
    known = features_of(world.stock)
    for section, kind in FEATURED.items():
        for entry, part in world.inner(section, "features"):
            feature = known.get(part.name)
            if feature is None:
                yield part.place.fault(f"is no service feature: there are {', '.join(sorted(known))}")
                continue
            yield from _flag(part, feature, kind)
            for attribute in part.parts("attributes"):
                yield from _values(attribute, feature)
            if section is Section.ACCOUNTS and feature.name == STATIC_IP:
                yield from _static(world, entry, part)


def _flag(part: Entry, feature: Feature, kind: str) -> Iterator[Fault]:
    flag = part.text("flag")
    if flag is not None:
        for reason in flag_faults(feature, kind, "" if flag == "-" else flag):
            yield part.place.find("flag").fault(reason)
    valued = [attribute for attribute in part.parts("attributes") if attribute.names("values")]
    if valued and (flag in ("~", "^", "-") or part.silent("flag")):
        yield part.place.find("attributes").fault("values count only where the flag is on: write flag: Y too")


def _values(attribute: Entry, feature: Feature) -> Iterator[Fault]:
    if attribute.is_unread:
        return
    try:
        read_values(feature, attribute.name, attribute.names("values"))
    except ValueError as reason:
        yield attribute.place.fault(str(reason))


def _static(world: World, account: Entry, part: Entry) -> Iterator[Fault]:
    """The address itself is the account's static_ip, whose rules it keeps, and is there exactly when the feature is on."""
    if any(attribute.name == "address" for attribute in part.parts("attributes")):
        yield part.place.find("attributes.address").fault("write it as static_ip of the account")
    flag, address = part.text("flag"), world.fact(Section.ACCOUNTS, account.name, "static_ip")
    if flag is not None and (flag == "Y") != bool(address):
        yield part.place.find("flag").fault(f"must agree with static_ip, which is {address or 'none'}: static_ip is enough")


def addons(world: World) -> Iterator[Fault]:
    """An add-on is an add-on product in the account's currency, and is had once at a time."""
    for account, addon in world.inner(Section.ACCOUNTS, "addons"):
        if not world.exists(Section.PRODUCTS, addon.name):
            yield addon.place.fault(f"{addon.name} is not among the products of the file or the database")
            continue
        if not _is_addon(world, addon.name):
            yield addon.place.fault(f"{addon.name} is a main product: an add-on is a product with addon: true")
        sold, own = (world.fact(section, name, "currency") for section, name in ((Section.PRODUCTS, addon.name), (Section.ACCOUNTS, account.name)))
        if sold is not None and own is not None and sold != own:
            yield addon.place.fault(f"{addon.name} is in {sold} and the account in {own}: they must agree")
        begin, end = addon.values.get("from"), addon.values.get("to")
        if not isinstance(begin, datetime):
            continue
        until = end if isinstance(end, datetime) else ALWAYS
        if until <= begin:
            yield addon.place.find("to").fault("is not after from")
        for other_begin, other_end in _periods(world, account.name, addon.name):
            if other_begin != begin and begin < other_end and other_begin < until:
                yield addon.place.find("from").fault(f"the account has it from {other_begin:%Y-%m-%dT%H:%M:%SZ} already: none is had twice at a time")


def _is_addon(world: World, product: str) -> bool:
    entry, known = world.entries[Section.PRODUCTS].get(product), world.known(Section.PRODUCTS, product)
    if entry is not None and not entry.silent("addon"):
        return bool(entry.values.get("addon", True))
    return known is not None and known.facts.get("addon") == "true"


def _periods(world: World, account: str, product: str) -> Iterator[tuple[datetime, datetime]]:
    known = world.known(Section.ADDONS, f"{account}\x1f{product}")
    for period in known.facts["periods"].split() if known is not None else ():
        begin, _, end = period.partition("/")
        yield datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else ALWAYS


def custom_fields(world: World) -> Iterator[Fault]:
    """A list has choices, nothing else has; a default is a value of the field."""
    for entry in world.file.of(Section.CUSTOM_FIELDS):
        if not entry.broken.isdisjoint(("type", "choices", "*")):
            continue
        kind, choices = custom_field(world.file, world.stock, entry.name)
        if (kind == "list") != bool(choices):
            yield entry.place.fault("a field of type list needs choices, and no other takes them")
        yield from _value(entry.place.find("default"), kind, choices, entry.text("default"))


def custom_values(world: World) -> Iterator[Fault]:
    """Values are of fields that there are, each of its type, and what is mandatory is not taken away."""
    for section, applies_to in CUSTOM.items():
        for _, part in world.inner(section, "custom"):
            name = f"{applies_to}.{part.name}"
            if not world.exists(Section.CUSTOM_FIELDS, name):
                yield part.place.fault(f"is no custom field of {applies_to}: add custom_fields: {{{applies_to}: {{{part.name}: ...}}}}, or correct the name")
                continue
            kind, choices = custom_field(world.file, world.stock, name)
            values = part.names("values")
            if len(values) > 1:
                yield part.place.fault("has one value")
            elif not values and not part.is_unread and _mandatory(world, name):
                yield part.place.fault("is mandatory: write a value")
            for text in values:
                yield from _value(part.place, kind, choices, text)


def _value(place: Place, kind: str, choices: tuple[str, ...], text: str | None) -> Iterator[Fault]:
    if text is None:
        return
    try:
        kept(kind, choices, text)
    except ValueError as reason:
        yield place.fault(f"{text[:60]} {reason}")


def _mandatory(world: World, name: str) -> bool:
    entry, known = world.entries[Section.CUSTOM_FIELDS].get(name), world.known(Section.CUSTOM_FIELDS, name)
    if entry is not None and not entry.silent("mandatory"):
        return bool(entry.values.get("mandatory"))
    return known is not None and known.facts["mandatory"] == "true"


def devices(world: World) -> Iterator[Fault]:
    """A device has the ports that accounts are on; MAC addresses and inventory ids are given once."""
    stock = world.stock.get(Section.CPES, {})
    for key, what in (("mac", "MAC address"), ("inventory_id", "inventory id")):
        holders = {known.facts[key]: name for name, known in stock.items() if known.facts[key] and not _renewed(world, name, key)}
        for device in world.file.of(Section.CPES):
            value = device.text(key)
            if value is not None and (other := holders.setdefault(value, device.name)) != device.name:
                yield device.place.find(key).fault(f"{value} is the {what} of {other} already")
    for device, port in world.inner(Section.CPES, "port_accounts"):
        known = world.known(Section.CPES, device.name)
        ports = device.values.get("ports", int(known.facts["ports"]) if known is not None else 1)
        if isinstance(ports, int) and int(port.name) > ports and "ports" not in device.broken:
            yield port.place.fault(f"{device.name} has {ports} ports")
        master = world.fact(Section.ACCOUNTS, port.text("account"), "alias_of")
        if master:
            yield port.place.find("account").fault(f"is an alias: name its account, {master}")


def _renewed(world: World, name: str, key: str) -> bool:
    entry = world.entries[Section.CPES].get(name)
    return entry is not None and not entry.silent(key)


def numbers(world: World) -> Iterator[Fault]:
    """A number on an account is of that account's customer, and one that somebody has is not frozen."""
    for number in world.file.of(Section.DIDS):
        yield from owner(world, number)
        if number.values.get("frozen") is True and (number.text("customer") or number.text("account")):
            yield number.place.find("frozen").fault("a frozen number is nobody's: it is given, or frozen")

"""Rules about addresses: pools don't overlap, and a static address is one account's and in no pool."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from portaswitch.model.loading import Fault, Section
from portaswitch.operations.world import World

#: First and last address, and the pool's name.
Range = tuple[IPv4Address, IPv4Address, str]


def pools(world: World) -> Iterator[Fault]:
    """No two pools, and no two ranges of one, have an address in common: a lease is known by its address."""
    seen = [found for name in _stocked(world) for found in _ranges(_words(world, name), name)]
    for pool in world.file.of(Section.IP_POOLS):
        for found in _ranges(pool.names("ranges"), pool.name):
            other = next((one for one in seen if found[0] <= one[1] and one[0] <= found[1]), None)
            if other is not None:
                yield pool.place.find("ranges").fault(f"{found[0]}-{found[1]} overlaps {other[0]}-{other[1]} of the pool {other[2]}: give each address once")
            seen.append(found)


def static_addresses(world: World) -> Iterator[Fault]:
    """A static address of the file is no other account's of the file or the stock, and lies in no pool, which would give it to somebody else."""
    ranges = [found for name in _stocked(world) for found in _ranges(_words(world, name), name)]
    ranges += [found for pool in world.file.of(Section.IP_POOLS) for found in _ranges(pool.names("ranges"), pool.name)]
    owners: dict[str, str] = {}
    for account in world.accounts():
        address = account.text("static_ip")
        if address is None:
            continue
        if owners.setdefault(address, account.name) != account.name:
            yield account.place.find("static_ip").fault(f"{address} is the static address of {owners[address]} already: give each once")
        pool = next((name for first, last, name in ranges if first <= IPv4Address(address) <= last), None)
        if pool is not None:
            yield account.place.find("static_ip").fault(f"{address} is in the pool {pool}, which gives it to others: take it out of the pool's ranges")


def _stocked(world: World) -> list[str]:
    """The pools of the database whose ranges the file leaves as they are."""
    written = world.entries[Section.IP_POOLS]
    return [name for name in world.stock.get(Section.IP_POOLS, {}) if name not in written or written[name].silent("ranges")]


def _words(world: World, name: str) -> tuple[str, ...]:
    known = world.known(Section.IP_POOLS, name)
    return tuple(known.facts["ranges"].split()) if known is not None else ()


def _ranges(words: tuple[str, ...], pool: str) -> Iterator[Range]:
    for word in words:
        first, _, last = word.partition("-")
        yield IPv4Address(first), IPv4Address(last), pool

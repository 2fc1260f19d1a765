"""Rules about copies of accounting: who gets them can be reached, and gets them from where they are made (docs/accounting-copies.rst)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from portaswitch.model.loading import Fault, Section
from portaswitch.operations.world import World


def collectors(world: World) -> Iterator[Fault]:
    """A collector has an address that a RADIUS client covers, whose secret signs the copies; it has no collector itself, nor has a Diameter peer one."""
    for node in world.file.of(Section.NODES):
        collector = node.text("accounting_copy")
        if collector is None or not world.exists(Section.NODES, collector):
            continue
        place = node.place.find("accounting_copy")
        if collector == node.name or world.fact(Section.NODES, collector, "accounting_copy"):
            yield place.fault(f"{collector} has a collector itself: copies of copies would go round")
        if any(world.fact(Section.NODES, node.name, key) for key in ("origin_host", "origin_realm")):
            yield place.fault("is for nodes that account by RADIUS: a Diameter peer does not")
        address = world.fact(Section.NODES, collector, "coa_address")
        if not address:
            yield place.fault(f"node {collector} has no coa_address: give it the address that copies are to go to")
        elif not _covered(world, address):
            yield place.fault(f"no entry of radius_clients covers {address}, the coa_address of node {collector}: its secret signs the copies")


def _covered(world: World, address: str) -> bool:
    names = world.names(Section.RADIUS_CLIENTS)
    return any(ip_address(address) in ip_network(name, strict=False) for name in names if _of_here(world, name))


def _of_here(world: World, client: str) -> bool:
    """Another environment's clients do not exist (DESIGN.md 3.11)."""
    known = world.known(Section.RADIUS_CLIENTS, client)
    return known is None or known.facts["environment"] == str(world.file.i_env)

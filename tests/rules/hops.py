"""
The seven hops of a packet: the names that a reader follows from the wire to the database and back, and
nothing between.

`datagramReceived` must reach decode, to_request, handle and to_reply by calls inside its own module alone;
the billing core and its queue (billing.core, billing.batch) must call decide and exchange themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from tests.rules.layers import imports
from tests.rules.source import Source, functions

#: In the order of the packet's way.
HOPS = (
    "portaswitch.endpoints.radius.RadiusProtocol.datagramReceived",
    "portaswitch.wire.radius.codec.decode",
    "portaswitch.endpoints.radius_request.to_request",
    "portaswitch.billing.core.Core.handle",
    "portaswitch.billing.session.decide",
    "portaswitch.store.ledger.Ledger.exchange",
    "portaswitch.endpoints.radius_reply.to_reply",
)

ENDPOINT = "portaswitch.endpoints.radius"
CORE = ("portaswitch.billing.core", "portaswitch.billing.batch")
#: What the endpoint calls on its way, and what core or queue call; a leading dot is a method of an interface.
FROM_ENDPOINT = (HOPS[1], HOPS[2], ".handle", HOPS[6])
FROM_CORE = (HOPS[4], ".exchange")


def hop_faults(modules: Mapping[str, Source]) -> list[str]:
    """The hops that are missing, and the steps between them that are not taken directly."""
    faults = [f"{hop} does not exist" for hop in HOPS if not _exists(modules, hop)]
    if faults:
        return faults
    endpoint = modules[ENDPOINT]
    called = _calls(endpoint, _reached(endpoint, HOPS[0].removeprefix(f"{ENDPOINT}.")))
    faults += [
        f"{HOPS[0]} does not lead to {hop} inside its module" for hop in FROM_ENDPOINT if hop not in called
    ]
    called = {
        name
        for module in CORE
        if module in modules
        for name in _calls(modules[module], [modules[module].tree])
    }
    return faults + [
        f"none of {', '.join(CORE)} calls {hop} itself" for hop in FROM_CORE if hop not in called
    ]


def _exists(modules: Mapping[str, Source], hop: str) -> bool:
    """Whether the longest module that starts the name defines its rest."""
    for module, source in modules.items():
        if hop.startswith(f"{module}.") and hop.removeprefix(f"{module}.") in dict(functions(source.tree)):
            return True
    return False


def _reached(source: Source, start: str) -> list[ast.AST]:
    """
    The functions of the module that `start` leads to: through self.name, callbacks included, or a plain name.
    """
    known = dict(functions(source.tree))
    holder = start.rpartition(".")[0]
    waiting, reached = [start], set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in known:
            continue
        reached.add(name)
        for node in ast.walk(known[name]):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            ):
                waiting.append(f"{holder}.{node.attr}")
            elif isinstance(node, ast.Name):
                waiting.append(node.id)
    return [known[name] for name in sorted(reached)]


def _calls(source: Source, nodes: list[ast.AST]) -> set[str]:
    """What is called below the nodes: imported names in full, methods with a leading dot."""
    full = {name.rpartition(".")[2]: name for _, name in imports(source)}
    return {name for node in nodes for call in ast.walk(node) for name in _callee(call, full)}


def _callee(node: ast.AST, full: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name):
        yield full.get(node.func.id, node.func.id)
    elif isinstance(node.func, ast.Attribute):
        yield f".{node.func.attr}"
        if isinstance(node.func.value, ast.Name) and node.func.value.id in full:
            yield f"{full[node.func.value.id]}.{node.func.attr}"

"""What is traced: an account, number, SIM, session, NAS or peer, and by what its lines are known."""

from __future__ import annotations

import json

from portaswitch.model.value import dataclass
from portaswitch.trace.line import TraceLine
from portaswitch.trace.watch import same

KINDS = ("account", "number", "imsi", "session", "nas", "peer")


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What is asked for. `names`: account ids, the number, the IMSI, session ids, the node's name or the peer's address, by `kind`; `i_account` (0: none),
    `i_nodes` of a NAS or peer. `cards`: names of nodes whose users are card numbers, which are shown only where they are asked for;
    `sessions` (node and id) that are known to be meant, whoever their lines name.
    """

    kind: str
    i_env: int
    name: str
    names: frozenset[str]
    i_account: int = 0
    i_nodes: tuple[int, ...] = ()
    cards: frozenset[str] = frozenset()
    sessions: frozenset[tuple[str, str]] = frozenset()

    def means(self, line: TraceLine) -> bool:
        """Whether a line is of this subject."""
        if line.env not in (0, self.i_env):
            return False
        if (self.i_account and line.account == self.i_account) or (line.node, line.session) in self.sessions:
            return True
        match self.kind:
            case "account" | "imsi":
                return line.user in self.names or line.imsi in self.names
            case "number":
                return line.user in self.names or any(same(dialled, self.name) for dialled in (line.called, line.calling))
            case "session":
                return line.session in self.names
            case "nas":
                return line.node in self.names
        return line.peer.rpartition(":")[0] in self.names or line.peer in self.names or line.node in self.names

    def needles(self) -> tuple[bytes, ...]:
        """Octets of which a line of a log that is meant has one: most lines need not be understood for that."""
        names = [json.dumps(name)[1:-1].encode() for name in (*self.names, *[session for _, session in self.sessions])]
        return (*names, b'"account":%d,' % self.i_account, b'"account":%d}' % self.i_account) if self.i_account else tuple(names)

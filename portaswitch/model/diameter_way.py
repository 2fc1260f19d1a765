"""By whom a Diameter host is reached that is not connected itself."""

from __future__ import annotations

from datetime import timedelta

from portaswitch.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """`agent`, a peer of the node `i_node`, brought a request of `host` (in `realm`), the last one `age` ago; names in small letters."""

    agent: str
    host: str
    realm: str
    i_node: int
    age: timedelta = timedelta()

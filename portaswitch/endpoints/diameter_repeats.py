"""
Requests of Diameter clients that come again while we still remember them (RFC 6733 5.5.4: End-to-End Identifier and Origin-Host).

One that comes while its first is in the core waits for the same decision; one that was answered lately gets that answer made anew, for its own connection and
identifiers. Older ones, those with longer names than clients give, and those that another process answered, are the ledger's to know (DESIGN.md 3.4).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from portaswitch.wire.diameter.datatypes import REMEMBERED
from portaswitch.wire.diameter.message import Message

#: Who asked what: a client that uses an End-to-End Identifier twice has asked two things all the same.
Key = tuple[object, ...]
Asker = TypeVar("Asker")
Answer = TypeVar("Answer")


def key_of(message: Message) -> Key:
    """The key of a request."""
    get = message.get
    return (
        get("Origin-Host"), message.end_to_end, get("Session-Id"), get("CC-Request-Type"), get("CC-Request-Number"), get("CC-Sub-Session-Id"),
    )  # fmt: skip


class Repeats(Generic[Asker, Answer]):
    """Askers wait under the key of what they ask; the last `most` answers are kept."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._waiting: dict[Key, list[Asker]] = {}
        self._answers: OrderedDict[Key, Answer] = OrderedDict()

    def answer(self, key: Key) -> Answer | None:
        """What was answered, None where nothing was or it is forgotten."""
        return self._answers.get(key)

    def join(self, key: Key, asker: Asker) -> bool:
        """Wait for what is asked already; False: nobody has asked, the asker has to."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [asker]
            return False
        waiting.append(asker)
        return True

    def settle(self, key: Key, answer: Answer | None) -> list[Asker]:
        """It is answered (None: it failed, and the next one is a new try); gives all who waited."""
        if answer is not None and all([not isinstance(part, str) or len(part) <= REMEMBERED for part in key]):
            self._answers[key] = answer
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return self._waiting.pop(key, [])

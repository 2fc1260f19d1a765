"""The template engine: requests of a vendor as data, here of one who gives ids of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.options import Reading
from portaswitch.handler import AssignRemoteId, EventHandler, Http, Record, Reply, Sim, Subscriber
from portaswitch.handler.testing import event, handler_of, play
from tests.rules.source import ROOT

URL = {"url": "http://vendor.example.com"}
SIM = Sim(1, "001010000000001")
LINE = Subscriber(7, 1, "447700900121", 3, "Ann", features=frozenset({"lte"}), sim=SIM)
OPERATIONS = {
    "create": {"method": "POST", "path": "/subs", "body": '{"imsi": "${imsi}"}', "capture": r'"id": *"(\w+)"'},
    "update": {"method": "PUT", "path": "/subs/${remote_id}", "body": '{"imsi": "${imsi}"}'},
    "resume": {"method": "POST", "path": "/subs/${remote_id}/resume"},
    "delete": {"method": "DELETE", "path": "/subs/${remote_id}"},
}  # fmt: skip
MADE = Reply(201, '{"id": "s7"}')


def aricent() -> EventHandler:
    """A shipped handler."""
    return handler_of(ROOT / "handlers" / "aricent_hss.py")


class RemoteIdTests(SynchronousTestCase):
    """An id that the vendor gives with its first answer."""

    def told(self, record: Record, *replies: Reply) -> Sequence[Any]:
        """What the handler yields: requests as their first words, and ids."""
        handler = aricent().configured(Reading(aricent(), {**URL, "operations": OPERATIONS}).values)
        yielded = play(handler, event("Account/SIMCardAssignment"), LINE, record, replies)
        return [f"{one.method} {one.path}" if isinstance(one, Http) else one for one in yielded]

    def test_goes_with_what_follows(self) -> None:
        """Requests of the same pass have it in them."""
        self.assertEqual(self.told(Record(), MADE), ["POST /subs", AssignRemoteId("s7"), "POST /subs/s7/resume"])

    def test_of_another_sim(self) -> None:
        """The id of what is deleted is not the one of what is made in its place."""
        told = self.told(Record("s1", {"imsi": ("001010000000009",)}, b"state"), Reply(204), MADE)
        self.assertEqual(told, ["DELETE /subs/s1", "POST /subs", AssignRemoteId("s7"), "POST /subs/s7/resume"])

    def test_lost(self) -> None:
        """Where the answer with the id was lost, the request is made once more: an update would go by no id."""
        told = self.told(Record("", {"imsi": (SIM.imsi,)}), Reply(409, MADE.body))
        self.assertEqual(told, ["POST /subs", AssignRemoteId("s7"), "PUT /subs/s7", "POST /subs/s7/resume"])

    def test_known(self) -> None:
        """What is there is updated by its id."""
        self.assertEqual(self.told(Record("s7", {"imsi": (SIM.imsi,)}, b"state")), ["PUT /subs/s7", "POST /subs/s7/resume"])

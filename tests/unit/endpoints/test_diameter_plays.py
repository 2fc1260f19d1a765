"""The plays of `diameter-test`: requests that the map understands, and answers in words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.diameter_plays import Play, Subscriber, steps, successful, understood
from portaswitch.wire.diameter.codec import decode, encode
from portaswitch.wire.diameter.dictionary import Dictionary
from portaswitch.wire.diameter.message import Group, Message, Pair

DICTIONARY = Dictionary.standard()


def cca(*pairs: Pair) -> Message:
    """An answer."""
    answer = Message(0x40, 272, 4, 1, 1)
    answer.body.pairs.extend(pairs)
    answer.get = dict(reversed(answer.body.pairs)).get
    return answer


class PlayTests(SynchronousTestCase):
    """What is sent and what is told."""

    def test_sound(self) -> None:
        """Every step is a sound CCR."""
        for play in Play:
            for number, step in enumerate(steps(play, Subscriber("380630000001", "380938508705"))):
                body: list[Pair] = [("Session-Id", "s"), ("Origin-Host", "a.b"), ("Origin-Realm", "b"), ("Destination-Realm", "b"), ("Auth-Application-Id", 4)]
                body += [("Service-Context-Id", step.context), ("CC-Request-Type", step.kind), ("CC-Request-Number", number), *step.pairs]
                message = decode(encode(0xC0, 272, 4, 1, 1, body, DICTIONARY), DICTIONARY)
                self.assertIsNone(message.fault)
                self.assertEqual(DICTIONARY.word("CC-Request-Type", message.integer("CC-Request-Type") or 0), step.kind)

    def test_understood(self) -> None:
        """Grants, refusals and last units, by group and for the whole."""
        good = Group([("Granted-Service-Unit", Group([("CC-Time", 30)])), ("Rating-Group", 1), ("Validity-Time", 60), ("Result-Code", 2001)])
        last: Pair = ("Final-Unit-Indication", Group([("Final-Unit-Action", 0)]))
        bad = Group([("Rating-Group", 2), ("Service-Identifier", 3), ("Result-Code", 4012), last])
        answer = cca(("Result-Code", 2001), ("Multiple-Services-Credit-Control", good), ("Multiple-Services-Credit-Control", bad))
        told = [
            "the answer is 2001 (DIAMETER_SUCCESS)", "Rating-Group 1: 30 s granted for 60 s",
            "Rating-Group 2, Service-Identifier 3: 4012 (DIAMETER_CREDIT_LIMIT_REACHED)",
            "Rating-Group 2, Service-Identifier 3: these are the last units, then TERMINATE",
        ]  # fmt: skip
        self.assertEqual((understood(answer, DICTIONARY), successful(answer)), (told, False))
        whole = cca(("Result-Code", 2001), ("Granted-Service-Unit", Group([("CC-Service-Specific-Units", 1)])))
        self.assertEqual(understood(whole, DICTIONARY)[1:], ["1 units granted"])
        self.assertTrue(successful(whole))
        refused = cca(("Result-Code", 5030), ("Error-Message", "nobody"))
        self.assertEqual(understood(refused, DICTIONARY), ["the answer is 5030 (DIAMETER_USER_UNKNOWN)", "because: nobody"])

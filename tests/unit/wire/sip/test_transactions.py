"""The transaction machines of RFC 3261 17, RFC 4320 and RFC 6026, with times as arguments (milliseconds)."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.sip.build import answer, to_octets
from portaswitch.wire.sip.fault import Fault
from portaswitch.wire.sip.message import Request
from portaswitch.wire.sip.table import ROWS, TIMERS, Act, Event, Kind, State, Timer
from portaswitch.wire.sip.transaction import Deliver, Failed, Output, Send, Transaction
from portaswitch.wire.sip.transactions import Transactions, branch_of, client_key, server_key
from portaswitch.wire.sip.wheel import NEVER
from tests.unit.wire.sip.making import BOB, BRANCH, asked, asking, replied, replying, telling

FEW = settings(max_examples=200, deadline=None)
INVITE = {"Via": f"SIP/2.0/UDP 198.51.100.7:5060;branch={BRANCH}"}


def shown(outputs: list[Output] | Fault) -> list[str]:
    """Outputs in a word each: the start of what is sent, what is delivered, what failed; a fault by its reason."""
    if isinstance(outputs, Fault):
        return [outputs.reason]
    words = []
    for output in outputs:
        match output:
            case Send():
                words.append("send " + output.octets.partition(b"\r\n")[0].decode().replace("SIP/2.0 ", "")[:7].strip())
            case Deliver():
                words.append("deliver " + (output.message.method if isinstance(output.message, Request) else str(output.message.known.cseq.method)))
            case Failed():
                words.append(output.trouble.value)
    return words


class Layer(Transactions):
    """A layer with a clock: `run` fires what is due until a time, and tells when what was sent."""

    now = 0

    def take(self, octets: bytes, reliable: bool = False) -> list[Output] | Fault:
        """A message comes in now."""
        found = asked(octets) if not octets.startswith(b"SIP/") else replied(octets)
        return self.received(found, "peer", reliable, self.now)

    def run(self, until: int) -> list[tuple[int, str]]:
        """Let time pass."""
        seen = []
        while (when := self.soonest) <= until:
            seen += [(when, word) for word in shown(self.advance(when))]
        self.now = until
        return seen

    def next(self) -> int | None:
        """When the next timer of a transaction fires."""
        return min((transaction.earliest for group in (self._servers, self._clients) for transaction in group.values()), default=None)


def begun(outputs: list[Output] | Fault) -> Transaction:
    """The transaction of the first output."""
    assert isinstance(outputs, list)
    return outputs[0].transaction


class ServerTests(SynchronousTestCase):
    """The non-INVITE server, 17.2.2."""

    def test_answer_again(self) -> None:
        """The user sees one request; each retransmission gets the same octets, until Timer J."""
        layer = Layer()
        outputs = layer.take(telling())
        self.assertEqual(shown(outputs), ["deliver MESSAGE"])
        self.assertEqual(layer.take(telling()), [])  # in Trying: absorbed
        server = begun(outputs)
        request = server.request
        sent = layer.answered(server, answer(request, 202), 100)
        self.assertRaises(ValueError, getattr, server, "request")  # 32 s of requests are not kept
        layer.now = 200
        again = layer.take(telling())
        assert isinstance(again, list)
        self.assertEqual(
            (shown(sent), [one.octets for one in again if isinstance(one, Send)]), (["send 202 Acc"], [one.octets for one in sent if isinstance(one, Send)])
        )
        self.assertEqual(layer.answered(server, answer(request, 500), 300), [])  # a second final answer is discarded
        self.assertEqual((layer.run(32099), len(layer)), ([], 1))
        self.assertEqual((layer.run(32100), len(layer), layer.next()), ([], 0, None))
        self.assertEqual(shown(layer.take(telling())), ["deliver MESSAGE"])

    def test_reliable(self) -> None:
        """On a connection Timer J is zero: the transaction ends with its answer."""
        layer = Layer()
        server = begun(layer.take(telling(), reliable=True))
        self.assertEqual(shown(layer.answered(server, answer(server.request, 200), 5)), ["send 200 OK"])
        self.assertEqual((len(layer), layer.next()), (0, None))

    def test_slow_user(self) -> None:
        """RFC 4320: a 100 after 3.5 s, never 408, nothing at all after 32 s."""
        layer = Layer()
        server = begun(layer.take(telling()))
        self.assertEqual(layer.run(3499), [])
        self.assertEqual(layer.run(3500), [(3500, "send 100 Try")])
        self.assertEqual(shown(layer.take(telling())), ["send 100 Try"])
        self.assertEqual((layer.run(60000), len(layer)), ([], 0))
        self.assertEqual(layer.answered(server, answer(server.request, 200), 60000), [])

    def test_transport_error(self) -> None:
        """17.2.4: the user hears that its answer may not have arrived."""
        layer = Layer()
        server = begun(layer.take(telling(), reliable=True))
        layer.answered(server, answer(server.request, 100), 0)
        self.assertEqual((shown(layer.broken("other", 1)), shown(layer.broken("peer", 1)), len(layer)), ([], ["transport"], 0))
        self.assertEqual(layer._streams, {})

    def test_dismissed(self) -> None:
        """8.2.7: an answer of which nothing is kept, whatever the method; the request again is a new one."""
        layer = Layer()
        for octets in (telling(), asking("INVITE"), telling()):
            for reliable in (False, True):
                server = begun(layer.take(octets, reliable))
                self.assertEqual(shown(layer.dismissed(server, answer(server.request, 405), 0)), ["send 405 Met"])
                self.assertEqual((len(layer), layer._streams), (0, {}))
        self.assertEqual((layer.run(100000), layer.soonest), ([], NEVER))

    def test_limit(self) -> None:
        """One transaction too many is a 503; a retransmission never is."""
        layer = Layer(limit=1)
        layer.take(telling())
        fault = layer.take(telling(changes={"Via": "SIP/2.0/UDP h;branch=z9hG4bKother"}))
        assert isinstance(fault, Fault)
        self.assertEqual((fault.status, fault.more, layer.take(telling())), (503, (("Retry-After", "5"),), []))


class MatchingTests(SynchronousTestCase):
    """17.1.3 and 17.2.3."""

    def test_cookie(self) -> None:
        """Branch, sent-by and method; all else may differ. Letters of a branch count."""
        key = server_key(asked(asking("MESSAGE")))
        self.assertEqual(key, server_key(asked(asking("MESSAGE", {"Call-ID": "x", "From": "sip:a@h"}))))
        for other in (asking("OPTIONS"), asking("MESSAGE", {"Via": f"SIP/2.0/UDP 198.51.100.8:5060;branch={BRANCH}"}),
                      asking("MESSAGE", {"Via": f"SIP/2.0/UDP 198.51.100.7;branch={BRANCH}x"}),
                      asking("MESSAGE", {"Via": f"SIP/2.0/UDP 198.51.100.7:5060;branch={BRANCH.replace('a1', 'A1')}"})):  # fmt: skip
            self.assertNotEqual(key, server_key(asked(other)))
        self.assertEqual(key, server_key(asked(asking("MESSAGE", {"Via": f"SIP/2.0/UDP 198.51.100.7;branch={BRANCH}"}))))  # 5060 is the default

    def test_without_cookie(self) -> None:
        """RFC 2543: everything must be equal."""
        old: dict[str, str | None] = {"Via": "SIP/2.0/UDP 198.51.100.7;branch=1"}
        key = server_key(asked(asking("MESSAGE", old)))
        self.assertEqual(key, server_key(asked(asking("MESSAGE", old))))
        for change in (
            {"Via": "SIP/2.0/UDP 198.51.100.7;branch=2"},
            {"From": "sip:a@h;tag=2"},
            {"To": f"{BOB};tag=2"},
            {"Call-ID": "x"},
            {"CSeq": "12 MESSAGE"},
        ):
            self.assertNotEqual(key, server_key(asked(asking("MESSAGE", {**old, **change}))), change)
        self.assertNotEqual(key, server_key(asked(asking("MESSAGE", old, target="sip:other.example"))))

    def test_strays(self) -> None:
        """ACKs and responses of no transaction are dropped."""
        layer = Layer()
        for octets, reason in ((asking("ACK"), "stray-ack"), (replying(), "stray-response")):
            fault = layer.take(octets)
            assert isinstance(fault, Fault)
            self.assertEqual((fault.reason, fault.dropped), (reason, True))
        self.assertEqual(len(layer), 0)


class InviteTests(SynchronousTestCase):
    """The INVITE server, 17.2.1 and RFC 6026, as far as refusals need it."""

    def refused(self, layer: Layer, changes: dict[str, str | None], reliable: bool = False) -> list[str]:
        """An INVITE that is answered 405."""
        server = begun(layer.take(asking("INVITE", changes), reliable))
        return shown(layer.answered(server, answer(server.request, 405), layer.now))

    def test_refusal(self) -> None:
        """The refusal is sent again by Timer G, and for the INVITE again, until the ACK; then all is absorbed until Timer I."""
        for changes in ({"Via": INVITE["Via"]}, {"Via": "SIP/2.0/UDP 198.51.100.7"}):
            layer, given = Layer(), dict[str, str | None](changes)
            self.assertEqual(self.refused(layer, given), ["send 405 Met"])
            self.assertEqual(layer.run(1600), [(500, "send 405 Met"), (1500, "send 405 Met")])
            self.assertEqual(shown(layer.take(asking("INVITE", given))), ["send 405 Met"])
            self.assertEqual(layer.take(asking("ACK", {**given, "To": f"{BOB};tag=ours"})), [])
            self.assertEqual((layer.take(asking("ACK", given)), layer.take(asking("INVITE", given))), ([], []))
            self.assertEqual((layer.run(6599), len(layer)), ([], 1))
            self.assertEqual((layer.run(6600), len(layer)), ([], 0))

    def test_no_ack(self) -> None:
        """G grows to T2; Timer H tells the user at 32 s."""
        layer = Layer()
        self.refused(layer, {})
        seen = layer.run(40000)
        self.assertEqual([when for when, word in seen if word == "send 405 Met"], [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
        self.assertEqual((seen[-1], len(layer)), ((32000, "timeout"), 0))

    def test_reliable(self) -> None:
        """On a connection nothing is sent again, and the ACK ends it."""
        layer = Layer()
        self.refused(layer, {}, reliable=True)
        self.assertEqual((layer.run(31000), layer.take(asking("ACK")), len(layer)), ([], [], 0))

    def test_accepted(self) -> None:
        """RFC 6026: after a 2xx the INVITE again is absorbed, an ACK goes to the user, a transport error leaves the state."""
        layer = Layer()
        server = begun(layer.take(asking("INVITE"), reliable=True))
        self.assertEqual(shown(layer.answered(server, answer(server.request, 180), 0)), ["send 180 Rin"])
        self.assertEqual(shown(layer.take(asking("INVITE"))), ["send 180 Rin"])
        self.assertEqual(shown(layer.answered(server, answer(server.request, 200), 0)), ["send 200 OK"])
        self.assertEqual((layer.take(asking("INVITE")), shown(layer.take(asking("ACK"))), shown(layer.broken("peer", 1))), ([], ["deliver ACK"], ["transport"]))
        self.assertEqual((server.state, layer.run(32000), len(layer)), (State.ACCEPTED, [], 0))


class ClientTests(SynchronousTestCase):
    """The non-INVITE client, 17.1.2."""

    def start(self, layer: Layer, reliable: bool = False) -> list[Output] | Fault:
        """Send a MESSAGE."""
        return layer.asked(asked(telling()), "peer", reliable, layer.now)

    def test_lost(self) -> None:
        """E doubles to T2, F ends it after 32 s."""
        layer = Layer()
        self.assertEqual(shown(self.start(layer)), ["send MESSAGE"])
        seen = layer.run(40000)
        self.assertEqual([when for when, word in seen if word == "send MESSAGE"], [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
        self.assertEqual((seen[-1], len(layer), layer.next()), ((32000, "timeout"), 0, None))

    def test_reliable(self) -> None:
        """On a connection nothing is sent again; the answer ends it."""
        layer = Layer()
        self.start(layer, reliable=True)
        self.assertEqual((layer.run(31000), shown(layer.take(replying())), len(layer)), ([], ["deliver MESSAGE"], 0))

    def test_answers(self) -> None:
        """A 100 slows E down to T2; the final answer comes once, its retransmissions are absorbed for 5 s."""
        layer = Layer()
        client = begun(self.start(layer))
        layer.run(600)
        self.assertEqual(shown(layer.take(replying("100 Trying"))), ["deliver MESSAGE"])
        self.assertEqual(layer.run(9600), [(1500, "send MESSAGE"), (5500, "send MESSAGE"), (9500, "send MESSAGE")])
        self.assertIsNotNone(client._last)
        self.assertEqual((shown(layer.take(replying("404 Not Found"))), layer.take(replying("404 Not Found"))), (["deliver MESSAGE"], []))
        self.assertIsNone(client._last)
        self.assertEqual((layer.run(14599), len(layer)), ([], 1))
        self.assertEqual((layer.run(14600), len(layer)), ([], 0))

    def test_whose(self) -> None:
        """A response of another branch or method is none of it."""
        layer = Layer()
        self.start(layer)
        for other in (replying(method="OPTIONS"), replying(changes={"Via": "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx"})):
            self.assertEqual(shown(layer.take(other)), ["stray-response"])

    def test_transport_error(self) -> None:
        """17.1.4."""
        layer = Layer()
        self.start(layer, reliable=True)
        self.assertEqual((shown(layer.broken("peer", 1)), len(layer)), (["transport"], 0))

    def test_misuse(self) -> None:
        """A branch in use, an old one, an INVITE: defects of the caller. Too many are a fault."""
        layer = Layer(limit=1)
        self.start(layer)
        for octets in (telling(), telling(changes={"Via": "SIP/2.0/UDP h;branch=x"}), asking("INVITE", {"Via": "SIP/2.0/UDP h;branch=z9hG4bK1"})):
            self.assertRaises(ValueError, layer.asked, asked(octets), "peer", False, 0)
        self.assertEqual(shown(layer.asked(asked(telling(changes={"Via": f"SIP/2.0/UDP h;branch={branch_of(b'xy')}"})), "peer", False, 0)), ["overload"])
        self.assertEqual(client_key(asked(telling())), (BRANCH, "MESSAGE"))


class TableTests(SynchronousTestCase):
    """The table itself, and what holds on any way through it."""

    def test_whole(self) -> None:
        """Each state with timers ends by one of them; what a row resends was sent; no state is a dead end."""
        for kind, rows in ROWS.items():
            states = {state for state, _ in rows}
            self.assertEqual({state for state, _ in rows.values()} - states, {State.TERMINATED})
            for (state, event), (_, acts) in rows.items():
                if isinstance(event, Timer):
                    self.assertIn(event, TIMERS[kind, state])
                if Act.SEND in acts and kind is Kind.CLIENT:
                    self.fail("a client sends its request on starting only")
            for state in states:
                ends = [event for (one, event), (after, _) in rows.items() if one is state and after is State.TERMINATED]
                self.assertTrue(ends, (kind, state))

    @FEW
    @given(
        st.lists(st.sampled_from(["ask", "ack", "answer", "error", 100, 500, 5000, 33000]), max_size=20), st.sampled_from(["MESSAGE", "INVITE"]), st.booleans()
    )
    def test_any_way(self, steps: list[str | int], method: str, reliable: bool) -> None:
        """
        Whatever comes in whatever order: one delivery per transaction, one final answer's octets, timers never in the past, and in the end nothing is left
        but an INVITE unanswered.
        """
        layer, finals, delivered, heard = Layer(), dict[int, set[bytes]](), list[Transaction](), list[Any]()
        for step in steps:
            outputs: list[Output] | Fault = []
            if isinstance(step, int):
                layer.run(layer.now + step)
            elif step == "ask":
                outputs = layer.take(asking(method), reliable)
            elif step == "ack" and method == "INVITE":
                outputs = layer.take(asking("ACK"), reliable)
            elif step == "answer" and delivered:
                outputs = layer.answered(delivered[-1], answer(heard[-1], 486, reason=f"No {layer.now}"), layer.now)
            elif step == "error":
                outputs = layer.broken("peer", layer.now)
            for output in outputs if isinstance(outputs, list) else ():
                if isinstance(output, Deliver):
                    self.assertNotIn(output.transaction, delivered)
                    delivered.append(output.transaction)
                    heard.append(output.message)
                elif isinstance(output, Send) and not output.octets.startswith(b"SIP/2.0 100"):
                    finals.setdefault(id(output.transaction), set()).add(output.octets)
            due = layer.next()
            self.assertTrue(due is None or due > layer.now)
        self.assertTrue(all(len(sent) == 1 for sent in finals.values()))
        layer.run(layer.now + 100000)
        self.assertTrue(len(layer) == 0 or (method == "INVITE" and delivered[-1].state is State.PROCEEDING))

    def test_no_waste(self) -> None:
        """A flood of retransmissions leaves no trace; stopped timers of ended transactions are thrown away in time."""
        layer = Layer()
        for place in range(3000):
            octets = telling(changes={"Via": f"SIP/2.0/TCP h;branch=z9hG4bK{place}"})
            server = begun(layer.take(octets, reliable=True))
            layer.take(octets, reliable=True)
            layer.answered(server, answer(server.request, 200), 0)
        self.assertEqual(len(layer), 0)
        self.assertLess(len(layer._due), 4200)

    def test_events(self) -> None:
        """An event without a row changes nothing, and sends nothing."""
        transaction = Transaction(Kind.SERVER, "key", asked(telling()), "peer", False)
        transaction.begin(0)
        before = transaction.again, transaction.ends
        for event in (Event.ACK, Event.REQUEST, Timer.K):
            self.assertEqual((transaction.happens(event, 1), transaction.state, (transaction.again, transaction.ends)), ([], State.TRYING, before))
        self.assertTrue(to_octets(transaction.request).startswith(b"MESSAGE "))

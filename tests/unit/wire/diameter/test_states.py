"""The tables of RFC 6733 5.6 and RFC 3539 3.4.1, row by row."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.wire.diameter.states import TABLE, Action, Event, State
from portaswitch.wire.diameter.watchdog import Duty, Health, Watchdog

#: RFC 6733 5.6: state, event, actions, next state. Process-CER is done before, so it isn't an action here.
RFC = """
Closed              Start            I-Snd-Conn-Req      Wait-Conn-Ack
Closed              R-Conn-CER       R-Accept,R-Snd-CEA  R-Open
Wait-Conn-Ack       I-Rcv-Conn-Ack   I-Snd-CER           Wait-I-CEA
Wait-Conn-Ack       I-Rcv-Conn-Nack  Cleanup             Closed
Wait-Conn-Ack       R-Conn-CER       R-Accept            Wait-Conn-Ack-Elect
Wait-Conn-Ack       Timeout          Error               Closed
Wait-I-CEA          I-Rcv-CEA        Process-CEA         I-Open
Wait-I-CEA          R-Conn-CER       R-Accept,Elect      Wait-Returns
Wait-I-CEA          I-Peer-Disc      I-Disc              Closed
Wait-I-CEA          I-Rcv-Non-CEA    Error               Closed
Wait-I-CEA          Timeout          Error               Closed
Wait-Conn-Ack-Elect I-Rcv-Conn-Ack   I-Snd-CER,Elect     Wait-Returns
Wait-Conn-Ack-Elect I-Rcv-Conn-Nack  R-Snd-CEA           R-Open
Wait-Conn-Ack-Elect R-Peer-Disc      R-Disc              Wait-Conn-Ack
Wait-Conn-Ack-Elect R-Conn-CER       R-Reject            Wait-Conn-Ack-Elect
Wait-Conn-Ack-Elect Timeout          Error               Closed
Wait-Returns        Win-Election     I-Disc,R-Snd-CEA    R-Open
Wait-Returns        I-Peer-Disc      I-Disc,R-Snd-CEA    R-Open
Wait-Returns        I-Rcv-CEA        R-Disc,Process-CEA  I-Open
Wait-Returns        R-Peer-Disc      R-Disc              Wait-I-CEA
Wait-Returns        R-Conn-CER       R-Reject            Wait-Returns
Wait-Returns        Timeout          Error               Closed
R-Open              Send-Message     Snd-Message         R-Open
R-Open              R-Rcv-Message    Process             R-Open
R-Open              R-Rcv-DWR        Process-DWR         R-Open
R-Open              R-Rcv-DWA        Process-DWA         R-Open
R-Open              R-Conn-CER       R-Reject            R-Open
R-Open              Stop             Snd-DPR             Closing
R-Open              R-Rcv-DPR        Snd-DPA             Closing
R-Open              R-Peer-Disc      R-Disc              Closed
I-Open              Send-Message     Snd-Message         I-Open
I-Open              I-Rcv-Message    Process             I-Open
I-Open              I-Rcv-DWR        Process-DWR         I-Open
I-Open              I-Rcv-DWA        Process-DWA         I-Open
I-Open              R-Conn-CER       R-Reject            I-Open
I-Open              Stop             Snd-DPR             Closing
I-Open              I-Rcv-DPR        Snd-DPA             Closing
I-Open              I-Peer-Disc      I-Disc              Closed
Closing             I-Rcv-DPA        I-Disc              Closed
Closing             R-Rcv-DPA        R-Disc              Closed
Closing             Timeout          Error               Closed
Closing             I-Peer-Disc      I-Disc              Closed
Closing             R-Peer-Disc      R-Disc              Closed
"""


def name(text: str) -> str:
    """The RFC's word as an enumeration has it."""
    return text.upper().replace("-", "_")


class PeerTableTests(SynchronousTestCase):
    """RFC 6733 5.6."""

    def test_rows(self) -> None:
        """Every row of the RFC, and no other."""
        rows = {}
        for line in RFC.split("\n"):
            if line:
                state, event, actions, following = line.split()
                rows[State[name(state)], Event[name(event)]] = (
                    tuple(Action[name(action)] for action in actions.split(",")),
                    State[name(following)],
                )
        self.assertEqual(len(rows), 43)
        self.assertEqual(dict(TABLE), rows)


class WatchdogTests(SynchronousTestCase):
    """RFC 3539 3.4.1, with a Tw of 10 s and no jitter."""

    def watchdog(self, health: Health = Health.OKAY) -> Watchdog:
        """One in a state, since the time 0."""
        watchdog = Watchdog(10, lambda: 0)
        if health is Health.INITIAL:
            return watchdog
        self.assertEqual(watchdog.up(0), [])
        if health is Health.SUSPECT:
            self.assertEqual(watchdog.expired(0), [Duty.SEND_DWR])
            self.assertEqual(watchdog.expired(0), [])
        elif health is not Health.OKAY:
            watchdog.lost()
        if health is Health.REOPEN:
            self.assertEqual(watchdog.up(0), [Duty.SEND_DWR])
        self.assertIs(watchdog.health, health)
        return watchdog

    def test_initial(self) -> None:
        """The first connection is trusted at once."""
        watchdog = self.watchdog(Health.INITIAL)
        self.assertIsNone(watchdog.deadline)
        self.assertEqual(watchdog.up(5), [])
        self.assertEqual((watchdog.health, watchdog.deadline), (Health.OKAY, 15))

    def test_traffic(self) -> None:
        """Anything that comes moves the timer; no DWR goes while there is traffic."""
        watchdog = self.watchdog()
        watchdog.heard(7)
        self.assertEqual((watchdog.health, watchdog.deadline), (Health.OKAY, 17))

    def test_silence(self) -> None:
        """A DWR, then suspicion, then the end."""
        watchdog = self.watchdog()
        self.assertEqual(watchdog.expired(10), [Duty.SEND_DWR])
        self.assertEqual((watchdog.health, watchdog.pending, watchdog.deadline), (Health.OKAY, True, 20))
        self.assertEqual(watchdog.expired(20), [])
        self.assertEqual((watchdog.health, watchdog.deadline), (Health.SUSPECT, 30))
        self.assertEqual(watchdog.expired(30), [Duty.CLOSE])

    def test_suspect(self) -> None:
        """An answer or any traffic clears it; only an answer ends the wait for one."""
        watchdog = self.watchdog(Health.SUSPECT)
        watchdog.heard(1)
        self.assertEqual((watchdog.health, watchdog.pending), (Health.OKAY, True))
        watchdog = self.watchdog(Health.SUSPECT)
        watchdog.answered(1)
        self.assertEqual((watchdog.health, watchdog.pending), (Health.OKAY, False))

    def test_reopen(self) -> None:
        """A peer that was down is trusted at the third answer."""
        watchdog = self.watchdog(Health.REOPEN)
        for now in (1, 2):
            watchdog.answered(now)
            self.assertIs(watchdog.health, Health.REOPEN)
            self.assertEqual(watchdog.expired(now), [Duty.SEND_DWR])
        watchdog.answered(3)
        self.assertIs(watchdog.health, Health.OKAY)

    def test_answers_of_a_peer_on_trial_move_no_timer(self) -> None:
        """The table of RFC 3539 has no SetWatchdog() there: the next DWR goes out Tw after the last."""
        watchdog = self.watchdog(Health.REOPEN)
        watchdog.answered(9)
        self.assertEqual(watchdog.deadline, 10)

    def test_reopen_without_answers(self) -> None:
        """Two timers without an answer end it; traffic does not help."""
        watchdog = self.watchdog(Health.REOPEN)
        watchdog.heard(9)
        self.assertEqual((watchdog.health, watchdog.deadline), (Health.REOPEN, 10))
        self.assertEqual(watchdog.expired(10), [])
        self.assertEqual(watchdog.expired(20), [Duty.CLOSE])

    def test_lost(self) -> None:
        """Without a connection there is no timer, and nothing moves it."""
        watchdog = self.watchdog()
        watchdog.lost()
        self.assertEqual((watchdog.health, watchdog.deadline), (Health.DOWN, None))
        self.assertEqual(watchdog.expired(9) + watchdog.heard(9) + watchdog.answered(9), [])
        self.assertIsNone(watchdog.deadline)

    def test_jitter_and_least(self) -> None:
        """The jitter is added; under 6 s is refused."""
        watchdog = Watchdog(6, lambda: -1.5)
        watchdog.up(0)
        self.assertEqual(watchdog.deadline, 4.5)
        self.assertRaises(ValueError, Watchdog, 5.9, lambda: 0)

"""Reports without Class in front of the core: what is looked up, what is remembered, and what passes as it is."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from portaswitch.endpoints.radius_joined import JoinedSessions
from portaswitch.errors import DatabaseDown
from portaswitch.interfaces.billing import IBilling
from portaswitch.interfaces.session_names import ISessionNames
from portaswitch.model.request import AAARequest, Decision, Kind
from tests.unit.builders import kept, request

PORT = kept(nas_port="7")


@implementer(ISessionNames, IBilling)
class Fake:
    """Answers each look-up with `name` (None: the database is down), and keeps what was asked and what came to the core."""

    def __init__(self) -> None:
        self.name: str | None = "auth-1"
        self.asked: list[str] = []
        self.handled: list[str] = []

    def made_up(self, request: AAARequest) -> Deferred[str]:
        """See `ISessionNames.made_up`."""
        self.asked.append(request.session)
        return fail(DatabaseDown("down")) if self.name is None else succeed(self.name)

    def handle(self, request: AAARequest) -> Deferred[Decision]:
        """See `IBilling.handle`."""
        self.handled.append(request.session)
        return succeed(Decision())


class JoinedTests(SynchronousTestCase):
    """One core and one table."""

    def setUp(self) -> None:
        """Both new."""
        self.fake = Fake()
        self.joined = JoinedSessions(self.fake, self.fake)

    def test_interface(self) -> None:
        """It stands where the core does."""
        verifyObject(IBilling, self.joined)

    def test_joined(self) -> None:
        """Looked up at the Start and remembered for the rest; a further Start is looked up anew; where nothing is found the name stays."""
        for kind in (Kind.START, Kind.UPDATE, Kind.UPDATE, Kind.STOP):
            self.successResultOf(self.joined.handle(request(kind, "n1", kept=PORT)))
        self.assertEqual((self.fake.asked, self.fake.handled), (["n1"], ["auth-1"] * 4))
        self.fake.name = ""
        for kind in (Kind.START, Kind.STOP):
            self.successResultOf(self.joined.handle(request(kind, "n1", kept=PORT)))
        self.assertEqual((self.fake.asked, self.fake.handled[4:]), (["n1"] * 2, ["n1"] * 2))

    def test_name_of_another_user(self) -> None:
        """A node that has restarted gives its names again: where the Start got lost, who has the name now is not taken for who had it before."""
        asked = request(Kind.START, "n1", kept=PORT)
        self.successResultOf(self.joined.handle(asked))
        self.fake.name = ""
        for kind in (Kind.UPDATE, Kind.STOP):
            self.successResultOf(self.joined.handle(replace(asked, kind=kind, parties=replace(asked.parties, user="another"))))
        self.assertEqual((self.fake.asked, self.fake.handled), (["n1"] * 2, ["auth-1", "n1", "n1"]))

    def test_left_alone(self) -> None:
        """With Class, of no port (calls have none), and what is no report."""
        asked = request(Kind.STOP, "n1", kept=PORT)
        for one in (replace(asked, kept={**PORT, "class": "00"}), replace(asked, kept={}), replace(asked, kind=Kind.ON_OFF), replace(asked, kind=Kind.EXPIRE)):
            self.successResultOf(self.joined.handle(one))
        self.assertEqual((self.fake.asked, self.fake.handled), ([], ["n1"] * 4))

    def test_no_database(self) -> None:
        """Nothing is remembered and nothing handled: the node asks again."""
        self.fake.name = None
        self.failureResultOf(self.joined.handle(request(Kind.START, "n1", kept=PORT)), DatabaseDown)
        self.assertEqual(self.fake.handled, [])
        self.fake.name = "auth-2"
        self.successResultOf(self.joined.handle(request(Kind.STOP, "n1", kept=PORT)))
        self.assertEqual(self.fake.handled, ["auth-2"])

"""The simulated Sandvine SPB against documented requests, good and bad, by octets."""

from __future__ import annotations

import base64

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.simulators.core import Fault
from tests.simulators.sandvine_spb import NAMESPACE, PATH, SandvineSpb
from tests.unit.simulators.octets import Answer, ask

REALM = "<SubscriberRealmKey><Name>DEFAULT</Name></SubscriberRealmKey>"


def key(name: str) -> str:
    """A SubscriberKey."""
    return f"<SubscriberKey><Name>{name}</Name>{REALM}</SubscriberKey>"


def definition(name: str) -> str:
    """A SubscriberAttributeDefinitionKey."""
    return f"<SubscriberAttributeDefinitionKey><Name>{name}</Name></SubscriberAttributeDefinitionKey>"


def attribute(name: str, attribute_name: str, value: str) -> str:
    """A value to be set."""
    inner = f"{key(name)}{definition(attribute_name)}<Value>{value}</Value>"
    return f"<SetSubscriberAttributeParameterSet>{inner}</SetSubscriberAttributeParameterSet>"


class SpbTests(SynchronousTestCase):
    """The broker."""

    def setUp(self) -> None:
        self.spb = SandvineSpb(Clock())

    def post(self, name: str, inner: str, namespace: str = NAMESPACE) -> Answer:
        """A request."""
        body = f'<q0:{name}Request xmlns:q0="{namespace}">{inner}</q0:{name}Request>'
        text = f'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>{body}</S:Body></S:Envelope>'
        return ask(self.spb, "POST", PATH, text.encode(), 'SOAPAction: ""', "Content-Type: text/xml")

    def done(self, name: str, inner: str) -> str:
        """A request that is done; the body of the answer."""
        answer = self.post(name, inner)
        self.assertEqual(answer.status, 200)
        self.assertIn(f'<spb:{name}Response xmlns:spb="{NAMESPACE}"><Result>Success</Result>', answer.body)
        return answer.body

    def refused(self, name: str, inner: str, why: str) -> None:
        """A request that is refused by a fault."""
        answer = self.post(name, inner)
        self.assertEqual(answer.status, 500)
        self.assertIn("<detail><spb:WsValidationException", answer.body)
        self.assertIn(f"<faultstring>{why}", answer.body)

    def set(self, *sets: str, behaviour: str = "AllowPartialFailure", create: str = "false") -> Answer:
        """A bulk setting of attributes."""
        inner = f"<BulkOperationFailureBehaviour>{behaviour}</BulkOperationFailureBehaviour>"
        inner += f"<SetSubscriberAttributeParameterSets>{''.join(sets)}</SetSubscriberAttributeParameterSets>"
        return self.post("SetSubscriberAttributes", f"{inner}<ResultOnly>true</ResultOnly><SubscriberAutoCreate>{create}</SubscriberAutoCreate>")

    def test_life(self) -> None:
        """Created, renamed, deleted, each once."""
        self.done("CreateSubscriber", f"{REALM}<Name>alice</Name>")
        self.refused("CreateSubscriber", f"{REALM}<Name>alice</Name>", "subscriber already exists: alice")
        self.done("CreateSubscriber", f"{REALM}<Name>bob</Name>")
        self.refused("ModifySubscriber", f"{key('alice')}<Name>bob</Name>", "subscriber already exists: bob")
        self.done("ModifySubscriber", f"{key('alice')}<Name>carol</Name>")
        self.refused("ModifySubscriber", f"{key('alice')}<Name>dave</Name>", "subscriber not found: alice")
        self.assertIn("<Name>carol</Name>", self.done("LookupSubscriber", key("carol")))
        self.done("DeleteSubscriber", key("carol"))
        self.refused("DeleteSubscriber", key("carol"), "subscriber not found: carol")

    def test_realm(self) -> None:
        """A realm that is not there, or not named."""
        self.refused("CreateSubscriber", "<SubscriberRealmKey><Name>OTHER</Name></SubscriberRealmKey><Name>alice</Name>", "realm not found")
        self.refused("CreateSubscriber", "<Name>alice</Name>", "realm not found")

    def test_create_on_the_way(self) -> None:
        """With SubscriberAutoCreate the setting may be repeated as often as one likes."""
        for _ in range(2):
            answer = self.set(attribute("alice", "Policy", "gold"), attribute("alice", "UpLimit", "5000"), create="true")
            self.assertIn("<Result>Success</Result><BulkStatistics><Total>2</Total><Success>2</Success><Failure>0</Failure>", answer.body)
        self.assertEqual(self.spb.subscribers["alice"].attributes, {"Policy": "gold", "UpLimit": "5000"})
        self.assertIn("<Value>gold</Value>", self.done("LookupSubscriber", key("alice")))

    def test_partial(self) -> None:
        """Some are set, the others are named; all or nothing sets none."""
        self.done("CreateSubscriber", f"{REALM}<Name>alice</Name>")
        sets = attribute("alice", "Policy", "gold"), attribute("bob", "Policy", "gold")
        answer = self.set(*sets, behaviour="AllOrNothing")
        self.assertIn("<Result>Failure</Result>", answer.body)
        self.assertEqual(self.spb.subscribers["alice"].attributes, {})
        answer = self.set(*sets)
        self.assertEqual(answer.status, 200)
        self.assertIn("<Result>Partial</Result><PartialFailures><PartialFailure><SubscriberKey><Name>bob</Name>", answer.body)
        self.assertIn("<Total>2</Total><Success>1</Success><Failure>1</Failure>", answer.body)
        self.assertEqual(self.spb.subscribers["alice"].attributes, {"Policy": "gold"})
        self.assertIn("<Result>Failure</Result>", self.set(sets[1]).body)

    def test_definitions(self) -> None:
        """An attribute that nobody defined is a fault of the whole call."""
        answer = self.set(attribute("alice", "Elephant", "1"), create="true")
        self.assertEqual(answer.status, 500)
        self.assertIn("<spb:WsValidationException", answer.body)
        self.assertEqual(self.spb.subscribers, {})
        self.done("LookupSubscriberAttributeDefinition", definition("Policy"))
        self.refused("LookupSubscriberAttributeDefinition", definition("Elephant"), "attribute definition not found")

    def test_remove(self) -> None:
        """An attribute that is set."""
        self.set(attribute("alice", "Policy", "gold"), create="true")
        sets = f"<RemoveSubscriberAttributeParameterSet>{key('alice')}{definition('Policy')}</RemoveSubscriberAttributeParameterSet>"
        inner = f"<RemoveSubscriberAttributeParameterSets>{sets}</RemoveSubscriberAttributeParameterSets>"
        self.done("RemoveSubscriberAttributes", inner)
        self.assertIn("attribute is not set", self.post("RemoveSubscriberAttributes", inner).body)

    def test_addresses(self) -> None:
        """One address is one subscriber's; SubscriberSingleIp takes the others away."""
        for name in ("alice", "bob"):
            self.done("CreateSubscriber", f"{REALM}<Name>{name}</Name>")
        assign = "<AssignIpParameterSet>{}<IpEndpoint><IpAddress>{}</IpAddress></IpEndpoint>{}</AssignIpParameterSet>"
        single = "<SubscriberSingleIp>true</SubscriberSingleIp>"
        self.done("AssignIp", assign.format(key("alice"), "192.0.2.1", single))
        self.done("AssignIp", assign.format(key("alice"), "192.0.2.2", single))
        self.assertEqual(self.spb.subscribers["alice"].addresses, ["192.0.2.2"])
        self.done("AssignIps", f"<AssignIpParameterSets>{assign.format(key('bob'), '192.0.2.2', '')}</AssignIpParameterSets>")
        self.assertNotIn("IpAddress", self.done("IpAssignmentsForSubscriber", key("alice")))
        self.assertIn("<IpAddress>192.0.2.2</IpAddress>", self.done("IpAssignmentsForSubscriber", key("bob")))
        self.refused("AssignIp", assign.format(key("bob"), "192.0.2.999", ""), "invalid address")
        self.refused("AssignIp", assign.format(key("carol"), "192.0.2.3", ""), "subscriber not found")
        gone = "<IpEndpoint><IpAddress>192.0.2.2</IpAddress></IpEndpoint>"
        self.done("UnassignIp", gone)
        self.refused("UnassignIp", gone, "address is not assigned")

    def test_wrong(self) -> None:
        """Qualified children, other operations and namespaces, other paths."""
        for name, inner, namespace in (
            ("CreateSubscriber", f'<q0:Name>alice</q0:Name>{REALM}', NAMESPACE),
            ("CreateElephant", "", NAMESPACE),
            ("CreateSubscriber", f"{REALM}<Name>alice</Name>", "urn:other"),
        ):
            answer = self.post(name, inner, namespace)
            self.assertEqual(answer.status, 500)
            self.assertIn("<faultcode>soapenv:Client</faultcode>", answer.body)
        self.assertEqual(ask(self.spb, "POST", "/", b"").status, 404)
        self.assertEqual(ask(self.spb, "GET", PATH).status, 405)

    def test_basic(self) -> None:
        """Where a site asks for a password."""
        spb = SandvineSpb(Clock(), user="spb", password="made-up")
        self.assertEqual(ask(spb, "POST", PATH, b"<x/>").status, 401)
        right = "Authorization: Basic " + base64.b64encode(b"spb:made-up").decode()
        self.assertEqual(ask(spb, "POST", PATH, b"<x/>", right).status, 500)

    def test_faults(self) -> None:
        """The switches."""
        self.spb.faults.on(Fault.BUSY, 1)
        self.assertIn("server too busy", self.post("CreateSubscriber", f"{REALM}<Name>alice</Name>").body)
        self.spb.faults.on(Fault.WRONG_PASSWORD, 1)
        self.assertEqual(self.post("CreateSubscriber", f"{REALM}<Name>alice</Name>").status, 401)
        self.assertEqual(self.spb.subscribers, {})
        self.spb.faults.lose_every = 1
        self.assertEqual(self.post("CreateSubscriber", f"{REALM}<Name>alice</Name>").status, 0)
        self.assertEqual(list(self.spb.subscribers), ["alice"])
        self.assertEqual(self.spb.asked[0].fields, {"SubscriberRealmKey.Name": "DEFAULT", "Name": "alice"})

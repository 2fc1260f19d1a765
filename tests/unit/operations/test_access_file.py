"""Access policies, address pools and static addresses in a catalogue file: what is read, and what is refused where."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.model.loading import Section
from portaswitch.operations.load import faults
from tests.unit.operations.files import GOOD, file_of, stock_of

FINE = """\
access_policies:
  Home:
    captive_portal: https://portal.example/
    levels: {regular: {upload_rate: 1000}}
    phases: {Nights: {period: "hr{1am-5am}", level: turbo}}
    attributes: [{group: lte, name: qci, value: "9"}]
ip_pools:
  Pool: {ranges: [10.20.0.0/24, 10.21.0.10-10.21.0.99, 10.22.0.1, 10.23.0.0/31]}
"""
WRONG = """\
access_policies:
  Home:
    captive_portal: ftp://portal.example/
    levels: {slow: {upload_rate: 1000}, limited: {upload_rate: 0}}
    phases: {Nights: {period: "hr{1am-25}", level: turbo}, Days: {period: "hr{9}"}}
    attributes: [{group: lte, name: qci}]
ip_pools:
  One: {ranges: [10.0.0.0/24, 10.0.0.128/25]}
  Two: {ranges: [10.9.0.7-10.9.0.9]}
  Three: {ranges: [10.0.1.9-10.0.1.1, 10.0.1.1/24, fe80::/64]}
  Four: {ranges: []}
  Five: {lease_time: 100}
nodes: {Gate: {nas_ip: 192.0.2.1, ip_pool: Onne}}
accounts:
  "100": {customer: Shop, product: Card, model: debit, static_ip: 10.9.0.8, access_policy: Work}
  "102": {customer: Shop, product: Card, model: debit, static_ip: 192.0.2.7}
  "103": {customer: Shop, product: Card, model: debit, static_ip: 192.0.2.7}
"""
FOUND = """\
3: access_policies.Home.captive_portal: ftp://portal.example/ is not a URL
4: access_policies.Home.levels.slow: 'slow' is not one of
4: access_policies.Home.levels.limited.upload_rate: 0 is out of range
5: access_policies.Home.phases.Nights.period: 'hr{1am-25}' is not a period: character 8: 25 is no value of hr
5: access_policies.Home.phases.Days: needs level
6: access_policies.Home.attributes[0]: needs value
8: ip_pools.One.ranges: 10.0.0.129-10.0.0.254 overlaps 10.0.0.1-10.0.0.254 of the pool One
9: ip_pools.Two.ranges: 10.9.0.7-10.9.0.9 overlaps 10.9.0.1-10.9.0.9 of the pool Old
10: ip_pools.Three.ranges[0]: 10.0.1.9-10.0.1.1 is a range whose end lies before its beginning
10: ip_pools.Three.ranges[1]: 10.0.1.1/24 is neither a network
10: ip_pools.Three.ranges[2]: fe80::/64 is neither a network
11: ip_pools.Four.ranges: the list is too short
12: ip_pools.Five: is new: it needs ranges
13: nodes.Gate.ip_pool: Onne is not among the ip_pools
15: accounts.100.static_ip: 10.9.0.8 is in the pool Old
15: accounts.100.access_policy: Work is not among the access_policies
17: accounts.103.static_ip: 192.0.2.7 is the static address of 102 already
"""


class AccessFileTests(SynchronousTestCase):
    """The grammar and its rules."""

    def test_a_good_file(self) -> None:
        """No fault; networks stand for their hosts, ranges for all that they name."""
        file = file_of(GOOD + FINE)
        self.assertEqual(faults(file, stock_of()), [])
        (pool,) = file.of(Section.IP_POOLS)
        self.assertEqual(
            pool.names("ranges"), ("10.20.0.1-10.20.0.254", "10.21.0.10-10.21.0.99", "10.22.0.1-10.22.0.1", "10.23.0.0-10.23.0.1")
        )

    def test_all_faults_at_once(self) -> None:
        """Each at its place."""
        stock = stock_of(
            ip_pools={"Old": {"ranges": "10.9.0.1-10.9.0.9"}}, customers={"Shop": {"type": "retail", "currency": "CAD"}},
            products={"Card": {"currency": "CAD"}},
        )  # fmt: skip
        found = [line.split(":", 1)[1] for line in faults(file_of(WRONG), stock)]
        expected = FOUND.splitlines()
        self.assertEqual(len(found), len(expected), "\n".join(found))
        for line, wanted in zip(found, expected, strict=True):
            number, _, reason = wanted.partition(": ")
            self.assertTrue(line.startswith(f"{number}:") and reason in line, f"{line}\n{wanted}")

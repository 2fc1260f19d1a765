"""Listen strings."""

from __future__ import annotations

from pathlib import Path

from portaswitch.config.listen import Listen, ListenAddress, split
from tests.unit.config.test_values import KindCase


class ListenTests(KindCase):
    """What a listen string says."""

    kind = Listen("udp", "tcp", "tls")

    def test_udp_and_tcp(self) -> None:
        """Transport, port and interface."""
        self.assertEqual(
            self.taken(self.kind, "udp:5060:interface=127.0.0.1"), ListenAddress("udp", 5060, "127.0.0.1")
        )
        self.assertEqual(self.taken(self.kind, "tcp:0:interface=0.0.0.0"), ListenAddress("tcp", 0, "0.0.0.0"))

    def test_loopback_without_interface(self) -> None:
        """Nothing is open by omission."""
        self.assertEqual(self.taken(self.kind, "tcp:8080"), ListenAddress("tcp", 8080, "127.0.0.1"))

    def test_ipv6(self) -> None:
        """In brackets, or with escaped colons as Twisted writes it."""
        self.assertEqual(
            self.taken(self.kind, '"udp:5060:interface=[::1]"'), ListenAddress("udp", 5060, "::1")
        )
        self.assertEqual(
            self.taken(self.kind, "'udp:5060:interface=\\:\\:1'"), ListenAddress("udp", 5060, "::1")
        )

    def tls(self, mode: int = 0o600) -> str:
        """A tls string with files that are there."""
        for name, bits in (("a:c.pem", 0o644), ("key.pem", mode)):
            (self.folder / name).write_text("PEM")
            (self.folder / name).chmod(bits)
        return f"'tls:5061:certificate={self.folder}/a\\:c.pem:key={self.folder}/key.pem'"

    def test_tls(self) -> None:
        """With the absolute paths of its files."""
        folder = Path(self.folder).absolute()
        expected = ListenAddress("tls", 5061, "127.0.0.1", folder / "a:c.pem", folder / "key.pem")
        self.assertEqual(self.taken(self.kind, self.tls()), expected)

    def test_a_public_key_file_is_refused(self) -> None:
        """A private key that every user can read is none."""
        self.assertIn("which every user can read: chmod o-r it", self.refused(self.kind, self.tls(0o644)))

    def test_written_as_read(self) -> None:
        """`str` gives a string that is read as the same address."""
        for written in ("udp:5060:interface=127.0.0.1", '"tcp:1:interface=[::1]"', self.tls()):
            address = self.taken(self.kind, written)
            self.assertEqual(self.taken(self.kind, f"'{address}'"), address)

    def test_refusals(self) -> None:
        """Each says what is wrong with which part."""
        for written, part in (
            ("sctp:3868", "is not a listen string: write udp:PORT:interface=ADDRESS or tcp:"),
            ("udp", "is not a listen string"),
            ('""', "is not a listen string"),
            ('"udp:1:interface=[::1"', "is not a listen string"),
            ("'udp:1\\'", "is not a listen string"),
            ("udp:70000", "is wrong: '70000' is not a port"),
            ("tcp:1:interface=localhost", "is wrong: 'localhost' is not an IPv4 or IPv6 address"),
            ("tcp:1:interfaces=127.0.0.1", "has the unknown option interfaces: tcp takes interface"),
            ("tcp:1:key=/a", "has the unknown option key: tcp takes interface"),
            ("tcp:1:interface", "is not NAME=VALUE"),
            ("tcp:1:interface=::1", "is not NAME=VALUE"),
            ("tcp:1:interface=127.0.0.1:interface=127.0.0.2", "or is there twice"),
            ("tls:1:certificate=/no/such.pem", "lacks key=PATH, which tls needs"),
            ("tls:1:certificate=/no/such.pem:key=/no/such.key", "names /no/such.pem, which is no file"),
        ):
            self.assertIn(part, self.refused(self.kind, written))
        self.assertIn("is not a listen string: write tcp:PORT", self.refused(Listen("tcp"), "udp:1"))

    def test_split(self) -> None:
        """Brackets and backslashes keep their colons."""
        self.assertEqual(split("a:b\\:c:[d:e]:"), ["a", "b:c", "[d:e]", ""])
        self.assertEqual(split("a]b"), [])

    def test_clashes(self) -> None:
        """Same protocol and port, same or wildcard address; tls is tcp."""
        here = ListenAddress("tcp", 80, "127.0.0.1")
        for other, expected in (
            (here, True),
            (ListenAddress("udp", 80, "127.0.0.1"), False),
            (ListenAddress("tls", 80, "127.0.0.1"), True),
            (ListenAddress("tcp", 80, "0.0.0.0"), True),
            (ListenAddress("tcp", 80, "127.0.0.2"), False),
            (ListenAddress("tcp", 80, "::"), False),
            (ListenAddress("tcp", 81, "127.0.0.1"), False),
        ):
            self.assertEqual((here.clashes(other), other.clashes(here)), (expected, expected), str(other))
        free = ListenAddress("tcp", 0)
        self.assertFalse(free.clashes(free))

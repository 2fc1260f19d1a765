"""Sealing of secrets: what comes back, what is refused, and what never shows."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.errors import StartError
from portaswitch.store.secrets import Sealer, SealError

KEY = bytes(range(32))
"""A key for tests."""


class SealTests(SynchronousTestCase):
    """Values sealed with keys given by hand."""

    @given(st.text())
    def test_round_trip(self, text: str) -> None:
        """Any text comes back, and its octets do not show in the sealed form."""
        sealer = Sealer({1: KEY})
        sealed = sealer.seal(text)
        self.assertEqual(sealer.open(sealed), text)
        self.assertEqual(len(sealed), 1 + 12 + len(text.encode()) + 16)

    def test_same_text_differs(self) -> None:
        """Two subscribers with the same PIN can't be told from the sealed values."""
        sealer = Sealer({1: KEY})
        self.assertNotEqual(sealer.seal("1234"), sealer.seal("1234"))

    def test_memoryview(self) -> None:
        """psycopg2 gives bytea as a memoryview."""
        sealer = Sealer({1: KEY})
        self.assertEqual(sealer.open(memoryview(sealer.seal("x"))), "x")

    def test_every_octet_counts(self) -> None:
        """A change of any octet, the key id's too, is refused; so is a cut value."""
        sealer = Sealer({1: KEY, 2: KEY})
        sealed = sealer.seal("465B5CE8B199B49FAA5F0A2EE238A6BC")
        for place in range(len(sealed)):
            changed = bytearray(sealed)
            changed[place] ^= 3
            self.assertRaises(SealError, sealer.open, bytes(changed))
            self.assertRaises(SealError, sealer.open, sealed[:place])

    def test_unknown_key(self) -> None:
        """The error names the key that is missing."""
        error = self.assertRaises(SealError, Sealer({1: KEY}).open, Sealer({9: KEY}).seal("x"))
        self.assertIn("sealed with key 9", str(error))

    def test_derived(self) -> None:
        """Whoever has the newest key has the same octets for a purpose, and others for another one; they are not the key."""
        made = Sealer({1: bytes(32), 2: KEY}).derived("nonces")
        self.assertEqual((made, len(made)), (Sealer({2: KEY}).derived("nonces"), 32))
        self.assertEqual(len({made, KEY, Sealer({2: KEY}).derived("cookies"), Sealer({2: bytes(32)}).derived("nonces")}), 4)

    def test_nothing_shows(self) -> None:
        """Neither repr nor an error holds a key or a text."""
        sealer = Sealer({1: KEY})
        self.assertEqual(repr(sealer), "<Sealer with keys [1]>")
        error = self.assertRaises(SealError, Sealer({1: bytes(32)}).open, sealer.seal("hidden-text"))
        self.assertNotIn("hidden", f"{error!r} {error.__cause__!r}")


class KeyFileTests(SynchronousTestCase):
    """The key file."""

    def setUp(self) -> None:
        """A folder without one."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "secret.key"

    def written(self, text: str, mode: int = 0o600) -> None:
        """Makes the key file."""
        self.path.write_text(text)
        self.path.chmod(mode)

    def refused(self, *words: str) -> None:
        """Loading fails with an error that holds these words."""
        error = self.assertRaises(StartError, Sealer.load, self.path)
        for word in words:
            self.assertIn(word, str(error))

    def test_made_when_missing(self) -> None:
        """Mode 0600, no other file left beside it, and the second load opens what the first sealed."""
        sealed = Sealer.load(self.path).seal("x")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual([file.name for file in self.path.parent.iterdir()], ["secret.key"])
        self.assertEqual(Sealer.load(self.path).open(sealed), "x")

    def test_open_to_others(self) -> None:
        """A key that others can read is refused, with the command that mends it."""
        Sealer.load(self.path)
        for mode in (0o640, 0o604, 0o660):
            self.path.chmod(mode)
            self.refused(f"mode {mode:04o}", f"chmod 600 {self.path}")

    def test_rotation(self) -> None:
        """The new key seals, the old one still opens, and what is to be sealed again can be told."""
        old = Sealer.load(self.path).seal("x")
        sealer = Sealer.rotate(self.path)
        new = sealer.seal("x")
        self.assertEqual((sealer.open(old), sealer.open(new)), ("x", "x"))
        self.assertEqual((sealer.is_current(old), sealer.is_current(new)), (False, True))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(Sealer.load(self.path).open(new), "x")

    def test_faults(self) -> None:
        """Each fault names the file and the line, and shows nothing of a key."""
        good = f"1 {KEY.hex()}\n"
        for text in ("1 abcd\n", "256" + good[1:], "x" + good[1:], good + good, good[2:], "-1" + good[1:]):
            self.written(text)
            line = 2 if text == good + good else 1
            self.refused(f"secret.key, line {line}: must be a key id")
            self.assertNotIn(KEY.hex(), str(self.assertRaises(StartError, Sealer.load, self.path)))
        self.written("# nothing here\n\n")
        self.refused("holds no key")

    def test_comments(self) -> None:
        """Comments and empty lines may be there; the last key seals."""
        self.written(f"# keys of the laboratory\n\n7 {KEY.hex()}\n3 {bytes(32).hex()}\n")
        self.assertEqual(Sealer.load(self.path).seal("x")[0], 3)

"""What is said when a port can't be had. (Ports themselves are opened in tests/server.)"""

from __future__ import annotations

import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.endpoints.listen import taken


class TakenTests(SynchronousTestCase):
    """One line: what, where, why, and what to do."""

    def test_reasons(self) -> None:
        """The three usual reasons with their advice, any other in the system's words, one without a number too."""
        said = {number: taken("RADIUS auth", "udp", "10.0.0.9", 1812, OSError(number, "x")) for number in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL)}
        for text in said.values():
            self.assertTrue(text.startswith("RADIUS auth: "), text)
            self.assertNotIn("\n", text)
        self.assertIn("udp port 1812 on 10.0.0.9 is taken by another process", said[errno.EADDRINUSE])
        self.assertIn("needs rights that this user has not", said[errno.EACCES])
        self.assertIn("10.0.0.9 is no address of this machine", said[errno.EADDRNOTAVAIL])
        self.assertIn(os.strerror(errno.ENOBUFS), taken("HTTP", "tcp", "::", 80, OSError(errno.ENOBUFS, "x")))
        self.assertEqual(taken("HTTP", "tcp", "::", 80, OSError("odd")), "HTTP: tcp port 80 on ::: odd")

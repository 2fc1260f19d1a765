"""
FreeRADIUS's PAM module, driven by pamtester: the log-in of a machine that asks us.

PAM reads its services from /etc/pam.d only, so pamtester runs where a folder of ours is mounted there: in a mount namespace of its own, which nothing outlives.
"""

from __future__ import annotations

import os

from tests.interop.foreign import PASSWORD, USER, ForeignCase
from tests.server.harness import SECRET

MODULE = "/lib/x86_64-linux-gnu/security/pam_radius_auth.so"
MOUNTED = 'mount --bind "$1" /etc/pam.d && exec /usr/bin/pamtester machine "$2" authenticate'


class PamTests(ForeignCase):
    """A real log-in."""

    async def login(self, user: str, password: str, secret: str = SECRET.decode(), options: str = "client_id=ap") -> str:
        """What pamtester prints."""
        folder = self.world.folder / "pam.d"
        folder.mkdir(exist_ok=True)
        servers = self.world.folder / "pam_radius.conf"
        servers.write_text(f"127.0.0.1:{self.world.port('auth')} {secret} 3\n")
        (folder / "machine").write_text(f"auth required pam_radius_auth.so conf={servers} retry=0 {options}\n")
        mapped = () if os.geteuid() == 0 else ("--map-root-user",)
        return await self.run_program("/usr/bin/unshare", "--mount", *mapped, "/bin/sh", "-c", MOUNTED, "sh", str(folder), user, stdin=f"{password}\n")

    async def test_accepted(self) -> None:
        """The right password."""
        told = await self.login(USER, PASSWORD)
        self.assertIn("successfully authenticated", told)
        self.assertIn("status 0", told)

    async def test_refused(self) -> None:
        """A wrong password, an unknown user, no password: told so by us, and not by a timeout."""
        for user, password in ((USER, "guess"), ("nobody", PASSWORD), (USER, "")):
            told = await self.login(user, password)
            self.assertIn("Authentication failure", told, user)
            self.assertIn("status 1", told, user)

    async def test_long_password(self) -> None:
        """More than one block of 16 octets: hidden block by block (RFC 2865 5.2)."""
        told = await self.login(USER, PASSWORD + "x" * 40)
        self.assertIn("Authentication failure", told)

"""
Two EAP supplicants: wpa_supplicant's eapol_test and FreeRADIUS's radeapclient. EAP is not offered; who asks for it is told so, and not left to time out
(RFC 3579 3.1).
"""

from __future__ import annotations

from tests.interop.foreign import PASSWORD, USER, ForeignCase
from tests.server.harness import SECRET

NETWORK = f"""
network={{
    ssid="test"
    key_mgmt=WPA-EAP
    eap=MD5
    identity="{USER}"
    password="{PASSWORD}"
}}
"""


class EapTests(ForeignCase):
    """Refused, with an answer that the supplicant takes."""

    async def test_eapol_test(self) -> None:
        """eapol_test: Access-Reject within its time."""
        path = self.world.folder / "eapol.conf"
        path.write_text(NETWORK)
        place = ("-a", "127.0.0.1", "-p", str(self.world.port("auth")), "-s", SECRET.decode())
        told = await self.run_program("/usr/bin/eapol_test", "-n", "-t", "8", "-c", str(path), *place)
        self.assertIn("RADIUS message: code=3 (Access-Reject)", told)
        self.assertNotIn("EAPOL test timed out", told)
        self.assertIn("FAILURE", told)

    async def test_radeapclient(self) -> None:
        """radeapclient: the same."""
        request = f'User-Name = "{USER}", NAS-IP-Address = 10.7.0.2, EAP-Code = Response, EAP-Type-Identity = "{USER}", Message-Authenticator = 0x00'
        place = f"127.0.0.1:{self.world.port('auth')}"
        told = await self.run_program("/usr/bin/radeapclient", "-x", "-r", "1", "-t", "3", place, "auth", SECRET.decode(), stdin=request)
        self.assertIn("Access-Reject", told)

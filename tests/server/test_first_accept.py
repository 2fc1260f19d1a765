"""docs/first-accept.rst keeps what it promises: its catalogue file loads beside the demo, its request is accepted, every reason of a drop is explained."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.server.harness import WorldCase, h323
from tests.server.test_examples import demo_world

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "first-accept.rst").read_text("utf-8")
WHO = (("NAS-IP-Address", "192.0.2.10"), ("User-Name", "16045550111"), ("h323-conf-id", "00000001 00000000 00000000 00000001"))


class FirstAcceptTests(WorldCase):
    """A server with the demo and the page's own NAS and account."""

    async def _begin(self) -> None:
        folder = Path(self.mktemp())
        (folder / "secrets").mkdir(parents=True)
        secret = folder / "secrets" / "nas1"
        secret.write_text("c2l4dGVlbiBvY3RldHMgYW5k\n")
        secret.chmod(0o600)
        found = re.search(r"code-block:: yaml\n\n((?:    .*\n|\n)+)", PAGE)
        assert found is not None
        (folder / "mine.yaml").write_text(textwrap.dedent(found[1]), "utf-8")
        self.world = await demo_world(folder / "mine.yaml")

    async def test_the_request_is_accepted(self) -> None:
        """With the password of the page, and no other."""
        self.assertIn('NAS-IP-Address = 192.0.2.10, User-Name = "16045550111", User-Password = "change-this-one", Called-Station-Id = "16045550199"', PAGE)
        for password, code, told in ("change-this-one", 2, "0"), ("guess", 3, "2"):
            request = self.world.packet("auth", [*WHO, ("User-Password", password), ("Called-Station-Id", "16045550199")])
            answer = await self.world.exchange(request)
            self.assertEqual((answer.code, h323(answer, "h323-return-code")), (code, told))

    async def test_every_reason_is_explained(self) -> None:
        """The page and docs/metrics.rst know the same reasons of drops."""
        (described,) = re.findall(r"``portaswitch_radius_dropped_total\{port,reason\}``\n(.*?)\n``", (DOCS / "metrics.rst").read_text("utf-8"), re.S)
        known = set(re.findall(r"``([a-z-]+)``", described))
        terms = re.findall(r"^    (``[a-z-]+``(?:, ``[a-z-]+``)*)$", PAGE[PAGE.index("It was dropped") :], re.M)
        self.assertEqual({reason for term in terms for reason in re.findall(r"[a-z-]+", term)}, known)
        self.assertGreater(len(known), 15)

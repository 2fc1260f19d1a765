"""
Log-ins on the wire: digest in both wire forms, the guide's examples 01 and 02, PAP and CHAP, EAP. The sender is pyrad; the digests are computed here.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pyrad.dictionary import Dictionary
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Silence
from twisted.trial.unittest import TestCase

from portaswitch.store.secrets import Sealer
from tests.claims import claims
from tests.server.harness import DICTIONARY, SECRET, WORLD, World, h323, ivr

EXAMPLES = Path(__file__).parents[1] / "spec" / "examples" / "radius"
PASSWORD = "pässword"
SUBSCRIBER, STRANGER = "380441234567", "11380441234567"
NODE = ("NAS-IP-Address", "193.38.81.226")
MORE = """
ATTRIBUTE CHAP-Challenge 60 octets
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE EAP-Message 79 octets
ATTRIBUTE Digest-Response 103 string
ATTRIBUTE Digest-Realm 104 string
ATTRIBUTE Digest-Nonce 105 string
ATTRIBUTE Digest-Response-Auth 106 string
ATTRIBUTE Digest-Method 108 string
ATTRIBUTE Digest-URI 109 string
ATTRIBUTE Digest-Qop 110 string
ATTRIBUTE Digest-Algorithm 111 string
ATTRIBUTE Digest-CNonce 113 string
ATTRIBUTE Digest-Nonce-Count 114 string
ATTRIBUTE Digest-Username 115 string
ATTRIBUTE Old-Digest-Response 206 string
ATTRIBUTE Old-Digest-Attributes 207 octets
"""
#: The subscriber of example 02, whose product knows only the prefix 44.
ROWS = """
insert into tariffs (i_tariff, i_env, name, currency, i_service) values (201, 1, 'EasyCall Residential', 'CAD', 103);
insert into rates (i_rate, i_tariff, i_dest, price_first, price_n) values (201, 201, 102, 0.02, 0.02);
insert into products (i_product, i_env, name, currency) values (201, 1, 'EasyCall Residential', 'CAD');
insert into accessibility (i_product, i_service, i_tariff) values (201, 103, 201);
insert into nodes (i_node, i_env, name, nas_ip) values (201, 1, 'sip', '193.38.81.226');
insert into accounts (i_account, i_env, id, i_customer, i_product, billing_model, currency) values (201, 1, '380441234567', 101, 201, 1, 'CAD');
"""
#: Sub-attributes of 207 (draft-sterman-aaa-sip).
SUBS = {"Realm": 1, "Nonce": 2, "Method": 3, "URI": 4, "Qop": 5, "Algorithm": 6, "CNonce": 8, "Nonce-Count": 9, "Username": 10}
QOP = {"Qop": "auth", "CNonce": "0a4f113b", "Nonce-Count": "00000001"}


def example(name: str) -> tuple[list[tuple[str, Any]], dict[str, str]]:
    """The request of an example without its digest, and the digest as printed."""
    (path,) = EXAMPLES.glob(f"{name}*.yaml")
    printed = [(one["name"], one["value"]) for one in yaml.safe_load(path.read_text("utf-8"))["messages"][0]["attributes"]]
    plain = {"Service-Type", "NAS-Port"}
    rest = [(name, int(value) if name in plain else value) for name, value in printed if not name.startswith(("Digest-", "PortaOne-", "h323-session"))]
    return rest, {name.removeprefix("Digest-"): value for name, value in printed if name.startswith("Digest-")}


def computed(told: dict[str, str], password: str = PASSWORD) -> dict[str, str]:
    """The fields with the response of a user who has this password (RFC 7616 3.4.1)."""

    def digest(*parts: str) -> str:
        name = "sha256" if told.get("Algorithm") == "SHA-256" else "md5"
        return hashlib.new(name, ":".join(parts).encode()).hexdigest()

    qop = (told["Nonce-Count"], told["CNonce"], told["Qop"]) if "Qop" in told else ()
    secret, asked = digest(told["Username"], told["Realm"], password), digest(told["Method"], told["URI"])
    return {**told, "Response": digest(secret, told["Nonce"], *qop, asked)}


def standard(told: dict[str, str]) -> list[tuple[str, Any]]:
    """The fields as RFC 5090's attributes."""
    return [(f"Digest-{name}", value) for name, value in told.items()]


def older(told: dict[str, str], together: int) -> list[tuple[str, Any]]:
    """The fields as 206 and 207, so many sub-attributes in one 207."""
    subs = [bytes((SUBS[name], len(value) + 2)) + value.encode() for name, value in told.items() if name != "Response"]
    groups = [b"".join(subs[start : start + together]) for start in range(0, len(subs), together)]
    return [("Old-Digest-Response", told["Response"]), *(("Old-Digest-Attributes", group) for group in groups)]


class LoginTests(TestCase):
    """A server with the subscriber of example 02."""

    timeout = 180

    def setUp(self) -> Any:
        """Start the world."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        self.world = await World.made(WORLD + ROWS)
        self.world.dictionary = Dictionary(io.StringIO(DICTIONARY + MORE))
        await self.password(SUBSCRIBER)

    async def password(self, account: str) -> None:
        """Give an account the password."""
        sealed = Sealer.load(self.world.folder / "secret.key").seal(PASSWORD)
        await self.world.pool.execute("update accounts set h323_password = %s where id = %s", (sealed, account))

    def tearDown(self) -> Any:
        """End it."""
        return Deferred.fromCoroutine(self.world.end())

    async def auth(self, *pairs: Sequence[tuple[str, Any]], signed: bool = False) -> Any:
        """One Access-Request and its verified answer."""
        request = self.world.packet("auth", [pair for some in pairs for pair in some])
        if signed:
            request.add_message_authenticator()
        return await self.world.exchange(request)

    @claims("radius-voice.12")
    async def test_both_forms(self) -> None:
        """The right response is accepted, a wrong one refused with code 2, with any algorithm and in any arrangement."""
        rest, printed = example("02")
        rest = [pair for pair in rest if pair[0] != "Called-Station-Id"]
        for more in ({}, QOP, {**QOP, "Algorithm": "SHA-256"}):
            right, wrong = computed({**printed, **more}), computed({**printed, **more}, "password")
            for form in (standard, lambda told: older(told, 1), lambda told: older(told, 9), lambda told: older(told, 2)):
                accepted, refused = await self.auth(rest, form(right)), await self.auth(rest, form(wrong))
                self.assertEqual((accepted.code, h323(accepted, "h323-return-code")), (2, "0"), more)
                self.assertEqual((refused.code, h323(refused, "h323-return-code")), (3, "2"), more)
                self.assertNotIn("Digest-Response-Auth", refused)

    async def test_example_01(self) -> None:
        """Unknown, as printed; with an account the printed response is wrong, and one computed anew right."""
        rest, printed = example("01")
        answer = await self.auth(rest, standard(printed))
        self.assertEqual((answer.code, answer["Reply-Message"], h323(answer, "h323-return-code")), (3, ["Failed - Invalid Account number"], "1"))
        self.assertEqual(ivr(answer)["ErrorExplanation"], "invalid_account")
        await self.world.pool.execute("update accounts set id = %s where i_account = 201", (STRANGER,))
        answer = await self.auth(rest, standard(printed))
        self.assertEqual((answer.code, h323(answer, "h323-return-code")), (3, "2"))
        answer = await self.auth(rest, standard(computed(printed)))
        self.assertEqual((answer.code, len(answer["Digest-Response-Auth"][0])), (2, 32))

    async def test_example_02(self) -> None:
        """The call is refused for its number once the digest is right, and for the digest as printed."""
        rest, printed = example("02")
        answer = await self.auth(rest, standard(computed(printed)))
        self.assertEqual((answer.code, answer["Reply-Message"], h323(answer, "h323-return-code")), (3, ["Failed - Called number blocked"], "9"))
        self.assertEqual((ivr(answer)["ErrorExplanation"], ivr(answer)["Product"]), ("cld_blocked", "EasyCall Residential"))
        answer = await self.auth(rest, standard(printed))
        self.assertEqual((answer.code, h323(answer, "h323-return-code"), ivr(answer)["ErrorExplanation"]), (3, "2", "invalid_password"))

    @claims("radius-internet.3")
    async def test_pap_and_chap(self) -> None:
        """Each with the right and with a wrong password, and both at once."""
        user, challenge = (NODE, ("User-Name", SUBSCRIBER)), b"0123456789abcdef"

        def chap(password: str) -> bytes:
            return b"\7" + hashlib.md5(b"\7" + password.encode() + challenge).digest()

        codes = []
        for password in (PASSWORD, "password"):
            proofs = [("User-Password", password)], [("CHAP-Password", chap(password)), ("CHAP-Challenge", challenge)]
            codes += [(await self.auth(user, proof)).code for proof in (*proofs, [*proofs[0], *proofs[1]])]
        self.assertEqual(codes, [2, 2, 3, 3, 3, 3])

    async def test_chap_by_the_authenticator(self) -> None:
        """Without CHAP-Challenge the Request Authenticator was the challenge (RFC 2865 2.2)."""
        request = self.world.packet("auth", [NODE, ("User-Name", SUBSCRIBER)])
        request.authenticator = request.CreateAuthenticator()
        request.AddAttribute("CHAP-Password", b"\7" + hashlib.md5(b"\7" + PASSWORD.encode() + request.authenticator).digest())
        self.assertEqual((await self.world.exchange(request)).code, 2)

    async def test_eap(self) -> None:
        """Rejected when it is signed, with an EAP-Failure; silence when it is not (RFC 3579 3.1)."""
        pairs = (NODE, ("User-Name", SUBSCRIBER), ("EAP-Message", b"\2\x17\0\x09\1user"))
        answer = await self.auth(pairs, signed=True)
        self.assertEqual((answer.code, answer["EAP-Message"]), (3, [b"\4\x17\0\4"]))
        self.assertNotIn("Reply-Message", answer)
        self.assertEqual(answer.secret, SECRET)
        octets = self.world.packet("auth", pairs).RequestPacket()
        await self.assertFailure(self.world.raw("auth", octets, 0.5), Silence)

"""Masking: what proves who somebody is never shows, what an operator needs does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from portaswitch.trace.masking import LONGEST, MASK, card, is_secret, masked, without

SECRET = (
    "User-Password", "CHAP-Password", "CHAP-Challenge", "Message-Authenticator", "Tunnel-Password:1", "Digest-Response", "Digest-Nonce", "Digest-Attributes",
    "Digest-CNonce", "MS-CHAP-Response", "MS-CHAP2-Response", "MS-MPPE-Send-Key", "MS-MPPE-Recv-Key", "EAP-Message", "ARAP-Password", "State", "pin", "PIN",
    "PortaBilling_Password", "cardPin", "ki", "opc", "puk1", "voucher_id", "Authorization", "access_token", "User-Pin", "activation_code", "password",
)  # fmt: skip
PLAIN = (
    "User-Name", "NAS-IP-Address", "h323-conf-id", "h323-return-code", "PortaBilling_AuthMethod", "PortaBilling_AccessCode", "Class", "Called-Station-Id",
    "Acct-Authentic", "PortaBilling_Authorize", "mapping", "kind", "ivr.branding", "Acct-Session-Id", "DURATION", "Reply-Message", "opened", "Acct-Status-Type",
    "shipping", "Proxy-State", "heap", "PortaBilling_RatePattern",
)  # fmt: skip


class MaskingTests(SynchronousTestCase):
    """Names, texts with pairs, card numbers."""

    def test_names(self) -> None:
        """Secret ones of every wire, and plain ones that look alike."""
        self.assertEqual([name for name in SECRET if not is_secret(name)], [])
        self.assertEqual([name for name in PLAIN if is_secret(name)], [])
        self.assertEqual((masked("User-Password", "x"), masked("User-Password", ""), masked("User-Name", "100")), (MASK, "", "100"))

    def test_pairs(self) -> None:
        """Inside of texts, and of pairs inside of pairs, to the next semicolon."""
        for text, shown in {
            "h323-ivr-out=PortaBilling_Mod_auth:user=100;pin=1234;lang=en": "h323-ivr-out=PortaBilling_Mod_auth:user=100;pin=***;lang=en",
            "h323-ivr-out=PortaBilling_Password:abc:def": "h323-ivr-out=PortaBilling_Password:***",
            "action=rechargeVoucher;id=42424242": "action=rechargeVoucher;id=***",
            "action=showAccount;id=42": "action=showAccount;id=42",
            'sip-auth=Digest username="a",response="ffff"': "sip-auth=Digest username=\"a\",response=***",
            "h323-setup-time=00:16:21.164 PST": "h323-setup-time=00:16:21.164 PST",
            "call-id=abc@h": "call-id=abc@h",
        }.items():
            self.assertEqual(masked("Cisco-AVPair", text), shown)

    def test_long(self) -> None:
        """Cut, with a mark."""
        self.assertEqual(len(masked("User-Name", "x" * 5000)), LONGEST)

    def test_card(self) -> None:
        """Its last digits, of a short one nothing."""
        self.assertEqual((card("10086610975"), card("1234")), ("***0975", "***"))
        self.assertEqual((without("of 10086610975", "10086610975"), without("none", "")), ("of ***0975", "none"))

    @settings(max_examples=100, deadline=None)
    @given(st.sampled_from(["pin", "password", "PortaBilling_Pin", "secret"]), st.from_regex(r"[a-z0-9]{6,20}", fullmatch=True), st.text("ab;=: ", max_size=12))
    def test_nothing_leaks(self, name: str, value: str, before: str) -> None:
        """Whatever stands before the pair."""
        self.assertNotIn(value, masked("Cisco-AVPair", f"{before};{name}={value}"))

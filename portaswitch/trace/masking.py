"""
What never gets into a trace: whatever proves who somebody is, or is worth money by being known.

Told by names, and rather too much than too little: passwords, PINs, keys, challenges, digests, responses, authenticators, vouchers, tokens. Values are masked
whole; of a text that holds pairs (Cisco-AVPair, property lists) what stands behind such a name, to the next semicolon.
"""

from __future__ import annotations

import re

MASK = "***"
#: Characters of a value that are shown.
LONGEST = 240
#: Digits of a card number that are shown, at its end.
SHOWN = 4

_WORDS = (
    "pass|pwd|secret|digest|challenge|response|authenticator|signature|key|voucher|token|nonce|cookie|hash|credential|puk|cvv|chap|arap|autn|auts|kasme|"
    "activation.?code|card.?number"
)
_ALONE = "pin|ki|opc|otp|res|rand|eap|authorization"
#: The names that are secret: a word anywhere in them, or one that stands alone (mapping, kind and branding are none).
_NAME = re.compile(rf"(?i:{_WORDS})|(?<![A-Za-z])(?i:{_ALONE})(?![A-Za-z])|PIN|(?<=[a-z])Pin(?![a-z])")
#: And one that is a secret only as the whole name: a Proxy-State is none.
_WHOLE = frozenset(("State",))
#: `name=value` and `name:value` inside a text.
_PAIR = re.compile(r"([A-Za-z0-9_.-]{1,64})(\s*[=:]\s*)([^;\n]*)")
#: Inside modules and actions the id of a voucher goes by the bare name.
_VOUCHER = re.compile(r"(?i)voucher")
_BARE = frozenset(("id", "number", "card", "card_number", "code"))

def is_secret(name: str) -> bool:
    """Whether what stands under this name is never shown."""
    return name in _WHOLE or _NAME.search(name) is not None


def masked(name: str, text: str) -> str:
    """The text that may be shown under `name`, of limited length."""
    if is_secret(name):
        return MASK if text else ""
    shown = _pairs(text, _VOUCHER.search(text) is not None)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _pairs(text: str, voucher: bool) -> str:
    """The text with what stands behind secret names masked, also in pairs inside of pairs (h323-ivr-out=PortaBilling_Mod_x:pin=1)."""

    def one(pair: re.Match[str]) -> str:
        name, sign, value = pair.groups()
        if value and (is_secret(name) or (voucher and name.lower() in _BARE)):
            return f"{name}{sign}{MASK}"
        return f"{name}{sign}{_pairs(value, voucher)}" if "=" in value or ":" in value else pair[0]

    return _PAIR.sub(one, text)


def card(number: str) -> str:
    """A card number whose knowledge is all that is needed: its last digits only."""
    return MASK + number[-SHOWN:] if len(number) > 2 * SHOWN else MASK


def without(text: str, number: str) -> str:
    """A text in which a card number is shown by its last digits only."""
    return text.replace(number, card(number)) if number else text

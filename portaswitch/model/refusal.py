"""
Why a request was refused: the words of ErrorExplanation with their h323-return-code and Reply-Message.

The one table from a refusal to its figures (spec/radius.yaml, return_codes); Diameter and SIP have columns of their own beside it when they come.
No demo and no configuration names a code: a code follows from the state that means it.
"""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """One row a meaning: (ErrorExplanation, h323-return-code, text for people)."""

    INVALID_ACCOUNT = ("invalid_account", 1, "Invalid Account number")
    INVALID_PASSWORD = ("invalid_password", 2, "Invalid password")
    ACCOUNT_IN_USE = ("account_in_use", 3, "Account is in use")
    BANDWIDTH_LIMIT = ("bandwidth_limit_exceeded", 3, "Bandwidth limit exceeded")
    CALL_LIMIT = ("call_limit_exceeded", 3, "Call limit exceeded")
    ZERO_BALANCE = ("zero_balance", 4, "Zero balance")
    CARD_EXPIRED = ("card_expired", 5, "Card expired")
    CREDIT_LIMIT = ("credit_limit", 6, "Credit limit reached")
    USER_DENIED = ("user_denied", 7, "User denied")
    USER_SUSPENDED = ("user_suspended", 7, "User suspended")
    NOT_AVAILABLE = ("not_available", 8, "Service not available")
    CLD_BLOCKED = ("cld_blocked", 9, "Called number blocked")
    CLD_BARRED = ("cld_barred", 9, "Called number barred")
    RETRIES_EXCEEDED = ("retries_exceeded", 10, "Too many retries")
    INVALID_ARGUMENT = ("invalid_argument", 11, "Invalid argument")
    INSUFFICIENT_BALANCE = ("insufficient_balance", 12, "Insufficient balance")
    INVALID_CARD = ("invalid_account", 14, "Invalid card number")
    PICKUP_INVALID_CLD = ("pickup_invalid_cld", 15, "Call may not be picked up")
    CLD_TMP_UNAVAIL = ("cld_tmp_unavail", 109, "Called party unavailable")
    CLD_UNASSIGNED = ("cld_unassigned", 110, "Called number unassigned")
    CLD_DIAL_ERROR = ("cld_dial_error", 111, "Invalid dialled number")
    PRESELECT_NOT_SET = ("preselect_not_set", 112, "No routing plan selected")
    FUNDS_LOCKED = ("funds_locked", 114, "Funds are locked")
    SESSION_OVER = ("reject_authorization", 115, "Session is already over")
    SPEND_LIMIT = ("spend_limit_exceeded", 116, "Spending limit exceeded")
    UNKNOWN_SESSION = ("reject_authorization", 115, "Unknown session")
    FUNDS_SHORT = ("funds_locked", 117, "Not enough funds set aside")

    def __init__(self, word: str, return_code: int, text: str) -> None:
        self.word = word
        self.return_code = return_code
        self.text = text

    @property
    def reply_message(self) -> str:
        """The text of Reply-Message, as in Appendix A of the guide: 'Failed - Called number blocked'."""
        return f"Failed - {self.text}"

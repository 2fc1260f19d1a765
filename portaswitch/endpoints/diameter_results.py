"""
Refusals as Result-Codes (RFC 8506 9, spec/diameter.yaml, result_codes): one table for the whole answer, one for its groups.

A refusal that is about one kind of use stands in its group and leaves the answer at 2001; what is about the account refuses the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portaswitch.model.refusal import Refusal

SUCCESS: Final = 2001
END_USER_SERVICE_DENIED: Final = 4010
CREDIT_CONTROL_NOT_APPLICABLE: Final = 4011
CREDIT_LIMIT_REACHED: Final = 4012
UNKNOWN_SESSION_ID: Final = 5002
AUTHORIZATION_REJECTED: Final = 5003
UNABLE_TO_COMPLY: Final = 5012
USER_UNKNOWN: Final = 5030
RATING_FAILED: Final = 5031

#: h323-return-codes of refusals for want of funds, quota or credit (spec/radius.yaml, return_codes).
FUNDS: Final = frozenset((4, 6, 12, 114, 116, 117))

GROUP: Final[Mapping[Refusal, int]] = {refusal: CREDIT_LIMIT_REACHED for refusal in Refusal if refusal.return_code in FUNDS} | {
    Refusal.SESSION_OVER: END_USER_SERVICE_DENIED,  # the greatest length that the policy lets a session have
    Refusal.CLD_BLOCKED: RATING_FAILED,  # no rate for it, or one that forbids it
}
"""What a group is refused with."""

WHOLE: Final[Mapping[Refusal, int]] = {
    **GROUP,
    Refusal.INVALID_ACCOUNT: USER_UNKNOWN,
    Refusal.INVALID_CARD: USER_UNKNOWN,
    Refusal.UNKNOWN_SESSION: UNKNOWN_SESSION_ID,
    Refusal.USER_DENIED: END_USER_SERVICE_DENIED,
    Refusal.USER_SUSPENDED: END_USER_SERVICE_DENIED,
    Refusal.CARD_EXPIRED: END_USER_SERVICE_DENIED,
    Refusal.ACCOUNT_IN_USE: END_USER_SERVICE_DENIED,
    Refusal.CALL_LIMIT: END_USER_SERVICE_DENIED,
    Refusal.BANDWIDTH_LIMIT: END_USER_SERVICE_DENIED,
    Refusal.CLD_DIAL_ERROR: RATING_FAILED,
    Refusal.INVALID_ARGUMENT: UNABLE_TO_COMPLY,
}
"""What an answer is refused with; 5003 for all others."""


def whole(refusal: Refusal) -> int:
    """The Result-Code of an answer that is refused as a whole."""
    return WHOLE.get(refusal, AUTHORIZATION_REJECTED)


def of_group(refusal: Refusal) -> int:
    """The Result-Code of a group that is refused."""
    return GROUP.get(refusal, AUTHORIZATION_REJECTED)

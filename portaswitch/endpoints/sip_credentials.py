"""What a SIP request proves itself with: the core calls it with the account's service password."""

from __future__ import annotations

from collections.abc import Iterable

from portaswitch.model.verify import Verify
from portaswitch.wire.sip.challenge import Guard, Login, Verdict
from portaswitch.wire.sip.message import Request


class DigestVerify(Verify):
    """
    A digest answer to a nonce that is not old. It counts its nonce once, however often the core looks at it; `repeated` ones are only computed.
    `confirmation` are the headers by which the client sees that we know the password too.
    """

    __slots__ = ("_also", "_guard", "_login", "_now", "_password", "_repeated", "_request", "confirmation", "verdict")

    def __init__(self, guard: Guard, login: Login, request: Request, now: int, also: Iterable[str], repeated: bool) -> None:
        self._guard, self._login, self._request, self._now = guard, login, request, now
        self._also, self._repeated = tuple(also), repeated
        self._password: str | None = None
        self.verdict = Verdict.WRONG
        self.confirmation: tuple[tuple[str, str], ...] = ()

    def __call__(self, password: str) -> bool:
        """True when the answer was made from this password, for this request and a nonce that may still be used."""
        if self._password != password:
            self._password = password
            if not self._guard.proves(self._login, password, self._request, self._also):
                self.verdict = Verdict.WRONG
            else:
                self.verdict = Verdict.PASSED if self._repeated or self._guard.counts(self._login, self._now) else Verdict.STALE
            if self.verdict is Verdict.PASSED:
                self.confirmation = tuple(self._guard.confirmation(self._login, password))
        return self.verdict is Verdict.PASSED

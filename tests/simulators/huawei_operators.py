"""Who may log in to Huawei's provisioning, with the codes that HLR, HSS and UPCC give when not."""

from __future__ import annotations

from tests.simulators.core import Fault, Faults, Refused

MISSING, UNKNOWN, WRONG, LOCKED, NO_SESSION = "1009", "1012", "1018", "1078", "5004"
#: Refused log-ins in a row that lock the operator's account.
TRIES = 5


class Operators:
    """One operator's account. Repeated refusals lock it until someone calls `unlock`, so that a client that tries in a loop is found out."""

    def __init__(self, user: str, password: str, faults: Faults) -> None:
        self.user, self.password, self._faults = user, password, faults
        self.refusals = 0

    def log_in(self, user: str | None, password: str | None) -> None:
        """Let in or Refused with a documented code."""
        if user is None or password is None:
            raise Refused(MISSING, "Parameter is missing")
        if user != self.user:
            raise Refused(UNKNOWN, "The operator is not defined")
        if self.locked:
            raise Refused(LOCKED, "The operator is locked")
        if self._faults.strikes(Fault.WRONG_PASSWORD) or password != self.password:
            self.refusals += 1
            raise Refused(WRONG, "The password does not match")
        self.refusals = 0

    @property
    def locked(self) -> bool:
        """Whether the account is locked."""
        return self.refusals >= TRIES

    def unlock(self) -> None:
        """What the vendor's administrator does by hand."""
        self.refusals = 0

"""
An AudioCodes CMMS: the users of `private_access.AUDIOCODES`, the mobile applications that ask for their credentials, and its statistics.

    -> GET /application/490154203237518      <- 200 {"user": "447700900121", "password": "..."}
    -> GET /statistics                       <- 200 {"a.example.com": 2, "b.example.com": 1}

Of the interface guide: an application provides its IMEI and gets the credentials of the user that has it; users are identified by the domain of provider or
reseller for statistics. How either is asked for is not public: the paths are ours.

    python -m tests.simulators.audiocodes_cmms --port 8085
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IReactorTime

from tests.simulators.description import described
from tests.simulators.private import PASSWORD, USER
from tests.simulators.private_access import AUDIOCODES
from tests.simulators.run import run
from tests.simulators.template import TemplateSimulator
from tests.simulators.web import Ask, Reply, as_json


class Cmms(TemplateSimulator):
    """See above; applications prove themselves by their IMEI alone."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock, described(AUDIOCODES))

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        what, _, rest = ask.path.strip("/").partition("/")
        if ask.method == "GET" and what == "application":
            return self._credentials(rest)
        if ask.method == "GET" and what == "statistics" and ask.basic() == (USER, PASSWORD):
            return as_json(dict(Counter(one.get("domain", "") for one in self.records.values())))
        return super().answer(ask)

    def _credentials(self, imei: str) -> Reply:
        self.note("application", {"imei": imei})
        for user, one in self.records.items():
            if imei and one.get("imei") == imei:
                return as_json({"user": user, "password": one.get("password", "")})
        return as_json({"error": "no user has this device"}, 404)


if __name__ == "__main__":
    run(Cmms, f"An AudioCodes CMMS (user {USER}, password {PASSWORD}).")

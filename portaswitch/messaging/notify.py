"""Texts of the server's own to its subscribers: low funds, a top-up, a new password (`messaging.notify`). Nobody pays for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_hex

from twisted.internet.defer import Deferred
from zope.interface import implementer

from portaswitch.interfaces.messages import ILocations, INotifier
from portaswitch.messaging.relay import Relay
from portaswitch.model.message import Charge, Text

#: Seconds that a notification waits for its recipient: what it says is old then.
LASTS = 2 * 86400


@implementer(INotifier)
class Notifier:
    """`sender` is user@domain, whom the texts come from; `domain` that of their recipients."""

    def __init__(self, relay: Relay, locations: ILocations, now: Callable[[], datetime], sender: str) -> None:
        self._relay, self._locations, self._now, self._sender = relay, locations, now, sender

    def notify(self, i_env: int, account: str, text: str, key: str = "") -> Deferred[bool]:
        """See `INotifier.notify`."""
        return Deferred.fromCoroutine(self._notify(i_env, account, text, key or token_hex(16)))

    async def _notify(self, i_env: int, account: str, text: str, key: str) -> bool:
        callee = await self._locations.callee(i_env, (account,))
        if callee is None:
            return False
        now, recipient = self._now(), account if "@" in account else f"{account}@{self._sender.partition('@')[2]}"
        body = text.encode("utf-8", "replace")
        await self._relay.post(
            Text(
                i_env, 0, f"notify/{i_env}/{key}", "", self._sender, recipient, callee.i_account, "text/plain;charset=UTF-8", body, token_hex(12), now,
                now + timedelta(seconds=LASTS), Charge.FREE, attempts=1,
            ),
            callee,
        )  # fmt: skip
        return True

"""What the server tells subscribers by texts of its own: a quota that is nearly used up, a balance that is low, a payment that has come. A job looks for it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from twisted.internet.defer import Deferred

from portaswitch.interfaces.messages import INotices, INotifier
from portaswitch.interfaces.rest import Rest, at_once
from portaswitch.metrics import Counter
from portaswitch.model.message import Notice, Occasion

NOTICED = Counter("portaswitch_notices_total", "Texts of the server's own to subscribers, by occasion", ("occasion",))

#: Texts of one go.
PAGE = 100


class Notices:
    """`texts` are the occasions that are told of, each with its text, in which {name} stands for a fact; a balance below `low` is low."""

    def __init__(self, notices: INotices, notifier: INotifier, texts: Mapping[Occasion, str], low: Decimal) -> None:
        self._notices, self._notifier, self._texts, self._low = notices, notifier, dict(texts), low

    async def run(self, rest: Rest = at_once) -> None:
        """
        Notice what has happened, and tell it. Who dies between a text and its mark sends it again under the same key, which changes nothing.
        """
        if not self._texts:
            return
        await self._notices.notice(self._texts.keys(), self._low, rest)
        while notices := await self._notices.unsent(PAGE):
            for notice in notices:
                await self._tell(notice)
            await self._notices.sent(notices)

    async def _tell(self, notice: Notice) -> None:
        text = self._texts.get(notice.occasion)
        if text is None:
            return  # it was switched off meanwhile
        if await self._notifier.notify(notice.i_env, notice.account, text.format_map(notice.told), f"notice/{notice.i_notice}"):
            NOTICED.inc(notice.occasion.value)

    def purge(self, rest: Rest = at_once) -> Deferred[None]:
        """Forget what can't happen again."""
        return self._notices.purge(rest)

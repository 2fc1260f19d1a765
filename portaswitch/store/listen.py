"""
The one connection that hears NOTIFY.

Notifications are hints: PostgreSQL forgets them while nobody listens.  So after every reconnection
`on_reconnect` is called, and who keeps something in memory reads it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from portaswitch.errors import DatabaseDown
from portaswitch.store.link import Link

Observer = Callable[[str], object]
"""Called with the payload of a notification; a Deferred that it returns is waited for before the next one."""


class Listener:
    """Listens on channels for as long as the process runs, through restarts of the database."""

    _log = Logger()

    def __init__(
        self, reactor: Any, dsn: str, channels: Mapping[str, Observer], on_reconnect: Callable[[], object]
    ) -> None:
        """
        `channels` maps names to observers.  `on_reconnect` is called when listening goes on after a loss, not
        at the first connection; it is called after LISTEN took effect, so that what it reads misses nothing.
        """
        self._channels = dict(channels)
        self._on_reconnect = on_reconnect
        self._started: Deferred[None] = Deferred(lambda _: None)
        commands = [f"listen {quoted(channel)}" for channel in self._channels]
        settings = {"application_name": "portaswitch listen"}
        self._link = Link(reactor, dsn, "listen", settings, self._up, self._down, commands)
        self._link.connection.addNotifyObserver(self._heard)

    def start(self) -> Deferred[None]:
        """Connect; fires when the database listens for us, however long that takes."""
        self._link.open()
        return self._started

    def close(self) -> None:
        """Listen no more."""
        if not self._started.called:
            self._started.errback(DatabaseDown("the listener was closed before it was connected"))
        self._link.close()

    @property
    def live(self) -> bool:
        """Whether it listens, as far as is known."""
        return self._link.live

    def _up(self, link: Link) -> None:
        if not self._started.called:
            self._started.callback(None)
        elif link.epoch > 1:
            self._log.info("listening again; what was notified meanwhile is read anew")
            try:
                self._on_reconnect()
            except Exception:
                self._log.failure("reading anew after a reconnection failed")

    def _down(self, link: Link) -> None:
        """The link reconnects by itself."""

    def _heard(self, notification: Any) -> object:
        observer = self._channels.get(notification.channel)
        return None if observer is None else observer(notification.payload)


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'

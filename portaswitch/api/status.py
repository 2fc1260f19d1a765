"""/metrics (Prometheus text), /healthz (the process answers) and /readyz (it can serve: its database lives and its ports are open)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Request as SiteRequest
from twisted.web.server import Site

from portaswitch.api.json_resource import LARGEST_BODY
from portaswitch.metrics import render

TEXT = b"text/plain; charset=utf-8"


class _Page(Resource):
    isLeaf = True

    def __init__(self, page: Callable[[], tuple[int, str]], content_type: bytes = TEXT) -> None:
        Resource.__init__(self)
        self._page, self._type = page, content_type

    def render_GET(self, request: Request) -> bytes:
        """The page as it is now."""
        code, text = self._page()
        request.setResponseCode(code)
        request.setHeader(b"content-type", self._type)
        return text.encode()


class _BoundedRequest(SiteRequest):
    """
    Keeps no more of a body than is ever read, whoever sends it: one octet beyond LARGEST_BODY, which tells that it is too large, and in memory. Twisted's own
    would write all that a stranger sends into a temporary file, and read a form whole.
    """

    def gotLength(self, length: int | None) -> None:
        """The length that is announced is not believed."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """What is beyond the bound is dropped as it comes."""
        assert self.content is not None  # of `gotLength`, which comes first
        self.content.write(data[: LARGEST_BODY + 1 - self.content.tell()])


class _QuietSite(Site):
    """A scrape every few seconds is nothing to log."""

    noisy = False

    def __init__(self, root: Resource) -> None:
        Site.__init__(self, root, _BoundedRequest)

    def log(self, request: Request) -> None:
        """Say nothing."""


def pages(why_not_ready: Callable[[], str | None]) -> Resource:
    """The status pages; `why_not_ready` says in a line what is missing, None when nothing is. Other resources join them when the database is there."""

    def ready() -> tuple[int, str]:
        reason = why_not_ready()
        return (200, "ready\n") if reason is None else (503, f"not ready: {reason}\n")

    root = Resource()
    root.putChild(b"metrics", _Page(lambda: (200, render()), b"text/plain; version=0.0.4; charset=utf-8"))
    root.putChild(b"healthz", _Page(lambda: (200, "alive\n")))
    root.putChild(b"readyz", _Page(ready))
    return root


def site(root: Resource) -> Site:
    """What one http port serves."""
    return _QuietSite(root)

"""What a wire carries."""

from __future__ import annotations

from typing import TypeVar

from portaswitch.errors import NotSendable
from portaswitch.handler.requests import Request

R = TypeVar("R", bound=Request)


def carried(request: Request, kind: type[R], name: str) -> R:
    """The request as one of `kind`. Errors: NotSendable for one of another wire."""
    if not isinstance(request, kind):
        raise NotSendable(f"{name} carries no {type(request).__name__}")
    return request

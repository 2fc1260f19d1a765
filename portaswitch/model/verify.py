"""What proves a password; whoever has a wire of his own has one of his own, so that it is no part of what is compiled (compiled/modules.txt)."""

from __future__ import annotations


class Verify:
    """Checks a clear text password against a wire's proof; subclasses live with the codecs."""

    __slots__ = ()

    def __call__(self, password: str) -> bool:
        """True when `password` is the one the user has."""
        raise TypeError("a wire's own subclass is meant")

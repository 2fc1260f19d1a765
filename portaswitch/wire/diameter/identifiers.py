"""Identifiers of requests of ours (RFC 6733 3)."""

from __future__ import annotations

from itertools import count


class Identifiers:
    """
    Hop-by-hop: any start, then one more each time. End-to-end: the low 12 bits of the start time in the high
    bits, then 20 random ones, then one more each time, so that none returns within 4 minutes of a restart.
    """

    __slots__ = ("_end", "_hop")

    def __init__(self, started: int, random: int) -> None:
        """
        :param started: seconds since 1970.
        :param random: 32 random bits.
        """
        self._hop = count(random & 0xFFFFFFFF)
        self._end = count((started & 0xFFF) << 20 | random & 0xFFFFF)

    def hop_by_hop(self) -> int:
        """The next Hop-by-Hop Identifier."""
        return next(self._hop) & 0xFFFFFFFF

    def end_to_end(self) -> int:
        """The next End-to-End Identifier."""
        return next(self._end) & 0xFFFFFFFF

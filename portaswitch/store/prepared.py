"""
Statements that a connection parses and plans once: the money path sends the same few thousands of times a second, and of a small batch parsing and planning
were a tenth of what PostgreSQL does for it.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Between the texts of an array that travels as one text, which PostgreSQL and its driver read far faster than an array: RECORD SEPARATOR, which
#: `literals.quote` keeps out of the texts.
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Prepared:
    """A statement by its name, which is its own on a connection, the types of its parameters, and its text, which has them as $1, $2, ..."""

    name: str
    types: tuple[str, ...]
    text: str

    @property
    def making(self) -> str:
        """What prepares it."""
        return f"prepare {self.name} ({', '.join(self.types)}) as {self.text}"

    @property
    def call(self) -> str:
        """What runs it, with placeholders as the driver has them."""
        return f"execute {self.name} ({', '.join(['%s'] * len(self.types))})"


def split(number: int) -> str:
    """The SQL of an array of texts that is sent as one text (`joined`), the parameter of that number."""
    return f"string_to_array(${number}, E'\\x1e')"

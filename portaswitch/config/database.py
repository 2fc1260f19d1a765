"""The place of the data, as the configuration names it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

from portaswitch.config.grammar import Node, Refused, ScalarKind, Secret


@dataclass(frozen=True, slots=True)
class Database:
    """
    Where the data is: `connection` is a libpq connection string, or None for the private PostgreSQL under the
    state directory.
    """

    connection: Secret | None = None

    @property
    def embedded(self) -> bool:
        """True when we start and stop PostgreSQL ourselves."""
        return self.connection is None

    @property
    def dsn(self) -> str | None:
        """The connection string in clear; None for the embedded one."""
        return None if self.connection is None else self.connection.reveal()


class DatabaseKind(ScalarKind[Database]):
    """`embedded` or a libpq connection string, which may hold a password and is therefore never shown."""

    confidential = True

    def convert(self, node: Node) -> Database:
        if node.text == "embedded":
            return Database()
        try:
            known = parse_dsn(node.text)
        except (ProgrammingError, ValueError):
            known = {}  # libpq's own words quote the string, password and all
        if not known:
            raise Refused(
                "is neither embedded nor a libpq connection string, "
                'such as "host=db.example.com dbname=portaswitch user=portaswitch"'
            )
        return Database(Secret(node.text))

    def describe(self) -> str:
        return "embedded, or a libpq connection string"

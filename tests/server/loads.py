"""What the tests of `load` have in common: a fresh database, a loader, and eyes on the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from portaswitch.config.catalogue import catalogue
from portaswitch.config.grammar import read_text
from portaswitch.errors import ConfigError
from portaswitch.model.actor import Actor
from portaswitch.model.loading import CatalogueFile, Loaded
from portaswitch.operations.load import load
from portaswitch.store.loading import Loading
from portaswitch.store.pool import Pool
from portaswitch.store.secrets import Sealer
from tests.server.database import fresh_database

DEMO = Path(__file__).parents[2] / "config" / "demo.yaml"


def quiet(done: int, total: int, what: str) -> None:
    """Nobody watches."""


class LoadTestCase(TestCase):
    """A fresh database, a loader and a psycopg2 connection that looks at the tables."""

    def setUp(self) -> Any:
        """One database a test."""
        return Deferred.fromCoroutine(self.prepare())

    async def prepare(self) -> None:
        """What setUp waits for."""
        dsn = self.dsn = await fresh_database()
        self.sealer = Sealer({1: b"k" * 32})
        self.pool = Pool(reactor, dsn, size=1, name="load", wait=30)
        await self.pool.start()
        self.addCleanup(self.pool.close)
        self.database = psycopg2.connect(dsn)
        self.database.autocommit = True
        self.addCleanup(self.database.close)
        self.loading = Loading(self.pool, self.sealer, Actor("test:root", 1), "test.yaml")

    def ask(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, values: tuple[object, ...] = ()) -> Any:
        """The only value of the only row."""
        ((value,),) = self.ask(sql, values)
        return value

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, with the transaction that wrote each."""
        tables = self.ask(
            "select c.relname from pg_class c join pg_namespace n on n.oid = relnamespace "
            "where n.nspname = 'public' and c.relkind = 'r' order by 1"
        )
        return {name: self.ask(f"select xmin::text, t.* from {name} t order by ctid") for (name,) in tables}

    def load(
        self, file: CatalogueFile, progress: Callable[[int, int, str], None] = quiet
    ) -> Deferred[Loaded]:
        """Load it."""
        return load(file, self.loading, progress)

    def text(self, text: str) -> Deferred[Loaded]:
        """Load a file that is this text."""
        return self.load(catalogue(read_text(text, "f.yaml"), 1))

    async def refused(self, loading: Deferred[Loaded]) -> tuple[str, ...]:
        """The faults that a load ends with."""
        try:
            await loading
        except ConfigError as error:
            return error.faults
        self.fail("the load was not refused")

    def demo(self, *changes: tuple[str, str]) -> Deferred[Loaded]:
        """Load the demo, with some of its text replaced."""
        text = DEMO.read_text("utf-8")
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.text(text)

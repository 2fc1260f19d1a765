"""What the tests of price lists have in common: a tariff in a fresh database, uploads of texts, and eyes on the rates."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from portaswitch.administration import rates
from portaswitch.model.actor import Actor
from portaswitch.model.price_upload import Asked, Faults, Mode, Uploaded, UploadRefused
from portaswitch.operations.price_file import PriceFile
from portaswitch.store.database import Database
from portaswitch.store.rate_upload import RateUpload
from tests.server.loads import LoadTestCase

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 2, 2, tzinfo=UTC)
TARIFF = "environments: {1: {name: One}}\nservices: {Voice: {type: Voice}}\ntariffs: {T: {service: Voice}, Other: {service: Voice, rates: {'44': 0.5}}}\n"
Version = tuple[str, str, str, bool]


class PriceListTestCase(LoadTestCase):
    """A tariff T without rates, and another with one."""

    async def prepare(self) -> None:
        """The tariffs."""
        await super().prepare()
        await self.text(TARIFF)
        self.dsn = str(self.database.dsn)

    async def upload(self, text: str, mode: Mode = Mode.ADD, since: datetime | None = None, **more: Any) -> Uploaded:
        """Upload a text into T; prefixes may be new."""
        octets = text.encode()
        asked = Asked("T", mode, since, **{"destinations": True, **more})
        rows = PriceFile(io.BytesIO(octets), len(octets), asked, Faults(100), NOW)
        return await deferToThread(RateUpload(self.dsn, Actor("test:root", 1), asked, self.told).run, "f.csv", rows)

    def told(self, done: int, total: int, what: str) -> None:
        """What the upload says of itself, in its thread."""

    async def faulty(self, text: str, **more: Any) -> list[str]:
        """The faults that an upload ends with."""
        try:
            await self.upload(text, **more)
        except UploadRefused as refused:
            self.assertEqual(refused.total, len(refused.faults))
            return [str(fault) for fault in refused.faults]
        self.fail("the upload was not refused")

    def versions(self, tariff: str = "T") -> list[Version]:
        """Prefix, day, price of the next interval, and whether it ends, of all rates."""
        return [
            (prefix, day, str(price), ends)
            for prefix, day, price, ends in self.ask(
                "select prefix, left(effective_from::text, 10), price_n, discontinued from rates join destinations using (i_dest) "
                'join tariffs using (i_tariff) where name = %s order by prefix collate "C", effective_from',
                (tariff,),
            )
        ]

    def litter(self) -> Sequence[str]:
        """Tables of uploads that are no partitions."""
        return [name for (name,) in self.ask("select relname from pg_class where relkind = 'r' and not relispartition and relname like 'rate_upload%%'")]

    async def exported(self) -> str:
        """T as a price list."""
        stream, database = io.StringIO(), cast(Database, SimpleNamespace(pool=self.pool, dsn=self.dsn))
        await rates.export(reactor, database, 1, "T", None, stream)
        return stream.getvalue()

"""Files of where subscribers are, as a network leaves them in a folder: late, twice, not in order, and some that can't be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.claims import claims
from tests.server.database import new_state_dir
from tests.server.desks import LINE
from tests.server.test_acting import ActingCase
from tests.server.test_cli import Command
from tests.server.test_vendors_told import ToldCase

HEAD = "imsi;msisdn;location;timestamp"
FIELDS = {"location": "text", "timestamp": "datetime"}
KEPT = (
    "select f.name, v.db_value from custom_field_values v join custom_fields f using (i_custom_field) join accounts using (i_account) "
    "where id = %s and f.name in ('location', 'timestamp') order by 1"
)
NOON = datetime(2026, 11, 29, 12)


def line(location: str, minutes: int, number: str = LINE) -> str:
    """A line of a file: so many minutes behind noon."""
    return f"999700000000011;{number};{location};{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def written(folder: Path, name: str, *lines: str, head: str = HEAD) -> None:
    """A file that is laid into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([head, *lines]) + "\n")


class FolderTests(ActingCase):
    """The command on a folder."""

    async def prepare(self) -> None:
        """The fields, and an empty folder."""
        await super().prepare()
        for name, kind in FIELDS.items():
            await self.do("custom-field.add", name=name, applies_to="account", type=kind)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def kept(self) -> dict[str, str]:
        """Location and time of the line."""
        return dict(self.ask(KEPT, (LINE,)))

    async def test_order(self) -> None:
        """The newest stands, in whatever order files and lines come, and however often; read files are laid aside."""
        written(self.folder, "LU-2.csv", line("MARITIME", 30), line("GB", 10))
        told = await self.told("account", "locations", str(self.folder))
        self.assertEqual(told["files"], [{"file": "LU-2.csv", "kept": 1, "older": 0, "unknown": []}])
        self.assertEqual(self.kept(), {"location": "MARITIME", "timestamp": "2026-11-29 12:30:00"})
        written(self.folder, "LU-1.csv", line("FR", 20))
        written(self.folder, "LU-2.csv", line("MARITIME", 30))
        written(self.folder, "MUR-3.csv", line("GB", 45, "+" + LINE))
        told = await self.told("account", "locations", str(self.folder))
        self.assertEqual([(one["kept"], one["older"]) for one in told["files"]], [(0, 1), (0, 1), (1, 0)])
        self.assertEqual(self.kept(), {"location": "GB", "timestamp": "2026-11-29 12:45:00"})
        self.assertEqual(sorted(path.name for path in (self.folder / "done").iterdir()), ["LU-1.csv", "LU-2.csv", "MUR-3.csv"])
        self.assertEqual(await self.told("account", "locations", str(self.folder)), {"files": []})

    async def test_faults(self) -> None:
        """A file with a fault changes nothing and is laid aside by itself; a number that nobody has keeps no other back; columns have other names."""
        written(self.folder, "1.csv", line("FR", 1), "x;447;FR;yesterday")
        written(self.folder, "2.csv", line("FR", 2, "15550000"), line("DE", 2))
        written(self.folder, ".3.csv", line("US", 3))
        status, out, _ = await self.run_command("account", "locations", str(self.folder))
        self.assertEqual((status, self.kept()["location"]), (1, "DE"))
        self.assertIn("1.csv: line 3: ", out)
        self.assertIn("2.csv: 15550000 is no account", out)
        self.assertEqual([path.name for path in (self.folder / "refused").iterdir()], ["1.csv"])
        written(self.folder, "4.csv", f"{LINE},JP,2026-11-29T13:00:00Z", head="subscriber,zone,event time")
        words = ("--number", "subscriber", "--location", "zone", "--at", "event time")
        self.assertEqual((await self.told("account", "locations", str(self.folder), *words))["files"][0]["kept"], 1)
        self.assertEqual(self.kept()["location"], "JP")
        self.assertIn("is no folder", await self.unsaid("account", "locations", str(self.folder / "none")))


class PortalTests(ToldCase):
    """ECConnect's files, and what comes of them at the EAP."""

    @claims("ecconnect.7")
    async def test_files(self) -> None:
        """LU and MUR files set location and time, and data is barred and freed at the core with them; an old LU file that comes late changes nothing."""
        await self.begin(["ECConnect"])
        await self.do("custom-field.add", name="timestamp", applies_to="account", type="datetime")
        await self.everybody(LINE)
        core, folder = self.vendors["ECConnect"], Path(self.mktemp()).absolute()
        config = Path(new_state_dir()) / "portaswitch.yaml"
        config.write_text(f"state_dir: {config.parent}\ndatabase: '{self.dsn}'\n")

        def seen() -> Any:
            (phone,) = core.phones.values()
            return *(value for _, value in self.ask(KEPT, (LINE,))), phone["dataBar"], phone["status"]

        for name, told, state in (
            ("LU-0001.csv", line("MARITIME", 0), ("MARITIME", "2026-11-29 12:00:00", "on", "active")),
            ("MUR-0001.csv", line("GB", 15), ("GB", "2026-11-29 12:15:00", "off", "active")),
            ("LU-0002.csv", line("AEROSPACE", 5), ("GB", "2026-11-29 12:15:00", "off", "active")),
            ("MUR-0002.csv", line("AEROSPACE", 30), ("AEROSPACE", "2026-11-29 12:30:00", "on", "active")),
        ):
            written(folder, name, told)
            status, out, err = await Command("--config", str(config), "account", "locations", str(folder)).ended
            self.assertEqual((status, err), (0, ""), out)
            await self.settle()
            self.assertEqual(seen(), state, name)

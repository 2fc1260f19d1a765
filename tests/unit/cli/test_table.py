"""Tables as spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.cli.table import read_table
from portaswitch.model.operation import OperationRefused


class TableTests(SynchronousTestCase):
    """What `read_table` makes of a file."""

    def table(self, octets: bytes) -> tuple[list[str], list[list[str]]]:
        """The table of a file of these octets."""
        path = Path(self.mktemp())
        path.write_bytes(octets)
        return read_table(str(path))

    def test_separators(self) -> None:
        """Comma, semicolon, tab; a byte order mark, quotes, and line ends of every system; names are made plain."""
        for text in ("IMSI,Inventory ID\r\n1,\"a,b\"\r\n", "\ufeffIMSI;Inventory-ID\n1;a,b\n", "imsi\tinventory_id\n1\ta,b"):
            self.assertEqual(self.table(text.encode()), (["imsi", "inventory_id"], [["1", "a,b"]]), text)

    def test_refused(self) -> None:
        """No file, an empty one, another encoding with its line, quotes that never end."""
        for octets, told in ((b"", "is empty"), (b"imsi\n1\n\xff\n", "line 3"), (b'imsi\n"1\n', "is no CSV file")):
            error = self.assertRaises(OperationRefused, self.table, octets)
            self.assertIn(told, str(error))
        self.assertIn("No such file", str(self.assertRaises(OperationRefused, read_table, "no/such.csv")))

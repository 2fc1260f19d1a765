"""
CLDB: accounts in an outside PostgreSQL database, one row each.

API: a table of the operator's; the statements are options, with named values that are bound, never pasted.
"""

import re

from portaswitch.handler import Option, Record, Sql, SqlTarget, State, StateHandler, Steps, Subscriber, text

UPSERT = (
    "insert into cldb (account, mac, status, product, upload, download) values (%(account)s, %(mac)s, %(status)s, %(product)s, %(upload)s, %(download)s) "
    "on conflict (account) do update set mac = excluded.mac, status = excluded.status, product = excluded.product, upload = excluded.upload, "
    "download = excluded.download"
)
_NAME = re.compile(r"%\((\w+)\)s")


class CLDB(StateHandler):
    """One row for each account with a device, by the account's id."""

    name = "CLDB"
    description = "External database CLDB: account id, MAC address, billing status, product, speed limits"
    api = "SQL (PostgreSQL)"
    tier = "template"
    events = ()
    extra_events = (
        "AccessPolicy/Changed",
        "Account/New",
        "Account/ID/Changed",
        "Account/Blocked",
        "Account/Unblocked",
        "Account/Status/Suspend",
        "Account/Status/Unsuspend",
        "Account/Status/Closed",
        "Account/AvailableFundsAppear",
        "Account/ZeroAvailableFunds",
        "Account/Product/Changed",
        "Account/ProductAddon/Changed",
        "Account/ProductAddon/Deleted",
        "Account/ProductAddon/Inserted",
        "Account/ServiceAttribute/Changed",
        "Account/AccessPolicy/Changed",
        "Account/IPDeviceAssignment",
    )
    options = (
        Option("database", text, "libpq connection string", secret=True, example="host=cldb.example.com dbname=cldb user=espf password=..."),
        Option("upsert", text, "statement that makes or changes a row", default=UPSERT),
        Option("delete", text, "statement that removes it", default="delete from cldb where account = %(account)s"),
    )
    targets = {"": SqlTarget()}

    def wanted(self, subscriber: Subscriber) -> State | None:
        """The row; nothing of a closed account or one without a device."""
        if subscriber.closed or not subscriber.devices:
            return None
        policy = subscriber.policy.attributes if subscriber.policy else {}
        values = {
            "mac": subscriber.devices[0].mac,
            "status": "blocked" if subscriber.barred else "active",
            "product": subscriber.product,
            "upload": policy.get("upload_rate"),
            "download": policy.get("download_rate"),
        }
        return State({"account": (subscriber.id,)}, values)

    def apply(self, wanted: State, record: Record) -> Steps:
        """Rows of old names go first."""
        for old in record.keys.get("account", ()):
            if old != wanted.key("account"):
                yield self._statement("delete", {"account": old})
        yield self._statement("upsert", {**wanted.values, "account": wanted.key("account")})

    def remove(self, record: Record) -> Steps:
        """The row goes."""
        for account in record.keys.get("account", ()):
            yield self._statement("delete", {"account": account})

    def _statement(self, option: str, values: dict[str, str | None]) -> Sql:
        """The statement with its values in the order in which it names them."""
        statement = self.values[option]
        return Sql(_NAME.sub("%s", statement), tuple(values[name] for name in _NAME.findall(statement)))


cldb = CLDB()

"""
A Stalker (Ministra) IPTV portal: REST v1 under /stalker_portal/api, forms in, JSON out, HTTP Basic.

    -> POST /stalker_portal/api/accounts  login=alice&tariff_plan=basic&status=1       <- {"status": "OK", "results": true, "error": ""}
    -> PUT /stalker_portal/api/accounts/alice  status=0
    -> POST /stalker_portal/api/account_subscription/alice  subscribed[]=sports

The HTTP status is 200 for errors too, but for a wrong log-in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IReactorTime

from tests.simulators.core import Fault, Refused
from tests.simulators.run import run
from tests.simulators.web import Ask, HttpSimulator, Reply, as_json

BASE = "/stalker_portal/api/"
_ACCOUNT = frozenset(
    "login password full_name phone account_number tariff_plan status stb_mac comment end_date account_balance tariff_expired_date "
    "tariff_instead_expired".split()
)
_STB = frozenset("login password status additional_services_on ls end_date account_balance".split())
_MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


def _refused(text: str) -> Refused:
    return Refused("ERROR", text)


class Stalker(HttpSimulator):
    """`accounts` by login, each with its set of packages under `subscribed`; `tariffs` and `packages` are those of the portal."""

    def __init__(self, clock: IReactorTime, user: str = "api", password: str = "made-up") -> None:
        super().__init__(clock)
        self.user, self.password = user, password
        self.accounts: dict[str, dict[str, str]] = {}
        self.subscribed: dict[str, set[str]] = {}
        self.tariffs = {"basic", "full"}
        self.packages = {"sports", "cinema", "kids"}
        self._resources: Mapping[str, Callable[[str, list[str], dict[str, list[str]]], Any]] = {
            "accounts": self._account, "stb": self._stb, "account_subscription": self._subscription,
            "tariffs": lambda method, keys, form: sorted(self.tariffs), "services_package": lambda method, keys, form: sorted(self.packages),
        }  # fmt: skip

    def answer(self, ask: Ask) -> Reply:
        """See `HttpSimulator.answer`."""
        if self.faults.strikes(Fault.WRONG_PASSWORD) or ask.basic() != (self.user, self.password):
            return Reply(401, b"401 Unauthorized request", "text/html", (("WWW-Authenticate", 'Basic realm="Stalker API"'),))
        name, _, keys = ask.path.removeprefix(BASE).partition("/")
        if not ask.path.startswith(BASE) or name not in self._resources or ask.method not in ("GET", "POST", "PUT", "DELETE"):
            return Reply(404)
        try:
            form = ask.form()
            self.note(f"{ask.method} {name}", {"id": keys, **{key: ",".join(values) for key, values in form.items()}})
            if ask.method in ("POST", "PUT") and not (form and ask.is_kind("application/x-www-form-urlencoded")):
                raise _refused(f"HTTP {ask.method} data is empty")
            results = self._resources[name](ask.method, [key for key in keys.split(",") if key], form)
            return as_json({"status": "OK", "results": results, "error": ""})
        except Refused as error:
            return as_json({"status": "ERROR", "results": False, "error": error.text})

    # -- accounts

    def _account(self, method: str, keys: list[str], form: dict[str, list[str]]) -> Any:
        if method == "POST":
            return self._create({name: values[-1] for name, values in form.items()})
        if method == "GET" and not keys:
            return list(self.accounts.values())
        logins = self._logins(keys)
        if method == "GET":
            return [{**self.accounts[login], "subscribed": sorted(self.subscribed[login])} for login in logins]
        for login in logins:
            if method == "PUT":
                self._change(login, _known(form, _ACCOUNT - {"login"}))
            else:
                del self.accounts[login], self.subscribed[login]
        return True

    def _create(self, values: dict[str, str]) -> bool:
        login = values.get("login", "")
        if not login:
            raise _refused("Login required")
        if login in self.accounts:
            raise _refused("Login already in use")
        self._check(login, _known({name: [value] for name, value in values.items()}, _ACCOUNT))
        self.accounts[login], self.subscribed[login] = {"status": "1", **values}, set()
        return True

    def _change(self, login: str, values: dict[str, str]) -> None:
        self._check(login, values)
        self.accounts[login].update(values)

    def _check(self, login: str, values: dict[str, str]) -> None:
        mac = values.get("stb_mac", "")
        if mac and not _MAC.fullmatch(mac):
            raise _refused("MAC address is invalid")
        if mac and any(other != login and one.get("stb_mac") == mac for other, one in self.accounts.items()):
            raise _refused("MAC address already in use")
        if values.get("tariff_plan", "basic") not in self.tariffs:
            raise _refused("Tariff plan not found")
        if values.get("status", "1") not in ("0", "1"):
            raise _refused("Status is invalid")

    def _logins(self, keys: list[str]) -> list[str]:
        """The accounts that are meant, by login or MAC."""
        if not keys:
            raise _refused("Identifier required")
        found = [login for key in keys for login, one in self.accounts.items() if key in (login, one.get("stb_mac"))]
        if len(found) != len(keys):
            raise _refused("Account not found" if len(keys) == 1 else "One or more identifiers are incorrect")
        return found

    # -- boxes and subscriptions

    def _stb(self, method: str, keys: list[str], form: dict[str, list[str]]) -> Any:
        """Boxes are accounts by their MAC."""
        if method == "POST":
            raise _refused("Not allowed")
        if any(not _MAC.fullmatch(key) for key in keys):
            raise _refused("One or more identifiers are incorrect")
        logins = self._logins(keys)
        if method == "GET":
            return [{"mac": self.accounts[login]["stb_mac"], "login": login, "status": self.accounts[login]["status"]} for login in logins]
        for login in logins:
            if method == "PUT":
                self._change(login, _known(form, _STB))
            else:
                self.accounts[login].pop("stb_mac")
        return True

    def _subscription(self, method: str, keys: list[str], form: dict[str, list[str]]) -> Any:
        """POST sets all packages, PUT changes some, DELETE takes all away."""
        logins = self._logins(keys)
        if method == "GET":
            return [{"login": login, "subscribed": sorted(self.subscribed[login])} for login in logins]
        wanted, unwanted = (
            {value for name, values in form.items() if name.removesuffix("[]") in names for value in values if value}
            for names in (("subscribed", "subscribed_id"), ("unsubscribed", "unsubscribed_id"))
        )
        if not wanted | unwanted <= self.packages:
            raise _refused("Package not found")
        for login in logins:
            before = self.subscribed[login] if method == "PUT" else set()
            self.subscribed[login] = (before | wanted) - unwanted
        return True


def _known(form: Mapping[str, list[str]], names: frozenset[str]) -> dict[str, str]:
    """The last value of each field; strangers are refused."""
    if strange := set(form) - names:
        raise _refused(f"Unknown field {min(strange)}")
    return {name: values[-1] for name, values in form.items()}


if __name__ == "__main__":
    run(Stalker, "A Stalker portal (user api, password made-up; tariffs basic and full; packages sports, cinema, kids).")
